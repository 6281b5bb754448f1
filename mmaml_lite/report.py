"""Evaluate what the zoo holds on shared test tasks; print it beside the papers and the floors."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmaml_lite import checkpoint, zoo
from mmaml_lite.evaluate import (
    TEST_QUERIES,
    TEST_SEED,
    TEST_TASKS,
    errors,
    interval,
    paired,
    shared_tasks,
    summary,
)
from mmaml_lite.methods import METHODS, mixture_of
from mmaml_lite.published import REGRESSION
from mmaml_lite.recipes import families_of
from mmaml_lite.tasks import Tasks

FLOORS = {
    "label_linear": "best label-linear predictor (floor of linearised MAML)",
    "bayes": "Bayes-optimal, mode unknown",
    "bayes_mode_known": "Bayes-optimal, told the mode",
}


def results_path(setting: str) -> Path:
    """Where the results of a setting such as "regression/2-modes" are kept."""
    return zoo.data_folder() / "results" / f"{setting}.json"


def floor_errors(setting: str, tasks: Tasks, tell: Callable[[str], None]) -> dict[str, Tensor]:
    """Per-task errors of the floors on `tasks`, computed once and kept in data/cache."""
    count = len(tasks)
    labels = torch.cat([tasks.support.y, tasks.query.y], dim=1).numpy().tobytes()
    name = f"floors-{count}-{hashlib.sha256(labels).hexdigest()[:16]}.safetensors"
    cache = zoo.data_folder() / "cache" / setting / name
    if cache.is_file():
        return checkpoint.load(cache)[0]
    from mmaml_lite.floors import floors

    tell(f"{setting}: computing the floors of {count} tasks, a few minutes, once")
    found = floors(mixture_of(zoo.zoo_settings(f"{setting}/maml")), tasks)
    found = {name: found[name].float() for name in [*FLOORS, "mode_right"]}
    checkpoint.save(cache, found, {"kind": "floors", "setting": setting})
    return found


def evaluate_setting(
    setting: str,
    count: int | None = None,
    device: str = "cpu",
    tell: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Evaluate the models of a setting and its floors on the same tasks; write the results.

    count: of the tasks; fewer than TEST_TASKS are shown, not stored.

    Several seeds of a method are averaged task by task; each one is listed as well.
    """
    _, mixture_name, _ = zoo.parse(f"{setting}/maml")
    families = families_of(mixture_name)
    count = TEST_TASKS if count is None else count
    if count < 2 * len(families):
        raise ValueError(f"expected at least two tasks for each mode, got {count} in all")
    asked = zoo.zoo_settings(f"{setting}/maml")
    models = held(setting, asked, ("families", "shots", "noise"), device)
    tasks = shared_tasks(asked, count)
    per_task: dict[str, list[Tensor]] = {}
    methods: dict[str, Any] = {}
    for model in models:
        found = errors(model.learner, tasks)
        key, seed = model.key, model.settings.seed
        per_task.setdefault(key, []).append(found)
        record = introduced(methods, model)
        record.setdefault("seeds", {})[str(seed)] = interval(found[-1])
        tell(f"{key} seed {seed}: post adaptation {found[-1].mean():.4f}")
    means = {key: torch.stack(runs).mean(0) for key, runs in per_task.items()}
    for key, mean in means.items():
        methods[key] |= summary(mean, tasks, families)
    floor = floor_errors(setting, tasks, tell)
    last = {key: mean[-1] for key, mean in means.items()} | {"bayes": floor["bayes"]}
    results = {
        "setting": setting, "families": families, "tasks": count, "queries": TEST_QUERIES,
        "test_seed": TEST_SEED, "methods": methods,
        "floors": {name: interval(floor[name]) for name in FLOORS},
        "mode_accuracy": interval(floor["mode_right"].float()),
        "paired": {
            f"{a} - {b}": paired(last[a], last[b]) for a in means for b in last if a != b
        },
    }  # fmt: skip
    return stored(results, count, TEST_TASKS, tell)


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
            "label": model.label, "provisional": model.provisional, "iterations": trained,
            "deviations": {k: list(v) for k, v in model.deviations.items() if k != "seed"},
        }  # fmt: skip
    return record


