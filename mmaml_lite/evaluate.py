"""Errors of trained learners on many shared test tasks: per stage, per mode, with intervals.

Regression errors are heavy-tailed (the worst 1 % of tasks carry a third of the total), so the test
set is large, the same for every method, and methods are compared task by task.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmaml_lite.networks import Tau
from mmaml_lite.recipes import Settings
from mmaml_lite.tasks import Mixture, Tasks

TEST_TASKS = 25_000
TEST_QUERIES = 20
TEST_SEED = 1812_07172  # apart from every training seed


def shared_tasks(settings: Settings, count: int = TEST_TASKS, seed: int = TEST_SEED) -> Tasks:
    """The shared test tasks of a setting: made on the CPU, so that they are the same everywhere."""
    mixture = Mixture(settings.families, settings.shots, TEST_QUERIES, settings.noise)
    return mixture.sample(count, torch.Generator().manual_seed(seed))


@torch.no_grad()
def errors(
    learner: nn.Module,
    tasks: Tasks,
    steps: int | None = None,
    chunk: int = 500,
    tau: Tau | None = None,
) -> Tensor:
    """Query mean squared error of every task at every stage, `(steps + 1, tasks)`, on the CPU.

    Stage 0 is post modulation, the last one post adaptation. Targets are noisy, so noise variance
    (0.09 in the paper) is inside. tau: modulation vectors to use instead of the encoder's, one for
    each task or one `(1, rows, units)` for all. Raises ValueError for NaN in the tasks.
    """
    device = next(learner.parameters()).device
    tasks.support.check(), tasks.query.check()
    parts = []
    if tau is not None:
        tau = {i: t.expand(len(tasks), -1, -1) for i, t in tau.items()}
    for first in range(0, len(tasks), chunk):
        rows = slice(first, first + chunk)
        t = tasks[rows].to(device)
        given = {"steps": steps}  # a learner that knows no tau can be evaluated, too
        if tau is not None:
            given["tau"] = {i: part[rows].to(device) for i, part in tau.items()}
        y = learner(t.support, t.query.x, t.mode, **given)  # (stages, tasks, Q, 1)
        parts.append((y - t.query.y).square().mean(dim=(2, 3)).cpu())
    return torch.cat(parts, dim=1)


def interval(values: Tensor) -> dict[str, float]:
    """Mean over tasks with its 95 % interval (normal, 1.96 standard errors), and the median."""
    half = 1.96 * values.std().item() / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return {"mean": values.mean().item(), "ci95": half, "median": values.median().item()}


def summary(found: Tensor, mode: Tensor, names: Sequence[str]) -> dict[str, Any]:
    """Numbers for a table: `interval` of every stage of `(stages, tasks)`, overall and by mode."""
    return {
        "stages": [interval(stage) for stage in found],
        "modes": {
            name: [interval(stage[mode == i]) for stage in found] for i, name in enumerate(names)
        },
    }


def paired(first: Tensor, second: Tensor) -> dict[str, float]:
    """Mean of first - second over the same tasks `(tasks,)` with its 95 % interval."""
    return interval(first - second)


def neighbour_vote(embedding: Tensor, mode: Tensor) -> float:
    """Share of tasks whose nearest neighbour's mode, by embedding `(tasks, d)`, is their own."""
    exact = "donot_use_mm_for_euclid_dist"  # near ones would be told apart by rounding alone
    distance = torch.cdist(embedding, embedding, compute_mode=exact).fill_diagonal_(torch.inf)
    return (mode[distance.argmin(1)] == mode).float().mean().item()


def ratio(error: Tensor, floor: Tensor) -> dict[str, float]:
    """Ratio of two means over the same tasks `(tasks,)`, with its 95 % interval (delta method)."""
    value = (error.mean() / floor.mean()).item()
    return {"mean": value, "ci95": interval(error - value * floor)["ci95"] / floor.mean().item()}
