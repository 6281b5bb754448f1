"""Returns of trained policies on many fresh tasks, stage by stage, and how good they could be."""

import dataclasses
from typing import NamedTuple

import torch
from torch import Tensor

from mmaml_lite.rl.collect import collect
from mmaml_lite.rl.learner import PolicyLearner
from mmaml_lite.rl.navigation import Navigation, NavigationVector

TEST_TASKS = 500
TEST_STEPS = 5
TEST_SEED = 1812_07172  # apart from every training seed


class Returns(NamedTuple):
    """What trained policies earn: stages `(steps + 1, tasks)`, 0 is after modulation.

    before: of the trajectory that the encoder read `(tasks,)`, and the embedding upsilon
    `(tasks, d)` that it made of it; both None without an encoder.
    """

    stages: Tensor
    before: Tensor | None
    embedding: Tensor | None


def shared_goals(world: Navigation, count: int = TEST_TASKS) -> tuple[Tensor, Tensor]:
    """Goals `(count, 2)` and modes of the shared test tasks: made on the CPU, the same for all."""
    return world.goals(count, torch.Generator().manual_seed(TEST_SEED))


@torch.no_grad()
def returns(
    learner: PolicyLearner, goals: Tensor, world: Navigation, steps: int = TEST_STEPS,
    seed: int = 0, chunk: int = 100,
) -> Returns:  # fmt: skip
    """Mean return of every task at every stage, actions sampled, with fresh trajectories."""
    device = next(learner.parameters()).device
    generator = torch.Generator(device).manual_seed(TEST_SEED + 1 + seed)
    stages, before, embeddings = [], [], []
    for part in goals.to(device).split(chunk):
        batch = collect(learner, part, steps, generator, world).batch
        stages.append(torch.stack([seen.returns().mean(1) for seen in batch.stages]).cpu())
        if batch.explore is not None:
            before.append(batch.explore.returns().mean(1).cpu())
            embeddings.append(learner.embed(batch.explore).cpu())
    if not before:
        return Returns(torch.cat(stages, 1), None, None)
    return Returns(torch.cat(stages, 1), torch.cat(before), torch.cat(embeddings))


def walk(world: Navigation, goals: Tensor, towards: Tensor) -> Tensor:
    """Return of walking straight to the points `towards` `(tasks, 2)` and staying: `(tasks,)`."""
    env = NavigationVector(len(goals), world, goals.device)
    position, _ = env.reset(options={"goal": goals})
    total = torch.zeros(len(goals), device=goals.device)
    for _ in range(world.horizon):
        position, reward, *_ = env.step(towards - position)
        total = total + reward
    return total


def floors(world: Navigation, goals: Tensor, mode: Tensor) -> dict[str, Tensor]:
    """Best possible when told the goal, and when told only its mode: walk to the mode's centre.

    Where episodes end at the goal, searching around the centre could earn a little more than the
    second.
    """
    centres = torch.tensor(world.centres, device=goals.device)[mode]
    return {"goal": walk(world, goals, goals), "mode": walk(world, goals, centres)}


def neighbour_vote(embedding: Tensor, mode: Tensor) -> float:
    """Share of tasks whose nearest neighbour's mode, by embedding `(tasks, d)`, is their own."""
    exact = "donot_use_mm_for_euclid_dist"  # near ones would be told apart by rounding alone
    distance = torch.cdist(embedding, embedding, compute_mode=exact).fill_diagonal_(torch.inf)
    return (mode[distance.argmin(1)] == mode).float().mean().item()


def terminations(world: Navigation, within: float) -> dict[str, Navigation]:
    """The same tasks with both endings: after the horizon only, and within reach of the goal."""
    return {
        f"{world.horizon} steps": dataclasses.replace(world, ends_within=None),
        f"ends within {within}": dataclasses.replace(world, ends_within=within),
    }
