"""Whose tau? What a task earns with its own modulation, and with that of another task."""

import torch
from torch import Tensor

from mmaml_lite.core.networks import Tau
from mmaml_lite.rl.collect import collect
from mmaml_lite.rl.evaluation import TEST_SEED
from mmaml_lite.rl.learner import PolicyLearner
from mmaml_lite.rl.tasks import World

WHOSE = ("own", "same mode", "other mode")


def strangers(mode: Tensor) -> dict[str, Tensor]:
    """For every task another one: the next of its own mode, and its like in the next mode.

    mode `(tasks,)` -> indices `(tasks,)`. Goals are drawn at random, so "the next" is any. Raises
    ValueError where there is but one mode, or one with a single task.
    """
    members = [torch.nonzero(mode == m)[:, 0] for m in mode.unique()]
    if len(members) < 2 or min(map(len, members)) < 2:
        raise ValueError("an exchange takes at least two modes, and two tasks of each")
    same, other = torch.empty_like(mode), torch.empty_like(mode)
    for here, there in zip(members, [*members[1:], members[0]], strict=True):
        same[here] = here.roll(-1)
        other[here] = there[torch.arange(len(here), device=mode.device) % len(there)]
    return {"same mode": same, "other mode": other}


def taken(tau: Tau, index: Tensor) -> Tau:
    """The modulation vectors `(tasks, rows, units)` of these tasks, in this order."""
    return {block: t[index] for block, t in tau.items()}


def exchange(
    learner: PolicyLearner, world: World, count: int = 40, steps: int = 3, seed: int = 0
) -> dict[str, Tensor]:
    """Mean return of every task at every stage `(steps + 1, tasks)`, by whose tau it was given.

    All three start from the same tasks and the same random numbers.
    """
    goals, mode = world.goals(count, torch.Generator().manual_seed(TEST_SEED + seed))
    others, tau, found = strangers(mode), None, {}
    for name in WHOSE:
        generator = torch.Generator().manual_seed(seed)
        lent = taken(tau, others[name]) if name in others else None
        stages = collect(learner, goals, steps, generator, world, lent)
        tau = stages.tau if tau is None else tau
        found[name] = torch.stack([seen.returns().mean(1) for seen in stages.batch.stages])
    return found
