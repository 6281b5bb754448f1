"""Evaluate what the zoo holds on shared test tasks; print it beside the papers and the floors."""

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mmaml_lite.core import checkpoint, zoo
from mmaml_lite.core.evaluation import Found, Measured, Test, extremes, pairs
from mmaml_lite.core.results import markdown_table
from mmaml_lite.core.statistics import interval, paired, ratio, shown, summary
from mmaml_lite.core.tasks import Tasks
from mmaml_lite.regression.domain import METHODS
from mmaml_lite.regression.evaluation import (
    TEST_QUERIES,
    TEST_TASKS,
    errors,
    shared_tasks,
)
from mmaml_lite.regression.published import REGRESSION
from mmaml_lite.regression.recipes import RECIPES
from mmaml_lite.regression.settings import RegressionSettings
from mmaml_lite.regression.tasks import mixture_of

FLOORS = {
    "label_linear": "best label-linear predictor (floor of linearised MAML)",
    "bayes": "Bayes-optimal, mode unknown",
    "bayes_mode_known": "Bayes-optimal, told the mode",
}
FLOOR_LABELS = {  # the same, for figures
    "label_linear": "label-linear",
    "bayes": "Bayes",
    "bayes_mode_known": "Bayes, told the mode",
}


def floor_errors(setting: str, tasks: Tasks, tell: Callable[[str], None]) -> dict[str, Tensor]:
    """Per-task errors of the floors on `tasks`, computed once and kept in data/cache."""
    count = len(tasks)
    labels = torch.cat([tasks.support.y, tasks.query.y], dim=1).numpy().tobytes()
    name = f"floors-{count}-{hashlib.sha256(labels).hexdigest()[:16]}.safetensors"
    cache = zoo.data_folder() / "cache" / setting / name
    if cache.is_file():
        return checkpoint.load(cache)[0]
    from mmaml_lite.regression.floors import floors

    tell(f"{setting}: computing the floors of {count} tasks, a few minutes, once")
    found = floors(mixture_of(zoo.zoo_settings(f"{setting}/maml")), tasks)
    found = {name: found[name].float() for name in [*FLOORS, "mode_right"]}
    checkpoint.save(cache, found, {"kind": "floors", "setting": setting})
    return found


def tasks_of(settings: RegressionSettings, count: int) -> Tasks:
    """The shared test tasks; raises ValueError for fewer than two of each mode."""
    if count < 2 * len(settings.families):
        raise ValueError(f"expected at least two tasks for each mode, got {count} in all")
    return shared_tasks(settings, count)


