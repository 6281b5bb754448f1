"""The outer step: TRPO (Schulman et al. 2015) on what the adapted policies earn, or PPO-style.

Both improve one objective, the surrogate on post-adaptation data as a function of all
meta-parameters, through embedding, modulation and the inner gradient steps.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from mmaml_lite.core.domain import TrainingDiverged
from mmaml_lite.core.networks import Tau, Theta
from mmaml_lite.rl.collect import MetaBatch
from mmaml_lite.rl.learner import PolicyLearner
from mmaml_lite.rl.policy import divergence, log_density


class Adapted(NamedTuple):
    """Adapted policies on the post-adaptation data: log densities, and both parameters."""

    log_prob: Tensor  # (tasks, n, H)
    mean: Tensor  # (tasks, n, H, da)
    log_std: Tensor  # (tasks, 1, 1, da)


def adapted(learner: PolicyLearner, batch: MetaBatch) -> tuple[Theta, Tau]:
    """Repeat the inner loop on a batch as a function of the meta-parameters: theta' and tau."""
    tau = learner.modulate(learner.embed(batch.explore))
    return learner.adapt(batch.stages, tau)[-1], tau


def evaluated(learner: PolicyLearner, batch: MetaBatch) -> Adapted:
    """The adapted policies on the last stage of the batch."""
    theta, tau = adapted(learner, batch)
    last = batch.stages[-1]
    flat = last.observations.flatten(1, 2)
    mean = learner.policy.means(theta, flat, tau).view(last.actions.shape)
    log_std = theta["log_std"][:, None, None]
    return Adapted(log_density(last.actions, mean, log_std), mean, log_std)


def gain(new: Adapted, old: Adapted, advantages: Tensor, alive: Tensor) -> Tensor:
    """Mean over steps of likelihood ratio x advantage: what TRPO improves."""
    return ((new.log_prob - old.log_prob).exp() * advantages * alive).sum() / alive.sum()


def clipped_gain(
    new: Adapted, old: Adapted, advantages: Tensor, alive: Tensor, clip: float
) -> Tensor:
    """As `gain`, but a ratio beyond 1 - clip..1 + clip earns no more: what PPO improves."""
    ratio = (new.log_prob - old.log_prob).exp()
    lower = torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)
    return (lower * alive).sum() / alive.sum()


def mean_kl(new: Adapted, old: Adapted, alive: Tensor) -> Tensor:
    """Mean over steps of KL(old || new) on the post-adaptation data."""
    each = divergence(old.mean, old.log_std, new.mean, new.log_std)
    return (each * alive).sum() / alive.sum()


def conjugate_gradient(
    product: Callable[[Tensor], Tensor], b: Tensor, iterations: int, tolerance: float = 1e-10
) -> Tensor:
    """Solve A x = b for a positive definite A that is only known by its product with a vector."""
    x, r, p = torch.zeros_like(b), b.clone(), b.clone()
    square = r.dot(r)
    for _ in range(iterations):
        Ap = product(p)
        step = square / p.dot(Ap)
        x, r = x + step * p, r - step * Ap
        new_square = r.dot(r)
        if new_square < tolerance:
            break
        p, square = r + (new_square / square) * p, new_square
    return x


def _flat_gradient(
    value: Tensor, parameters: Sequence[nn.Parameter], create_graph: bool = False
) -> Tensor:
    found = torch.autograd.grad(
        value, parameters, create_graph=create_graph, retain_graph=True, allow_unused=True
    )
    return torch.cat(
        [
            (torch.zeros_like(p) if g is None else g).flatten()
            for g, p in zip(found, parameters, strict=True)
        ]
    )


def fisher_product(
    learner: PolicyLearner, batch: MetaBatch, parameters: Sequence[nn.Parameter]
) -> Callable[[Tensor], Tensor]:
    """v -> (F + damping) v, with F the Hessian of the mean KL at the present parameters."""
    new = evaluated(learner, batch)
    kl = mean_kl(new, Adapted(*(part.detach() for part in new)), batch.stages[-1].alive)
    slope = _flat_gradient(kl, parameters, create_graph=True)
    return lambda v: _flat_gradient(slope @ v, parameters) + learner.settings.damping * v


def trpo_step(learner: PolicyLearner, batch: MetaBatch) -> dict[str, float]:
    """One TRPO step in place; returns the gain, the KL, and the share of the full step taken.

    A step is taken only if the objective rises and the mean KL stays within `max_kl`; else the
    parameters stay as they were (share 0). The direction is found with the curvature of a few
    trajectories per task (its products are most of the work); whether to take it, with all.
    """
    s, parameters = learner.settings, list(learner.parameters())
    last = batch.stages[-1]
    advantages = learner.advantages(last)
    new = evaluated(learner, batch)
    old = Adapted(*(part.detach() for part in new))
    gradient = _flat_gradient(gain(new, old, advantages, last.alive), parameters)
    fisher = fisher_product(learner, batch.few(s.fisher_trajectories), parameters)

    direction = conjugate_gradient(fisher, gradient.detach(), s.cg_iterations)
    curvature = direction @ fisher(direction)
    before = parameters_to_vector(parameters).detach()
    start = gain(old, old, advantages, last.alive)
    if not torch.isfinite(curvature) or curvature <= 0:
        return {"gain": 0.0, "kl": 0.0, "share": 0.0}
    full = direction * (2 * s.max_kl / curvature).sqrt()
    for attempt in range(s.line_search):
        share = 0.8**attempt
        vector_to_parameters(before + share * full, parameters)
        with torch.no_grad():
            tried = evaluated(learner, batch)
            better = gain(tried, old, advantages, last.alive) - start
            kl = mean_kl(tried, old, last.alive)
        if better > 0 and kl <= s.max_kl:  # NaN is neither
            return {"gain": better.item(), "kl": kl.item(), "share": share}
    vector_to_parameters(before, parameters)
    return {"gain": 0.0, "kl": 0.0, "share": 0.0}


def ppo_steps(
    learner: PolicyLearner, batch: MetaBatch, optimiser: torch.optim.Optimizer
) -> dict[str, float]:
    """Adam steps on the clipped likelihood ratio (Schulman et al. 2017), in place.

    The passes over the batch end early when the policies have moved far; returns as `trpo_step`,
    the share being that of the passes. Raises TrainingDiverged, before any weight has changed in
    that step, when the gradient is not finite.
    """
    s, last = learner.settings, batch.stages[-1]
    advantages, alive = learner.advantages(last), last.alive
    new = evaluated(learner, batch)
    old = Adapted(*(part.detach() for part in new))
    taken, kl = 0, 0.0
    while taken < s.epochs and kl <= s.target_kl:
        optimiser.zero_grad()
        (-clipped_gain(new, old, advantages, alive, s.clip)).backward()
        norm = nn.utils.clip_grad_norm_(learner.parameters(), s.outer_clip)
        if not torch.isfinite(norm):
            raise TrainingDiverged("the gradient is not finite: try a smaller learning_rate")
        optimiser.step()
        new = evaluated(learner, batch)
        taken, kl = taken + 1, mean_kl(new, old, alive).item()
    better = gain(new, old, advantages, alive) - gain(old, old, advantages, alive)
    return {"gain": better.item(), "kl": kl, "share": taken / s.epochs}
