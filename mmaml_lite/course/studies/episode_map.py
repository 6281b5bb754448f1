"""Episodes whose traits are known, to ask what an embedding tells about an episode.

All characters of such an episode have a trait in common: the same number of strokes, the same
alphabet, the same quarter turn, the same ink. Traits are dealt independently of each other.
"""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from mmaml_lite.characters import strokes
from mmaml_lite.characters.learner import CharacterLearner
from mmaml_lite.characters.sources import Pages, source
from mmaml_lite.characters.tasks import Images
from mmaml_lite.core.statistics import neighbour_vote

ALPHABETS = 5  # of Omniglot that are shown, those with most characters in the test part
TURNS = ("upright", "a quarter turn", "upside down", "three quarters")
INKS = ("ink on paper", "inverted")
COUNTS = ("1 stroke", "2 strokes", "3 strokes", "4 strokes")


@dataclass(frozen=True)
class Trait:
    """label `(episodes,)`, an index into `names`, or -1 where an episode has none of them."""

    label: Tensor
    names: tuple[str, ...]

    def chance(self) -> float:
        """How often two episodes that have the trait share it."""
        share = self.label[self.label >= 0].bincount().float()
        return (share / share.sum()).square().sum().item()

    def vote(self, embedding: Tensor) -> float:
        """How often the nearest other episode, among those that have the trait, shares it."""
        has = self.label >= 0
        return neighbour_vote(embedding[has], self.label[has])


@dataclass(frozen=True)
class Crowd:
    """Support sets of episodes `(episodes, N K, 1, 28, 28)` and their traits, by name."""

    support: Images
    traits: dict[str, Trait]

    @torch.no_grad()
    def embedding(self, learner: CharacterLearner, chunk: int = 40) -> Tensor:
        """Task embeddings upsilon `(episodes, d)`."""
        rows = zip(self.support.x.split(chunk), self.support.y.split(chunk), strict=True)
        return torch.cat([learner.embed(Images(*part)) for part in rows])


def of_strokes(number: int, ways: int, generator: Generator) -> Tensor:
    """Images `(ways, 28, 28)` of invented characters with this many strokes."""
    found = strokes.invent(40 * ways, generator)
    while ((found.width > 0).sum(-1) == number).sum() < ways:
        found = strokes.invent(40 * ways, generator)
    chosen = ((found.width > 0).sum(-1) == number).nonzero()[:ways, 0]
    return strokes.redraw(strokes.Characters(*(part[chosen] for part in found)), generator)


def alphabets(ways: int) -> dict[str, Pages]:
    """The alphabets of Omniglot with most test characters, `ways` at least, as sources."""
    from mmaml_lite.characters import omniglot

    data, test = omniglot.load(), source("omniglot", "test")
    by_name: dict[str, list[int]] = {}
    for index in test.chosen.tolist():
        by_name.setdefault(data.alphabets[index], []).append(index)
    most = sorted(by_name, key=lambda name: (-len(by_name[name]), name))[:ALPHABETS]
    return {
        name.replace("_", " "): Pages(data.ink, torch.tensor(by_name[name]), rotations=False)
        for name in most
        if len(by_name[name]) >= ways
    }


def gather(count: int, ways: int, real: bool = False, seed: int = 0) -> Crowd:
    """Deal one-shot episodes; real: every second one from Omniglot, which has to be at hand.

    Raises OmniglotMissing where it is not.
    """
    generator = torch.Generator().manual_seed(9_000_000 + seed)

    def dealt(among: int) -> Tensor:
        return torch.randint(among, (count,), generator=generator)

    turn, ink, number = dealt(4), dealt(2), dealt(4)
    pages = alphabets(ways) if real else {}
    where = dealt(2 * len(pages)) if pages else torch.full((count,), -1)
    where = torch.where(where < len(pages), where, -1)  # half of them are invented
    images = []
    for i in range(count):
        if where[i] >= 0:
            drawn = list(pages.values())[where[i]].draw(1, ways, 1, 1, generator).ink[0, :, 0]
        else:
            drawn = of_strokes(int(number[i]) + 1, ways, generator)
        drawn = drawn.rot90(int(turn[i]), (-2, -1))
        images.append(1 - drawn if ink[i] else drawn)
    support = Images(
        torch.stack(images).unsqueeze(2), torch.arange(ways).expand(count, -1).contiguous()
    )
    invented = where < 0
    traits = {
        "strokes": Trait(torch.where(invented, number, -1), COUNTS),
        "ink": Trait(ink, INKS),
        "turn": Trait(turn, TURNS),
    }
    if pages:
        traits = {
            "source": Trait(invented.long(), ("Omniglot", "invented")),
            "alphabet": Trait(where, tuple(pages)),
        } | traits
    return Crowd(support, traits)
