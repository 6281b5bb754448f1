"""Evaluation, the same for every domain: models of a setting on test tasks that they all share.

A domain says what its test is (`Test`); how it is measured, averaged over seeds, compared in pairs
and stored is written here, once.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmaml_lite.core.domain import domain
from mmaml_lite.core.results import held, introduced, markdown_table, store
from mmaml_lite.core.statistics import interval, paired, shown, summary
from mmaml_lite.core.zoo import Model, zoo_settings

TEST_SEED = 1812_07172  # apart from every training seed
EXTREMES = 5  # tasks at either end of each row


class Found(NamedTuple):
    """What one model did in one variant: stages `(stages, tasks)`, and what else was seen."""

    stages: Tensor
    more: Mapping[str, Any] = {}


@dataclass
class Measured:
    """What all models did: records of the methods, and their runs, by key, variant and seed.

    settings: of the last model of each key.
    """

    methods: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, dict[str, dict[int, Found]]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def mean(self, key: str, variant: str = "") -> Tensor:
        """Mean over the seeds, task by task: `(stages, tasks)`."""
        return torch.stack([found.stages for found in self.runs[key][variant].values()]).mean(0)

    def seeds(self, key: str, variant: str = "") -> dict[str, list[dict[str, float]]]:
        """By seed, the interval of every stage."""
        runs = self.runs[key][variant].items()
        return {str(seed): [interval(stage) for stage in found.stages] for seed, found in runs}


def measure(
    models: Iterator[Model],
    evaluate: Callable[[Model], Mapping[str, Found]],
    details: Callable[[Model], Mapping[str, Any]] = lambda model: {},
    tell: Callable[[str], None] = print,
) -> Measured:
    """Evaluate models, each in all of its variants.

    evaluate: a model -> what it did, by the name of the variant, "" where there is but one;
    details: what its method's record should also hold.
    """
    measured = Measured()
    for model in models:
        key, seed = model.key, model.settings.seed
        introduced(measured.methods, model).update(details(model))
        measured.settings[key] = model.settings
        for variant, found in evaluate(model).items():
            measured.runs.setdefault(key, {}).setdefault(variant, {})[seed] = found
            means = ", ".join(f"{stage.mean():.4g}" for stage in found.stages)
            tell(f"{key} seed {seed}{', ' * bool(variant)}{variant}: {means}")
    return measured


def extremes(values: Tensor, higher: bool) -> dict[str, list[int]]:
    """Which tasks a method did best and worst on, best and worst first; values `(tasks,)`.

    higher: whether a higher value is better.
    """
    order = values.argsort(descending=higher, stable=True).tolist()
    return {"best": order[:EXTREMES], "worst": order[::-1][:EXTREMES]}


def pairs(
    rows: Mapping[str, Tensor], others: Mapping[str, Tensor] = {}, both_ways: bool = False
) -> dict[str, Any]:
    """How rows `(stages, tasks)` differ from one another after their last stages, task by task.

    "stages" has the same for every stage that both have. others `(tasks,)`, such as floors: the
    rows' differences to them, too. Two rows are compared once, the first name by the alphabet
    coming first, or both ways.
    """
    every = dict(rows) | {name: values[None] for name, values in others.items()}
    return {
        f"{a} - {b}": paired(first[-1], second[-1])
        | {"stages": [paired(*stage) for stage in zip(first, second, strict=False)]}
        for a, first in rows.items()
        for b, second in every.items()
        if a < b or (a != b and (both_ways or b in others))
    }


@dataclass(frozen=True)
class Test:
    """How a domain's learners are tested.

    tasks: (settings, count) -> the shared test tasks; evaluate: (model, tasks) -> what it did, by
    variant; count: tasks of stored results; same: settings that decide the tasks, in which all
    models must agree; modes: (settings, tasks) -> each task's mode `(tasks,)`, and their names;
    floors: (settings, tasks) -> by name, what could be had without learning `(tasks,)`; says: what
    is measured, in a sentence; digits: decimals of it; higher: whether more is better. The rest is
    for domains that do it otherwise: models (as `held`), details (of a model, for the record of its
    method) and results (how all is laid out, as `laid_out`).
    """

    tasks: Callable[[Any, int], Any]
    evaluate: Callable[[Model, Any], Mapping[str, Found]]
    count: int
    same: tuple[str, ...]
    modes: Callable[[Any, Any], tuple[Tensor, Sequence[str]]]
    says: str = ""
    digits: int = 3
    higher: bool = False
    floors: Callable[[Any, Any], Mapping[str, Tensor]] = lambda settings, tasks: {}
    models: Callable[[str, Any, Sequence[str], str], Iterator[Model]] = held
    details: Callable[[Model], Mapping[str, Any]] = lambda model: {}
    results: Callable[..., dict[str, Any]] | None = None


def report_of(kind: str) -> ModuleType:
    """The module that says how a domain is tested (`TEST`) and, maybe, tabulated (`markdown`)."""
    return importlib.import_module(domain(kind).report)


def evaluate_setting(
    setting: str,
    count: int | None = None,
    device: str = "cpu",
    tell: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Evaluate the models of a setting on the same tasks, in all variants; write the results.

    count: of the tasks; fewer than those of stored results are shown, not stored. Several seeds of
    a method are averaged task by task; each one is listed as well. Raises ValueError for too few
    tasks, where the zoo holds nothing, and for models that were trained on other tasks.
    """
    kind = setting.partition("/")[0]
    test: Test = report_of(kind).TEST
    asked = zoo_settings(f"{setting}/{next(iter(domain(kind).methods))}")
    count = test.count if count is None else count
    tasks, models = test.tasks(asked, count), test.models(setting, asked, test.same, device)
    measured = measure(models, lambda model: test.evaluate(model, tasks), test.details, tell)
    lay_out = test.results or laid_out
    found = {"setting": setting, "test_seed": TEST_SEED}
    found |= lay_out(test, setting, measured, asked, tasks, tell)
    return store(found, count, test.count, tell)


