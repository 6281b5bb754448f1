"""Floors: the best that any method could do on a task distribution.

The Bayes-optimal predictor knows the families, their priors and the noise, and averages over every
task that could have produced the support set. The best label-linear predictor knows only the mean
and the covariance of the functions: no linearised MAML, one initialisation being one kernel, beats it.
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

TAIL = 4  # degrees of freedom of the Student-t proposals: tails heavier than those of any posterior


@dataclass(frozen=True)
class Budget:
    """How much sampling each (task, mode) pair may cost."""

    first: int = 4096  # points through the prior
    components: int = 8  # Student-t components of the proposal
    points: int = 224  # points from each component, and as many again from the prior
    fits: int = 6  # steps of expectation-maximisation in each round
    rounds: int = 12  # at most so many proposals
    target: float = 250.0  # the effective sample size that ends the rounds

    @property
    def drawn(self) -> int:
        """Number of points in each round."""
        return (self.components + 1) * self.points


LIVE = Budget(first=1024, components=6, points=64, fits=4, rounds=6, target=50.0)


class Posterior(NamedTuple):
    """What the labels tell: the exact posterior up to sampling error, on Q points of each task."""

    mean: Tensor  # (tasks, Q) prediction, mode unknown
    mean_mode_known: Tensor  # (tasks, Q) prediction of one who is told the mode
    mode_means: Tensor  # (tasks, modes, Q) prediction if the task were of that mode
    probability: Tensor  # (tasks, modes) of each mode
    log_evidence: Tensor  # (tasks, modes) log p(labels | mode)
    ess: Tensor  # (tasks, modes) effective sample size


class Live(NamedTuple):
    """Posterior of one task on a grid, for plots."""

    mean: Tensor  # (grid,)
    low: Tensor  # (grid,) 5 % quantile of the noise-free function
    high: Tensor  # (grid,) 95 % quantile
    probability: Tensor  # (modes,)


@lru_cache(maxsize=64)
def _sobol(points: int, dims: int, seed: int) -> Tensor:
    draws = SobolEngine(dims, scramble=True, seed=seed).draw(points, dtype=torch.float64)
    return draws.clamp(1e-12, 1 - 1e-12)


@lru_cache(maxsize=64)
def _student(budget: Budget, dims: int, seed: int) -> tuple[Tensor, Tensor]:
    """Standard Student-t points `(components, points, dims)` and prior points `(points, dims)`."""
    unit = _sobol(budget.drawn, dims + 2, seed).unflatten(0, (budget.points, -1)).transpose(0, 1)
    normal = torch.special.ndtri(unit[..., :dims])
    chi2 = -2 * unit[..., dims:].log().sum(-1, keepdim=True)  # 4 degrees of freedom
    return (normal * (TAIL / chi2).sqrt())[1:], unit[0, :, :dims]


def _curves(mixture: Mixture, mode: Tensor, unit: Tensor, x: Tensor) -> Tensor:
    """Functions: mode `(pairs,)`, unit cube `(pairs, n, P)`, x `(pairs, Q)` -> `(pairs, n, Q)`."""
    # Points of the cube innermost in memory: three times as fast as Q innermost.
    x = x[..., None].expand(-1, -1, unit.shape[1]).contiguous().mT
    y = torch.empty_like(x)
    for i, family in enumerate(mixture.families):
        rows = (mode == i).nonzero()[:, 0]
        y[rows] = family(x[rows], family.draw(unit[rows]))
    return y


def _log_likelihood(mixture: Mixture, mode: Tensor, unit: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Log p(labels | parameters), -inf outside the unit cube: -> `(pairs, n)`."""
    residual = (_curves(mixture, mode, unit, x) - y[:, None]) / mixture.noise
    constant = x.shape[-1] * math.log(mixture.noise * math.sqrt(2 * math.pi))
    value = -0.5 * residual.square().sum(-1) - constant
    inside = ((unit >= 0) & (unit < 1)).all(-1)
    return value.nan_to_num(nan=-math.inf).masked_fill(~inside, -math.inf)


def _ess(log_weight: Tensor) -> Tensor:
    weight = log_weight.softmax(-1)
    return 1 / (weight * weight).sum(-1)


def _clip(log_weight: Tensor, least: int) -> Tensor:
    """Weights `(pairs, n)` with the `least` heaviest points made equal: none stands for too much."""
    cap = log_weight.topk(least, sorted=True).values[:, -1:]
    # Where fewer points than that lie inside the cube, the cap is -inf: take the heaviest.
    return log_weight.minimum(cap.clamp(min=-1e300)).softmax(-1)


