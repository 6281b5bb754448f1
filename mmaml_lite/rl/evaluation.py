"""Returns of trained policies on many fresh tasks, stage by stage, and how good they could be."""

from typing import NamedTuple

import torch
from torch import Tensor

from mmaml_lite.core.evaluation import TEST_SEED
from mmaml_lite.rl.collect import collect
from mmaml_lite.rl.learner import PolicyLearner
from mmaml_lite.rl.tasks import World

TEST_TASKS = 500
TEST_STEPS = 5


class Returns(NamedTuple):
    """What trained policies earn: stages `(steps + 1, tasks)`, 0 is after modulation.

    before: of the trajectory that the encoder read `(tasks,)`, and the embedding upsilon
    `(tasks, d)` that it made of it; both None without an encoder.
    """

    stages: Tensor
    before: Tensor | None
    embedding: Tensor | None


def shared_goals(world: World, count: int = TEST_TASKS) -> tuple[Tensor, Tensor]:
    """Goals `(count, d)` and modes of the shared test tasks: made on the CPU, the same for all."""
    return world.goals(count, torch.Generator().manual_seed(TEST_SEED))


@torch.no_grad()
def returns(
    learner: PolicyLearner,
    goals: Tensor,
    world: World,
    steps: int = TEST_STEPS,
    seed: int = 0,
    chunk: int = 100,
) -> Returns:
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
