"""Modulation: how a task's vector tau_i acts on block i, phi_i = theta_i (.) tau_i (paper, eq. 2).

Every modulation reads the raw output e of a linear head and makes tau `(..., rows, units)` of it:
row 0 scales the units' pre-activations z, row 1, where there is one, shifts them. So one function,
`modulate`, applies them all, and a new modulation is one small function.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mmaml_lite.core.registry import Registry


@dataclass(frozen=True)
class Modulation:
    """`vector` maps head outputs `(..., rows * units)` to tau `(..., rows, units)`."""

    name: str
    rows: int
    vector: Callable[[Tensor], Tensor]


MODULATIONS: Registry[Modulation] = Registry("modulation")


def register_modulation(name: str, rows: int) -> Callable:
    """Register the decorated `e (..., rows * units) -> tau (..., rows, units)` under `name`."""

    def register(vector: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        if rows not in (1, 2):
            raise ValueError(f"rows must be 1 (scale) or 2 (scale and shift), got {rows}")
        MODULATIONS.add(name, Modulation(name, rows, vector))
        return vector

    return register


@register_modulation("film", rows=2)
def film(e: Tensor) -> Tensor:
    """gamma = 1 + e_gamma, beta = e_beta: an untrained head leaves the network nearly as it is."""
    gamma, beta = e.chunk(2, dim=-1)
    return torch.stack([1 + gamma, beta], dim=-2)


@register_modulation("scale", rows=1)
def scale(e: Tensor) -> Tensor:
    """FiLM without its shift, as in the follow-up paper's reinforcement learning."""
    return 1 + e.unsqueeze(-2)


@register_modulation("sigmoid", rows=1)
def sigmoid(e: Tensor) -> Tensor:
    """A gate in (0, 1) for each unit, independent of the others."""
    return torch.sigmoid(e).unsqueeze(-2)


@register_modulation("softmax", rows=1)
def softmax(e: Tensor) -> Tensor:
    """Gates that sum to one: the units of a block compete for attention."""
    return torch.softmax(e, dim=-1).unsqueeze(-2)


def modulate(z: Tensor, tau: Tensor | Sequence[Tensor] | None) -> Tensor:
    """Scale, and shift with a second row: z `(..., points, units)`, tau `(..., rows, units)`.

    tau may come as its rows, `(..., 1, units)` each. None leaves z alone: modulation off is an
    ordinary network, its activation still in place.
    """
    if tau is None:
        return z
    factor, *shift = tau.split(1, dim=-2) if isinstance(tau, Tensor) else tau
    return torch.addcmul(shift[0], factor, z) if shift else factor * z


def variation(values: Tensor | Mapping[int, Tensor]) -> float:
    """How much a tau, or an embedding, differs between tasks, relative to its own size: 0 to 1.

    The root mean square of what a task has beside the mean over tasks, divided by the root mean
    square of all: 0 means the same for every task, 1 that nothing is common to them. `(tasks, ...)`
    or the tau_i of all blocks, joined. All modulations are measured alike: their rows 0 multiply.
    """
    parts = values.values() if isinstance(values, Mapping) else [values]
    joined = torch.cat([part.flatten(1) for part in parts], dim=1).double()  # (tasks, numbers)
    own = joined - joined.mean(0)
    whole = joined.square().mean().sqrt().item()
    return own.square().mean().sqrt().item() / whole if whole else 0.0
