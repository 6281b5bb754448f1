"""Contraction: how much of a task's residual is left after n gradient steps.

For a model linear in its parameters with squared loss, L = e^T H e with e = theta - theta*, the
gradient is 2 H e, so a step takes e to (I - 2 alpha H) e and n steps leave (I - 2 alpha H)^n e.
Every direction of curvature lambda shrinks by itself, by (1 - 2 alpha lambda) a step: whether
that is little or much depends on alpha alone, not on the task's label.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import vmap

from mmaml_lite.core.algorithm import adapt
from mmaml_lite.core.tasks import Tasks


def remaining(alpha: float, curvature: float | Tensor, steps: int) -> float | Tensor:
    """Share of the residual left after `steps` along a direction of this curvature: may be < 0."""
    return (1 - 2 * alpha * curvature) ** steps


def residual_path(H: Tensor, start: Tensor, alpha: float, steps: int) -> Tensor:
    """Residuals e_0 .. e_n by the formula: H `(P, P)`, start `(P,)` -> `(steps + 1, P)`."""
    shrink = torch.eye(len(H), dtype=H.dtype) - 2 * alpha * H
    return torch.stack([torch.linalg.matrix_power(shrink, n) @ start for n in range(steps + 1)])


def descend(features: Tensor, labels: Tensor, alpha: float, steps: int) -> Tensor:
    """The same by gradient descent: weights of y = features w from zero, with `algorithm.adapt`.

    features `(K, P)`, labels `(tasks, K)` -> `(tasks, steps + 1, P)`; its loss is the mean squared
    error, so H = features^T features / K.
    """

    def one_task(labels: Tensor) -> Tensor:
        def loss(theta: dict[str, Tensor]) -> Tensor:
            return (features @ theta["w"] - labels).square().mean()

        start = {"w": torch.zeros(features.shape[1], dtype=features.dtype)}
        return torch.stack([theta["w"] for theta in adapt(loss, start, [{"w": alpha}] * steps)])

    return vmap(one_task)(labels)


class Opposites(NamedTuple):
    """Two tasks, f and -f, adapted from the start that is best for both: zero."""

    truth: Tensor  # (grid,) f
    curves: Tensor  # (2, steps + 1, grid) of f and of -f, by gradient descent
    formula: Tensor  # (steps + 1,) share of the residual that is left, by the formula
    measured: Tensor  # (steps + 1,) the same, by gradient descent


def opposites(
    alpha: float,
    curvature: float,
    steps: int,
    x: Tensor,
    amplitude: float = 3.0,
    phase: float = 0.8,
) -> Opposites:
    """Adapt y = w_1 s sin x + w_2 s cos x to f = A sin(x - phi) and to -f; x `(grid,)`.

    Four points over one period make H = s^2 / 2 times I: one curvature in all directions, set
    by the scale s of the features.
    """
    scale = math.sqrt(2 * curvature)

    def features(x: Tensor) -> Tensor:
        return scale * torch.stack([x.sin(), x.cos()], dim=-1)

    def f(x: Tensor) -> Tensor:
        return amplitude * torch.sin(x - phase)

    x = x.double()
    seen = torch.arange(4, dtype=x.dtype) * (math.pi / 2) - 3
    w = descend(features(seen), torch.stack([f(seen), -f(seen)]), alpha, steps)
    best = amplitude / scale * torch.tensor([math.cos(phase), -math.sin(phase)], dtype=x.dtype)
    left = ((best - w[0]) @ best) / best.square().sum()
    formula = remaining(alpha, curvature, torch.arange(steps + 1, dtype=x.dtype))
    return Opposites(f(x), w @ features(x).T, formula, left)


@torch.no_grad()
def errors_with(
    learner: nn.Module,
    tasks: Tasks,
    factor: float = 1.0,
    steps: int | None = None,
    chunk: int = 500,
) -> Tensor:
    """As `evaluate.errors`, every inner step size multiplied by `factor`: `(steps + 1, tasks)`."""
    parts = []
    for first in range(0, len(tasks), chunk):
        t = tasks[first : first + chunk]
        y = learner(t.support, t.query.x, t.mode, steps=steps, factor=factor)
        parts.append((y - t.query.y).square().mean(dim=(2, 3)))
    return torch.cat(parts, dim=1)


def sweep(learner: nn.Module, tasks: Tasks, factors: Sequence[float]) -> Tensor:
    """Errors after the last step with the step sizes times each factor: `(factors, tasks)`."""
    return torch.stack([errors_with(learner, tasks, factor)[-1] for factor in factors])
