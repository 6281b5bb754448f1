"""Figures 3a to 3c, ours: stored returns of every stage beside the paper's.

curves_explorer(), curves_explorer(world="half-cheetah")
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import ipywidgets as W
import numpy as np
from torch import Tensor

from mmaml_lite.core import zoo
from mmaml_lite.core.results import read_results, results_path
from mmaml_lite.core.statistics import interval
from mmaml_lite.course import figures
from mmaml_lite.course.figures.navigation import earned
from mmaml_lite.course.figures.returns import TOLD, ReturnsView, writing
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets.explorer import Explorer, as_output
from mmaml_lite.course.widgets.fit import counted
from mmaml_lite.course.widgets.navigation import METHOD_NAMES
from mmaml_lite.rl.evaluation import TEST_STEPS
from mmaml_lite.rl.published import CURVES
from mmaml_lite.rl.report import has_scale

SETTINGS = {
    "navigation": {
        "2 modes": "2-modes",
        "2 modes, trained to end at the goal": "2-modes-ends",
        "4 modes": "4-modes",
        "6 modes": "6-modes",
    },
    "half-cheetah": {
        "target location (3b)": "cheetah-location/2-modes",
        "target speed (3c)": "cheetah-speed/2-modes",
    },
}
STAGES = ["before<br>modulation", "after it /<br>initial"]
STAGES += [f"step {i + 1}" for i in range(TEST_STEPS)]
NAVIGATION_SAYS = (
    "Filled marks: ours, on fresh tasks. Open marks: the paper's Figure 3a, read off by us; it "
    "does not say when its episodes end, nor how far the modes spread."
)
CHEETAH_SAYS = (
    "Filled marks: ours, on fresh tasks. Open marks: the paper's Figures 3b (target location) "
    "and 3c (target speed), read off by us; "
    "it states neither its targets' spread nor the cost of torque, so that its returns and ours "
    "are not quite in the same coin."
)
SCORED_SAYS = " The paper's are put on the scale of *our* floors, as it shows none."
FLOORS = {"goal": "told the goal", "mode": "told its mode"}
CHEETAH_LINES = "what one earns who stands still, and a policy that is told the goal"
CHEETAH_FLOORS = {"still": "stands still", "told": "told the goal"}
SCALES = {
    "navigation": {"logarithmic": "log", "linear (the paper)": "linear"},
    "half-cheetah": {"return (the paper)": "linear", "score": "score"},
}


def full(name: str) -> str:
    """The name of results: navigation's settings go without their domain here."""
    return name if "/" in name else f"navigation/{name}"


def stored(world: str = "navigation") -> dict[str, str]:
    """The settings of a world whose results are stored: words -> name."""
    asked = SETTINGS[world]
    held = {w: name for w, name in asked.items() if results_path(full(name)).is_file()}
    if not held:
        read_results(full(next(iter(asked.values()))))  # says which command makes them
    return held


def unstored(world: str) -> str:
    """One line that says which results are not there yet; "" where some are."""
    try:
        stored(world)
    except ValueError as error:
        return f"*Skipped: {error}.*"
    return ""


def curve_view(
    results: Mapping[str, Any], ending: str, scale: str = "log", recipe: str = "paper"
) -> ReturnsView:
    """All that `figures.returns` draws of stored results, for one ending of the episodes.

    scale: "log", "linear", or "score", which wants the floors "still" and "told".
    """
    kind, name = results["setting"].split("/")
    _, published = CURVES[kind]
    found: dict[str, dict[str, np.ndarray]] = {"mean": {}, "half": {}, "paper": {}}
    notes = []
    for key, method in METHOD_NAMES.items():
        record = results["methods"].get(f"{recipe}/{method}")
        if record is None:
            continue
        here = record["endings"][ending]
        stages = [here["before"] or {"mean": np.nan, "ci95": np.nan}, *here["stages"]]
        found["mean"][key] = np.array([s["mean"] for s in stages])
        found["half"][key] = np.array([s["ci95"] for s in stages])
        seeds = len(here["seeds"])
        notes.append(
            f"{record['label']}: {record['iterations']:,} outer steps, {counted(seeds, 'seed')}"
        )
        printed = published.get(name.removesuffix("-ends"), {}).get(method)
        if printed:
            found["paper"][key] = np.array(printed, dtype=float)  # None becomes NaN
    floors, navigation = results["floors"][ending], kind == "navigation"
    labels = FLOORS if navigation else CHEETAH_FLOORS
    world = zoo.zoo_settings(f"{kind}/{name}/maml").world()
    view = ReturnsView(
        stages=STAGES,
        **found,
        floors={label: floors[key]["mean"] for key, label in labels.items() if key in floors},
        scale=scale,
        says=NAVIGATION_SAYS if navigation else CHEETAH_SAYS,
        lines=TOLD if navigation else CHEETAH_LINES,
        ending=ending,
        note=f"{results['tasks']:,} fresh tasks, the same for both; {world.words}. "
        f"{'; '.join(notes)}.",
    )
    return scored(view) if scale == "score" else view


