"""Block networks as pure functions of their parameters: a block is layer, modulation, activation.

The parameters theta are a flat dictionary of tensors, so that "theta - alpha * gradient" is one
dictionary comprehension and a batch of tasks is a leading axis on every entry.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from mmaml_lite.core.modulation import modulate
from mmaml_lite.core.registry import Registry

Theta = dict[str, Tensor]
Tau = dict[int, Tensor]

Activation = Callable[[Tensor], Tensor]
ACTIVATIONS: Registry[Activation] = Registry("activation")
ACTIVATIONS.update(relu=F.relu, tanh=torch.tanh, softplus=F.softplus)

# The same activations' derivatives, written with the activation's output h: dh/dz.
DERIVATIVES: dict[str, Activation] = {
    "relu": lambda h: h.detach().sign(),  # h >= 0; quicker than a bool, above all compiled
    "tanh": lambda h: 1 - h * h,
    "softplus": lambda h: -torch.expm1(-h),  # sigmoid(z) = 1 - exp(-softplus(z))
}


def averaged(tau: Tau) -> Tau:
    """One tau for everybody, the mean over tasks: tau_i `(1, rows, units)`."""
    return {i: t.mean(0, keepdim=True) for i, t in tau.items()}


class Network(Protocol):
    """A task network: pure functions of theta; units: of each block that may be modulated."""

    units: Sequence[int]

    def init(self) -> Theta:
        """Draw theta from torch's global generator."""
        ...

    def __call__(self, theta: Theta, x: Tensor, tau: Tau) -> Tensor:
        """One task: x `(points, inputs)`, tau_i `(rows, units)` -> `(points, outputs)`."""
        ...


NETWORKS: Registry[Callable[[Any, int, int], Network]] = Registry(
    "network", " (a network of your own: register_network)"
)


def register_network(name: str) -> Callable:
    """Register the decorated `(settings, inputs, outputs) -> Network` as a task network."""
    return lambda make: NETWORKS.add(name, make)


class MLP:
    """A multilayer perceptron whose hidden layers are the blocks; the output layer is linear.

    inputs, outputs: features of x and y; hidden: units of each block; activation: one of
    ACTIVATIONS; context: size of MAML's bias transformation, a learned vector concatenated to every
    input (0: none), and context_std the deviation that it starts with. scheme: of the initial
    weights, "small": N(0, 0.01^2), as in MAML's sinusoid experiment; "scaled": unit-size
    activations for inputs on [-5, 5], and an output near zero, so that the first inner steps are
    stable. It holds no parameters: `init` makes theta, every call is told theta.
    """

    def __init__(
        self,
        inputs: int = 1,
        hidden: Sequence[int] = (100, 100, 100),
        outputs: int = 1,
        activation: str = "relu",
        context: int = 0,
        scheme: str = "scaled",
        context_std: float = 0.0,
    ):
        if scheme not in ("small", "scaled"):
            raise ValueError(f"unknown initialisation {scheme!r}: known are small, scaled")
        if not hidden or min(hidden) < 1 or context < 0:
            raise ValueError(
                f"expected hidden sizes >= 1 and context >= 0, got {hidden}, {context}"
            )
        self.sizes = (inputs + context, *hidden, outputs)
        self.activation, self.derivative = ACTIVATIONS[activation], DERIVATIVES[activation]
        self.units, self.context = tuple(hidden), context
        self.scheme, self.context_std = scheme, context_std

    @property
    def layers(self) -> int:
        """Number of linear layers, the output layer included."""
        return len(self.sizes) - 1

    def init(self) -> Theta:
        """Draw theta from torch's global generator; biases are zero."""
        theta = {}
        for i, (fan_in, fan_out) in enumerate(zip(self.sizes[:-1], self.sizes[1:], strict=True)):
            size = 1 / 3 if i == 0 else 0.1 if i == self.layers - 1 else 1.0
            std = 0.01 if self.scheme == "small" else size * math.sqrt(2 / fan_in)
            theta[f"weight{i}"] = std * torch.randn(fan_out, fan_in)
            theta[f"bias{i}"] = torch.zeros(fan_out)
        if self.context:
            theta["context"] = self.context_std * torch.randn(self.context)
        return theta

    def __call__(self, theta: Theta, x: Tensor, tau: Tau) -> Tensor:
        """One task: x `(points, inputs)`, tau_i `(rows, units)` -> `(points, outputs)`."""
        return self.trace(self.linear(theta), x, tau, theta.get("context"))[-1]

    def linear(self, theta: Theta) -> list[Callable[[Tensor], Tensor]]:
        """The linear layers of one theta, as `trace` takes them."""
        return [
            lambda h, i=i: F.linear(h, theta[f"weight{i}"], theta[f"bias{i}"])
            for i in range(self.layers)
        ]

    def trace(
        self,
        layers: Sequence[Callable[[Tensor], Tensor]],
        x: Tensor,
        tau: Tau,
        context: Tensor | None = None,
    ) -> list[Tensor]:
        """Pass x through `layers`, one function each: what goes into every layer, then the output.

        x `(..., points, inputs)`, context `(..., C)`; block i is modulated if i is in tau.
        """
        if context is not None:
            context = context.unsqueeze(-2).expand(*x.shape[:-1], -1)
            x = torch.cat([x, context], dim=-1)
        states = [x]
        for i, layer in enumerate(layers[:-1]):
            z = modulate(layer(states[-1]), tau.get(i))  # phi_i = theta_i (.) tau_i
            states.append(self.activation(z))
        return [*states, layers[-1](states[-1])]


class Dense:
    """A thin linear layer, cheaper to copy: weight `(tasks, in, out)`, bias `(tasks, 1, out)`."""

    def __init__(self, weight: Tensor, bias: Tensor):
        self.weight, self.bias = weight, bias

    def __call__(self, h: Tensor) -> Tensor:
        """h `(tasks, points, in)` -> `(tasks, points, out)`."""
        if h.shape[-1] == 1:  # a product with one input is a broadcast, four times quicker
            return torch.addcmul(self.bias, h, self.weight)
        return torch.baddbmm(self.bias, h, self.weight)

    def back(self, d: Tensor) -> Tensor:
        """Errors at the outputs `(tasks, points, out)` -> at the inputs `(tasks, points, in)`."""
        return torch.bmm(d, self.weight.mT)

    def step(self, inputs: Tensor, update: Tensor) -> "Dense":
        """One gradient step on the copies: the same outer products, summed at once."""
        if self.weight.shape[1] < self.weight.shape[2]:  # the longer side last is quicker
            weight = torch.baddbmm(self.weight, inputs.mT, update)
        else:
            weight = torch.baddbmm(self.weight.mT, update.mT, inputs).mT
        return Dense(weight, self.bias + update.sum(1, keepdim=True))


@register_network("mlp")
def mlp(settings: Any, inputs: int, outputs: int) -> MLP:
    """The paper's network, as the settings of a domain have it."""
    s = settings
    return MLP(inputs, s.hidden, outputs, s.activation, s.context, s.init, s.context_std)
