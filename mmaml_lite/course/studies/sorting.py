"""Sorting drawings, human against machine: deals, the machines' answers, scores, confusions.

A deal shows K drawings of each of N characters, and asks of new drawings, one after the other, to
which of the N they belong: an episode of the test part, the same for everyone who plays.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from mmaml_lite.characters import omniglot
from mmaml_lite.characters.domain import named
from mmaml_lite.characters.sources import source
from mmaml_lite.characters.tasks import Images, sample
from mmaml_lite.core import zoo

QUESTIONS = 10  # new drawings in a deal
EACH = 4  # of each character among which they are drawn: nobody can count what is left


@dataclass(frozen=True)
class Deal:
    """examples `(N, K, 28, 28)` and drawings `(Q, 28, 28)`, ink 0 to 1; truth: Q class numbers.

    number: of the deal, from 1 (0 is the example of the static page); source: its drawings'.
    """

    setting: str
    number: int
    source: str
    examples: Tensor
    drawings: Tensor
    truth: tuple[int, ...]

    @property
    def ways(self) -> int:
        """N, the characters to tell apart."""
        return len(self.examples)


class Answers(NamedTuple):
    """A player's answers so far, class numbers, and the seconds that each one took."""

    picks: tuple[int, ...]
    seconds: tuple[float, ...]

    def first(self, count: int) -> "Answers":
        """The answers to the first drawings alone."""
        return Answers(self.picks[:count], self.seconds[:count])


NOTHING = Answers((), ())
Key = tuple[int, int]  # of a deal: ways, number


class Mistake(NamedTuple):
    """A drawing, by its place in the deal, that somebody took for another character."""

    drawing: int
    truth: int
    picks: dict[str, int]  # of every player who has answered


class Score(NamedTuple):
    """How many were right, of how many."""

    right: int
    of: int


def at_hand(setting: str) -> tuple[str, str]:
    """The setting itself, or the same with invented characters where Omniglot is not at hand.

    And a word on that, else "". Raises ValueError for an unknown setting.
    """
    sources = named(setting, "maml").sources
    try:
        for name in sources:
            source(name, "test")
    except omniglot.OmniglotMissing:
        invented = dict.fromkeys(name.replace("omniglot", "strokes") for name in sources)
        rest = setting.removeprefix("+".join(sources)).removesuffix("-alphabets")
        return "+".join(invented) + rest, (
            "Omniglot is not at hand here: invented characters take its place."
        )
    return setting, ""


def with_ways(setting: str, ways: int) -> str:
    """The same setting with another number of characters: omniglot-20way-1shot."""
    return setting.replace(f"-{named(setting, 'maml').ways}way-", f"-{ways}way-")


def deal(setting: str, seed: int, number: int) -> Deal:
    """The `number`-th deal of the sequence that belongs to `seed`, of characters nobody trained on.

    With several sources they take turns. Raises ValueError for an unknown setting,
    OmniglotMissing without the data.
    """
    s = named(setting, "maml")
    generator = torch.Generator().manual_seed(1_000_003 * seed + number)
    name = s.sources[number % len(s.sources)]
    drawn = sample(
        [source(name, "test", s.split, s.rotations)], 1, s.ways, s.shots, EACH, generator
    )
    asked = torch.randperm(s.ways * EACH, generator=generator)[:QUESTIONS]
    return Deal(
        setting,
        number,
        name,
        drawn.support.x[0, :, 0].unflatten(0, (s.ways, s.shots)),
        drawn.query.x[0, asked, 0],
        tuple(drawn.query.y[0, asked].tolist()),
    )


@torch.no_grad()
def machine(model: zoo.Model, deal: Deal) -> Answers:
    """What a trained model answers, after all its gradient steps on the examples.

    Its time, adapting included, is shared equally by the drawings.
    """
    ways, shots = deal.examples.shape[:2]
    labels = torch.arange(ways).repeat_interleave(shots)[None]
    shown = Images(deal.examples.flatten(0, 1)[None, :, None], labels)
    began = time.perf_counter()
    logits = model.learner(shown, deal.drawings[None, :, None], only_last=True)[-1, 0]
    each = (time.perf_counter() - began) / len(deal.truth)
    return Answers(tuple(logits.argmax(-1).tolist()), (each,) * len(deal.truth))


def by_deal(rows: Sequence[Sequence[float]]) -> dict[Key, Answers]:
    """Answers that came one by one, rows `[ways, deal, pick, seconds]`, deal by deal."""
    found: dict[Key, Answers] = {}
    for ways, number, pick, seconds in rows:
        before = found.get((ways, number), NOTHING)
        found[ways, number] = Answers((*before.picks, pick), (*before.seconds, seconds))
    return found


def score(deal: Deal, answers: Answers) -> Score:
    """How many of the answers are right."""
    right = sum(p == t for p, t in zip(answers.picks, deal.truth, strict=False))
    return Score(right, len(answers.picks))


def total(scores: Sequence[Score]) -> Score:
    """Several scores as one."""
    return Score(sum(s.right for s in scores), sum(s.of for s in scores))


def mistakes(truth: Sequence[int], picks: Mapping[str, Sequence[int]]) -> list[Mistake]:
    """The drawings that at least one player took for another character, in the deal's order."""
    found = []
    for i, right in enumerate(truth):
        here = {who: its[i] for who, its in picks.items() if i < len(its)}
        if any(pick != right for pick in here.values()):
            found.append(Mistake(i, right, here))
    return found


def interval(right: int, of: int) -> tuple[float, float]:
    """Between which shares of right answers the truth lies, with 95 % confidence (Wilson 1927)."""
    if not of:
        return 0.0, 1.0
    z, n, share = 1.96, of, right / of
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = ((middle + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    return max(low, 0.0), min(high, 1.0)
