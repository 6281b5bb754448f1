"""Figure 3a, ours: stored returns of every stage beside the paper's.

curves_explorer()
"""

import json
from collections.abc import Mapping
from typing import Any

import ipywidgets as W
import numpy as np
import plotly.graph_objects as go
from torch import Tensor

from mmaml_lite import figures, report, zoo
from mmaml_lite.evaluate import interval
from mmaml_lite.figures.navigation import earned
from mmaml_lite.published import NAVIGATION
from mmaml_lite.rl.evaluation import TEST_STEPS
from mmaml_lite.widgets import controls as C
from mmaml_lite.widgets.explorer import Explorer
from mmaml_lite.widgets.fit import counted
from mmaml_lite.widgets.navigation import METHOD_NAMES

SETTINGS = {
    "2 modes": "2-modes",
    "2 modes, trained to end at the goal": "2-modes-ends",
    "4 modes": "4-modes",
    "6 modes": "6-modes",
}
STAGES = ["before<br>modulation", "after it /<br>initial"]
STAGES += [f"step {i + 1}" for i in range(TEST_STEPS)]
SAYS = (
    "Filled marks: ours, on fresh tasks. Open marks: the paper's Figure 3a, read off by us; it "
    "does not say when its episodes end, nor how far the modes spread."
)
FLOORS = {"goal": "told the goal", "mode": "told its mode"}


def stored() -> dict[str, str]:
    """The settings whose results are stored: words -> name."""
    paths = {words: report.results_path(f"navigation/{name}") for words, name in SETTINGS.items()}
    held = {words: SETTINGS[words] for words, path in paths.items() if path.is_file()}
    if not held:
        report.read_results("navigation/2-modes")  # says which command makes them
    return held


def curve_view(
    results: Mapping[str, Any], ending: str, scale: str = "log", recipe: str = "paper"
) -> dict[str, Any]:
    """All that `figures.returns` draws of stored results, for one ending of the episodes."""
    name = results["setting"].split("/")[1]
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
        printed = NAVIGATION.get(name.removesuffix("-ends"), {}).get(method)
        if printed:
            found["paper"][key] = np.array(printed, dtype=float)  # None becomes NaN
    floors = results["floors"][ending]
    world = zoo.zoo_settings(f"navigation/{name}/maml").world()
    return found | {
        "stages": STAGES, "scale": scale, "ending": ending, "says": SAYS,
        "note": f"{results['tasks']:,} fresh tasks, the same for both; {world.words}. "
        f"{'; '.join(notes)}.",
        "floors": {label: floors[key]["mean"] for key, label in FLOORS.items()},
    }  # fmt: skip


def exchange_view(
    found: Mapping[str, Tensor], floors: Mapping[str, float], scale: str = "log"
) -> dict[str, Any]:
    """All that `figures.returns` draws of what `rl.exchange` found; floors: "goal", "mode"."""
    own = next(iter(found.values()))
    told = "; ".join(
        f"{figures.TAUS[whose].label} {', '.join(earned(stage.mean().item()) for stage in stages)}"
        for whose, stages in found.items()
    )
    return {
        "stages": ["after modulation", *(f"step {i}" for i in range(1, len(own)))],
        "mean": {whose: stages.mean(1).numpy() for whose, stages in found.items()},
        "half": {
            whose: np.array([interval(stage)["ci95"] for stage in stages])
            for whose, stages in found.items()
        },
        "paper": {}, "scale": scale, "floors": {w: floors[key] for key, w in FLOORS.items()},
        "says": f"{told}. {own.shape[1]} tasks: the same goals and random numbers for all three.",
    }  # fmt: skip


def curve_summary(view: Mapping[str, Any]) -> str:
    """Where both methods stand after modulation and in the end, on what and with which weights."""
    said = [
        f"<b>{figures.METHODS[key].label}</b> {earned(mean[1])} without a gradient step, "
        f"{earned(mean[-1])} after {len(mean) - 2}"
        for key, mean in view["mean"].items()
    ]
    floors = ", ".join(f"{label} {earned(v)}" for label, v in view["floors"].items())
    return f"Episodes: {view['ending']}. {'; '.join(said)}; {floors}. {view['note']}"


def curves_explorer(setting: str | None = None) -> Explorer:
    """Explorer of the stored returns: number of modes, ending of the test's episodes, axis.

    setting: where it starts, such as "4-modes". Raises ValueError where nothing is stored.
    """
    names = stored()
    results = {name: report.read_results(f"navigation/{name}") for name in names.values()}
    first = setting if setting in results else next(iter(results))
    endings = list(results[first]["floors"])
    controls = {
        "setting": C.menu("tasks", names, first),
        "ending": C.choice("an episode", endings, endings[0]),
        "scale": C.choice("axis", {"logarithmic": "log", "linear (the paper)": "linear"}, "log"),
    }  # fmt: skip

    def compute(setting, ending, scale):
        return curve_view(results[setting], ending, scale)

    screen = W.Output(layout={"min_height": "440px"})  # cheap to show, and nothing here is dragged
    return Explorer(
        "curves", controls, compute, figures.returns, draw, curve_summary, screen=screen
    )


def draw(screen: W.Output, view: Mapping[str, Any]) -> None:
    """Put the picture into an output area, in the place of the one before."""
    screen.outputs = (shown(figures.returns(view)),)


def shown(fig: go.Figure) -> dict[str, Any]:
    """A figure as an output area keeps it."""
    data = {"application/vnd.plotly.v1+json": json.loads(fig.to_json())}
    data["text/plain"] = figures.alt(fig)
    return {"output_type": "display_data", "data": data, "metadata": {}}
