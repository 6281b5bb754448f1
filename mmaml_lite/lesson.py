"""What the regression lessons have in common: the cast of methods, and arrays for the figures."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmaml_lite import checkpoint, figures, report, zoo
from mmaml_lite.evaluate import errors, interval, paired, shared_tasks
from mmaml_lite.floors import live_posterior
from mmaml_lite.methods import mixture_of
from mmaml_lite.progress import Progress
from mmaml_lite.tasks import Examples, Mixture, Tasks

GRID = torch.linspace(-5, 5, 121)
Cast = Mapping[str, zoo.Model]


def load_cast(
    modes: int, modulation: str = "film", seed: int = 0, retrain: bool = False, iterations: int = 2000
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
    span 4 to 12) and, with `spread`, no third of the axis is without a point; without it, until
    all points lie in one half. How well a method does plays no part in the choice.
    """
    mixture = mixture_of(cast["mumomaml"].settings)
    draws = mixture.sample(400 * len(mixture.families), torch.Generator().manual_seed(1000 + seed))
    y = mixture.curves(GRID.expand(len(draws), -1), draws.mode, draws.parameters)
    span, x = y.amax(1) - y.amin(1), draws.support.x[..., 0]
    third, half = 5 / 3, (x < 0).all(1) | (x > 0).all(1)
    covered = (x < -third).any(1) & (x.abs() < third).any(1) & (x > third).any(1)
    good = (span > 4) & (span < 12) & (y.abs().amax(1) < 8) & (covered if spread else half)
    first = [torch.nonzero(good & (draws.mode == m))[0] for m in range(len(mixture.families))]
    return draws[torch.cat(first)]


@torch.no_grad()
def curves(model: zoo.Model, tasks: Tasks, tau: Any = None) -> np.ndarray:
    """Predictions on GRID before any gradient step and after the last `(2, tasks, grid)`."""
    x = GRID.expand(len(tasks), -1)[..., None]
    y = model.learner(tasks.support, x, tasks.mode, tau=tau)[..., 0]
    return y[[0, -1]].numpy()


def fits(predictions: Mapping[str, np.ndarray], cast: Cast, tasks: Tasks) -> dict[str, Any]:
    """All that `figures.fits` draws: the predictions, the truth, the points seen, the posterior."""
    mixture = mixture_of(cast["mumomaml"].settings)
    x = GRID.expand(len(tasks), -1)
    live = [
        live_posterior(mixture, Examples(tasks.support.x[i : i + 1], tasks.support.y[i : i + 1]), GRID)
        for i in range(len(tasks))
    ]
    headings = [
        f"{mixture.names[m]} <span style='font-weight:normal'>({p.probability[m]:.0%} likely, given the points)</span>"
        for m, p in zip(tasks.mode.tolist(), live, strict=True)
    ]
    return {
        "x": GRID.numpy(),
        "truth": mixture.curves(x, tasks.mode, tasks.parameters).numpy(),
        "seen_x": tasks.support.x[..., 0].numpy(),
        "seen_y": tasks.support.y[..., 0].numpy(),
        "curves": predictions,
        "headings": headings,
        "bayes": {k: torch.stack([getattr(p, k) for p in live]).numpy() for k in ("mean", "low", "high")},
    }


def show(fig: Any) -> None:
    """Display a figure, and its caption under it."""
    from IPython.display import Markdown, display

    display(fig)
    display(Markdown(figures.caption(fig)))


def say(text: str) -> None:
    """Display Markdown."""
    from IPython.display import Markdown, display

    display(Markdown(text))


def source(function: Callable) -> None:
    """Display the source of a library function: the code that runs, not a copy of it."""
    path = Path(inspect.getsourcefile(function))
    say(f"`{path.parent.name}/{path.name}`\n```python\n{inspect.getsource(function)}```")
