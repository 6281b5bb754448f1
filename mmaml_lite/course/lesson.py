"""What the regression lessons have in common: the cast of methods, and arrays for the figures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmaml_lite.core import zoo
from mmaml_lite.core.networks import Tau
from mmaml_lite.core.progress import Progress
from mmaml_lite.core.results import read_results
from mmaml_lite.core.statistics import interval, neighbour_vote
from mmaml_lite.core.tasks import Examples, Tasks
from mmaml_lite.course.figures.embedding import EmbeddingMapView, FormingView
from mmaml_lite.course.figures.fits import FitsView
from mmaml_lite.course.figures.gallery import GalleryView
from mmaml_lite.course.figures.stages import Posterior
from mmaml_lite.course.studies import maps
from mmaml_lite.course.studies.cast import Cast, with_steps
from mmaml_lite.regression.domain import mixture_of
from mmaml_lite.regression.floors import live_posterior
from mmaml_lite.regression.report import FLOOR_LABELS
from mmaml_lite.regression.tasks import Family

GRID = torch.linspace(-5, 5, 121)


def load_cast(
    modes: int,
    modulation: str = "film",
    seed: int = 0,
    retrain: bool = False,
    iterations: int = 2000,
) -> dict[str, zoo.Model]:
    """The three methods of the paper's Figure 2, by their key in the figures.

    Shipped weights (seed 0) where the zoo has them; with `retrain`, and for what it lacks, they are
    trained for `iterations` steps from `seed`, after saying how long that takes.
    """
    methods = {"mumomaml": f"mumomaml-{modulation}", "maml": "maml", "multi-maml": "multi-maml"}
    cast = {}
    for key, method in methods.items():
        name = f"regression/{modes}-modes/{method}"
        if zoo.weights_path(name).is_file() and not retrain:
            cast[key] = zoo.load(name)
        else:
            told = (Progress(name),)
            cast[key] = zoo.load(name, seed=seed, callbacks=told, iterations=iterations)
    return cast


def showcase(cast: Cast, seed: int = 0, spread: bool = True) -> Tasks:
    """One task of each mode for the pictures, `(modes,)` of them.

    Drawn at random until the function is neither nearly flat nor far out of the picture (its values
    span 6 to 12) and, with `spread`, no third of the axis is without a point; without it, until
    all points lie in one half. How well a method does plays no part in the choice.
    """
    mixture = mixture_of(cast["mumomaml"].settings)
    draws = mixture.sample(400 * len(mixture.families), torch.Generator().manual_seed(1000 + seed))
    y = mixture.curves(GRID.expand(len(draws), -1), draws.mode, draws.parameters)
    span, x = y.amax(1) - y.amin(1), draws.support.x[..., 0]
    third, half = 5 / 3, (x < 0).all(1) | (x > 0).all(1)
    covered = (x < -third).any(1) & (x.abs() < third).any(1) & (x > third).any(1)
    good = (span > 6) & (span < 12) & (y.abs().amax(1) < 8) & (covered if spread else half)
    first = [torch.nonzero(good & (draws.mode == m))[0] for m in range(len(mixture.families))]
    return draws[torch.cat(first)]


def weights_shown(cast: Cast) -> str:
    """Which weights are shown, in Markdown."""
    text = f"Weights shown, with their training iterations: {with_steps(cast)}."
    if any(model.provisional for model in cast.values()):
        full = zoo.zoo_settings(cast["maml"].name).iterations
        text += (
            f" *Provisional* weights were trained for less than the paper's {full:,} iterations: "
            "they show the idea, and part of their distance to the others is training, not method."
        )
    return text


@torch.no_grad()
def curves(
    model: zoo.Model, tasks: Tasks, tau: Tau | None = None, steps: int | None = None
) -> np.ndarray:
    """Predictions on GRID before any gradient step and after the last one `(2, tasks, grid)`.

    tau: modulation vectors to use instead of the encoder's, one for each task or one for all.
    """
    return np.moveaxis(stage_curves(model, tasks.support, tasks.mode, tau, steps), 1, 0)[[0, -1]]


def placed(points: Sequence[Sequence[float]]) -> Examples:
    """Points `[[x, y], ...]` of a pad as the examples of one task `(1, K, 1)`."""
    x, y = torch.tensor(points, dtype=torch.float32).reshape(-1, 2).unbind(1)
    return Examples(x[None, :, None], y[None, :, None])


@torch.no_grad()
def stage_curves(
    model: zoo.Model,
    support: Examples,
    mode: Tensor,
    tau: Tau | None = None,
    steps: int | None = None,
    factor: float = 1.0,
) -> np.ndarray:
    """Predictions on GRID before any gradient step and after each one `(tasks, stages, grid)`.

    tau: modulation vectors to use instead of the encoder's, one for each task or one for all.
    """
    x = GRID.expand(len(mode), -1)[..., None]
    if tau is not None:
        tau = {i: t.expand(len(mode), -1, -1) for i, t in tau.items()}
    y = model.learner(support, x, mode, tau=tau, steps=steps, factor=factor)[..., 0]
    return y.movedim(0, 1).numpy()


def _percent(share: Tensor) -> str:
    return (
        ">99 %" if share > 0.995 else "<1 %" if share < 0.005 else f"{share:.0%}".replace("%", " %")
    )


def fits(predictions: Mapping[str, np.ndarray], cast: Cast, tasks: Tasks) -> FitsView:
    """All that `figures.fits` draws: the predictions, the truth, the points seen, the posterior."""
    mixture = mixture_of(cast["mumomaml"].settings)
    x = GRID.expand(len(tasks), -1)
    live = [
        live_posterior(
            mixture, Examples(tasks.support.x[i : i + 1], tasks.support.y[i : i + 1]), GRID
        )
        for i in range(len(tasks))
    ]
    headings = [
        f"{mixture.names[m]} <span style='font-weight:normal'>"
        f"({_percent(p.probability[m])} likely)</span>"
        for m, p in zip(tasks.mode.tolist(), live, strict=True)
    ]
    return FitsView(
        x=GRID.numpy(),
        truth=mixture.curves(x, tasks.mode, tasks.parameters).numpy(),
        seen_x=tasks.support.x[..., 0].numpy(),
        seen_y=tasks.support.y[..., 0].numpy(),
        curves=predictions,
        headings=headings,
        bayes=Posterior(
            *(torch.stack([getattr(p, k) for p in live]).numpy() for k in ("mean", "low", "high"))
        ),
    )


def embedding_map(
    model: zoo.Model, tasks: Tasks, marked: Tasks, drawn: maps.Map
) -> EmbeddingMapView:
    """All that `figures.embedding_map` draws: the map of the embeddings of `tasks`, others marked.

    drawn: the map, such as `maps.tsne(embeddings(model, tasks).numpy())`.
    """
    families = mixture_of(model.settings).families
    places = drawn.place(embeddings(model, marked).numpy())
    ours = [families[m].name for m in marked.mode.tolist()]
    return EmbeddingMapView(
        points=drawn.points,
        mode=tasks.mode.numpy(),
        names=[f.name for f in families],
        hover=described(tasks, families),
        marked=dict(zip(ours, places, strict=True)),
    )


def gallery(cast: Cast, columns: int = 4, seed: int = 0) -> tuple[GalleryView, GalleryView]:
    """All that `figures.gallery` draws: before any gradient step, and after the last one.

    The first tasks of each mode that `seed` draws, whatever they look like.
    """
    mixture = mixture_of(cast["mumomaml"].settings)
    modes = len(mixture.families)
    tasks = mixture.sample(columns * modes, torch.Generator().manual_seed(2000 + seed))
    truth = mixture.curves(GRID.expand(len(tasks), -1), tasks.mode, tasks.parameters)

    def grid(values: Tensor | np.ndarray) -> np.ndarray:
        return np.asarray(values).reshape(modes, columns, -1)

    both = {key: curves(model, tasks) for key, model in cast.items()}
    before = GalleryView(
        x=GRID.numpy(),
        truth=grid(truth),
        seen_x=grid(tasks.support.x),
        seen_y=grid(tasks.support.y),
        curves={k: grid(y[0]) for k, y in both.items()},
        names=mixture.names,
    )
    return before, replace(before, curves={k: grid(y[1]) for k, y in both.items()})


def forming(history: Sequence[tuple[int, zoo.Model]], tasks: Tasks) -> FormingView:
    """All that `figures.forming` draws: maps of `tasks` at the moments of `zoo.history`."""
    vectors = [embeddings(model, tasks) for _, model in history]
    drawn = [maps.pca(v.numpy()).points for v in vectors]
    last = drawn[-1]  # embeddings grow in training: every map is drawn at the size of the last
    drawn = [p * (last.std() / max(p.std(), 1e-12)) for p in drawn]
    return FormingView(
        maps=[maps.turned_onto(p, last) for p in drawn],
        steps=[step for step, _ in history],
        agree=[neighbour_vote(v, tasks.mode) for v in vectors],
        mode=tasks.mode.numpy(),
        names=mixture_of(history[-1][1].settings).names,
    )


def described(tasks: Tasks, families: Sequence[Family]) -> list[str]:
    """Family and parameters of every task, as the text that appears where one points at it."""
    return [
        f"<b>{families[m].name}</b><br>"
        + "<br>".join(f"{k} {p:.2f}" for k, p in zip(families[m].priors, values, strict=False))
        for m, values in zip(tasks.mode.tolist(), tasks.parameters.tolist(), strict=True)
    ]


@torch.no_grad()
def embeddings(model: zoo.Model, tasks: Tasks) -> Tensor:
    """Task embeddings upsilon `(tasks, d)`."""
    return model.learner.embed(tasks.support)


def stored_floors(modes: int) -> dict[str, float]:
    """The stored floors of a setting, by their label in figures."""
    found = read_results(f"regression/{modes}-modes")["floors"]
    return {label: found[key]["mean"] for key, label in FLOOR_LABELS.items()}


def metrics(found: Mapping[str, Tensor], floor: Mapping[str, float]) -> dict[str, Any]:
    """Numbers of a run, per method: errors with intervals, and the ratio to Bayes."""
    out: dict[str, Any] = {"tasks": next(iter(found.values())).shape[1]}
    for key, e in found.items():
        out[key] = {"post_modulation": interval(e[0]), "post_adaptation": interval(e[-1])}
        out[key]["x_bayes"] = e[-1].mean().item() / floor["Bayes"]
    return out
