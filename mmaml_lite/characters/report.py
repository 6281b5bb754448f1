"""Evaluate the zoo's learners of characters on shared test episodes; print them beside Table 2."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from mmaml_lite.characters.domain import METHODS
from mmaml_lite.characters.evaluation import (
    TEST_EPISODES,
    TEST_SEED,
    accuracies,
    dealt,
    first_of,
    queries_for,
    shared_episodes,
)
from mmaml_lite.characters.published import OMNIGLOT
from mmaml_lite.core import zoo
from mmaml_lite.core.results import held, introduced, store
from mmaml_lite.core.statistics import interval, paired, summary

SAME_EPISODES = ("sources", "split", "rotations", "ways", "shots")


def contestants(setting: str, asked: Any, device: str = "cpu") -> Iterator[zoo.Model]:
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
        yield from held(setting, asked, SAME_EPISODES, device)
    for model in served:
        yield dealt(model, asked.ways, asked.shots)


def evaluate_setting(
    setting: str,
    count: int | None = None,
    device: str = "cpu",
    tell: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Evaluate a setting's learners on the same test episodes; write the results.

    Each is measured twice: as it was trained, where no answer depends on another query (unless it
    was trained transductively), and with the statistics of the queries ("transductive", as the
    literature does). count: of the episodes; fewer than TEST_EPISODES are shown, not stored.
    Several seeds of a method are averaged episode by episode; each one is listed as well.
    """
    count = TEST_EPISODES if count is None else count
    asked = zoo.zoo_settings(f"{setting}/maml")
    found: dict[str, dict[str, list[torch.Tensor]]] = {}
    methods: dict[str, Any] = {}
    for model in contestants(setting, asked, device):
        key, seed, own = model.key, model.settings.seed, model.settings.normalisation
        record = introduced(methods, model)
        record["settings"] = model.settings.to_dict()
        if (trained_for := model.name.split("/")[1]) != setting.split("/")[1]:
            record |= {"trained_for": trained_for, "deviations": {}}
        kinds = record.setdefault("normalisations", {})
        for kind in dict.fromkeys([own, "transductive"]):
            right, modes = accuracies(
                model.learner, shared_episodes(asked, count), normalisation=kind
            )
            found.setdefault(key, {}).setdefault(kind, []).append(right)
            seeds = kinds.setdefault(kind, {"seeds": {}})["seeds"]
            seeds[str(seed)] = [interval(stage) for stage in right]
            tell(f"{key} seed {seed}, {kind}: " + ", ".join(f"{s.mean():.1%}" for s in right))
    means = {
        key: {kind: torch.stack(runs).mean(0) for kind, runs in kinds.items()}
        for key, kinds in found.items()
    }
    for key, kinds in means.items():
        for kind, mean in kinds.items():
            methods[key]["normalisations"][kind] |= summary(mean, modes, asked.sources)
    last = {
        f"{key}, {kind}": mean[-1] for key, kinds in means.items() for kind, mean in kinds.items()
    }
    results = {
        "setting": setting,
        "episodes": count,
        "queries": queries_for(asked.ways),
        "test_seed": TEST_SEED,
        "rotations": asked.rotations,
        "split": asked.split,
        "methods": methods,
        "paired": {f"{a} - {b}": paired(last[a], last[b]) for a in last for b in last if a < b},
    }
    return store(results, count, TEST_EPISODES, tell)


def shown(stats: dict[str, float]) -> str:
    """A mean accuracy with its interval in per cent, as "98.7 ± 0.4", narrow as "98.62 ± 0.08"."""
    digits = 2 if 0 < stats["ci95"] < 0.002 else 1
    return f"{100 * stats['mean']:.{digits}f} ± {100 * stats['ci95']:.{digits}f}"


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
            *before, last = [shown(stage) for stage in found["stages"]]
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
            *(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines]),
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
