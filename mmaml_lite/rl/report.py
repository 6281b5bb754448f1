"""Evaluate the zoo's policies on shared fresh tasks; print them beside the paper and the floors."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from mmaml_lite.core import zoo
from mmaml_lite.core.results import held, introduced, store
from mmaml_lite.core.statistics import interval, neighbour_vote, paired
from mmaml_lite.rl.domain import METHODS
from mmaml_lite.rl.evaluation import (
    TEST_SEED,
    TEST_STEPS,
    TEST_TASKS,
    Returns,
    returns,
    shared_goals,
)
from mmaml_lite.rl.published import CURVES

TOLD = "told the goal, learned"


def _averaged(runs: list[Returns]) -> tuple[Tensor, Tensor | None]:
    """Mean over seeds, task by task: stages `(steps + 1, tasks)`, and before modulation."""
    before = None if runs[0].before is None else torch.stack([r.before for r in runs]).mean(0)
    return torch.stack([r.stages for r in runs]).mean(0), before


def evaluate_setting(
    setting: str,
    count: int | None = None,
    device: str = "cpu",
    tell: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Evaluate a setting's policies with every ending on the same tasks; write the results.

    count: of the tasks; fewer than TEST_TASKS are shown, not stored. Several seeds of a method are
    averaged task by task; each one is listed as well. Policies that are told the goal count among
    the floors. Raises ValueError for too few tasks, where
    the zoo holds nothing, and for policies that were trained on other tasks.
    """
    count, asked = TEST_TASKS if count is None else count, zoo.zoo_settings(f"{setting}/maml")
    if count < 2 * asked.modes:
        raise ValueError(f"expected at least two tasks for each mode, got {count} in all")
    models = held(setting, asked, ("modes", *asked.task_fields), device)
    worlds = asked.world().endings()
    goals, mode = shared_goals(next(iter(worlds.values())), count)
    found: dict[str, dict[str, list[Returns]]] = {}
    methods: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for model in models:
        key, seed = model.key, model.settings.seed
        if model.settings.told:
            introduced(told, model).setdefault("seeds", []).append(seed)
            for ending, world in worlds.items():
                earned = returns(model.learner, goals, world, steps=0, seed=seed)
                found.setdefault(TOLD, {}).setdefault(ending, []).append(earned)
                tell(f"{key} seed {seed}, {ending}: {earned.stages.mean():.1f}")
            continue
        record = introduced(methods, model)
        record["settings"] = model.settings.to_dict()
        votes, endings = record.setdefault("votes", {}), record.setdefault("endings", {})
        for ending, world in worlds.items():
            earned = returns(model.learner, goals, world, seed=seed)
            found.setdefault(key, {}).setdefault(ending, []).append(earned)
            seeds = endings.setdefault(ending, {"seeds": {}})["seeds"]
            seeds[str(seed)] = [interval(stage) for stage in earned.stages]
            stages = ", ".join(f"{stage.mean():.1f}" for stage in earned.stages)
            tell(f"{key} seed {seed}, {ending}: {stages}")
            as_trained = world == model.settings.world()
            if as_trained and earned.embedding is not None:
                votes[str(seed)] = neighbour_vote(earned.embedding, mode)
    means = {
        key: {ending: _averaged(runs) for ending, runs in endings.items()}
        for key, endings in found.items()
    }
    best = {ending: stages[0] for ending, (stages, _) in means.pop(TOLD, {}).items()}
    for key, endings in means.items():
        for ending, (stages, before) in endings.items():
            record = methods[key]["endings"][ending]
            record["stages"] = [interval(stage) for stage in stages]
            record["before"] = None if before is None else interval(before)
    results = {
        "setting": setting,
        "tasks": count,
        "steps": TEST_STEPS,
        "test_seed": TEST_SEED,
        "methods": methods,
        "told": told,
        "floors": {
            ending: {
                name: interval(values)
                for name, values in (
                    world.floors(goals, mode) | ({"told": best[ending]} if best else {})
                ).items()
            }
            for ending, world in worlds.items()
        },
        "paired": {
            ending: {
                f"{a} - {b}": [
                    paired(*pair)
                    for pair in zip(means[a][ending][0], means[b][ending][0], strict=True)
                ]
                for a in means
                for b in means
                if a < b
            }
            for ending in worlds
        },
    }
    return store(results, count, TEST_TASKS, tell)


