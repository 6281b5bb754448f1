"""The inner loop of Algorithm 1, for one task; `vmap` lifts it to the meta-batch. The reference.

Any loss, any network and any step size goes. Around it stand `learner.py` (embed, modulate, adapt,
predict) and each domain's outer step; `regression/lowrank.py` is the fast road for linear layers.
"""

from collections.abc import Callable, Sequence

from torch import Tensor
from torch.func import grad, vmap

from mmaml_lite.core.networks import Tau, Theta
from mmaml_lite.core.tasks import Examples

StepSizes = dict[str, Tensor | float]


def adapt(
    loss: Callable[[Theta], Tensor],
    theta: Theta,
    step_sizes: Sequence[StepSizes],
    first_order: bool = False,
    clip: float | None = None,
    clip_norm: float | None = None,
) -> list[Theta]:
    """Inner loop of one task: theta and its fast weights after each gradient step.

    loss: the task's support loss as a function of theta, tau held constant inside it.
    step_sizes: one dictionary per step, alpha by parameter name (scalar, or one for each weight);
    what has no entry is not adapted. clip: bound on every entry of the gradient; clip_norm: bound
    on its norm, the factor counting as a constant. First order: the inner gradients count as
    constants in the outer derivative.
    """
    path = [theta]
    for alpha in step_sizes:
        theta = path[-1]
        gradient = grad(loss)(theta)  # grad_theta L(f(x; theta, tau); D_train)
        gradient = limited({name: gradient[name] for name in alpha}, clip, clip_norm)
        if first_order:
            gradient = {name: g.detach() for name, g in gradient.items()}
        # theta' = theta - alpha grad_theta L
        path.append(theta | {name: theta[name] - alpha[name] * g for name, g in gradient.items()})
    return path


def limited(gradient: Theta, clip: float | None, clip_norm: float | None) -> Theta:
    """Clip a gradient entry by entry and by its norm, where a bound is given."""
    if clip is not None:
        gradient = {name: g.clamp(-clip, clip) for name, g in gradient.items()}
    if clip_norm is not None:
        norm = sum(g.square().sum() for g in gradient.values()).sqrt().detach()
        factor = (clip_norm / norm).clamp(max=1)
        gradient = {name: factor * g for name, g in gradient.items()}
    return gradient


def stages(
    network: Callable[[Theta, Tensor, Tau], Tensor],
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
    """Predictions at x before any gradient step (post modulation) and after each one.

    network, loss: of one task, any function of (theta, x, tau) and of (answers, labels). theta:
    shared by all tasks; tau_i `(tasks, rows, units)`; support x `(tasks, K, dx)`, y
    `(tasks, K, dy)`; x `(tasks, Q, dx)` -> a `(tasks, Q, dy)` for each of the steps + 1 stages, or
    for the last one alone.
    """

    def one_task(tau: Tau, support: Examples, x: Tensor) -> list[Tensor]:
        def support_loss(theta: Theta) -> Tensor:
            return loss(network(theta, support.x, tau), support.y)

        path = adapt(support_loss, theta, step_sizes, first_order, clip, clip_norm)
        path = path[-1:] if only_last else path
        return [network(fast_weights, x, tau) for fast_weights in path]

    return vmap(one_task)(tau, support, x)
