"""The explorer of lesson 5: set a hidden goal, and watch two methods find it, stage by stage.

One line in a notebook of your own:

    navigate(navigators())
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import ipywidgets as W
import numpy as np
import torch

from mmaml_lite.core import zoo
from mmaml_lite.course import figures
from mmaml_lite.course.figures import METHOD_STYLES
from mmaml_lite.course.figures.navigation import SIDES, Side, WalksView, earned
from mmaml_lite.course.studies.cast import Cast, casts_shown
from mmaml_lite.course.studies.navigation import Walks, walks
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets.explorer import Explorer
from mmaml_lite.course.widgets.goal import Goal, round_modes
from mmaml_lite.rl import Navigation
from mmaml_lite.rl.navigation import walk

STEPS = 5
DRAWN = 5  # walks of each stage that are drawn; more would hide each other
FAR = 3.0  # spreads from every mode: such goals were hardly ever seen in training
METHOD_NAMES = {"maml": "maml", "mumomaml": "mumomaml-film"}  # key in figures -> in the zoo
NAMES = ["before modulation", "after modulation", *(f"after step {i + 1}" for i in range(STEPS))]
SHORT = ["look", "0", *(str(i + 1) for i in range(STEPS))]


def navigators(
    modes: int = 2, others: Sequence[int] = (2, 4, 6)
) -> dict[int, dict[str, zoo.Model]]:
    """MAML and MuMoMAML for goals of this many modes, and of others where the zoo has them.

    Where the zoo lacks those of `modes`, they are trained here, after a word on how long it takes.
    """
    names = {
        n: {key: f"navigation/{n}-modes/{method}" for key, method in METHOD_NAMES.items()}
        for n in sorted({modes, *others})
    }
    held = {
        n: cast
        for n, cast in names.items()
        if n == modes or all(zoo.weights_path(name).is_file() for name in cast.values())
    }
    return {n: {key: zoo.load(name) for key, name in cast.items()} for n, cast in held.items()}


def navigators_shown(casts: Mapping[int, Cast]) -> str:
    """Which weights are shown, in Markdown: outer steps of each."""
    return casts_shown({f"{n} modes": cast for n, cast in casts.items()})


def beside(world: Navigation) -> list[float]:
    """A goal of the first mode, a spread from its centre."""
    x, y = world.centres[0]
    return [round(x + 0.6 * world.spread, 2), round(y - 0.8 * world.spread, 2)]


def far_off(world: Navigation, goal: Sequence[float]) -> tuple[int, float]:
    """The nearest mode to a goal, and how many spreads away its centre is."""
    away = np.linalg.norm(np.asarray(world.centres) - np.asarray(goal), axis=1)
    return int(away.argmin()), float(away.min() / world.spread)


class Walked(NamedTuple):
    """What both methods do with one goal, by key, and the floors of this very goal."""

    sides: dict[str, Walks]
    floors: dict[str, float]


def walked(cast: Cast, goal: Sequence[float], seed: int = 0) -> Walked:
    """Let both methods walk to one goal `(2,)`."""
    place = torch.tensor([list(goal)])
    world = cast["maml"].settings.world()
    nearest, _ = far_off(world, goal)
    sides = {key: walks(model.learner, place[0], STEPS, seed) for key, model in cast.items()}
    centre = torch.tensor([world.centres[nearest]])
    floors = {"goal": walk(world, place, place).item(), "mode": walk(world, place, centre).item()}
    return Walked(sides, floors)


def walks_view(cast: Cast, found: Walked, goal: Sequence[float], stage: int) -> WalksView:
    """All that `figures.walks` draws, of what `walked` found for this goal."""
    world = cast["maml"].settings.world()
    _, spreads = far_off(world, goal)
    sides = {key: _side(found.sides[key], stage) for key in SIDES}
    return WalksView(
        goal=list(goal),
        centres=world.centres,
        spread=world.spread,
        spreads=spreads,
        stage=stage,
        names=NAMES,
        short=SHORT,
        sides=sides,
        headings=[_heading(stage, side.returns[stage], key) for key, side in sides.items()],
        floors=found.floors,
    )


def _side(found: Walks, stage: int) -> Side:
    """The walks at one stage, the first ones, and the returns of all stages `(STEPS + 2,)`."""
    paths = found.paths[max(stage - 1, 0)][:DRAWN].numpy()
    first, look = found.paths[0][:1].numpy(), np.nan
    if found.before is not None:
        first, look = found.before[0].numpy(), found.before[1]
        paths = first if stage == 0 else paths
    return Side(paths, first, np.concatenate([[look], found.returns.numpy()]).astype(float))


def _heading(stage: int, value: float, key: str) -> str:
    """Stage and return, over a panel."""
    if key == "maml" and not np.isfinite(value):
        return "its start: nothing to modulate"
    name = "its start" if key == "maml" and stage == 1 else NAMES[stage]
    return f"{name}: <b>{earned(value)}</b>"


def walks_summary(view: WalksView) -> str:
    """Where the goal lies, and what each method earns from stage to stage."""
    x, y = view.goal
    where = f"Goal ({x:.2f}, {y:.2f}), {view.spreads:.1f} spreads from the nearest mode's centre"
    if view.spreads > FAR:
        where += ": <b>such goals were never trained</b>"
    told = []
    for key in SIDES:
        numbers = [earned(r) for r in view.sides[key].returns if np.isfinite(r)]
        told.append(f"<b>{METHOD_STYLES[key].label}</b> {' → '.join(numbers)}")
    goal, mode = (earned(view.floors[k]) for k in ("goal", "mode"))
    return (
        f"{where}. Mean return, stage by stage: {'; '.join(told)}. Told the goal {goal}, told its "
        f"nearest mode {mode}."
    )


def navigate(
    casts: Mapping[int, Cast],
    modes: int | None = None,
    goal: Sequence[float] | None = None,
    seed: int = 0,
) -> Explorer:
    """Explorer of one hidden goal: its walks before and after modulation and after every step.

    casts: number of modes -> models by key of SIDES, as from `navigators`; modes, goal: where it
    starts, by default with the first cast and beside its first mode's centre.
    """
    models = [model for cast in casts.values() for model in cast.values()]
    models = {m.settings.method: m for m in sorted(models, key=lambda m: m.provisional)}.values()
    counts = list(casts)
    modes = counts[0] if modes is None else modes
    world = casts[modes]["maml"].settings.world()
    place = Goal(goal or beside(world), "the goal: click, or drag the star")
    place.pad.lines = round_modes(world.centres, world.spread)
    controls = {
        "goal": place,
        "modes": C.choice("modes", {str(n): n for n in counts}, modes),
        "stage": W.SelectionSlider(
            options=[(name, i) for i, name in enumerate(NAMES)],
            value=1,
            description="stage",
            style={"description_width": "44px"},
            layout={"width": "auto", "max_width": "600px"},
        ),
        "seed": C.Again("walk again", seed),
    }

    @lru_cache(maxsize=256)
    def found(modes: int, goal: tuple[float, float], seed: int) -> Walked:
        return walked(casts[modes], goal, seed)

    def compute(goal, modes, stage, seed):
        return walks_view(casts[modes], found(modes, tuple(goal), seed), goal, stage)

    def follow(fig, view):
        figures.redraw_walks(fig, view)
        place.pad.lines = round_modes(view.centres, view.spread)

    def arrange(controls, screen):
        choose = ["modes", "seed"] if len(counts) > 1 else ["seed"]
        moved = W.VBox([controls["stage"], screen])  # the stage stands over what it moves
        return place.beside(moved, *(controls[k] for k in choose))

    return Explorer(
        "navigate",
        controls,
        compute,
        figures.walks,
        follow,
        walks_summary,
        arrange=arrange,
        models=models,
    )
