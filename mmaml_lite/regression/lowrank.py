"""The same inner loop, many times faster: exact low-rank fast weights instead of weight copies.

With K examples, the gradient of a linear layer is a sum of K outer products of its inputs a and the
errors d that come back to its outputs. After t steps its fast weights differ from the shared W by a
matrix of rank K t, so it is enough to keep the factors A `(tasks, K t, in)` and D = -alpha d
`(tasks, K t, out)`:   h W' + b' = h W + b + (h A^T + 1) D,   the + 1 being the bias. No task ever
owns a copy of W, and the result is exact: the errors are back-propagated in the open, four lines,
so an ordinary backward pass through `stages` gives the second-order meta-gradient.

What needs the entries of a gradient cannot be written so: element-wise clipping and a step size for
every weight. `stages` refuses them; `algorithm.stages` has them.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmaml_lite.core.algorithm import StepSizes
from mmaml_lite.core.networks import MLP, Dense, Tau, Theta
from mmaml_lite.core.tasks import Examples


class Product(torch.autograd.Function):
    """h W + b + (h A^T + c) D as one node of the graph.

    Its gradients come in the memory layout of h, A and D, so that adding them up is cheap.
    """

    @staticmethod
    def forward(
        ctx, h: Tensor, W: Tensor, b: Tensor | None, A: Tensor, D: Tensor, c: float
    ) -> Tensor:
        """h `(tasks, points, in)`, W `(in, out)`, A `(tasks, rank, in)`, D `(tasks, rank, out)`."""
        rows = h.flatten(0, 1)
        z = rows @ W if b is None else torch.addmm(b, rows, W)
        overlap = torch.bmm(h, A.mT) + c  # (tasks, points, rank)
        ctx.save_for_backward(h, W, A, D, overlap)
        ctx.has_bias = b is not None
        return torch.baddbmm(z.view(*h.shape[:2], -1), overlap, D)

    @staticmethod
    @once_differentiable
    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients for h, W, b, A, D from the output's g `(tasks, points, out)`."""
        h, W, A, D, overlap = ctx.saved_tensors
        rows, into_overlap = g.flatten(0, 1), torch.bmm(g, D.mT)
        into_h = torch.baddbmm((rows @ W.mT).view(h.shape), into_overlap, A)
        into_W = (rows.mT @ h.flatten(0, 1)).mT  # laid out as the layer's weight (out, in)
        into_b = rows.sum(0) if ctx.has_bias else None
        into_A, into_D = torch.bmm(into_overlap.mT, h), torch.bmm(overlap.mT, g)
        return into_h, into_W, into_b, into_A, into_D, None


class LowRank:
    """A linear layer that all tasks share, plus each task's own update in factors A and D."""

    def __init__(self, weight: Tensor, bias: Tensor, factors: tuple[Tensor, Tensor] | None = None):
        self.weight, self.bias, self.factors = weight, bias, factors

    def __call__(self, h: Tensor) -> Tensor:
        """h `(tasks, points, in)` -> `(tasks, points, out)`."""
        if self.factors is None:
            return F.linear(h, self.weight, self.bias)
        A, D = self.factors
        return Product.apply(h, self.weight.mT, self.bias, A, D, 1.0)

    def back(self, d: Tensor) -> Tensor:
        """Errors at the outputs `(tasks, points, out)` -> at the inputs `(tasks, points, in)`."""
        if self.factors is None:
            return d @ self.weight
        A, D = self.factors
        return Product.apply(d, self.weight, None, D, A, 0.0)

    def step(self, inputs: Tensor, update: Tensor) -> "LowRank":
        """One gradient step: remember inputs `(tasks, K, in)` and minus alpha times errors."""
        new = (inputs, update)
        if self.factors is not None:
            new = tuple(torch.cat(pair, dim=1) for pair in zip(self.factors, new, strict=True))
        return LowRank(self.weight, self.bias, new)


def check(
    step_sizes: Sequence[StepSizes], clip: float | None, network: object, loss: Callable
) -> None:
    """Raise ValueError for what low-rank fast weights cannot express, naming the reference."""
    if not isinstance(network, MLP) or loss is not F.mse_loss:
        raise ValueError(
            "the fast engine back-propagates the mean squared error through linear layers, by "
            "hand: use engine='reference' for another network or loss"
        )
    if clip is not None:
        raise ValueError(
            "element-wise clipping needs every entry of the inner gradient, which the fast engine "
            "never forms: use engine='reference', or inner_clip=None"
        )
    if any(torch.as_tensor(a).numel() > 1 for alpha in step_sizes for a in alpha.values()):
        raise ValueError(
            "a step size for every weight cannot be expressed by low-rank fast weights: "
            "use engine='reference', or one step size for each layer"
        )


