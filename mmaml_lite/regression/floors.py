"""Floors: the best that any method could do on a task distribution.

The Bayes-optimal predictor knows the families, their priors and the noise, and averages over every
function that could have produced the support set. The best label-linear predictor knows the mean
and the covariance of the functions; linearised MAML, one initialisation being one kernel, is of its
form. All is computed in float64, where the tasks lie; a task's result depends on no other task.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from mmaml_lite.core.tasks import Examples, Tasks
from mmaml_lite.regression.posterior import (
    EXACT,
    LIVE,
    Budget,
    curves_at,
    effective,
    resample,
    sample_posterior,
    sobol,
)
from mmaml_lite.regression.tasks import Mixture


class Posterior(NamedTuple):
    """What the support labels tell, at Q points of each task."""

    mean: Tensor  # (tasks, Q) best prediction, mode unknown
    mean_mode_known: Tensor  # (tasks, Q) best prediction for one who is told the mode
    mode_means: Tensor  # (tasks, modes, Q) best prediction if the task were of that mode
    probability: Tensor  # (tasks, modes) of each mode
    log_evidence: Tensor  # (tasks, modes) log p(labels | mode)
    ess: Tensor  # (tasks, modes) effective sample size; small only for modes of odds below 1e-6


class Live(NamedTuple):
    """The posterior of one task on a grid, for plots."""

    mean: Tensor  # (grid,)
    low: Tensor  # (grid,) 5 % quantile of the noise-free function
    high: Tensor  # (grid,) 95 % quantile
    probability: Tensor  # (modes,)


def _inputs(support: Examples, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Check; support x, y `(tasks, K)` and x `(tasks, Q)` in float64."""
    support.check()
    if support.x.shape[2] != 1 or support.y.shape[2] != 1 or x.shape[::2] != (len(support.x), 1):
        raise ValueError(
            "floors are for functions of one variable: expected x and y (tasks, points, 1), got "
            f"{tuple(support.x.shape)}, {tuple(support.y.shape)} and {tuple(x.shape)}"
        )
    if not torch.isfinite(x).all():
        raise ValueError("the points to predict at hold NaN or infinite values")
    return support.x[..., 0].double(), support.y[..., 0].double(), x[..., 0].double()


