"""Accuracy of trained learners on many test episodes, stage by stage, in both normalisations."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from mmaml_lite.characters import DRAWINGS
from mmaml_lite.characters.domain import METHODS, RECIPES, episodes, named, setting_of
from mmaml_lite.characters.learner import CharacterLearner
from mmaml_lite.characters.settings import CharacterSettings
from mmaml_lite.characters.tasks import Episodes
from mmaml_lite.core import zoo
from mmaml_lite.core.domain import build
from mmaml_lite.core.evaluation import TEST_SEED

TEST_EPISODES = 2_000


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


def first_of(setting: str) -> str:
    """The setting of 5 ways and 1 shot with the same drawings; ValueError for an unknown name."""
    return setting_of(named(setting, "maml").replace(ways=5, shots=1))


def rebuilt(model: zoo.Model, **changes: Any) -> zoo.Model:
    """The same weights under changed settings; step sizes begin as those settings have them."""
    learner = build(model.settings.replace(**changes))
    fresh = {n: t for n, t in learner.state_dict().items() if n == "log_step_sizes"}
    learner.load_state_dict(model.learner.state_dict() | fresh)
    learner = learner.to(next(model.learner.parameters()).device).eval()
    return dataclasses.replace(model, learner=learner, settings=learner.settings)


def dealt(model: zoo.Model, ways: int, shots: int) -> zoo.Model:
    """The same weights for tasks of another number of characters and examples.

    Step sizes are those that the recipe begins with for such tasks. Raises ValueError for weights
    with a learned output layer, whose rows are counted.
    """
    s = model.settings
    if not s.any_ways:
        raise ValueError(f"{model.name} has a learned output layer for {s.ways} ways")
    method = METHODS[s.method].settings
    recipe = RECIPES[s.recipe](method, ways=ways, shots=shots, sources=s.sources)
    output, queries = recipe.get("output_step_size"), min(s.queries, DRAWINGS - shots)
    return rebuilt(model, ways=ways, shots=shots, queries=queries, output_step_size=output)