def laid_out(
    test: Test,
    setting: str,
    measured: Measured,
    asked: Any,
    tasks: Any,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Results of a domain that has no layout of its own, as plain values."""
    mode, names = test.modes(asked, tasks)
    floors = test.floors(asked, tasks)
    for key, runs in measured.runs.items():
        measured.methods[key]["variants"] = {
            variant: {"seeds": measured.seeds(key, variant)}
            | summary(measured.mean(key, variant), mode, names)
            | extremes(measured.mean(key, variant)[-1], test.higher)
            for variant in runs
        }
    rows = {
        f"{key}{', ' * bool(variant)}{variant}": measured.mean(key, variant)
        for key, runs in measured.runs.items()
        for variant in runs
    }
    return {
        "tasks": len(mode),
        "methods": measured.methods,
        "floors": {name: interval(values) for name, values in floors.items()},
        "paired": pairs(rows, floors),
    }


def tabulated(results: dict[str, Any]) -> str:
    """The table of a setting in Markdown, with its caption, as its domain has it, or plain."""
    report = report_of(results["setting"].split("/")[0])
    if hasattr(report, "markdown"):
        return report.markdown(results)
    test: Test = report.TEST
    variants = [
        (r, v, row) for r in results["methods"].values() for v, row in r["variants"].items()
    ]
    most = max(len(row["stages"]) for _, _, row in variants)
    head = ["method", "variant", "seeds"]
    head += [f"step {i}" if i else "before any step" for i in range(most - 1)]
    lines = []
    for record, variant, row in variants:
        *before, last = [shown(stage, test.digits) for stage in row["stages"]]
        before += [""] * (most - 1 - len(before))
        lines.append([record["label"], variant, str(len(row["seeds"])), *before, last])
    for name, stats in results["floors"].items():
        lines.append([name, "floor", *[""] * most, shown(stats, test.digits)])
    says = f"{test.says} {results['tasks']:,} fresh tasks, the same for every row; ± is the 95 % "
    says += "interval over tasks of the mean over seeds."
    table = markdown_table([*head, "after the last step"], lines)
    return "\n".join([f"### {results['setting']}", "", *table, "", says])
