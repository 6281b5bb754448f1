"""Tampering with tau: what a trained model does when its modulation is removed, averaged, swapped.

Every intervention is a tau to use instead of the encoder's; a learner takes it as `tau=`.
"""

import math
from collections.abc import Collection, Iterator

import torch
from torch import Tensor

from mmaml_lite.core import zoo
from mmaml_lite.core.networks import Tau, averaged
from mmaml_lite.core.tasks import Examples, Tasks
from mmaml_lite.regression.evaluation import errors


@torch.no_grad()
def own(model: zoo.Model, tasks: Tasks) -> Tau:
    """The tau that a model gives each task: tau_i `(tasks, rows, units)`."""
    return model.learner.modulate(model.learner.embed(tasks.support))


def without(tau: Tau, blocks: Collection[int]) -> Tau:
    """tau without some blocks, counted from 0: those are not modulated at all."""
    return {i: t for i, t in tau.items() if i not in blocks}


def reordered(tau: Tau, order: Tensor) -> Tau:
    """Task k gets the tau of task order[k]; order `(tasks,)`."""
    return {i: t[order] for i, t in tau.items()}


@torch.no_grad()
def between(model: zoo.Model, support: Examples, share: float) -> Tau:
    """Two tasks, each embedding moved a share of the way to the other's; 1 swaps them.

    support: x and y `(2, K, 1)`; upsilon is mixed, then tau made of it: tau_i `(2, rows, units)`.
    """
    upsilon = model.learner.embed(support)
    return model.learner.modulate(upsilon + share * (upsilon.flip(0) - upsilon))


def neighbours(mode: Tensor) -> tuple[Tensor, Tensor]:
    """For every task another one of its own mode, and one of the next mode; both `(tasks,)`."""
    within, across = torch.arange(len(mode)), torch.arange(len(mode))
    modes = [torch.nonzero(mode == m)[:, 0] for m in mode.unique()]
    if len(modes) < 2:
        raise ValueError("one mode alone: no task of another mode to take a tau from")
    for here, there in zip(modes, modes[1:] + modes[:1], strict=True):
        within[here] = here.roll(1)
        across[here] = there[torch.arange(len(here)) % len(there)]
    return within, across


def listed(model: zoo.Model, tasks: Tasks) -> Iterator[tuple[str, Tau]]:
    """The interventions of lesson 3's table: a name, and the tau that it puts in place."""
    tau = own(model, tasks)
    mean, blocks = averaged(tau), sorted(tau)
    within, across = neighbours(tasks.mode)
    yield "as trained", tau
    for block in blocks:
        yield f"off in layer {block + 1}", without(tau, [block])
    yield "τ off (all layers)", {}
    if model.learner.modulation.rows == 2:
        one, zero = torch.ones(()), torch.zeros(())
        yield "only γ (β = 0)", {i: _rows(t[:, 0], zero) for i, t in tau.items()}
        yield "only β (γ = 1)", {i: _rows(one, t[:, 1]) for i, t in tau.items()}
    yield "τ = its mean", mean
    yield "τ of another task, same mode", reordered(tau, within)
    yield "τ of a task of another mode", reordered(tau, across)


def _rows(scale: Tensor, shift: Tensor) -> Tensor:
    return torch.stack(torch.broadcast_tensors(scale, shift), dim=1)


def table(model: zoo.Model, tasks: Tasks) -> dict[str, Tensor]:
    """Query errors under every intervention, by its name: `(stages, tasks)` each."""
    return {name: errors(model.learner, tasks, tau=tau) for name, tau in listed(model, tasks)}


def median_interval(values: Tensor) -> tuple[float, float, float]:
    """Median with its 95 % interval (low, high) from the order statistics; values `(n,)`.

    With a wrong tau gradient steps run away on a few tasks, which no median minds.
    """
    ranked, n = values.nan_to_num(nan=math.inf).sort().values, len(values)
    half = 0.98 * math.sqrt(n)
    low, high = math.floor(n / 2 - half), math.ceil(n / 2 + half)
    ends = [ranked[min(max(k, 0), n - 1)].item() for k in (low, high)]
    return ranked[(n - 1) // 2].item(), *ends
