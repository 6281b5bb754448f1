"""Accuracy of trained learners on many test episodes, stage by stage, in both normalisations."""

from collections.abc import Iterator

import torch
from torch import Tensor

from mmaml_lite.characters.domain import episodes
from mmaml_lite.characters.episodes import Episodes
from mmaml_lite.characters.learner import CharacterLearner
from mmaml_lite.characters.settings import CharacterSettings

TEST_EPISODES = 2_000
TEST_SEED = 1812_07172  # apart from every training seed


def queries_for(ways: int) -> int:
    """Queries of each class: 15, and 5 where there are 20 classes or more, 100 a task still."""
    return 15 if ways < 20 else 5


def shared_episodes(
    settings: CharacterSettings,
    count: int = TEST_EPISODES,
    part: str = "test",
    chunk: int = 50,
) -> Iterator[Episodes]:
    """The shared test episodes of a setting, some at a time: made on the CPU, the same for all.

    Characters of the split's test part, turned as in training, as in MAML's code. With more than
    one source, every chunk has its share of each.
    """
    generator = torch.Generator().manual_seed(TEST_SEED)
    for first in range(0, count, chunk):
        tasks = min(chunk, count - first)
        yield episodes(settings, tasks, generator, part, queries_for(settings.ways))


@torch.no_grad()
def accuracies(
    learner: CharacterLearner,
    batches: Iterator[Episodes],
    steps: int | None = None,
    normalisation: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Share of right answers of every episode at every stage `(steps + 1, episodes)`, and modes.

    Stage 0 is post modulation (MAML: the initial network), the last one post adaptation.
    normalisation: another one than in training. Both results are on the CPU.
    """
    device = next(learner.parameters()).device
    found, modes = [], []
    for part in (part for batch in batches for part in batch.to(device).pieces()):
        logits = learner(part.support, part.query.x, None, steps, normalisation=normalisation)
        found.append((logits.argmax(-1) == part.query.y).float().mean(-1).cpu())
        modes.append(part.mode.cpu())
    return torch.cat(found, 1), torch.cat(modes)
