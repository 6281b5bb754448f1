"""Characters as a domain: its names in the zoo, its methods, recipes and outer step.

A setting says where the drawings come from, ways and shots: "omniglot-5way-1shot",
"strokes-20way-5shot", "omniglot+inverted_omniglot-5way-1shot" (two modes). "-alphabets" behind it
takes the split by alphabets instead of MAML's.
"""

import re
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F

from mmaml_lite.characters.learner import CharacterLearner
from mmaml_lite.characters.settings import CharacterSettings
from mmaml_lite.characters.sources import source
from mmaml_lite.characters.tasks import Episodes, sample
from mmaml_lite.core.descent import descend, set_learning_rate
from mmaml_lite.core.domain import Domain, Method, Recipe, register_domain
from mmaml_lite.core.modulation import variation
from mmaml_lite.core.registry import Registry
from mmaml_lite.core.runs import Run

METHODS: Registry[Method] = Registry("method")
METHODS.update(
    {
        "maml": Method("MAML", {}),
        "mumomaml-softmax": Method("MuMoMAML softmax", {"modulation": "softmax"}),
        "mumomaml-sigmoid": Method("MuMoMAML sigmoid", {"modulation": "sigmoid"}),
        "mumomaml-film": Method("MuMoMAML FiLM", {"modulation": "film"}),
        "prototypes": Method(
            "prototypical network",
            {
                "head": "prototypes",
                "steps": 0,
                "train_steps": 0,
                "features_first": 1.0,
            },
        ),
    }
)


def paper(method: Mapping[str, Any], ways: int, shots: int, **told: Any) -> dict[str, Any]:
    """MAML's: one step of 0.4 (three in the test), 32 tasks; 20-way five steps of 0.1, 16 tasks.

    As many queries as shots.
    """
    few = {"step_size": 0.4, "train_steps": 1, "steps": 3, "tasks": 32}
    many = {"step_size": 0.1, "train_steps": 5, "steps": 5, "tasks": 16}
    return {"queries": shots, **(few if ways < 20 else many)}


def ours(
    method: Mapping[str, Any], ways: int, shots: int, sources: tuple[str, ...], **told: Any
) -> dict[str, Any]:
    """Ours: features first, on tasks of many classes; an output layer from zero; two learned steps.

    Features first: a prototypical network's step costs half as much as one with an inner loop, and
    teaches the convolutions faster, above all on tasks of many classes: the 80 of a step in one
    task, or in one for each source. The first inner step then writes the class means into an output
    layer of zeros, and features of equal length are compared by inner products as by distances: so
    what was learned first serves at once. With several examples that step is short, for two steps
    together do better than one that leaves no doubt. docs/characters.md has the trials.

    Modulation comes in with the inner loop, from nothing. While the features are learned, all tasks
    ask for the same of tau, and an encoder that follows ends by saying the same of every task.
    """
    few = {"tasks": 16, "queries": 5}
    many = {"tasks": 8, "queries": 2}
    late = {
        "features_first": 0.85,
        "features_modulated": False,
        "encoder_end": "tasks",
        "encoder_contrast": True,
        "zero_heads": True,
    }
    output = (3.2 if shots == 1 else 0.3) * ways
    return {
        "steps": 2,
        "train_steps": 2,
        "step_size": 0.4,
        "learn_step_size": True,
        "zero_output": True,
        "feature_spread": 0.4,
        "features_first": 0.95,
        "features_ways": 80 // len(sources),
        "learning_rate": 0.003,
        "iterations": 10_000,
        "schedule": "cosine",
        "output_step_size": output,
        **(few if ways < 20 else many),
        **(late if "modulation" in method else {}),
    }


RECIPES: Registry[Recipe] = Registry("recipe")
RECIPES.update(paper=paper, ours=ours)

ADVICE = "try a smaller step_size or learning_rate, or an inner_clip such as 20"
SETTING = re.compile(r"(?P<sources>[a-z0-9_+]+)-(?P<ways>\d+)way-(?P<shots>\d+)shot(-alphabets)?")


def parsed(setting: str) -> dict[str, Any]:
    """What the name of a setting says; raises ValueError for a name of another form."""
    found = SETTING.fullmatch(setting)
    if not found:
        raise ValueError(
            f"unknown setting {setting!r}: expected such as omniglot-5way-1shot, "
            "strokes-20way-5shot, omniglot+strokes-5way-1shot or omniglot-5way-1shot-alphabets"
        )
    return {
        "ways": int(found["ways"]),
        "shots": int(found["shots"]),
        "sources": tuple(found["sources"].split("+")),
        "split": "alphabets" if setting.endswith("-alphabets") else "characters",
    }


def setting_of(settings: CharacterSettings) -> str:
    """The name of the setting that these settings belong to."""
    s = settings
    tail = "-alphabets" if s.split == "alphabets" else ""
    return f"{'+'.join(s.sources)}-{s.ways}way-{s.shots}shot{tail}"


def episodes(
    settings: CharacterSettings,
    tasks: int,
    generator: torch.Generator,
    part: str = "train",
    queries: int | None = None,
    ways: int | None = None,
) -> Episodes:
    """Fresh episodes of an experiment, on the generator's device; queries, ways: other numbers."""
    s = settings
    sources = [source(n, part, s.split, s.rotations, generator.device) for n in s.sources]
    return sample(sources, tasks, ways or s.ways, s.shots, queries or s.queries, generator)


def outer_step(run: Run) -> dict[str, float]:
    """One meta-update on fresh episodes; returns cross-entropy and accuracy on the queries.

    Of a modulated inner loop it also returns how much tau varied over the meta-batch (`variation`).
    Raises TrainingDiverged, before any weight has changed, when loss or gradient are not finite.
    """
    s = run.settings
    features_first = run.step < s.features_first * s.iterations
    ways = (features_first and s.features_ways) or s.ways
    batch = episodes(s, max(len(s.sources), s.tasks * s.ways // ways), run.generator, ways=ways)
    set_learning_rate(run)
    run.optimiser.zero_grad()
    value, right, taus = 0.0, 0.0, []
    for part in batch.pieces():
        if features_first:
            logits = run.learner.compare(part.support, part.query.x, ways, s.features_modulated)
        else:
            shown, asked = part.support, part.query.x
            tau = run.learner.modulate(run.learner.embed(shown))
            logits = run.learner(shown, asked, tau, s.train_steps, only_last=True)[-1]
            taus += [torch.cat([t.detach().flatten(1) for t in tau.values()], 1)] if tau else []
        loss = F.cross_entropy(logits.flatten(0, 1), part.query.y.flatten())
        loss = loss * (len(part) / len(batch))
        loss.backward()
        value += loss.item()
        right += (logits.argmax(-1) == part.query.y).sum().item()
    descend(run, value, lambda: ADVICE)
    measured = {"loss": value, "accuracy": right / batch.query.y.numel()}
    return measured | ({"variation": variation(torch.cat(taus))} if taus else {})


DOMAIN = register_domain(
    Domain(
        settings=CharacterSettings,
        methods=METHODS,
        recipes=RECIPES,
        parse=parsed,
        spell=setting_of,
        learner=CharacterLearner,
        outer_step=outer_step,
        report="mmaml_lite.characters.report",
        headline="accuracy",
    )
)


def named(setting: str, method: str, recipe: str = "paper", **changes: Any) -> CharacterSettings:
    """Settings of an experiment in the zoo; raises ValueError for unknown names."""
    return DOMAIN.named(setting, method, recipe, **changes)
