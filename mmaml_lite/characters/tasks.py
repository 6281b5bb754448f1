"""Episodes: N-way, K-shot tasks of characters, all of a meta-batch at once, by indexing.

An episode shows K drawings of each of N characters (the support set) and asks to which of the N
some other drawings belong (the query set). Labels are the numbers 0 to N - 1, given anew in every
episode, so a character's number tells nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from mmaml_lite.characters import SIDE
from mmaml_lite.characters.sources import Source


class Images(NamedTuple):
    """Labelled images of tasks: x `(tasks, images, 1, 28, 28)`, ink 0 to 1; y `(tasks, images)`."""

    x: Tensor
    y: Tensor

    def check(self) -> "Images":
        """Return self; raise ValueError that names the first image that cannot be used."""
        shape = tuple(self.x.shape)
        if self.x.ndim != 5 or shape[2] != 1 or shape[:2] != tuple(self.y.shape):
            raise ValueError(
                f"expected images (tasks, images, 1, {SIDE}, {SIDE}) and one label for each, "
                f"got {shape} and {tuple(self.y.shape)}"
            )
        if shape[3:] != (SIDE, SIDE):
            raise ValueError(
                f"images must be {SIDE} x {SIDE} pixels, got {shape[3]} x {shape[4]}: resize them"
            )
        if shape[1] == 0:
            raise ValueError("a task needs at least one image, got none")
        if not torch.isfinite(self.x).all():
            raise ValueError("the images hold NaN or infinite values")
        flat = self.x.flatten(2)
        empty = (flat.amax(-1) - flat.amin(-1) < 0.05).nonzero()
        if len(empty):
            task, image = empty[0].tolist()
            raise ValueError(f"image {image} of task {task} is empty: draw something on it")
        return self


@dataclass(frozen=True)
class Episodes:
    """A meta-batch: support and query images, each class's identity, each task's mode.

    support: N * K images, class after class; query: N * Q images, class after class; character:
    `(tasks, N)`, what the source knows the classes by; mode `(tasks,)`, the index of the source.
    """

    support: Images
    query: Images
    character: Tensor
    mode: Tensor

    def __len__(self) -> int:
        return len(self.mode)

    def __getitem__(self, index: slice) -> "Episodes":
        """Some of the tasks."""
        return Episodes(
            Images(*(t[index] for t in self.support)),
            Images(*(t[index] for t in self.query)),
            self.character[index],
            self.mode[index],
        )

    def pieces(self, images: int | None = None) -> Iterator["Episodes"]:
        """The same tasks in pieces of at most so many images, but a task at least.

        By default 200 on a CPU, where larger tensors do not fit its caches and are fetched anew
        from the system each time (5-way 5-shot, 32 tasks: 95 ms a task in one piece, 35 ms in
        pieces), and 20,000 on a GPU.
        """
        device = self.mode.device
        most = images or (200 if device.type == "cpu" else 20_000)
        tasks = max(1, most // (self.support.y.shape[1] + self.query.y.shape[1]))
        for first in range(0, len(self), tasks):
            yield self[first : first + tasks]

    @property
    def ways(self) -> int:
        """N, the classes of each task."""
        return self.character.shape[1]

    def to(self, device: torch.device | str) -> "Episodes":
        """The same episodes on a device."""
        return Episodes(
            Images(*(t.to(device) for t in self.support)),
            Images(*(t.to(device) for t in self.query)),
            self.character.to(device),
            self.mode.to(device),
        )


def sample(
    sources: Sequence[Source],
    tasks: int,
    ways: int,
    shots: int,
    queries: int,
    generator: Generator,
) -> Episodes:
    """Draw a meta-batch on the generator's device; sources share the tasks equally, in order.

    queries: of each class. Raises ValueError for too few classes, drawings or tasks.
    """
    for name, value, least in (("ways", ways, 2), ("shots", shots, 1), ("queries", queries, 1)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    if tasks < len(sources):
        raise ValueError(f"{tasks} tasks cannot hold {len(sources)} sources in equal shares")
    mode = torch.arange(tasks) * len(sources) // tasks
    counts = mode.bincount(minlength=len(sources)).tolist()
    parts = [
        source.draw(count, ways, shots, queries, generator)
        for source, count in zip(sources, counts, strict=True)
    ]
    drawn = torch.cat([part.ink for part in parts]).unsqueeze(3)  # (tasks, N, K + Q, 1, 28, 28)
    labels = torch.arange(ways, device=generator.device)

    def images(drawings: Tensor) -> Images:
        each = drawings.shape[2]
        return Images(
            drawings.flatten(1, 2), labels.repeat_interleave(each).expand(tasks, -1).contiguous()
        )

    return Episodes(
        images(drawn[:, :, :shots]),
        images(drawn[:, :, shots:]),
        torch.cat([part.character for part in parts]),
        mode.to(generator.device),
    )


def own_task(support: Tensor, labels: Tensor, queries: Tensor) -> tuple[Images, Tensor]:
    """A task of somebody's own drawings: support `(n, 28, 28)`, labels `(n,)`, queries `(q, ...)`.

    Returns what a learner takes, with a task axis: the support images and the queries
    `(1, q, 1, 28, 28)`. Raises ValueError for another size, an empty canvas, missing labels.
    """
    labels = torch.as_tensor(labels)
    seen = labels.unique()
    if len(seen) < 2 or not torch.equal(seen, torch.arange(len(seen))):
        raise ValueError(f"labels must be 0, 1, ... with one image each at least, got {labels}")
    shown = Images(support[None, :, None], labels[None]).check()
    asked = Images(queries[None, :, None], torch.zeros(1, len(queries), dtype=torch.long)).check()
    return shown, asked.x
