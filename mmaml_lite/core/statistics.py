"""Numbers over tasks, with their 95 % intervals."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def interval(values: Tensor) -> dict[str, float]:
    """Mean over tasks with its 95 % interval (normal, 1.96 standard errors), and the median."""
    half = 1.96 * values.std().item() / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return {"mean": values.mean().item(), "ci95": half, "median": values.median().item()}


def shown(stats: Mapping[str, float], digits: int = 3) -> str:
    """A mean with its interval, as "0.205 ± 0.011"."""
    return f"{stats['mean']:.{digits}f} ± {stats['ci95']:.{digits}f}"


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