def by_modulation(world: str) -> dict[str, float]:
    """What modulation alone changes in MuMoMAML's stored mean return, by domain, where known."""
    found = {}
    for name in stored(world).values():
        results = read_results(full(name))
        mean = curve_view(results, next(iter(results["floors"])), "linear").mean
        if "mumomaml" in mean:
            found[results["setting"].split("/")[0]] = mean["mumomaml"][1] - mean["mumomaml"][0]
    return found


def scored(view: ReturnsView) -> ReturnsView:
    """The same view with scores in place of returns: 0 stands still, 1 is told the goal.

    Raises ValueError where one of the two floors is missing.
    """
    if not set(CHEETAH_FLOORS.values()) <= view.floors.keys():
        raise ValueError(f"a score wants two floors, {' and '.join(CHEETAH_FLOORS.values())}")
    low, high = (view.floors[label] for label in CHEETAH_FLOORS.values())

    def scores(returns: Mapping[str, Any]) -> dict[str, Any]:
        return {k: (v - low) / (high - low) for k, v in returns.items()}

    return replace(
        view,
        mean=scores(view.mean),
        half={k: v / (high - low) for k, v in view.half.items()},
        paper=scores(view.paper),
        floors=scores(view.floors),
        says=view.says + SCORED_SAYS,
    )


def exchange_view(
    found: Mapping[str, Tensor], floors: Mapping[str, float], scale: str = "log"
) -> ReturnsView:
    """All that `figures.returns` draws of what `exchange` found; floors: "goal", "mode"."""
    own = next(iter(found.values()))
    means = {whose: [stage.mean().item() for stage in stages] for whose, stages in found.items()}
    told = "; ".join(
        f"{figures.TAU_STYLES[whose].label} {', '.join(map(earned, stages))}"
        for whose, stages in means.items()
    )
    return ReturnsView(
        stages=["after modulation", *(f"step {i}" for i in range(1, len(own)))],
        mean={whose: stages.mean(1).numpy() for whose, stages in found.items()},
        half={
            whose: np.array([interval(stage)["ci95"] for stage in stages])
            for whose, stages in found.items()
        },
        paper={},
        scale=scale,
        floors={w: floors[key] for key, w in FLOORS.items()},
        says=f"{told}. {own.shape[1]} tasks: the same goals and random numbers for all three.",
    )


def curve_summary(view: ReturnsView) -> str:
    """Where both methods stand after modulation and in the end, on what and with which weights."""
    write = writing(view.scale)
    said = [
        f"<b>{figures.METHOD_STYLES[key].label}</b> {write(mean[1])} without a gradient step, "
        f"{write(mean[-1])} after {len(mean) - 2}"
        for key, mean in view.mean.items()
    ]
    floors = ", ".join(f"{label} {write(v)}" for label, v in view.floors.items())
    return f"Episodes: {view.ending}. {'; '.join(said)}; {floors}. {view.note}"


def curves_explorer(setting: str | None = None, world: str = "navigation") -> Explorer:
    """Explorer of the stored returns: which tasks, ending of the test's episodes, axis.

    setting: where it starts, such as "4-modes" or "cheetah-speed/2-modes"; world: "navigation" or
    "half-cheetah". An axis of scores is offered where the floors for it are stored. Raises
    ValueError where nothing is stored.
    """
    names = stored(world)
    results = {name: read_results(full(name)) for name in names.values()}
    first = setting if setting in results else next(iter(results))
    endings = list(results[first]["floors"])
    scales = SCALES[world]
    floors = [there for found in results.values() for there in found["floors"].values()]
    if not all(has_scale(there) for there in floors):
        scales = {words: scale for words, scale in scales.items() if scale != "score"}
    controls = {"setting": C.menu("tasks", names, first)}
    if len(endings) > 1:
        controls["ending"] = C.choice("an episode", endings, endings[0])
    controls["scale"] = C.choice("axis", scales, next(iter(scales.values())))

    def compute(setting, scale, ending=endings[0]):
        return curve_view(results[setting], ending, scale)

    screen = W.Output(layout={"min_height": "440px"})  # cheap to show, and nothing here is dragged
    return Explorer(
        "curves", controls, compute, figures.returns, draw, curve_summary, screen=screen
    )


def draw(screen: W.Output, view: ReturnsView) -> None:
    """Put the picture into an output area, in the place of the one before."""
    screen.outputs = (as_output(figures.returns(view)),)