def _resample(weight: Tensor, size: int) -> Tensor:
    """Indices `(pairs, size)`, each point as often as its weight `(pairs, n)` says."""
    steps = (torch.arange(size, device=weight.device, dtype=weight.dtype) + 0.5) / size
    total = weight.cumsum(-1)
    steps = (steps * total[:, -1:]).contiguous()
    return torch.searchsorted(total, steps).clamp(max=weight.shape[-1] - 1)


def _monomials(unit: Tensor) -> Tensor:
    """1, u and u u^T of each point: `(pairs, n, P)` -> `(pairs, 1 + P + P * P, n)`."""
    unit = unit.mT.contiguous()
    square = (unit[:, :, None] * unit[:, None]).flatten(1, 2)
    return torch.cat([torch.ones_like(unit[:, :1]), unit, square], 1)


def _density(monomials: Tensor, mean: Tensor, factor: Tensor, dims: Tensor):
    """Each component's density and squared distance at each point: two `(pairs, components, n)`."""
    precision = torch.cholesky_inverse(factor)
    pull = (precision @ mean[..., None])[..., 0]
    constant = (pull * mean).sum(-1, keepdim=True)
    form = torch.cat([constant, -2 * pull, precision.flatten(-2)], -1)
    distance = (form @ monomials).clamp_(min=0)
    half = ((TAIL + dims) / 2)[:, None, None]
    norm = torch.lgamma(half) - math.lgamma(TAIL / 2) - math.log(TAIL * math.pi) * (half - TAIL / 2)
    norm = norm - factor.diagonal(dim1=-2, dim2=-1).log().sum(-1, keepdim=True)
    return (1 + distance / TAIL).pow_(-half).mul_(norm.exp()), distance


