"""The posterior over the mode and the parameters of a task, as weighted points."""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.quasirandom import SobolEngine

from mmaml_lite.regression.tasks import Mixture

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


def curves_at(mixture: Mixture, mode: Tensor, unit: Tensor, x: Tensor) -> Tensor:
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
def sobol(points: int, dims: int, seed: int) -> Tensor:
    """Scrambled Sobol points of the open unit cube `(points, dims)`, float64."""
    draw = SobolEngine(dims, scramble=True, seed=seed).draw(points, dtype=torch.float64)
    return draw.clamp(1e-12, 1 - 1e-12)


def _student(budget: Budget, dims: int, seed: int) -> tuple[Tensor, Tensor]:
    """Standard Student-t points `(components, points, dims)` and prior points `(points, dims)`."""
    unit = sobol(budget.drawn, dims + 2, seed).unflatten(0, (budget.points, -1)).transpose(0, 1)
    normal = torch.special.ndtri(unit[1:, :, :dims])
    square = -2 * unit[1:, :, dims:].log().sum(-1, keepdim=True)  # chi-squared, 4 degrees
    return normal * (TAIL / square).sqrt(), unit[0, :, :dims]


def effective(log_weight: Tensor) -> Tensor:
    """Effective sample size: `(..., n)` -> `(...,)`."""
    return 1 / log_weight.softmax(-1).square().sum(-1)


def resample(weight: Tensor, size: int) -> Tensor:
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


def sample_posterior(mixture: Mixture, x: Tensor, y: Tensor, budget: Budget, seed: int):
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
        residual = (curves_at(mixture, mode[rows], unit, x[rows]) - y[rows, None]) / mixture.noise
        outside = ((unit < 0) | (unit >= 1)).any(-1)
        return (-0.5 * residual.square().sum(-1) - constant).masked_fill_(outside, -math.inf)

    rows = torch.arange(len(mode), device=device)
    unit = torch.where(used[:, None] > 0, sobol(budget.first, size, seed).to(device), 0.5)
    weight = likelihood(rows, unit)
    best = weight.amax(-1)
    points = unit.new_empty(len(mode), budget.drawn, size)
    weights = unit.new_empty(len(mode), budget.drawn)
    for turn in range(budget.rounds):
        even = weight.minimum(weight.topk(budget.drawn // 32).values[:, -1:]).softmax(-1)
        chosen = resample(even, budget.drawn // 4)[..., None].expand(-1, -1, size)
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
        wanted = effective(weights) < budget.target
        if turn >= 2:
            wanted &= best > evidence.amax(-1).repeat_interleave(modes) - 16
        rows = wanted.nonzero()[:, 0]
        if len(rows) == 0:
            break
        unit, weight = points[rows], weights[rows]
    return mode, points, weights
