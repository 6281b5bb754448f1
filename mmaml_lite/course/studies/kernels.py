"""One initialisation is one kernel: what small gradient steps can and cannot do.

While steps are small, a network behaves as its tangent at theta. Gradient descent on the squared
error then predicts linearly in the labels,

    y(x) = f0(x) + k(x, X) M (y - f0(X)),    k(x, x') = <grad_theta f(x), grad_theta f(x')>,

and k, the tangent kernel, depends on theta and tau but not on the labels. MAML has one theta, so
one kernel for all tasks; modulation gives a task its own tau, and with it a kernel of its own.
After Jacot, Gabriel and Hongler, "Neural tangent kernel", 2018.
"""

import torch
from torch import Tensor
from torch.func import grad, vmap

from mmaml_lite.core.networks import Tau
from mmaml_lite.core.tasks import Examples
from mmaml_lite.regression.learner import RegressionLearner


def features(learner: RegressionLearner, x: Tensor, tau: Tau) -> Tensor:
    """Gradient of f(x; theta, tau) with respect to every weight that adapts, one row for each x.

    One task: x `(points, 1)`, tau_i `(rows, units)` -> `(points, weights)`.
    """
    theta = {name: w.detach() for name, w in learner.theta.items()}
    adapted = {name: theta[name] for name in learner.step_sizes(1)[0]}

    def output(weights: dict[str, Tensor], one: Tensor) -> Tensor:
        return learner.network(theta | weights, one[None], tau)[0, 0]

    rows = vmap(grad(output), (None, 0))(adapted, x)
    return torch.cat([g.flatten(1) for g in rows.values()], dim=1)


def label_weights(gram: Tensor, alpha: float, steps: int) -> Tensor:
    """M, through which the labels act after n steps: (2 alpha / K) sum of (I - A)^i over i < n.

    gram: k(X, X) `(..., K, K)`; A = (2 alpha / K) k(X, X), its factor 2 / K being that of the mean
    squared error. (I - A)^n is what is left of the residual at the points seen.
    """
    shots = gram.shape[-1]
    rate = 2 * alpha / shots
    power = torch.eye(shots, dtype=gram.dtype).expand_as(gram)
    shrink, total = power - rate * gram, torch.zeros_like(gram)
    for _ in range(steps):
        total, power = total + rate * power, power @ shrink
    return total


@torch.no_grad()
def linearised(
    learner: RegressionLearner,
    support: Examples,
    x: Tensor,
    steps: int,
    factor: float = 1.0,
    chunk: int = 40,
) -> Tensor:
    """What the learner would predict after `steps` if it stayed its tangent at theta, tau.

    support x, y `(tasks, K, 1)`, x `(tasks, Q, 1)` -> `(tasks, Q, 1)`; factor: multiplies the step
    size. The inner gradient is not clipped. Raises ValueError for learned step sizes.
    """
    if learner.settings.learn_step_size is not None:
        raise ValueError("linearised() is for one fixed step size, this learner has learned many")
    alpha, parts = factor * learner.settings.step_size, []
    theta, tau = dict(learner.theta), learner.modulate(learner.embed(support))

    def start_and_features(x: Tensor, tau: Tau) -> tuple[Tensor, Tensor]:
        return learner.network(theta, x, tau), features(learner, x, tau)

    for rows in torch.arange(len(x)).split(chunk):
        both, shots = torch.cat([support.x[rows], x[rows]], 1), support.x.shape[1]
        f0, J = vmap(start_and_features)(both, {i: t[rows] for i, t in tau.items()})
        kernel = J @ J[:, :shots].mT  # (tasks, K + Q, K)
        weights = label_weights(kernel[:, :shots], alpha, steps)
        change = kernel[:, shots:] @ (weights @ (support.y[rows] - f0[:, :shots]))
        parts.append(f0[:, shots:] + change)
    return torch.cat(parts)


@torch.no_grad()
def pull(learner: RegressionLearner, support: Examples, x: Tensor, at: float) -> Tensor:
    """The kernel's slice k(x, at) / k(at, at): how the curve moves when pulled up by 1 at `at`.

    support: the examples of one task `(1, K, 1)`, read by the encoder alone; x `(grid,)` ->
    `(grid,)`.
    """
    tau = {i: t[0] for i, t in learner.modulate(learner.embed(support)).items()}
    J = features(learner, torch.cat([x, x.new_tensor([at])])[:, None], tau)
    move = J @ J[-1]
    return move[:-1] / move[-1]


@torch.no_grad()
def curvatures(learner: RegressionLearner, support: Examples) -> Tensor:
    """Eigenvalues lambda of k(X, X) / K, largest first `(tasks, K)`: how fast each direction of the
    residual at the points seen shrinks, by (1 - 2 alpha lambda) a step.
    """
    tau, found = learner.modulate(learner.embed(support)), []
    for i, x in enumerate(support.x):
        J = features(learner, x, {block: t[i] for block, t in tau.items()})
        found.append(torch.linalg.eigvalsh((J @ J.T).double() / len(x)).flip(0))
    return torch.stack(found)
