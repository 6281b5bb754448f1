"""The fit explorer: choose a task or place points of your own, and watch every step of adapting.

One line in a notebook of your own, with models of your own:

    fit_explorer({"maml": zoo.load("regression/1-mode/maml")})
"""

from collections.abc import Mapping, Sequence

import ipywidgets as W
import numpy as np
import torch
from torch import Tensor

from mmaml_lite.core import zoo
from mmaml_lite.core.tasks import Examples, Tasks
from mmaml_lite.course import figures
from mmaml_lite.course.figures import METHOD_STYLES
from mmaml_lite.course.figures.adaptation import AdaptationView
from mmaml_lite.course.lesson import GRID, placed
from mmaml_lite.course.studies.opening import CANDIDATES, ordinary
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets import panes as P
from mmaml_lite.course.widgets.explorer import Explorer
from mmaml_lite.course.widgets.pad import Pad
from mmaml_lite.regression.domain import mixture_of
from mmaml_lite.regression.settings import RegressionSettings
from mmaml_lite.regression.tasks import Mixture


def draw_points(
    mixture: Mixture, mode: int, parameters: Sequence[float], shots: int, noise: float, seed: int
) -> Examples:
    """Noisy points of one task `(1, shots, 1)`; one point more keeps those that were there."""
    low, high = mixture.domain
    x = low + (high - low) * torch.rand(20, generator=torch.Generator().manual_seed(2 * seed))[None]
    blur = torch.randn(20, generator=torch.Generator().manual_seed(2 * seed + 1))[None]
    truth = mixture.families[mode](x, torch.tensor([list(parameters)]))
    y = truth + noise * blur
    return Examples(x[:, :shots, None], y[:, :shots, None])


@torch.no_grad()
def ordinary_seed(
    models: Sequence[zoo.Model],
    mixture: Mixture,
    mode: int,
    parameters: Sequence[float],
    first: int = 0,
    usual: np.ndarray | None = None,
) -> int:
    """The seed of `draw_points` that an explorer opens on: of CANDIDATES, the most ordinary one.

    first: of the candidates; usual: errors of each model before and after, see `ordinary`.
    """
    shots, noise = mixture.shots, mixture.noise
    seeds = range(first, first + CANDIDATES)
    draws = [draw_points(mixture, mode, parameters, shots, noise, seed) for seed in seeds]
    points = Examples(torch.cat([d.x for d in draws]), torch.cat([d.y for d in draws]))
    truth = mixture.families[mode](GRID[None], torch.tensor([list(parameters)]))
    told = torch.full((len(draws),), mode)
    return first + ordinary(_misses(models, points, told, truth).T.numpy(), usual)


@torch.no_grad()
def median_errors(models: Sequence[zoo.Model], mixture: Mixture, tasks: Tasks) -> np.ndarray:
    """Medians over tasks of each model's error before any step and after `(2 * models,)`."""
    truth = mixture.curves(GRID.expand(len(tasks), -1), tasks.mode, tasks.parameters)
    return _misses(models, tasks.support, tasks.mode, truth).median(1).values.numpy()


def _misses(models: Sequence[zoo.Model], points: Examples, mode: Tensor, truth: Tensor) -> Tensor:
    """Squared distances from truth `(tasks or 1, grid)`, before and after `(2 * models, tasks)`."""
    x = GRID.expand(len(mode), -1)[..., None]
    curves = [model.learner(points, x, mode)[[0, -1], ..., 0] for model in models]
    return torch.cat([(y - truth).square().mean(-1) for y in curves])


def family_sliders(mixture: Mixture, start: float) -> dict[str, W.Widget]:
    """A slider for every parameter of every family, by "family parameter".

    start: where they stand, as a share of the prior, 0 to 1.
    """
    return {
        f"{f.name} {name}": C.slider(
            name,
            round(float(prior(torch.tensor(start))), 2),
            -prior.high if prior.signed else prior.low,
            prior.high,
            0.01,
        )
        for f in mixture.families
        for name, prior in f.priors.items()
    }


def slid_task(
    mixture: Mixture, mode: int, values: Mapping[str, float], shots: int, noise: float, seed: int
) -> tuple[Examples, np.ndarray]:
    """The task that `family_sliders` describe: its points `(1, shots, 1)` and truth `(grid,)`."""
    family = mixture.families[mode]
    parameters = [values[f"{family.name} {name}"] for name in family.priors]
    points = draw_points(mixture, mode, parameters, shots, noise, seed)
    return points, family(GRID[None], torch.tensor([parameters]))[0].numpy()


@torch.no_grad()
def adaptation_view(
    models: Mapping[str, zoo.Model],
    points: Examples,
    truth: np.ndarray | None = None,
    mode: int = 0,
    steps: int = 5,
    step_size: float | None = None,
    yrange: Sequence[float] = (-6.0, 6.0),
) -> AdaptationView:
    """All that `figures.adaptation` draws: every method's curve and loss at every stage.

    points: x and y `(1, K, 1)`; truth `(grid,)` on GRID; step_size: alpha; where a model learned
    step sizes of its own, all are multiplied alike and alpha is relative to where they started.
    Raises ValueError for points that are not finite.
    """
    points.check()
    x = torch.cat([GRID[None, :, None], points.x], 1)
    curves, losses, miss_before, miss = {}, {}, {}, {}
    for key, model in models.items():
        factor = 1.0 if step_size is None else step_size / model.settings.step_size
        told = torch.tensor([mode])
        y = model.learner(points, x, told, steps=steps, factor=factor)[:, 0, :, 0]
        curves[key] = y[:, : len(GRID)].numpy()
        seen = y[:, len(GRID) :] - points.y[0, :, 0]
        losses[key] = seen.square().mean(1).numpy()
        if truth is not None:
            distance = np.square(curves[key] - truth).mean(1)
            miss_before[key], miss[key] = distance[0], distance[-1]
    return AdaptationView(
        x=GRID.numpy(),
        points=points,
        seen_x=points.x[0, :, 0].numpy(),
        seen_y=points.y[0, :, 0].numpy(),
        truth=truth,
        curves=curves,
        losses=losses,
        miss_before=miss_before,
        miss=miss,
        yrange=list(yrange),
    )


