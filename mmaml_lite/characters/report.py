"""Evaluate the zoo's learners of characters on shared test episodes; print them beside Table 2."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch

from mmaml_lite.characters.domain import METHODS
from mmaml_lite.characters.evaluation import (
    TEST_EPISODES,
    accuracies,
    dealt,
    first_of,
    queries_for,
    shared_episodes,
)
from mmaml_lite.characters.published import OMNIGLOT
from mmaml_lite.characters.settings import CharacterSettings
from mmaml_lite.characters.tasks import Episodes
from mmaml_lite.core import zoo
from mmaml_lite.core.evaluation import Found, Measured, Test, extremes, pairs
from mmaml_lite.core.results import held, markdown_table
from mmaml_lite.core.statistics import shown, summary


class Tasks(NamedTuple):
    """The shared test episodes of these settings: made anew whenever they are needed."""

    settings: CharacterSettings
    count: int

    def episodes(self) -> Iterator[Episodes]:
        """All of them, some at a time."""
        return shared_episodes(self.settings, self.count)


def contestants(
    setting: str, asked: CharacterSettings, same: Sequence[str], device: str = "cpu"
) -> Iterator[zoo.Model]:
    """What the zoo holds for a setting; what it lacks, with the weights of 5 ways and 1 shot.

    Raises ValueError where there is neither, or none of 5 ways and 1 shot that can serve others.
    """
    first = f"characters/{first_of(setting.split('/')[1])}"
    own = zoo.available(setting)
    others = [
        (name, recipe, seed)
        for name, recipe, seed in zoo.available(first)
        if (name.replace(first, setting), recipe, seed) not in own
    ]
    read = [zoo.read(zoo.weights_path(*entry), device) for entry in others]
    served = [model for model in read if model.settings.any_ways]
    if own or not served:
        yield from held(setting, asked, same, device)
    for model in served:
        yield dealt(model, asked.ways, asked.shots)


def evaluate(model: zoo.Model, tasks: Tasks) -> dict[str, Found]:
    """Accuracies as it was trained, and with the statistics of the queries, as in the literature.

    As trained no answer depends on another query, unless it was trained transductively.
    """
    found = {}
    for kind in dict.fromkeys([model.settings.normalisation, "transductive"]):
        right, modes = accuracies(model.learner, tasks.episodes(), normalisation=kind)
        found[kind] = Found(right, {"modes": modes})
    return found


def details(model: zoo.Model) -> dict[str, Any]:
    """The settings of a model, and what it was trained for."""
    return {"settings": model.settings.to_dict(), "trained_for": model.name.split("/")[1]}


def results(
    test: Test,
    setting: str,
    measured: Measured,
    asked: CharacterSettings,
    tasks: Tasks,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """What is kept of a setting, by the statistics that images are normalised with."""
    rows = {}
    for key, kinds in measured.runs.items():
        record = measured.methods[key]
        if record["trained_for"] == setting.split("/")[1]:
            del record["trained_for"]
        else:
            record["deviations"] = {}
        record["normalisations"] = {}
        for kind, seeds in kinds.items():
            mean = rows[f"{key}, {kind}"] = measured.mean(key, kind)
            modes = next(iter(seeds.values())).more["modes"]
            record["normalisations"][kind] = {
                "seeds": measured.seeds(key, kind),
                **summary(mean, modes, asked.sources),
                **extremes(mean[-1], test.higher),
            }
    return {
        "episodes": tasks.count,
        "queries": queries_for(asked.ways),
        "rotations": asked.rotations,
        "split": asked.split,
        "methods": measured.methods,
        "paired": pairs(rows),
    }


TEST = Test(
    tasks=Tasks,
    evaluate=evaluate,
    count=TEST_EPISODES,
    same=("sources", "split", "rotations", "ways", "shots"),
    modes=lambda settings, tasks: (torch.cat([e.mode for e in tasks.episodes()]), settings.sources),
    higher=True,
    models=contestants,
    details=details,
    results=results,
)


def percent(stats: dict[str, float]) -> str:
    """A mean accuracy with its interval in per cent, as "98.7 ± 0.4", narrow as "98.62 ± 0.08"."""
    digits = 2 if 0 < stats["ci95"] < 0.002 else 1
    return shown({name: 100 * value for name, value in stats.items()}, digits)


def published_lines(setting: str, columns: int) -> list[list[str]]:
    """The lines of Table 2 for a setting, as the cited papers print them."""
    source, _, cell = setting.partition("-")
    lines = []
    for name, row in OMNIGLOT.items():
        if source == "omniglot" and cell in row:
            accuracy, half = row[cell]
            number = f"{accuracy:g}" + ("" if half is None else f" ± {half:g}")
            lines.append([name, "published", "", "?", *[""] * (columns - 5), number])
    return lines


def markdown(results: dict[str, Any]) -> str:
    """The table of a setting in Markdown, with its caption."""
    setting = results["setting"].split("/")[1]
    most = max(
        len(kind["stages"])
        for record in results["methods"].values()
        for kind in record["normalisations"].values()
    )
    head = [
        "method",
        "recipe",
        "seeds",
        "statistics",
        *(f"step {i}" if i else "after modulation / initial" for i in range(most - 1)),
        "post adaptation",
    ]
    lines = published_lines(setting, len(head))
    order = {name: i for i, name in enumerate(METHODS)}
    for key in sorted(results["methods"], key=lambda k: (k.split("/")[0], order[k.split("/")[1]])):
        record = results["methods"][key]
        for kind, found in record["normalisations"].items():
            *before, last = [percent(stage) for stage in found["stages"]]
            before += [""] * (most - 1 - len(before))
            lines.append(
                [record["label"], key.split("/")[0], str(len(found["seeds"])), kind, *before, last]
            )
    notes = [
        f"- {record['label']} ({key.split('/')[0]}): {record['iterations']:,} outer steps"
        + (f" on {record['trained_for']}" if "trained_for" in record else "")
        + "".join(
            f", {k} {v[0]} instead of the recipe's {v[1]}"
            for k, v in record["deviations"].items()
            if k != "iterations"
        )
        for key, record in results["methods"].items()
    ]
    turned = (
        "turned by multiples of 90 degrees in the test too" if results["rotations"] else ("upright")
    )
    return "\n".join(
        [
            f"### {results['setting']}",
            "",
            *markdown_table(head, lines),
            "",
            f"Accuracy in per cent; {results['episodes']:,} test episodes, the same for every row "
            f"of ours, {results['queries']} queries per class; ± is the 95 % interval over "
            f"episodes of the mean over seeds. Omniglot: split by {results['split']}, "
            f"characters {turned}. "
            "'statistics' says what images are normalised by: 'support' and 'blend' never let one "
            "query's answer depend on another query; 'transductive' does, as in the literature.",
            "",
            *notes,
        ]
    )