def _fit(unit: Tensor, used: Tensor, components: int, fits: int) -> tuple[Tensor, Tensor]:
    """Fit an equal-share Student-t mixture by expectation-maximisation.

    unit `(pairs, n, P)`, used `(pairs, P)` -> means `(pairs, components, P)` and Cholesky factors.
    """
    n, size = unit.shape[1:]
    dims, fixed = used.sum(-1), torch.diag_embed(1 - used)[:, None]
    spread = unit - unit.mean(1, keepdim=True)
    pooled = (spread.mT @ spread / n)[:, None]  # (pairs, 1, P, P)
    floor = 1e-5 * torch.diag_embed(pooled.diagonal(dim1=-2, dim2=-1)) + fixed
    floor = floor + 1e-12 * torch.eye(size, dtype=unit.dtype, device=unit.device)
    mean = unit[:, n // components // 2 :: n // components][:, :components]
    scale = (components ** (-2 / (size + 4)) * pooled + floor).expand(-1, components, -1, -1)
    monomials = _monomials(unit)
    for _ in range(fits):
        density, distance = _density(monomials, mean, torch.linalg.cholesky(scale), dims)
        share = density / density.sum(1, keepdim=True)
        pulled = share / distance.add_(TAIL).div_(TAIL + dims[:, None, None])
        moments = pulled @ monomials.mT  # (pairs, components, 1 + P + P * P)
        mean = moments[..., 1 : 1 + size] / moments[..., :1].clamp(min=1e-6)
        second = moments[..., 1 + size :].unflatten(-1, (size, size))
        outer = mean[..., None] * mean[..., None, :] * moments[..., :1, None]
        scale = (second - outer) / share.sum(-1).clamp(min=1e-6)[..., None, None] + floor
    return mean, torch.linalg.cholesky(scale)


class _Sample(NamedTuple):
    unit: Tensor  # (pairs, n, P) points of the unit cube
    log_likelihood: Tensor  # (pairs, n)
    log_proposal: Tensor  # (pairs, n)

    @property
    def log_weight(self) -> Tensor:
        return self.log_likelihood - self.log_proposal


def _sample(mixture: Mixture, x: Tensor, y: Tensor, budget: Budget, seed: int) -> _Sample:
    """Weighted points of the posterior of each (task, mode) pair, modes within tasks; x, y `(tasks, K)`.

    Tempered adaptive importance sampling: a Student-t mixture is fitted to the points at hand, under
    the coldest temperature they can represent, and new points are drawn from it and from the prior,
    until the weights at temperature one are even. After Cappe et al., Statistics and Computing 2008.
    """
    modes, device = len(mixture.families), x.device
    sizes = torch.tensor([len(family.priors) for family in mixture.families], device=device)
    dims = int(sizes.max())
    mode = torch.arange(modes, device=device).repeat(len(x))
    x, y = x.repeat_interleave(modes, 0), y.repeat_interleave(modes, 0)
    used = (torch.arange(dims, device=device) < sizes[mode, None]).to(x.dtype)

    def evaluate(rows: Tensor, unit: Tensor) -> Tensor:
        return _log_likelihood(mixture, mode[rows], unit, x[rows], y[rows])

    rows = torch.arange(len(mode), device=device)
    unit = torch.where(used[:, None] > 0, _sobol(budget.first, dims, seed).to(device), 0.5)
    likelihood = evaluate(rows, unit)
    now = _Sample(unit, likelihood, torch.zeros_like(likelihood))
    done = None
    for turn in range(budget.rounds):
        weight = _clip(now.log_weight, budget.drawn // 16)
        index = _resample(weight, budget.drawn // 4)
        chosen = now.unit.gather(1, index[..., None].expand(-1, -1, dims))
        mean, factor = _fit(chosen, used[rows], budget.components, budget.fits)

        noise, prior = (z.to(device) for z in _student(budget, dims, seed + 1 + turn))
        unit = (mean[:, :, None] + noise @ factor.mT).flatten(1, 2)
        unit = torch.cat([unit, prior.expand(len(rows), -1, -1)], 1)
        unit = torch.where(used[rows, None] > 0, unit, 0.5)
        density, _ = _density(_monomials(unit), mean, factor, used[rows].sum(-1))
        proposal = ((density.sum(1) + 1) / (budget.components + 1)).log()
        now = _Sample(unit, evaluate(rows, unit), proposal)
        if done is None:
            done = now
        else:
            for all_rows, new in zip(done, now, strict=True):
                all_rows[rows] = new

        # Go on where the weights are uneven, unless the mode is out of the question: the evidence
        # is below the highest likelihood seen.
        log_evidence = done.log_weight.logsumexp(-1) - math.log(budget.drawn)
        best = log_evidence.unflatten(0, (-1, modes)).amax(-1).repeat_interleave(modes)
        wanted = (_ess(done.log_weight) < budget.target)
        if turn >= 2:
            wanted &= done.log_likelihood.amax(-1) > best - 16
        rows = wanted.nonzero()[:, 0]
        if len(rows) == 0:
            break
        now = _Sample(*(value[rows] for value in done))
    return done


def _check(mixture: Mixture, support: Examples, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Support x, y `(tasks, K)` and x `(tasks, Q)` in float64, or ValueError."""
    support.check()
    if support.x.shape[2] != 1 or support.y.shape[2] != 1 or x.shape[::2] != (len(support.x), 1):
        raise ValueError(
            "floors are for functions of one variable: expected x and y (tasks, points, 1), got "
            f"{tuple(support.x.shape)}, {tuple(support.y.shape)} and {tuple(x.shape)}"
        )
    if not torch.isfinite(x).all():
        raise ValueError("the points to predict at hold NaN or infinite values")
    return support.x[..., 0].double(), support.y[..., 0].double(), x[..., 0].double()


def _posterior(mixture: Mixture, support: Examples, x: Tensor, budget: Budget, seed: int):
    """Curves `(tasks, modes, n, Q)`, weights `(tasks, modes, n)`, log evidence, ESS `(tasks, modes)`."""
    xs, ys, x = _check(mixture, support, x)
    if mixture.noise == 0:
        raise ValueError(
            "without noise the posterior is a single point (or none) and cannot be sampled: "
            "give the mixture a small noise instead, e.g. noise=0.01"
        )
    modes = len(mixture.families)
    sample = _sample(mixture, xs, ys, budget, seed)
    mode = torch.arange(modes, device=x.device).repeat(len(x))
    curves = _curves(mixture, mode, sample.unit, x.repeat_interleave(modes, 0)).nan_to_num_()
    log_weight = sample.log_weight
    values = curves, log_weight.softmax(-1), log_weight.logsumexp(-1), _ess(log_weight)
    curves, weight, total, ess = (value.unflatten(0, (-1, modes)) for value in values)
    return curves, weight, total - math.log(budget.drawn), ess


def bayes(
    mixture: Mixture,
    tasks: Tasks,
    x: Tensor | None = None,
    budget: Budget = Budget(),  # noqa: B008 (frozen)
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Posterior:
    """Bayes-optimal predictor: the mean of all functions, weighted by how well they explain the labels.

    x `(tasks, Q, 1)`, by default the query points. A task's result does not depend on the others in
    the batch. `progress(done, tasks)` is called now and then. Raises ValueError for a mixture
    without noise and for points that are not finite.
    """
    x = tasks.query.x if x is None else x
    most = 4096 * 8 // max(8, tasks.support.x.shape[1], x.shape[1])
    size = max(1, min(32, most * 32 // budget.drawn // len(mixture.families)))
    parts = []
    for rows in torch.arange(len(tasks)).split(size):
        part = tasks[rows]
        curves, weight, evidence, ess = _posterior(mixture, part.support, x[rows], budget, seed)
        means = (weight[..., None, :] @ curves)[..., 0, :]
        probability = evidence.softmax(-1)  # the modes have equal shares
        mean = (probability[..., None] * means).sum(1)
        known = means[torch.arange(len(part)), part.mode]
        parts.append(Posterior(mean, known, means, probability, evidence, ess))
        if progress is not None:
            progress(int(rows[-1]) + 1, len(tasks))
    return Posterior(*map(torch.cat, zip(*parts, strict=True)))


def live_posterior(mixture: Mixture, support: Examples, x: Tensor, seed: int = 0) -> Live:
    """Posterior of one task in some 20 ms: support of one task `(1, K, 1)`, x `(grid,)`, any range.

    The band holds 90 % of the noise-free functions at each point (add the noise for labels).
    """
    curves, weight, evidence, _ = _posterior(mixture, support, x[None, :, None], LIVE, seed)
    probability = evidence[0].softmax(-1)
    joint = (probability[:, None] * weight[0]).flatten()
    drawn = curves[0].flatten(0, 1)[_resample(joint[None], 400)[0]].T.contiguous()
    ordered = drawn.sort(dim=-1).values
    return Live(drawn.mean(-1), ordered[:, 20], ordered[:, -21], probability)


def moments(mixture: Mixture, x: Tensor, points: int = 8192, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Mean `(grid,)` and covariance `(grid, grid)` of the mixture's functions on x `(grid,)`."""
    mean, second = 0.0, 0.0
    for family in mixture.families:
        unit = _sobol(points, len(family.priors), seed).to(x.device)
        y = family(x.double(), family.draw(unit))  # (points, grid)
        mean = mean + y.mean(0) / len(mixture.families)
        second = second + y.T @ y / points / len(mixture.families)
    return mean, second - mean[:, None] * mean


def label_linear(mixture: Mixture, tasks: Tasks, x: Tensor | None = None, grid: int = 401) -> Tensor:
    """Best predictor that is linear in the labels: m(x) + C(x, X) (C(X, X) + noise^2)^-1 (y - m(X)).

    The floor of linearised MAML. Functions are joined by straight lines between `grid` points.
    x `(tasks, Q, 1)`, by default the query points -> `(tasks, Q)`.
    """
    xs, ys, x = _check(mixture, tasks.support, tasks.query.x if x is None else x)
    low = min(mixture.domain[0], float(xs.min()), float(x.min()))
    high = max(mixture.domain[1], float(xs.max()), float(x.max()))
    knots = torch.linspace(low, high, grid, dtype=torch.float64, device=x.device)
    mean, covariance = moments(mixture, knots)
    everywhere = torch.cat([xs, x], 1)
    place = (everywhere - low) / (high - low) * (grid - 1)
    left = place.floor().long().clamp(max=grid - 2)
    share = place - left
    m = mean[left] * (1 - share) + mean[left + 1] * share

    def mix(a: Tensor, b: Tensor) -> Tensor:
        """Covariance between knots a `(tasks, n)` and b `(tasks, m)`: `(tasks, n, m)`."""
        return covariance[a[:, :, None], b[:, None, :]]

    k = xs.shape[1]
    row, column = share[:, :, None], share[:, None, :k]
    near = left[:, :k]
    c = (1 - row) * ((1 - column) * mix(left, near) + column * mix(left, near + 1))
    c = c + row * ((1 - column) * mix(left + 1, near) + column * mix(left + 1, near + 1))
    noise = (mixture.noise**2 + 1e-9) * torch.eye(k, dtype=c.dtype, device=c.device)
    solved = torch.linalg.solve(c[:, :k] + noise, (ys - m[:, :k])[..., None])
    return m[:, k:] + (c[:, k:] @ solved)[..., 0]


def floors(
    mixture: Mixture,
    tasks: Tasks,
    budget: Budget = Budget(),  # noqa: B008 (frozen)
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Tensor]:
    """Squared error of each floor on each task `(tasks,)`, against the noisy labels of the queries.

    "bayes" (mode unknown), "bayes_mode_known", "label_linear"; and "mode_right": whether the most
    probable mode is the true one.
    """
    posterior = bayes(mixture, tasks, None, budget, seed, progress)
    y = tasks.query.y[..., 0].double()
    return {
        "bayes": (posterior.mean - y).square().mean(-1),
        "bayes_mode_known": (posterior.mean_mode_known - y).square().mean(-1),
        "label_linear": (label_linear(mixture, tasks) - y).square().mean(-1),
        "mode_right": (posterior.probability.argmax(-1) == tasks.mode).double(),
    }
