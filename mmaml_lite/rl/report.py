"""Evaluate the zoo's policies on shared fresh tasks; print them beside the paper and the floors."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmaml_lite.core import zoo
from mmaml_lite.core.evaluation import Found, Measured, Test, extremes, pairs
from mmaml_lite.core.results import held, markdown_table
from mmaml_lite.core.statistics import interval, neighbour_vote, shown
from mmaml_lite.rl.domain import METHODS
from mmaml_lite.rl.evaluation import TEST_STEPS, TEST_TASKS, returns, shared_goals
from mmaml_lite.rl.published import CURVES
from mmaml_lite.rl.settings import MetaSettings
from mmaml_lite.rl.tasks import World

TOLD = "told the goal, learned"


class Tasks(NamedTuple):
    """Shared goals `(tasks, d)` with their modes, and the worlds they are met in, by ending."""

    goals: Tensor
    mode: Tensor
    worlds: dict[str, World]


def tasks_of(settings: MetaSettings, count: int) -> Tasks:
    """The shared test tasks; raises ValueError for fewer than two of each mode."""
    if count < 2 * settings.modes:
        raise ValueError(f"expected at least two tasks for each mode, got {count} in all")
    worlds = settings.world().endings()
    return Tasks(*shared_goals(next(iter(worlds.values())), count), worlds)


def evaluate(model: zoo.Model, tasks: Tasks) -> dict[str, Found]:
    """What a policy earns with each ending; one that is told the goal takes no step."""
    s, found = model.settings, {}
    for ending, world in tasks.worlds.items():
        steps = 0 if s.told else TEST_STEPS
        earned = returns(model.learner, tasks.goals, world, steps, s.seed)
        more = {"before": earned.before}
        if world == s.world() and earned.embedding is not None:
            more["vote"] = neighbour_vote(earned.embedding, tasks.mode)
        found[ending] = Found(earned.stages, more)
    return found


def results(
    test: Test,
    setting: str,
    measured: Measured,
    asked: MetaSettings,
    tasks: Tasks,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """What is kept of a setting, by ending; policies told the goal are among the floors."""
    told = {key for key, settings in measured.settings.items() if settings.told}
    methods = {k: record for k, record in measured.methods.items() if k not in told}
    for key, record in methods.items():
        runs = measured.runs[key]
        record["votes"] = {
            str(seed): found.more["vote"]
            for seeds in runs.values()
            for seed, found in seeds.items()
            if "vote" in found.more
        }
        record["endings"] = {}
        for ending, seeds in runs.items():
            mean = measured.mean(key, ending)
            before = [found.more["before"] for found in seeds.values()]
            record["endings"][ending] = {
                "seeds": measured.seeds(key, ending),
                "stages": [interval(stage) for stage in mean],
                "before": None if before[0] is None else interval(torch.stack(before).mean(0)),
                **extremes(mean[-1], test.higher),
            }
    floors, differences = {}, {}
    for ending, world in tasks.worlds.items():
        known = world.floors(tasks.goals, tasks.mode)
        best = [f.stages[0] for key in told for f in measured.runs[key][ending].values()]
        known |= {"told": torch.stack(best).mean(0)} if best else {}
        floors[ending] = {name: interval(values) for name, values in known.items()}
        found = pairs({key: measured.mean(key, ending) for key in methods})
        differences[ending] = {names: pair["stages"] for names, pair in found.items()}
    return {
        "tasks": len(tasks.goals),
        "steps": TEST_STEPS,
        "methods": methods,
        "told": {
            key: measured.methods[key] | {"seeds": list(next(iter(measured.runs[key].values())))}
            for key in told
        },
        "floors": floors,
        "paired": differences,
    }


TEST = Test(
    tasks=tasks_of,
    evaluate=evaluate,
    count=TEST_TASKS,
    same=("modes",),
    modes=lambda settings, tasks: (tasks.mode, [str(m) for m in range(settings.modes)]),
    higher=True,
    digits=1,
    details=lambda model: {} if model.settings.told else {"settings": model.settings.to_dict()},
    models=lambda setting, asked, same, device: held(
        setting, asked, (*same, *asked.task_fields), device
    ),
    results=results,
)


def has_scale(floors: Mapping[str, Mapping[str, float]]) -> bool:
    """Whether stored floors make a score: both are there, and being told helps."""
    held = {"still", "told"} <= floors.keys()
    return held and floors["told"]["mean"] > floors["still"]["mean"]


def score(stats: dict[str, float], floors: dict[str, dict[str, float]]) -> dict[str, float]:
    """A return on the scale from 0, standing still, to 1, told the goal."""
    low, high = floors["still"]["mean"], floors["told"]["mean"]
    return {"mean": (stats["mean"] - low) / (high - low), "ci95": stats["ci95"] / (high - low)}


def markdown(results: dict[str, Any]) -> str:
    """The table of a setting in Markdown, with its caption."""
    kind, setting = results["setting"].split("/")
    world = zoo.zoo_settings(f"{results['setting']}/maml").world()
    figure, curves = CURVES.get(kind, ("", {}))
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
            before = "" if found["before"] is None else shown(found["before"], 1)
            scores = [score(found["stages"][-1], results["floors"][ending])] if scored else []
            lines.append(
                [
                    record["label"],
                    key.split("/")[0],
                    str(len(found["seeds"])),
                    ending,
                    before,
                    *(shown(stage, 1) for stage in found["stages"]),
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
                    shown(stats, 1),
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
            *markdown_table(head, lines),
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
