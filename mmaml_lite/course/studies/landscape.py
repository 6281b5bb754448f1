"""MAML with two weights: a learner so small that its whole outer loss can be drawn as a map.

The network is one wave, f(x; theta) = height sin(x - shift), and theta = (shift, height) is a point
of a plane. Everything else is the real thing: noisy tasks with a support and a query set of their
own, the inner loop of `algorithm.adapt`, and the exact derivative through all of its steps.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import grad, vmap

from mmaml_lite.core.algorithm import adapt
from mmaml_lite.core.tasks import Examples, Tasks
from mmaml_lite.regression.tasks import Uniform, sinusoid

NAMES = ("shift", "height")
SHIFTS, HEIGHTS = (-math.pi / 2, 3 * math.pi / 2), (-0.2, 5.0)  # the part of the plane on the map
COLUMNS, ROWS = 61, 51
PRIORS = {"shift": Uniform(0.0, math.pi), "height": Uniform(1.5, 4.0)}
H = 1e-4  # step of the finite differences, whose error is of order H^4


@lru_cache(maxsize=16)
def draw_tasks(
    seed: int = 0, tasks: int = 4, shots: int = 5, queries: int = 20, noise: float = 0.3
) -> Tasks:
    """A small family of noisy waves in double precision, their shifts spread over half a period.

    Support x, y `(tasks, shots, 1)`, query x, y `(tasks, queries, 1)`, apart from each other;
    parameters `(tasks, 2)`, each task's own shift and height.
    """
    generator = torch.Generator().manual_seed(seed)
    unit = torch.rand(2, tasks, generator=generator, dtype=torch.float64)
    shift = PRIORS["shift"]((torch.arange(tasks) + unit[0]) / tasks)  # one in each equal share
    height = PRIORS["height"](unit[1])
    points = shots + queries
    x = 10 * torch.rand(tasks, points, generator=generator, dtype=torch.float64) - 5
    blur = noise * torch.randn(tasks, points, generator=generator, dtype=torch.float64)
    y = sinusoid(x, height[:, None], shift[:, None]) + blur
    x, y, own = x[..., None], y[..., None], torch.stack([shift, height], 1)
    support, query = Examples(x[:, :shots], y[:, :shots]), Examples(x[:, shots:], y[:, shots:])
    return Tasks(support, query, torch.zeros(tasks, dtype=torch.int64), own)


def predict(theta: Tensor, x: Tensor) -> Tensor:
    """The wave of theta `(2,)` at x, any shape."""
    return theta[1] * torch.sin(x - theta[0])


def loss(theta: Tensor, points: Examples) -> Tensor:
    """Mean squared error of theta `(2,)` on the points of one task, `(points, 1)`."""
    return (predict(theta, points.x) - points.y).square().mean()


def fast_weights(
    theta: Tensor, tasks: Tasks, steps: int, step_size: float, first_order: bool = False
) -> Tensor:
    """Each task's weights before and after every inner step, `(tasks, steps + 1, 2)`."""

    def one_task(support: Examples) -> Tensor:
        path = adapt(
            lambda weights: loss(weights["theta"], support),
            {"theta": theta},
            [{"theta": step_size}] * steps,
            first_order,
        )
        return torch.stack([weights["theta"] for weights in path])

    return vmap(one_task)(tasks.support)


def query_loss(weights: Tensor, tasks: Tasks) -> Tensor:
    """Mean query loss of weights `(tasks, 2)`, each task's own on its own query set."""
    return vmap(loss)(weights, tasks.query).mean()


def outer_loss(
    theta: Tensor, tasks: Tasks, steps: int, step_size: float, first_order: bool = False
) -> Tensor:
    """MAML's objective at theta `(2,)`: mean query loss after adapting to the support sets.

    With no steps it is the objective of pretraining. First order changes its gradient alone.
    """
    return query_loss(fast_weights(theta, tasks, steps, step_size, first_order)[:, -1], tasks)


def meta_gradient(
    theta: Tensor, tasks: Tasks, steps: int, step_size: float, first_order: bool = False
) -> Tensor:
    """Gradient of the outer loss `(2,)`, through every inner step, or to first order."""
    return grad(outer_loss)(theta, tasks, steps, step_size, first_order)


def finite_difference(theta: Tensor, tasks: Tasks, steps: int, step_size: float) -> Tensor:
    """The same gradient `(2,)` without any derivative: eight values of the outer loss around theta.

    Five-point stencil, f' = (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h, along each axis.
    """
    offsets = H * torch.tensor([-2.0, -1.0, 1.0, 2.0], dtype=theta.dtype)
    weights = torch.tensor([1.0, -8.0, 8.0, -1.0], dtype=theta.dtype) / (12 * H)
    around = theta + offsets[:, None, None] * torch.eye(2, dtype=theta.dtype)  # (4, 2, 2)
    values = vmap(vmap(lambda at: outer_loss(at, tasks, steps, step_size)))(around)
    return weights @ values


def relative_error(found: Tensor, exact: Tensor) -> float:
    """Length of the difference over the length of the exact vector; 0 where they are equal."""
    off, length = (found - exact).norm().item(), exact.norm().item()
    return off / length if length else (math.inf if off else 0.0)


class Map(NamedTuple):
    """The outer loss over the plane, and the best place on it.

    shifts `(columns,)`, heights `(rows,)`, loss `(rows, columns)`; best `(2,)`: the theta of least
    loss on the map; least: that loss.
    """

    shifts: Tensor
    heights: Tensor
    loss: Tensor
    best: Tensor
    least: float


@lru_cache(maxsize=256)
def outer_map(
    seed: int, steps: int, step_size: float, columns: int = COLUMNS, rows: int = ROWS
) -> Map:
    """The outer loss of the tasks of a seed at every point of a grid; kept once it is known."""
    tasks = draw_tasks(seed)
    shifts = torch.linspace(*SHIFTS, columns, dtype=torch.float64)
    heights = torch.linspace(*HEIGHTS, rows, dtype=torch.float64)
    thetas = torch.stack(torch.meshgrid(shifts, heights, indexing="xy"), -1)  # (rows, columns, 2)
    with torch.no_grad():
        values = vmap(vmap(lambda at: outer_loss(at, tasks, steps, step_size)))(thetas)
    least = values.argmin()
    return Map(shifts, heights, values, thetas.reshape(-1, 2)[least], values.min().item())
