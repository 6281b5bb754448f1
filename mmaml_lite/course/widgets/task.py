"""The explorer of lesson 4: one task, MuMoMAML beside another method, Bayes, and the map.

One line in a notebook of your own, with models of your own:

    task_explorer({"mumomaml": zoo.load("regression/3-modes/mumomaml-film"), ...}, tasks)
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from mmaml_lite.core import zoo
from mmaml_lite.core.networks import Tau, averaged
from mmaml_lite.core.tasks import Examples, Tasks
from mmaml_lite.course import figures
from mmaml_lite.course.figures.stages import Posterior
from mmaml_lite.course.figures.task import Fitted, TaskMap, TaskView
from mmaml_lite.course.lesson import GRID, described, embeddings, placed, stage_curves
from mmaml_lite.course.studies import maps
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets import panes as P
from mmaml_lite.course.widgets.explorer import Explorer
from mmaml_lite.course.widgets.fit import family_sliders, median_errors, ordinary_seed, slid_task
from mmaml_lite.course.widgets.pad import Pad
from mmaml_lite.regression.domain import mixture_of
from mmaml_lite.regression.floors import live_posterior
from mmaml_lite.regression.tasks import FAMILIES, Mixture

SOURCES = {
    "the sliders": "sliders",
    "points of my own": "own",
    "a task of the map": "map",
}
WITHOUT = {"on": "mumomaml", "τ off": "tau-off", "τ = mean": "tau-mean"}
NEIGHBOURS = 25
LEAST_NOISE = 0.05  # what Bayes assumes of points without noise: a posterior needs some width


class Lineup:
    """The models of the explorer and what it needs of them once: mean tau, embeddings, maps."""

    def __init__(
        self, models: Mapping[str, zoo.Model], tasks: Tasks, drawn: maps.Map | None = None
    ):
        self.models, self.tasks = dict(models), tasks
        self.mixture = mixture_of(models["mumomaml"].settings)
        self.embeddings = embeddings(models["mumomaml"], tasks).numpy()
        self.hover = described(tasks, self.mixture.families)
        drawn = drawn or maps.tsne(self.embeddings)
        self.maps = {drawn.kind: drawn} | {"PCA": maps.pca(self.embeddings)}
        with torch.no_grad():
            tau = models["mumomaml"].learner.modulate(torch.from_numpy(self.embeddings))
        self.tau_mean = averaged(tau)

    def rivals(self) -> dict[str, str]:
        """What MuMoMAML can be compared with: words -> key of `figures.METHOD_STYLES`."""
        known = {
            "MAML": "maml",
            "Multi-MAML, told the mode": "multi-maml",
            "tuned MAML": "tuned-maml",
        }
        rivals = {words: key for words, key in known.items() if key in self.models}
        return rivals | {"MuMoMAML, τ off": "tau-off", "MuMoMAML, τ = mean": "tau-mean"}

    def model_and_tau(self, key: str) -> tuple[zoo.Model, Tau | None]:
        """The trained model behind a key, and the tau that replaces its own (None: its own)."""
        if key in self.models:
            return self.models[key], None
        return self.models["mumomaml"], {} if key == "tau-off" else self.tau_mean


def task_view(
    cast: Lineup,
    points: Examples,
    truth: np.ndarray | None = None,
    mode: int = 0,
    left: str = "mumomaml",
    right: str = "maml",
    steps: int = 5,
    noise: float = 0.3,
    kind: str = "t-SNE",
    itself: int | None = None,
    outside: bool = False,
) -> TaskView:
    """All that `figures.task` draws, from points `(1, K, 1)` of one task.

    truth `(grid,)` on GRID or None; mode: told to an oracle alone; left, right: keys as in
    `Lineup.model_and_tau`; noise: what Bayes takes it to be; itself: the task's own number in the
    map, which has no vote; outside: it may be of no family that Bayes believes in. Raises
    ValueError for bad points.
    """
    points.check()
    assumed = Mixture(cast.mixture.names, noise=max(noise, LEAST_NOISE))
    live = live_posterior(assumed, points, GRID)
    with torch.no_grad():
        here = cast.models["mumomaml"].learner.embed(points).numpy()
    distance = np.square(cast.embeddings - here).sum(1)
    if itself is not None:
        distance[itself] = np.inf
    nearest = cast.tasks.mode[np.argsort(distance)[:NEIGHBOURS]]
    names, drawn = cast.mixture.names, cast.maps[kind]
    return TaskView(
        x=GRID.numpy(),
        truth=truth,
        seen_x=points.x[0, :, 0].numpy(),
        seen_y=points.y[0, :, 0].numpy(),
        yrange=[-9.0, 9.0],
        left=fitted(cast, left, points, truth, mode, steps),
        right=fitted(cast, right, points, truth, mode, steps),
        bayes=Posterior(*(getattr(live, name).numpy() for name in Posterior._fields)),
        vote=np.bincount(nearest, minlength=len(names)) / len(nearest),
        neighbours=NEIGHBOURS,
        names=names,
        told=names[mode],
        outside=outside,
        map=TaskMap(drawn.points, cast.tasks.mode.numpy(), cast.hover, kind),
        place=drawn.place(here)[0],
    )


def fitted(
    cast: Lineup, key: str, points: Examples, truth: np.ndarray | None, mode: int, steps: int
) -> Fitted:
    """One method of the explorer on one task; arguments as for `task_view`."""
    model, tau = cast.model_and_tau(key)
    curves = stage_curves(model, points, torch.tensor([mode]), tau, steps)[0]
    seen_x, seen_y = points.x[0, :, 0].numpy(), points.y[0, :, 0].numpy()
    ends = [np.interp(seen_x, GRID.numpy(), curves[stage]) for stage in (0, -1)]
    miss = None
    if truth is not None:
        miss = tuple(np.square(curves[[0, -1]].astype(float) - truth).mean(1).tolist())
    return Fitted(key, curves, tuple(float(np.square(y - seen_y).mean()) for y in ends), miss)


def task_summary(view: TaskView) -> str:
    """What is seen, in one line: how both methods did, and whether the family can be known."""
    parts = []
    for key, curves, loss, miss in view.sides:
        label = figures.METHOD_STYLES[key].label
        if not np.isfinite(curves).all() or np.abs(curves[-1]).max() > 100:
            parts.append(f"<b>{label} diverges</b> on this task")
        elif miss is not None:
            parts.append(
                f"<b>{label}</b> {figures.error_text(miss[0])} → {figures.error_text(miss[1])}"
            )
        else:
            before, after = (figures.error_text(v) for v in loss)
            parts.append(f"<b>{label}</b> {before} → {after} on the points")
    odds = view.bayes.probability
    best = int(np.argmax(odds))
    family = f"Bayes names <b>{view.names[best]}</b> with {100 * odds[best]:.0f} %"
    sure = "" if odds[best] > 0.9 else ": these points leave the family open"
    if view.outside:
        sure = ", believing in the trained families only: its certainty is worth nothing here"
    return "; ".join([*parts, family + sure]) + "."


def task_explorer(
    models: Mapping[str, zoo.Model], tasks: Tasks, drawn: maps.Map | None = None, seed: int = 0
) -> Explorer:
    """Explorer of one task under MuMoMAML and a rival, with Bayes and the embedding map.

    models: by key of `figures.METHOD_STYLES`, at least "mumomaml", all trained on the same
    families; tasks: those of the map; drawn: their map, by default a t-SNE made here; seed: of the
    first of the points from which it takes those to open on: with errors, before and after, nearest
    to their medians over tasks of the map.
    """
    cast = Lineup(models, tasks, drawn)
    trained = cast.mixture.names
    everything = Mixture([*trained, *(name for name in FAMILIES if name not in trained)])
    names = everything.names
    family = C.menu(
        "family",
        {name if name in trained else f"{name} (never trained)": name for name in names},
        names[0],
    )
    sliders = family_sliders(everything, 0.7)
    parameters = [sliders[f"{names[0]} {p}"].value for p in everything.families[0].priors]
    shown = [
        models[key] for key in ("mumomaml", next(iter(cast.rivals().values()))) if key in models
    ]
    usual = median_errors(shown, cast.mixture, tasks[:: max(1, len(tasks) // 200)])
    seed = ordinary_seed(shown, cast.mixture, 0, parameters, seed, usual)
    pad = Pad(
        heading="points of my own",
        value=[[-3.0, 1.0], [0.0, 0.5], [3.0, 2.0]],
        at_least=1,
        at_most=10,
        yrange=[-9.0, 9.0],
        width=280,
        height=190,
    )
    source = C.menu("the task is", SOURCES, "sliders")
    controls = {
        "source": source,
        "family": family,
        **sliders,
        "shots": C.slider("points K", 5, 1, 10, 1),
        "noise": C.slider("noise", cast.mixture.noise, 0.0, 1.0, 0.05),
        "seed": C.Again("other points", seed),
        "pad": pad,
        "number": C.slider("map task no.", 0, 0, len(tasks) - 1, 1),
        "tau": C.choice("modulation", WITHOUT, "mumomaml"),
        "right": C.menu("compare with", cast.rivals(), next(iter(cast.rivals().values()))),
        "steps": C.slider("gradient steps", 5, 0, 20, 1),
        "kind": C.choice("map", list(cast.maps), next(iter(cast.maps))),
    }

    def compute(source, family, shots, noise, seed, pad, number, tau, right, steps, kind, **values):
        mode, truth, itself = names.index(family), None, None
        assumed = noise if source == "sliders" else cast.mixture.noise
        if source == "own":
            points = placed(pad)
        elif source == "map":
            one = tasks[number : number + 1]
            points, mode, itself = one.support, int(one.mode[0]), number
            truth = cast.mixture.curves(GRID[None], one.mode, one.parameters)[0].numpy()
        else:
            points, truth = slid_task(everything, mode, values, shots, noise, seed)
        mode = min(mode, len(trained) - 1)  # an oracle can only be told a mode that it knows
        outside = source == "own" or (source == "sliders" and family not in trained)
        return task_view(
            cast, points, truth, mode, tau, right, steps, assumed, kind, itself, outside
        )

    def arrange(controls, screen):
        families = {
            f.name: P.column([sliders[f"{f.name} {p}"] for p in f.priors])
            for f in everything.families
        }
        drawn_by = ("shots", "noise", "seed")
        groups = {
            "sliders": P.column([family, *families.values(), *(controls[k] for k in drawn_by)]),
            "own": pad,
            "map": P.column([controls["number"]]),
        }
        P.only(families, family)
        P.only(groups, source)
        learning = P.column([controls[k] for k in ("tau", "right", "steps", "kind")])
        return P.beside([P.column([source, *groups.values()]), learning], screen)

    explorer = Explorer(
        "task",
        controls,
        compute,
        figures.task,
        figures.redraw_task,
        task_summary,
        arrange=arrange,
        models=models.values(),
    )
    _open_on_click(explorer, trained)
    return explorer


def _open_on_click(explorer: Explorer, names: Sequence[str]) -> None:
    """A click on a mark of the map opens that task; the slider "map task no." does the same."""

    def clicked(trace, points, _state):
        if points.point_inds:
            explorer.set(number=int(trace.customdata[points.point_inds[0]]), source="map")

    for trace in explorer.screen.data if explorer.screen is not None else ():
        if trace.name in names:
            trace.on_click(clicked)