def bayes(
    mixture: Mixture,
    tasks: Tasks,
    x: Tensor | None = None,
    budget: Budget = EXACT,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Posterior:
    """Bayes-optimal predictor: the mean of all functions, weighted by how well they fit the labels.

    x `(tasks, Q, 1)`, by default the query points; `progress(done, tasks)` is called now and then.
    Raises ValueError for a mixture without noise and for points that are not finite.
    """
    xs, ys, x = _inputs(tasks.support, tasks.query.x if x is None else x)
    modes, parts = len(mixture.families), []
    size = max(1, 2**22 // (budget.drawn * modes * max(32, xs.shape[1], x.shape[1])))
    for rows in torch.arange(len(tasks), device=x.device).split(size):
        mode, unit, weight = sample_posterior(mixture, xs[rows], ys[rows], budget, seed)
        curves = curves_at(mixture, mode, unit, x[rows].repeat_interleave(modes, 0))
        means = (weight.softmax(-1)[:, None] @ curves)[:, 0].unflatten(0, (-1, modes))
        evidence = (weight.logsumexp(-1) - math.log(budget.drawn)).unflatten(0, (-1, modes))
        probability = evidence.softmax(-1)  # the modes have equal shares
        mean = (probability[..., None] * means).sum(1)
        known = means[torch.arange(len(rows), device=x.device), tasks.mode[rows]]
        ess = effective(weight).unflatten(0, (-1, modes))
        parts.append(Posterior(mean, known, means, probability, evidence, ess))
        if progress is not None:
            progress(int(rows[-1]) + 1, len(tasks))
    return Posterior(*map(torch.cat, zip(*parts, strict=True)))


def live_posterior(mixture: Mixture, support: Examples, x: Tensor, seed: int = 0) -> Live:
    """Posterior of one task, fast: support `(1, K, 1)`, x `(grid,)`.

    The band holds 90 % of the noise-free functions at each point. Raises ValueError as `bayes`.
    """
    xs, ys, x = _inputs(support, x[None, :, None])
    mode, unit, weight = sample_posterior(mixture, xs, ys, LIVE, seed)
    probability = (weight.logsumexp(-1) - math.log(LIVE.drawn)).softmax(-1)
    joint = (probability[:, None] * weight.softmax(-1)).flatten()
    chosen = resample(joint[None], 400)[0]
    unit, mode = unit.flatten(0, 1)[chosen, None], mode[chosen // LIVE.drawn]
    curves = curves_at(mixture, mode, unit, x.expand(400, -1))[:, 0].T.contiguous()
    ordered = curves.sort(-1).values
    return Live(curves.mean(-1), ordered[:, 20], ordered[:, -21], probability)


def label_linear(mixture: Mixture, tasks: Tasks, x: Tensor | None = None) -> Tensor:
    """Best predictor linear in the labels: m(x) + C(x, X) (C(X, X) + noise^2 I)^-1 (y - m(X)).

    Mean m and covariance C of the functions come from Sobol points through the priors, on a grid
    with straight lines between. x `(tasks, Q, 1)`, by default the query points -> `(tasks, Q)`.
    """
    xs, ys, x = _inputs(tasks.support, tasks.query.x if x is None else x)
    everywhere, k = torch.cat([xs, x], 1), xs.shape[1]
    low = min(mixture.domain[0], float(everywhere.min()))
    high = max(mixture.domain[1], float(everywhere.max()))
    grid = torch.linspace(low, high, 401, dtype=x.dtype, device=x.device)
    curves = [
        family(grid, family.draw(sobol(8192, len(family.priors), 0).to(x.device)))
        for family in mixture.families
    ]
    mean = torch.stack([y.mean(0) for y in curves]).mean(0)
    second = torch.stack([y.T @ y / len(y) for y in curves]).mean(0)
    # C as a product of features, interpolated: a covariance again.
    values, vectors = torch.linalg.eigh(second - mean[:, None] * mean)
    table = torch.cat([mean[:, None], (vectors * values.clamp(min=0).sqrt())[:, -48:]], 1)
    noise = (mixture.noise**2 + 1e-9) * torch.eye(k, dtype=x.dtype, device=x.device)
    parts = []
    for place, y in zip(everywhere.split(1000), ys.split(1000), strict=True):
        place = (place - low) / (high - low) * 400
        left = place.long().clamp(max=399)
        both = torch.lerp(table[left], table[left + 1], (place - left)[..., None])
        m, features = both[..., 0], both[..., 1:]
        near = features[:, :k]
        solved = torch.linalg.solve(near @ near.mT + noise, (y - m[:, :k])[..., None])
        parts.append(m[:, k:] + (features[:, k:] @ (near.mT @ solved))[..., 0])
    return torch.cat(parts)


def floors(
    mixture: Mixture,
    tasks: Tasks,
    budget: Budget = EXACT,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Tensor]:
    """Squared error of each floor against the noisy query labels, and whether the mode was guessed.

    Every value is `(tasks,)`, averaged over queries: "bayes" (mode unknown), "bayes_mode_known",
    "label_linear"; and "mode_right", one where the most probable mode is the true one.
    """
    posterior = bayes(mixture, tasks, None, budget, seed, progress)
    y = tasks.query.y[..., 0].double()
    return {
        "bayes": (posterior.mean - y).square().mean(-1),
        "bayes_mode_known": (posterior.mean_mode_known - y).square().mean(-1),
        "label_linear": (label_linear(mixture, tasks) - y).square().mean(-1),
        "mode_right": (posterior.probability.argmax(-1) == tasks.mode).double(),
    }