def diverged(loss: np.ndarray) -> bool:
    """Whether a loss `(stages,)` ends not finite, or large and larger than it began."""
    return not np.isfinite(loss).all() or loss[-1] > max(100.0, 2 * loss[0])


def fit_summary(view: AdaptationView) -> str:
    """What happened, in one line: the loss before and after, and whether the steps diverged."""
    parts, lost = [], []
    for key, loss in view.losses.items():
        if diverged(loss):
            lost.append(METHOD_STYLES[key].label)
        else:
            parts.append(f"<b>{METHOD_STYLES[key].label}</b> {loss[0]:.2f} → {loss[-1]:.2f}")
    steps = len(next(iter(view.losses.values()))) - 1
    said = [f"Loss on the points seen, in {counted(steps, 'step')}: {'; '.join(parts)}."]
    if lost:
        names = " and ".join(f"<b>{name}</b>" for name in lost)
        said.append(
            f"{names} diverged: each step leaps over the valley and lands higher up on its other "
            "side. Make the step size α smaller."
        )
    return " ".join(said if parts else said[1:])


def counted(number: int, noun: str) -> str:
    """A number and its noun: 1 step, 2 steps."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def fit_explorer(models: Mapping[str, zoo.Model], steps: int = 5, shots: int = 5) -> Explorer:
    """Explorer of how trained models adapt to one task, side by side; it opens on an ordinary one.

    models: by key of `figures.METHOD_STYLES`, all trained on the same families. steps, shots: where
    the sliders start.
    """
    settings = next(iter(models.values())).settings
    mixture = mixture_of(settings)
    names = mixture.names
    family = C.choice("family", names, names[0])
    sliders = family_sliders(mixture, 0.75)
    parameters = [sliders[f"{names[0]} {p}"].value for p in mixture.families[0].priors]
    seed = ordinary_seed(list(models.values()), mixture, 0, parameters)
    pad = Pad(
        heading="the points",
        at_least=1,
        at_most=10,
        enabled=False,
        yrange=[-6.0, 6.0],
        width=280,
        height=190,
    )
    controls = {
        "family": family,
        **sliders,
        "shots": C.slider("points K", shots, 1, 10, 1),
        "seed": C.Again("other points", seed),
        "noise": C.slider("noise", mixture.noise, 0.0, 1.0, 0.05),
        "own": C.check("place the points myself"),
        "pad": pad,
        "steps": C.slider("gradient steps", steps, 0, 20, 1),
        "step_size": C.scale("step size α", settings.step_size, 1e-4, 0.1),
    }

    def show_points(points: Examples) -> None:
        seen = torch.cat([points.x[0], points.y[0]], 1).tolist()
        pad.value = [[round(x, 3), round(y, 3)] for x, y in seen]

    def compute(family, shots, seed, noise, own, pad, steps, step_size, **values):
        mode, truth = names.index(family), None
        if own:
            points = placed(pad)
        else:
            points, truth = slid_task(mixture, mode, values, shots, noise, seed)
        return adaptation_view(models, points, truth, mode, steps, step_size)

    def follow(fig, view):
        figures.redraw_adaptation(fig, view)
        own = pad.enabled = controls["own"].value
        for name in (*sliders, "shots", "noise", "seed"):  # they make a task; own points are one
            controls[name].disabled = own
        if not own:
            show_points(view.points)

    values = {name: slider.value for name, slider in sliders.items()}
    show_points(slid_task(mixture, 0, values, shots, mixture.noise, seed)[0])
    return Explorer(
        "fit",
        controls,
        compute,
        figures.adaptation,
        follow,
        fit_summary,
        arrange=lambda controls, screen: arranged(controls, screen, settings),
        models=models.values(),
    )


def arranged(
    controls: Mapping[str, W.Widget], screen: W.Widget, settings: RegressionSettings
) -> W.Widget:
    """Left what makes a task, or the pad for points of one's own, and the learning; the picture."""
    boxes = {
        f.name: P.column([controls[f"{f.name} {p}"] for p in f.priors])
        for f in mixture_of(settings).families
    }
    trained = C.hint(
        f"Trained for {settings.shots} points, {counted(settings.steps, 'step')}, "
        f"α = {settings.step_size:g}."
    )
    family, own, pad = (controls[k] for k in ("family", "own", "pad"))
    P.only(boxes, family)
    choose = [family] if len(boxes) > 1 else []
    drawn = P.column([*choose, *boxes.values(), *(controls[k] for k in ("shots", "noise", "seed"))])
    P.only({False: drawn, True: pad}, own)
    learner = [controls[k] for k in ("steps", "step_size")]
    columns = [
        P.column([W.HTML("<b>The task</b>"), drawn, own, pad]),
        P.column([W.HTML("<b>The learning</b>"), *learner, trained]),
    ]
    return P.beside(columns, screen)