def stored(
    results: dict[str, Any], count: int, enough: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """The results; written to data/results where they were measured on enough tasks."""
    if count < enough:
        tell(f"{count} tasks are fewer than the {enough:,} of stored results: not stored")
        return results
    path = results_path(results["setting"])
    checkpoint.write_atomically(path, (json.dumps(results, indent=1) + "\n").encode())
    tell(f"wrote {path.name}")
    return results


def read_results(setting: str) -> dict[str, Any]:
    """Stored results of a setting; raises ValueError that says which command makes them."""
    path = results_path(setting)
    if not path.is_file():
        raise ValueError(f"no results for {setting}: run python -m mmaml_lite evaluate {setting}")
    return json.loads(path.read_text())


def rows(results: dict[str, Any]) -> list[dict[str, str]]:
    """A row for each method and floor: the papers' numbers, ours, and the ratio to Bayes."""
    bayes = results["floors"]["bayes"]["mean"]
    published = REGRESSION.get(results["setting"].split("/")[1], {})

    def shown(stats: dict[str, float]) -> str:
        return f"{stats['mean']:.3f} ± {stats['ci95']:.3f}"

    table = []
    order = {name: i for i, name in enumerate(METHODS)}
    for key in sorted(
        results["methods"],
        key=lambda k: (k.split("/")[0] != "paper", order.get(k.split("/")[1], 99)),
    ):
        recipe, method = key.split("/")
        record = results["methods"][key]
        papers = published.get(method, {}) if recipe == "paper" else {}

        def paper(source: str, papers=papers) -> str:
            value = papers.get(source, (None, None))[1]
            return "" if value is None else f"{value:g}"

        table.append({
            "method": record["label"], "recipe": recipe,
            "iterations": f"{record['iterations']:,}", "seeds": str(len(record["seeds"])),
            "paper 2018": paper("P1"), "paper 2019": paper("P2"),
            "post modulation": shown(record["stages"][0]),
            "post adaptation": shown(record["stages"][-1]),
            "median": f"{record['stages'][-1]['median']:.3f}",
            "x Bayes": f"{record['stages'][-1]['mean'] / bayes:.2f}",
        })  # fmt: skip
    for name, label in FLOORS.items():
        stats = results["floors"][name]
        table.append(
            dict.fromkeys(table[0], "")
            | {"method": label, "recipe": "floor", "post adaptation": shown(stats),
               "median": f"{stats['median']:.3f}", "x Bayes": f"{stats['mean'] / bayes:.2f}"}
        )  # fmt: skip
    return table


def markdown(results: dict[str, Any]) -> str:
    """The table of a setting in Markdown, with its caption."""
    table = rows(results)
    head = list(table[0])
    lines = [
        f"### {results['setting']}: {', '.join(results['families'])}",
        "",
        "| " + " | ".join(head) + " |",
        "|" + " --- |" * len(head),
        *("| " + " | ".join(row[name] for name in head) + " |" for row in table),
        "",
        "Mean squared error on noisy targets (0.09 is noise), five shots; "
        f"{results['tasks']:,} test tasks x {results['queries']} queries, the same for every row; "
        "± is the 95 % interval over tasks. 'paper' columns are post adaptation, "
        "as printed. From the five points, the Bayes posterior names the right mode for "
        f"{results['mode_accuracy']['mean']:.1%} of the tasks.",
    ]
    notes = [
        f"- {r['label']} ({key.split('/')[0]}): "
        + ", ".join(
            f"{k} {v[0]} instead of the recipe's {v[1]}" for k, v in r["deviations"].items()
        )
        for key, r in results["methods"].items()
        if r["deviations"]
    ]
    if notes:
        lines += ["", "Deviations from the recipe:", "", *notes]
    return "\n".join(lines)
