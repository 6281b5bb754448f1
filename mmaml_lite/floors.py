"""Floors: the best that any method could do on a task distribution.

The Bayes-optimal predictor knows the families, their priors and the noise, and averages over every
function that could have produced the support set. The best label-linear predictor knows the mean
and the covariance of the functions; linearised MAML, one initialisation being one kernel, is of its
form. All is computed in float64, where the tasks lie; a task's result depends on no other task.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.quasirandom import SobolEngine

from mmaml_lite.tasks.batch import Examples, Tasks
from mmaml_lite.tasks.regression import Mixture

TAIL = 4  # degrees of freedom of the Student-t proposals: heavier tails than a posterior has


@dataclass(frozen=True)
class Budget:
    """How much sampling one (task, mode) pair may cost."""

    first: int = 4096  # points through the prior, to begin with
    components: int = 12  # Student-t components of a proposal
    points: int = 160  # drawn from each component in each round, and as many from the prior
    fits: int = 6  # steps of expectation-maximisation in each round
    rounds: int = 20  # at most
    target: float = 250.0  # the effective sample size that ends the rounds
    drawn = property(lambda self: (self.components + 1) * self.points)


EXACT = Budget()
LIVE = Budget(first=4096, components=8, points=112, rounds=8, target=60.0)


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


def _curves(mixture: Mixture, mode: Tensor, unit: Tensor, x: Tensor) -> Tensor:
    """Mode `(pairs,)`, points of the cube `(pairs, n, P)`, x `(pairs, Q)` -> y `(pairs, n, Q)`."""
    x = x[..., None].expand(-1, -1, unit.shape[1]).contiguous().mT  # n innermost in memory: faster
    y = torch.empty_like(x)
    for i, family in enumerate(mixture.families):
        rows = (mode == i).nonzero()[:, 0]
        y[rows] = family(x[rows], family.draw(unit[rows].clamp(0, 1 - 1e-12)))
        if not torch.isfinite(y[rows]).all():
            raise ValueError(f"family {family.name!r} is not finite for some x and parameters")
    return y


@lru_cache(maxsize=64)
def _sobol(points: int, dims: int, seed: int) -> Tensor:
    draw = SobolEngine(dims, scramble=True, seed=seed).draw(points, dtype=torch.float64)
    return draw.clamp(1e-12, 1 - 1e-12)


def _student(budget: Budget, dims: int, seed: int) -> tuple[Tensor, Tensor]:
    """Standard Student-t points `(components, points, dims)` and prior points `(points, dims)`."""
    unit = _sobol(budget.drawn, dims + 2, seed).unflatten(0, (budget.points, -1)).transpose(0, 1)
    normal = torch.special.ndtri(unit[1:, :, :dims])
    square = -2 * unit[1:, :, dims:].log().sum(-1, keepdim=True)  # chi-squared, 4 degrees
    return normal * (TAIL / square).sqrt(), unit[0, :, :dims]


def _ess(log_weight: Tensor) -> Tensor:
    return 1 / log_weight.softmax(-1).square().sum(-1)


def _resample(weight: Tensor, size: int) -> Tensor:
    """Indices `(pairs, size)` that hold each point as often as its weight `(pairs, n)` says."""
    total = weight.cumsum(-1)
    steps = (torch.arange(size, device=weight.device) + 0.5) / size * total[:, -1:]
    return torch.searchsorted(total, steps).clamp(max=weight.shape[-1] - 1)


def _monomials(unit: Tensor) -> Tensor:
    """1, u and u u^T of each point: `(pairs, n, P)` -> `(pairs, 1 + P + P * P, n)`."""
    unit = unit.mT.contiguous()
    square = (unit[:, :, None] * unit[:, None]).flatten(1, 2)
    return torch.cat([torch.ones_like(unit[:, :1]), unit, square], 1)


def _density(monomials: Tensor, mean: Tensor, factor: Tensor, dims: Tensor):
    """Density of each component and squared distance to it: two `(pairs, components, n)`."""
    precision = torch.cholesky_inverse(factor)
    pull = (precision @ mean[..., None])[..., 0]
    constant = (pull * mean).sum(-1, keepdim=True)
    distance = torch.cat([constant, -2 * pull, precision.flatten(-2)], -1) @ monomials
    distance = distance.clamp_(min=0)
    half = ((TAIL + dims) / 2)[:, None, None]
    norm = torch.lgamma(half) - math.lgamma(TAIL / 2) - math.log(TAIL * math.pi) * (half - TAIL / 2)
    norm = norm - factor.diagonal(dim1=-2, dim2=-1).log().sum(-1, keepdim=True)
    return (1 + distance / TAIL).pow_(-half).mul_(norm.exp()), distance


def _fit(unit: Tensor, used: Tensor, budget: Budget) -> tuple[Tensor, Tensor]:
    """Fit equal shares of Student-t components to points by expectation-maximisation.

    unit `(pairs, n, P)`, used `(pairs, P)` -> means `(pairs, components, P)`, Cholesky factors.
    """
    n, size = unit.shape[1:]
    step, dims = n // budget.components, used.sum(-1)
    spread = unit - unit.mean(1, keepdim=True)
    pooled = (spread.mT @ spread / n)[:, None]  # (pairs, 1, P, P)
    floor = 1e-5 * pooled.diagonal(dim1=-2, dim2=-1) + 1e-12 + (1 - used)[:, None]
    floor = torch.diag_embed(floor)  # an axis that the family does not use gets a fixed scale
    mean = unit[:, step // 2 :: step][:, : budget.components]
    scale = (pooled * budget.components ** (-2 / (size + 4)) + floor).expand(*mean.shape, size)
    monomials = _monomials(unit)
    for _ in range(budget.fits):
        density, distance = _density(monomials, mean, torch.linalg.cholesky(scale), dims)
        share = density / density.sum(1, keepdim=True)
        pulled = share / distance.add_(TAIL).div_(TAIL + dims[:, None, None])
        total, first, second = (pulled @ monomials.mT).split([1, size, size * size], -1)
        mean = first / total.clamp(min=1e-6)
        second = second.unflatten(-1, (size, size)) - mean[..., None] * first[..., None, :]
        scale = (second + second.mT) / (2 * share.sum(-1).clamp(min=1e-6)[..., None, None]) + floor
    return mean, torch.linalg.cholesky(scale)


def _sample(mixture: Mixture, x: Tensor, y: Tensor, budget: Budget, seed: int):
    """Posterior of every (task, mode) pair, modes innermost, as weighted points; x, y `(tasks, K)`.

    Adaptive importance sampling: fit a Student-t mixture to the points so far, their heaviest
    weights made equal (so that no lucky point stands for all), draw new ones from it and from the
    prior, until the weights are even. After Koblents and Miguez, Statistics and Computing 2015.
    Returns mode `(pairs,)`, points `(pairs, n, P)` and log weights `(pairs, n)`, mean = evidence.
    """
    if mixture.noise == 0:
        raise ValueError(
            "without noise the posterior is a single point (or none) and cannot be sampled: "
            "give the mixture a small noise instead, e.g. noise=0.01"
        )
    modes, device = len(mixture.families), x.device
    sizes = torch.tensor([len(family.priors) for family in mixture.families], device=device)
    size = int(sizes.max())
    mode = torch.arange(modes, device=device).repeat(len(x))
    x, y = x.repeat_interleave(modes, 0), y.repeat_interleave(modes, 0)
    used = (torch.arange(size, device=device) < sizes[mode, None]).to(x.dtype)
    constant = x.shape[1] * math.log(mixture.noise * math.sqrt(2 * math.pi))

    def likelihood(rows: Tensor, unit: Tensor) -> Tensor:
        residual = (_curves(mixture, mode[rows], unit, x[rows]) - y[rows, None]) / mixture.noise
        outside = ((unit < 0) | (unit >= 1)).any(-1)
        return (-0.5 * residual.square().sum(-1) - constant).masked_fill_(outside, -math.inf)

    rows = torch.arange(len(mode), device=device)
    unit = torch.where(used[:, None] > 0, _sobol(budget.first, size, seed).to(device), 0.5)
    weight = likelihood(rows, unit)
    best = weight.amax(-1)
    points = unit.new_empty(len(mode), budget.drawn, size)
    weights = unit.new_empty(len(mode), budget.drawn)
    for turn in range(budget.rounds):
        even = weight.minimum(weight.topk(budget.drawn // 32).values[:, -1:]).softmax(-1)
        chosen = _resample(even, budget.drawn // 4)[..., None].expand(-1, -1, size)
        mean, factor = _fit(unit.gather(1, chosen), used[rows], budget)
        noise, prior = (z.to(device) for z in _student(budget, size, seed + 1 + turn))
        unit = (mean[:, :, None] + noise @ factor.mT).flatten(1, 2)
        unit = torch.cat([unit, prior.expand(len(rows), -1, -1)], 1)
        unit = torch.where(used[rows, None] > 0, unit, 0.5)
        density, _ = _density(_monomials(unit), mean, factor, used[rows].sum(-1))
        weight = likelihood(rows, unit)
        best[rows] = best[rows].maximum(weight.amax(-1))
        weight = weight - ((density.sum(1) + 1) / (budget.components + 1)).log()
        points[rows], weights[rows] = unit, weight
        # Go on where weights are uneven, unless the mode is out of the question: its evidence is
        # below its highest likelihood.
        evidence = (weights.logsumexp(-1) - math.log(budget.drawn)).unflatten(0, (-1, modes))
        wanted = _ess(weights) < budget.target
        if turn >= 2:
            wanted &= best > evidence.amax(-1).repeat_interleave(modes) - 16
        rows = wanted.nonzero()[:, 0]
        if len(rows) == 0:
            break
        unit, weight = points[rows], weights[rows]
    return mode, points, weights


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
    size = max(1, 2**23 // (budget.drawn * modes * max(32, xs.shape[1], x.shape[1])))
    for rows in torch.arange(len(tasks), device=x.device).split(size):
        mode, unit, weight = _sample(mixture, xs[rows], ys[rows], budget, seed)
        curves = _curves(mixture, mode, unit, x[rows].repeat_interleave(modes, 0))
        means = (weight.softmax(-1)[:, None] @ curves)[:, 0].unflatten(0, (-1, modes))
        evidence = (weight.logsumexp(-1) - math.log(budget.drawn)).unflatten(0, (-1, modes))
        probability = evidence.softmax(-1)  # the modes have equal shares
        mean = (probability[..., None] * means).sum(1)
        known = means[torch.arange(len(rows)), tasks.mode[rows]]
        ess = _ess(weight).unflatten(0, (-1, modes))
        parts.append(Posterior(mean, known, means, probability, evidence, ess))
        if progress is not None:
            progress(int(rows[-1]) + 1, len(tasks))
    return Posterior(*map(torch.cat, zip(*parts, strict=True)))


def live_posterior(mixture: Mixture, support: Examples, x: Tensor, seed: int = 0) -> Live:
    """Posterior of one task, fast: support `(1, K, 1)`, x `(grid,)`.

    The band holds 90 % of the noise-free functions at each point. Raises ValueError as `bayes`.
    """
    xs, ys, x = _inputs(support, x[None, :, None])
    mode, unit, weight = _sample(mixture, xs, ys, LIVE, seed)
    probability = (weight.logsumexp(-1) - math.log(LIVE.drawn)).softmax(-1)
    joint = (probability[:, None] * weight.softmax(-1)).flatten()
    chosen = _resample(joint[None], 400)[0]
    unit, mode = unit.flatten(0, 1)[chosen, None], mode[chosen // LIVE.drawn]
    curves = _curves(mixture, mode, unit, x.expand(400, -1))[:, 0].T.contiguous()
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
    curves = [family(grid, family.draw(_sobol(8192, len(family.priors), 0).to(x.device)))
              for family in mixture.families]  # fmt: skip
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