def layers_of(theta: Theta, tasks: int, rank: int) -> list[LowRank | Dense]:
    """Low-rank layers where `rank` = K t is below the harmonic mean of in and out, else dense.

    There the two take equally long (`benchmarks/adaptation.py`, break-even).
    """
    layers: list[LowRank | Dense] = []
    for i in range(sum(name.startswith("weight") for name in theta)):
        weight, bias = theta[f"weight{i}"], theta[f"bias{i}"]
        out, inputs = weight.shape
        if rank < 2 * out * inputs / (out + inputs):
            layers.append(LowRank(weight, bias))
        else:
            layers.append(Dense(weight.mT.expand(tasks, -1, -1), bias.expand(tasks, 1, -1)))
    return layers


def backpropagate(
    network: MLP, layers: Sequence[LowRank | Dense], tau: Tau, inputs: list[Tensor], error: Tensor
) -> list[Tensor]:
    """The error at the output of every layer `(tasks, K, out)`, from the one at the last."""
    errors = [error]
    for i in reversed(range(len(layers) - 1)):
        d = layers[i + 1].back(errors[0]) * network.derivative(inputs[i + 1])
        errors.insert(0, d * tau[i][0] if i in tau else d)
    return errors


@torch.no_grad()
def shrink(
    inputs: list[Tensor], errors: list[Tensor], context_error: Tensor | None, bound: float
) -> Tensor:
    """Factor `(tasks, 1, 1)` that brings the norm of each task's gradient down to `bound`.

    A layer's gradient is a sum of outer products d_k (a_k, 1)^T, so its squared norm is the sum
    over all pairs of examples of (a_k . a_l + 1) (d_k . d_l). Context error `(tasks, C)`.
    """
    square = sum(
        ((torch.bmm(a, a.mT) + 1) * torch.bmm(d, d.mT)).sum(dim=(1, 2), keepdim=True)
        for a, d in zip(inputs, errors, strict=True)
    )
    if context_error is not None:
        square = square + context_error.square().sum(1)[:, None, None]
    square = square.clamp(min=0)  # the sum cancels: rounding can leave it just below zero
    return (bound / square.sqrt()).clamp(max=1)


def stages(
    network: MLP,
    loss: Callable[[Tensor, Tensor], Tensor],
    theta: Theta,
    tau: Tau,
    support: Examples,
    x: Tensor,
    step_sizes: Sequence[StepSizes],
    first_order: bool = False,
    clip: float | None = None,
    clip_norm: float | None = None,
    only_last: bool = False,
) -> list[Tensor]:
    """Predictions at x before any gradient step and after each one, as `algorithm.stages`.

    All layers are adapted; weight and bias of layer i share the step size of "weight<i>". Raises
    ValueError for element-wise clipping, per-weight step sizes and any but linear layers and the
    mean squared error.
    """
    check(step_sizes, clip, network, loss)
    tasks, shots, features = support.x.shape
    layers = layers_of(theta, tasks, shots * len(step_sizes))
    context = theta["context"].expand(tasks, -1) if "context" in theta else None
    tau = {i: t.split(1, dim=-2) for i, t in tau.items()}  # once: slices cost a backward pass

    def predict() -> Tensor:
        return network.trace(layers, x, tau, context)[-1]

    predictions = [] if only_last and step_sizes else [predict()]
    for t, alpha in enumerate(step_sizes, start=1):
        *inputs, y = network.trace(layers, support.x, tau, context)
        error = (y - support.y) * (2 / y[0].numel())  # dL / dy of the mean squared error
        errors = backpropagate(network, layers, tau, inputs, error)
        context_error = None
        if "context" in alpha:
            context_error = layers[0].back(errors[0])[..., features:].sum(1)
        if first_order:
            inputs, errors = [a.detach() for a in inputs], [d.detach() for d in errors]
            context_error = context_error.detach() if "context" in alpha else None
        if clip_norm is not None:
            factor = shrink(inputs, errors, context_error, clip_norm)
            errors = [factor * d for d in errors]
            context_error = factor[:, 0] * context_error if "context" in alpha else None
        if "context" in alpha:
            context = context - alpha["context"] * context_error
        layers = [
            layer.step(a, -alpha[f"weight{i}"] * d)
            for i, (layer, a, d) in enumerate(zip(layers, inputs, errors, strict=True))
        ]
        if not only_last or t == len(step_sizes):
            predictions.append(predict())
    return predictions
