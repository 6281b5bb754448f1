"""Walks to look at: the way of a policy through the inner loop, and what its encoder was shown."""

from typing import NamedTuple

import torch
from torch import Tensor

from mmaml_lite.rl.collect import collect
from mmaml_lite.rl.learner import PolicyLearner
from mmaml_lite.rl.navigation import STEP, Navigation
from mmaml_lite.rl.sampling import Trajectories, per_task, rollout


class Walks(NamedTuple):
    """One method on one goal: where it walked, and what that earned, stage by stage.

    before: walks of the unmodulated prior `(explore, H + 1, 2)` and their mean return, None for a
    method without encoder. paths `(stages, n, H + 1, 2)`; returns `(stages,)`, means over the n.
    """

    before: tuple[Tensor, float] | None
    paths: Tensor
    returns: Tensor


def positions(seen: Trajectories, scale: float) -> Tensor:
    """Where the trajectories were, from the start to after the last action: `(..., H + 1, 2)`.

    scale: the environment was given the actions times this.
    """
    move = (scale * seen.actions[..., -1:, :]).clamp(-STEP, STEP) * seen.alive[..., -1:, None]
    return torch.cat([seen.observations, seen.observations[..., -1:, :] + move], dim=-2)


def walks(
    learner: PolicyLearner, goal: Tensor, steps: int, seed: int, world: Navigation | None = None
) -> Walks:
    """How a policy finds its way to one goal `(2,)`; the same seed gives the same walks."""
    generator = torch.Generator().manual_seed(seed)
    batch = collect(learner, goal[None], steps, generator, world).batch
    scale, before = learner.policy.scale, None
    if batch.explore is not None:
        before = positions(batch.explore, scale)[0], batch.explore.returns().mean().item()
    paths = torch.stack([positions(seen, scale)[0] for seen in batch.stages])
    return Walks(before, paths, torch.stack([seen.returns().mean() for seen in batch.stages]))


@torch.no_grad()
def explore(
    learner: PolicyLearner, goals: Tensor, seed: int, world: Navigation | None = None
) -> Trajectories:
    """What the encoder reads of tasks with these goals `(tasks, 2)`: the unmodulated prior's walks.

    Every task has luck of its own, decided by `seed` and its place in `goals`.
    """
    s = learner.settings
    env = (world or s.world()).vector(len(goals) * s.explore, goals.device)
    theta = per_task(dict(learner.theta), len(goals))
    generator = torch.Generator(goals.device).manual_seed(seed)
    return rollout(learner.policy, theta, {}, goals, env, generator)
