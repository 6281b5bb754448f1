"""Who answers in the pictures of characters: the trained methods that the zoo holds."""

from functools import lru_cache
from pathlib import Path

from mmaml_lite.characters.domain import METHODS, RECIPES, named, setting_of
from mmaml_lite.characters.evaluation import dealt, first_of
from mmaml_lite.core import zoo
from mmaml_lite.course.studies.cast import Cast, with_steps

CAST = {"maml": "maml", "mumomaml": "mumomaml-film", "prototypes": "prototypes"}  # key: method


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


def players_shown(cast: Cast) -> str:
    """Which weights are shown, in Markdown: outer steps of each, and who is missing."""
    parts = [f"Weights shown, with their outer steps: {with_steps(cast)}."] if cast else []
    if others := [m for m in cast.values() if setting_of(m.settings) not in m.name]:
        parts.append(
            f"Trained for {others[0].name.split('/')[1]}: {', '.join(m.label for m in others)}. No "
            "output layer was learned there, so the weights serve any number of characters."
        )
    if lacks := lacking(cast):
        parts.append(f"No trained weights here of {', '.join(lacks)}.")
    return " ".join(parts)
