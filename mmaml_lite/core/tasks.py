"""A batch of few-shot tasks, stacked on a leading task axis."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class Examples(NamedTuple):
    """Labelled points of tasks: x `(tasks, points, features)`, y `(tasks, points, outputs)`."""

    x: Tensor
    y: Tensor

    def check(self) -> "Examples":
        """Return self; raise ValueError when shapes do not match or a value is not finite."""
        if self.x.ndim != 3 or self.y.ndim != 3 or self.x.shape[:2] != self.y.shape[:2]:
            raise ValueError(
                "expected x (tasks, points, features) and y (tasks, points, outputs) with equal "
                f"tasks and points, got x {tuple(self.x.shape)} and y {tuple(self.y.shape)}"
            )
        if self.x.shape[1] == 0:
            raise ValueError("a task needs at least one example (K >= 1), got none")
        if not (torch.isfinite(self.x).all() and torch.isfinite(self.y).all()):
            raise ValueError(
                "the examples hold NaN or infinite values: remove or replace those points, "
                "a single one would spoil the gradient of its whole task"
            )
        return self


@dataclass(frozen=True)
class Tasks:
    """A meta-batch: what each task shows (support), what it asks (query), and where it came from.

    support: x `(tasks, K, features)`, y `(tasks, K, outputs)`, noise included.
    query: x `(tasks, Q, features)`, y `(tasks, Q, outputs)`, noise included.
    mode: `(tasks,)` int64, the index of the task's family; only oracles may read it.
    parameters: `(tasks, P)`, the task's own parameters, zero-padded to the longest family.
    """

    support: Examples
    query: Examples
    mode: Tensor
    parameters: Tensor

    def __len__(self) -> int:
        return len(self.mode)

    def __getitem__(self, index: slice | Tensor) -> "Tasks":
        """Select tasks by a slice, a boolean mask or indices (an index keeps the task axis)."""
        return Tasks(
            Examples(self.support.x[index], self.support.y[index]),
            Examples(self.query.x[index], self.query.y[index]),
            self.mode[index],
            self.parameters[index],
        )

    def to(self, *args, **kwargs) -> "Tasks":
        """Move and cast like `Tensor.to`; the mode keeps its integer type."""
        target = self.support.x.to(*args, **kwargs)

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(target.device, target.dtype)

        return Tasks(
            Examples(move(self.support.x), move(self.support.y)),
            Examples(move(self.query.x), move(self.query.y)),
            self.mode.to(target.device),
            move(self.parameters),
        )
