"""Who answers in the pictures of characters: the trained methods that the zoo holds."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from mmaml_lite import zoo
from mmaml_lite.characters.domain import METHODS, RECIPES, named

CAST = {"maml": "maml", "mumomaml": "mumomaml-film", "prototypes": "prototypes"}  # key: method
Cast = Mapping[str, zoo.Model]


@lru_cache(maxsize=32)
def _read(path: Path, changed: int) -> zoo.Model:
    return zoo.read(path)


def model(setting: str, method: str) -> zoo.Model | None:
    """The trained model of a method, or None; of two recipes the one that was trained to its end.

    Nothing is ever trained here. Raises ValueError for unknown names.
    """
    named(setting, method)
    name = f"characters/{setting}/{method}"
    paths = [zoo.weights_path(name, recipe) for recipe in reversed(RECIPES)]  # ours first
    held = [_read(path, path.stat().st_mtime_ns) for path in paths if path.is_file()]
    return min(held, key=lambda model: model.provisional, default=None)


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
    if lacks := lacking(cast):
        parts.append(f"No trained weights here of {', '.join(lacks)}.")
    return " ".join(parts)
