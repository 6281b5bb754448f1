"""Who answers in the pictures of characters: the trained methods that the zoo holds."""

import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from mmaml_lite import zoo
from mmaml_lite.characters import DRAWINGS
from mmaml_lite.characters.domain import METHODS, RECIPES, build, named, setting_of

CAST = {"maml": "maml", "mumomaml": "mumomaml-film", "prototypes": "prototypes"}  # key: method
Cast = Mapping[str, zoo.Model]


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
    recipe = RECIPES[s.recipe](ways, shots, len(s.sources))
    output, queries = recipe.get("output_step_size"), min(s.queries, DRAWINGS - shots)
    return rebuilt(model, ways=ways, shots=shots, queries=queries, output_step_size=output)


@lru_cache(maxsize=32)
def _read(path: Path, changed: int, ways: int, shots: int) -> zoo.Model | None:
    model = zoo.read(path)
    s = model.settings
    if (s.ways, s.shots) == (ways, shots):
        return model
    return dealt(model, ways, shots) if s.any_ways else None


def model(setting: str, method: str) -> zoo.Model | None:
    """The trained model of a method: the setting's own, else that of 5 ways and 1 shot, or None.

    Of two recipes the one that was trained to its end. Nothing is ever trained here. Raises
    ValueError for unknown names.
    """
    s = named(setting, method)
    for stored in (setting, first_of(setting)):
        name = f"characters/{stored}/{method}"
        paths = [zoo.weights_path(name, recipe) for recipe in reversed(RECIPES)]  # ours first
        read = [_read(p, p.stat().st_mtime_ns, s.ways, s.shots) for p in paths if p.is_file()]
        if held := [model for model in read if model]:
            return min(held, key=lambda model: model.provisional)
    return None


def cast(setting: str) -> dict[str, zoo.Model]:
    """Those of CAST that have weights for a setting, such as omniglot-5way-1shot, by their key.

    Raises ValueError for an unknown setting.
    """
    found = {key: model(setting, method) for key, method in CAST.items()}
    return {key: held for key, held in found.items() if held is not None}


def lacking(cast: Cast) -> list[str]:
    """Labels of the methods that have no weights."""
    return [METHODS[method].label for key, method in CAST.items() if key not in cast]


def provenance(cast: Cast) -> str:
    """Which weights are shown, in Markdown: outer steps of each, and who is missing."""
    listed = ", ".join(f"{m.label} {m.settings.iterations:,}" for m in cast.values())
    parts = [f"Weights shown, with their outer steps: {listed}."] if cast else []
    if others := [m for m in cast.values() if setting_of(m.settings) not in m.name]:
        parts.append(
            f"Trained for {others[0].name.split('/')[1]}: {', '.join(m.label for m in others)}. No "
            "output layer was learned there, so the weights serve any number of characters."
        )
    if lacks := lacking(cast):
        parts.append(f"No trained weights here of {', '.join(lacks)}.")
    return " ".join(parts)