def results(
    test: Test,
    setting: str,
    measured: Measured,
    asked: RegressionSettings,
    tasks: Tasks,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """What is kept of a setting: every method and floor, over all tasks and by mode.

    Floors are there for functions of one variable alone.
    """
    one_variable = tasks.query.x.shape[-1] == tasks.query.y.shape[-1] == 1
    floor = floor_errors(setting, tasks, tell) if one_variable else {}
    rows = {key: measured.mean(key) for key in measured.runs}
    for key, mean in rows.items():
        record = measured.methods[key]
        record["seeds"] = {seed: stages[-1] for seed, stages in measured.seeds(key).items()}
        record |= summary(mean, tasks.mode, asked.families) | extremes(mean[-1], test.higher)
        record["steps_change"] = paired(mean[-1], mean[0])
        if floor:
            record["x_bayes"] = ratio(mean[-1], floor["bayes"])
    found = {
        "families": asked.families,
        "tasks": len(tasks),
        "queries": TEST_QUERIES,
        "methods": measured.methods,
        "nothing": interval(tasks.query.y.square().mean(dim=(1, 2))),
        "floors": {},
        "paired": pairs(rows, {n: floor[n] for n in ("bayes", "label_linear") if floor}, True),
    }
    if floor:
        found["mode_accuracy"] = interval(floor["mode_right"].float())
        for name in FLOORS:
            by_mode = summary(floor[name][None], tasks.mode, asked.families)["modes"]
            found["floors"][name] = interval(floor[name]) | {"modes": by_mode}
    return found


def makeup(model: zoo.Model) -> dict[str, Any]:
    """What a model consists of: its numbers of weights, whether it is told, what alpha it learned.

    weights: of the task network and of encoder and heads; step_sizes: by layer, one for each inner
    step, in the seed with the highest number (of several networks, their geometric means).
    """
    weights = {"network": 0, "encoder": 0}
    for name, w in model.learner.named_parameters():
        weights["encoder" if "encoder." in name or "heads." in name else "network"] += w.numel()
    logs: dict[str, list[Tensor]] = {}
    for name, alpha in model.learner.named_parameters():
        if "log_step_sizes." in name and alpha.numel():
            logs.setdefault(name.rpartition(".")[2], []).append(alpha.detach())
    step_sizes = {layer: torch.stack(a).mean(0).exp().tolist() for layer, a in logs.items()}
    return {"weights": weights, "told": model.settings.per_mode, "step_sizes": step_sizes}


TEST = Test(
    tasks=tasks_of,
    evaluate=lambda model, tasks: {"": Found(errors(model.learner, tasks))},
    count=TEST_TASKS,
    same=("families", "shots", "noise"),
    modes=lambda settings, tasks: (tasks.mode, settings.families),
    details=makeup,
    results=results,
)


def ordered(methods: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Records by key, the paper's recipe first, then in the order in which methods are named."""
    recipes, names = ({name: i for i, name in enumerate(known)} for known in (RECIPES, METHODS))

    def place(item: tuple[str, Any]) -> tuple[int, int]:
        recipe, method = item[0].split("/")
        return recipes.get(recipe, 99), names.get(method, 99)

    return sorted(methods.items(), key=place)


def rows(results: dict[str, Any]) -> list[dict[str, str]]:
    """A row for each method and floor: the papers' numbers, ours, and the ratio to Bayes."""
    published = REGRESSION.get(results["setting"].split("/")[1], {})
    table = []
    for key, record in ordered(results["methods"]):
        recipe, method = key.split("/")
        papers = published.get(method, {}) if recipe != "ours" else {}

        def paper(source: str, papers=papers) -> str:
            value = papers.get(source, (None, None))[1]
            return "" if value is None else f"{value:g}"

        table.append(
            {
                "method": record["label"],
                "recipe": recipe,
                "iterations": f"{record['iterations']:,}",
                "seeds": str(len(record["seeds"])),
                "paper 2018": paper("P1"),
                "paper 2019": paper("P2"),
                "post modulation": shown(record["stages"][0]),
                "post adaptation": shown(record["stages"][-1]),
                "median": f"{record['stages'][-1]['median']:.3f}",
                "x Bayes": shown(record["x_bayes"], 2) if "x_bayes" in record else "",
            }
        )
    for name, stats in results["floors"].items():
        bayes = results["floors"]["bayes"]["mean"]
        table.append(
            dict.fromkeys(table[0], "")
            | {
                "method": FLOORS[name],
                "recipe": "floor",
                "post adaptation": shown(stats),
                "median": f"{stats['median']:.3f}",
                "x Bayes": f"{stats['mean'] / bayes:.2f}",
            }
        )
    return table


def removed(results: dict[str, Any], record: dict[str, Any]) -> tuple[float, float]:
    """Shares of the avoidable error that modulation removes, and gradient steps of what is left.

    Avoidable is what lies above the floor: Bayes, told the mode where the method is.
    """
    floor = results["floors"]["bayes_mode_known" if record["told"] else "bayes"]["mean"]
    nothing = results["nothing"]["mean"] - floor
    first, last = (record["stages"][i]["mean"] - floor for i in (0, -1))
    return 1 - first / nothing, 1 - last / first


def removed_table(results: dict[str, Any]) -> list[str]:
    """Lines of Markdown: what modulation and steps remove, what was learned, every seed."""
    head = [
        "method",
        "recipe",
        "weights: network",
        "encoder, heads",
        "modulation removes",
        "steps remove of the rest",
        "steps change the error by",
        "learned step sizes, summed",
        "each seed",
    ]
    lines = []
    for key, record in ordered(results["methods"]):
        modulation, steps = removed(results, record)
        weights = record["weights"]
        adapts, modulated = len(record["stages"]) > 1, weights["encoder"] > 0
        alphas = "; ".join(f"{sum(a):.2g}" for _, a in sorted(record["step_sizes"].items()))
        change = record["steps_change"]
        seeds = ", ".join(f"{s['mean']:.3f}" for _, s in sorted(record["seeds"].items()))
        cells = [
            record["label"],
            key.split("/")[0],
            f"{weights['network']:,}",
            f"{weights['encoder']:,}" if modulated else "",
            f"{modulation:.1%}" if modulated else "",
            f"{steps:.1%}" if adapts else "",
            f"{change['mean']:+.4f} ± {change['ci95']:.4f}" if adapts else "",
            alphas,
            seeds,
        ]
        lines.append(cells)
    return [
        *markdown_table(head, lines),
        "",
        "'Removes': of the error that could be avoided, from answering 0 everywhere "
        f"({results['nothing']['mean']:.2f}) down to Bayes (told the mode where the method is). "
        "Negative: they add to it. Step sizes: of learned ones the sum over the five steps, layer "
        "by layer; MAML's fixed ones sum up to 0.005 in every layer.",
    ]


def markdown(results: dict[str, Any]) -> str:
    """The table of a setting in Markdown, with its caption."""
    table, named = rows(results), ""
    head = list(table[0])
    if results["floors"]:
        share = f"{results['mode_accuracy']['mean']:.1%} of the tasks."
        named = f" From the five points, the Bayes posterior names the right mode for {share}"
    lines = [
        f"### {results['setting']}: {', '.join(results['families'])}",
        "",
        *markdown_table(head, [list(row.values()) for row in table]),
        "",
        "Mean squared error on noisy targets (0.09 is noise), five shots; "
        f"{results['tasks']:,} test tasks x {results['queries']} queries, the same for every row; "
        "± is the 95 % interval over tasks. 'paper' columns are post adaptation, "
        f"as printed.{named}"
        + " By our recipe the LSTM learner has the encoder that our MuMoMAML has, which is no LSTM."
        * ("ours/lstm-learner" in results["methods"]),
    ]
    if results["floors"]:
        lines += ["", *removed_table(results)]
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
