"""What the zoo holds for a setting, and the results measured on it: kept as JSON under data/."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mmaml_lite.core import checkpoint, zoo


def results_path(setting: str) -> Path:
    """Where the results of a setting such as "regression/2-modes" are kept."""
    return zoo.data_folder() / "results" / f"{setting}.json"


def held(setting: str, asked: Any, same: Sequence[str], device: str = "cpu") -> Iterator[zoo.Model]:
    """Every model that the zoo holds for a setting, read when its turn comes.

    Raises ValueError at once where there is none, and in its turn for a model whose settings `same`
    differ from those asked: it was trained on other tasks.
    """
    entries = zoo.available(setting)
    if not entries:
        raise ValueError(f"the zoo holds nothing for {setting}: train something first")

    def models() -> Iterator[zoo.Model]:
        for name, recipe, seed in entries:
            model = zoo.read(zoo.weights_path(name, recipe, seed), device)
            if any(getattr(model.settings, s) != getattr(asked, s) for s in same):
                raise ValueError(f"{name} was trained on other tasks than those of {setting}")
            yield model

    return models()


def introduced(methods: dict[str, Any], model: zoo.Model) -> dict[str, Any]:
    """The record of a model's method; of several seeds, the least trained one speaks."""
    trained = model.settings.iterations
    record = methods.setdefault(model.key, {"iterations": trained})
    if trained <= record["iterations"]:
        record |= {
            "label": model.label,
            "provisional": model.provisional,
            "iterations": trained,
            "deviations": {k: list(v) for k, v in model.deviations.items() if k != "seed"},
        }
    return record


def store(
    results: dict[str, Any], count: int, enough: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Write results under data/results if they were measured on enough tasks, and return them."""
    if count < enough:
        tell(f"{count} tasks are fewer than the {enough:,} of stored results: not stored")
        return results
    path = results_path(results["setting"])
    checkpoint.write_atomically(path, (json.dumps(results, indent=1) + "\n").encode())
    tell(f"wrote {path.name}")
    return results


def read_results(setting: str, command: str = "evaluate {}") -> dict[str, Any]:
    """Stored results of a setting; raises ValueError that says which command makes them."""
    path = results_path(setting)
    if not path.is_file():
        made_by = f"python -m mmaml_lite {command.format(setting)}"
        raise ValueError(f"no results for {setting}: run {made_by}")
    return json.loads(path.read_text(encoding="utf-8"))


def markdown_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table in Markdown."""
    return [f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines]]