def has_scale(floors: Mapping[str, Mapping[str, float]]) -> bool:
    """Whether stored floors make a score: both are there, and being told helps."""
    held = {"still", "told"} <= floors.keys()
    return held and floors["told"]["mean"] > floors["still"]["mean"]


def score(stats: dict[str, float], floors: dict[str, dict[str, float]]) -> dict[str, float]:
    """A return on the scale from 0, standing still, to 1, told the goal."""
    low, high = floors["still"]["mean"], floors["told"]["mean"]
    return {"mean": (stats["mean"] - low) / (high - low), "ci95": stats["ci95"] / (high - low)}


def shown(stats: dict[str, float], digits: int = 1) -> str:
    """A mean with its interval, as "-3.2 ± 0.1"."""
    return f"{stats['mean']:.{digits}f} ± {stats['ci95']:.{digits}f}"


def markdown(results: dict[str, Any]) -> str:
    """The table of a setting in Markdown, with its caption."""
    kind, setting = results["setting"].split("/")
    world = zoo.zoo_settings(f"{results['setting']}/maml").world()
    figure, curves = CURVES[kind]
    labels = world.FLOORS | {"told": TOLD}
    scored = has_scale(next(iter(results["floors"].values())))
    stages = ["after modulation / initial", *(f"step {i + 1}" for i in range(results["steps"]))]
    head = ["method", "recipe", "seeds", "episode", "before modulation", *stages, "mode named"]
    head += [f"score, step {results['steps']}"] * scored
    order = {name: i for i, name in enumerate(METHODS)}
    lines = []
    for method, curve in curves.get(setting.removesuffix("-ends"), {}).items():
        points = ["" if value is None else f"{value:g}" for value in curve]
        source = f"paper 2018, read off Figure {figure}"
        lines.append([METHODS[method].label, source, "", "?", *points, "", *[""] * scored])
    for key in sorted(results["methods"], key=lambda k: (k.split("/")[0], order[k.split("/")[1]])):
        record, votes = results["methods"][key], results["methods"][key]["votes"].values()
        vote = f"{sum(votes) / len(votes):.1%}" if votes else ""
        for ending, found in record["endings"].items():
            before = "" if found["before"] is None else shown(found["before"])
            scores = [score(found["stages"][-1], results["floors"][ending])] if scored else []
            lines.append(
                [
                    record["label"],
                    key.split("/")[0],
                    str(len(found["seeds"])),
                    ending,
                    before,
                    *(shown(stage) for stage in found["stages"]),
                    vote,
                    *(shown(s, 3) for s in scores),
                ]
            )
    for ending, found in results["floors"].items():
        for name, stats in found.items():
            blank = [""] * len(stages)
            lines.append(
                [
                    labels[name],
                    "floor",
                    "",
                    ending,
                    *blank,
                    shown(stats),
                    "",
                    *[""] * scored,
                ]
            )
    trained = "ends within" if setting.endswith("-ends") else "has its full length"
    notes = []
    for key, record in results["methods"].items():
        ending = next(iter(record["endings"]))
        last = [
            f"{stages[-1]['mean']:.1f}" for stages in record["endings"][ending]["seeds"].values()
        ]
        notes.append(
            f"{record['label']} ({key.split('/')[0]}): {record['iterations']:,} outer steps, "
            f"step {results['steps']} seed by seed {', '.join(last)} ({ending})"
        )
        if record["settings"]["first_step_plain"]:
            notes[-1] += ", not modulated before its first step"
    for key, record in results.get("told", {}).items():  # results of before did not have any
        notes.append(
            f"{record['label']} ({key.split('/')[0]}): {record['iterations']:,} outer steps, "
            f"{len(record['seeds'])} seed(s)"
        )
    scale = "'score' is 0 for standing still and 1 for being told the goal. " if scored else ""
    return "\n".join(
        [
            f"### {results['setting']}",
            "",
            *(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines]),
            "",
            f"Mean undiscounted return, actions sampled; {world.words}; "
            f"{results['tasks']:,} fresh tasks, the same for every row; ± is the 95 % interval "
            "over tasks of the mean over seeds, so it does not hold how seeds differ. 'episode' "
            f"says when an episode ends in the test; in training it {trained}. 'mode named': "
            f"share of tasks whose nearest neighbour by embedding has the same mode. {scale}"
            + "; ".join(notes)
            + ".",
        ]
    )
