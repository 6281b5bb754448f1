"""Where drawings come from: Omniglot, invented strokes, and either with its ink inverted."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, Protocol

import torch
from torch import Generator, Tensor

from mmaml_lite.characters import DRAWINGS, SIDE, omniglot, strokes
from mmaml_lite.characters.splits import PARTS, split
from mmaml_lite.core.registry import Registry


class Drawn(NamedTuple):
    """ink `(tasks, N, K + Q, 28, 28)`, 0 to 1; character `(tasks, N)`, its number in the source."""

    ink: Tensor
    character: Tensor


class Source(Protocol):
    """What draws the images of episodes; support and queries are different drawings."""

    def draw(self, tasks: int, ways: int, shots: int, queries: int, generator: Generator) -> Drawn:
        """Draw N different characters for each task, K + Q times each; ValueError if it cannot."""
        ...


@lru_cache(maxsize=4)
def turned(device: torch.device) -> Tensor:
    """Where the pixels of an image, turned by 0, 90, 180, 270 degrees, come from `(4, 784)`."""
    pixels = torch.arange(SIDE * SIDE, device=device).view(SIDE, SIDE)
    return torch.stack([pixels.rot90(k).flatten() for k in range(4)])


class Pages:
    """Drawings that are there already: ink `(characters, 20, 28, 28)` uint8 from 0 to 15.

    chosen: the characters to draw from; rotations: turn each class of each task by a random
    multiple of 90 degrees, as a class of its own (all its drawings alike, as MAML does; a task
    never holds one character twice). A class is known as 4 * character + quarter turns.
    """

    def __init__(self, ink: Tensor, chosen: Tensor, rotations: bool = True):
        self.ink = ink.flatten(-2).flatten(0, 1)  # (characters * 20, 784)
        self.drawings, self.rotations = ink.shape[1], rotations
        self.chosen = chosen.to(ink.device)

    def draw(self, tasks: int, ways: int, shots: int, queries: int, generator: Generator) -> Drawn:
        """As `Source.draw`, by indexing."""
        device, each = generator.device, shots + queries
        if ways > len(self.chosen):
            raise ValueError(f"{ways} ways need {ways} characters, here are {len(self.chosen)}")
        if each > self.drawings:
            raise ValueError(
                f"{shots} shots and {queries} queries make {each} drawings of a character, "
                f"there are {self.drawings}"
            )

        def distinct(rows: tuple[int, ...], among: int, count: int) -> Tensor:
            return torch.rand(*rows, among, generator=generator, device=device).topk(count).indices

        character = self.chosen[distinct((tasks,), len(self.chosen), ways)]
        drawing = distinct((tasks, ways), self.drawings, each)
        ink = self.ink[character[..., None] * self.drawings + drawing]  # (tasks, N, K + Q, 784)
        turns = torch.zeros_like(character)
        if self.rotations:
            turns = torch.randint(4, (tasks, ways), generator=generator, device=device)
            pixels = turned(device)[turns].unsqueeze(2).expand(-1, -1, each, -1)
            ink = ink.gather(-1, pixels)
        ink = ink.float().div_(omniglot.LEVELS)
        return Drawn(ink.view(tasks, ways, each, SIDE, SIDE), 4 * character + turns)


class Invented:
    """Characters made up as they are needed; every episode has new ones, known as -1."""

    def draw(self, tasks: int, ways: int, shots: int, queries: int, generator: Generator) -> Drawn:
        """As `Source.draw`, with as many drawings of a character as in Omniglot at most."""
        if (each := shots + queries) > DRAWINGS:
            raise ValueError(
                f"{shots} shots and {queries} queries make {each} drawings of a character, "
                f"Omniglot has {DRAWINGS}, so its stand-in has no more"
            )
        drawn = strokes.redraw(strokes.invent(tasks * ways, generator).repeated(each), generator)
        unknown = torch.full((tasks, ways), -1, device=generator.device)
        return Drawn(drawn.view(tasks, ways, each, SIDE, SIDE), unknown)


class Inverted:
    """Another source with ink and paper exchanged: white on black."""

    def __init__(self, source: Source):
        self.source = source

    def draw(self, tasks: int, ways: int, shots: int, queries: int, generator: Generator) -> Drawn:
        """As `Source.draw`."""
        drawn = self.source.draw(tasks, ways, shots, queries, generator)
        return Drawn(1 - drawn.ink, drawn.character)


INVERTED = "inverted_"
CPU = torch.device("cpu")

# What makes a source: (part, kind of split, rotations, device) -> Source. Each is there with its
# ink inverted as well, as "inverted_<name>".
SOURCES: Registry[Callable[[str, str, bool, torch.device], Source]] = Registry(
    "source", f", each also as {INVERTED}<name> (one of your own: register_source)"
)


def register_source(name: str) -> Callable:
    """Register the decorated `(part, kind, rotations, device) -> Source` as a source of drawings.

    Raises ValueError for a name that is taken or that the name of a setting could not hold.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name.startswith(INVERTED):
        raise ValueError(f"a source's name has small letters, digits and _, not {name!r}")
    return lambda make: SOURCES.add(name, make)


@lru_cache(maxsize=2)
def _omniglot_on(device: torch.device) -> omniglot.Omniglot:
    return omniglot.load().to(device)


@lru_cache(maxsize=16)
def source(
    name: str,
    part: str = "train",
    kind: str = "characters",
    rotations: bool = True,
    device: torch.device = CPU,
) -> Source:
    """A source by name, for a part of its characters; kept, so that asking again costs nothing.

    part: train, validation or test; kind: of the split (both for Omniglot: invented characters are
    new in every episode). Raises ValueError for unknown names, OmniglotMissing without the data.
    """
    if part not in PARTS:
        raise ValueError(f"unknown part {part!r}: known are {', '.join(PARTS)}")
    if name.startswith(INVERTED):
        return Inverted(source(name.removeprefix(INVERTED), part, kind, rotations, device))
    return SOURCES[name](part, kind, rotations, device)


@register_source("omniglot")
def real(part: str, kind: str, rotations: bool, device: torch.device) -> Pages:
    """The characters of a part of Omniglot."""
    data = _omniglot_on(device)
    return Pages(data.ink, split(data, kind)[part], rotations)


@register_source("strokes")
def invented(part: str, kind: str, rotations: bool, device: torch.device) -> Invented:
    """New characters in every episode, whatever the part."""
    return Invented()


def default(tell: Callable[[str], None] = print) -> str:
    """The best source at hand: omniglot or, after saying why, strokes."""
    try:
        _omniglot_on(CPU)
    except omniglot.OmniglotMissing as error:
        tell(f"{error}\nGoing on with invented characters.")
        return "strokes"
    return "omniglot"
