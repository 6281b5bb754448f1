"""The kernel explorer: pull a curve at one place and see what else moves.

pull_explorer({"maml": zoo.load("regression/3-modes/maml"),
               "mumomaml": zoo.load("regression/3-modes/mumomaml-film")})
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from mmaml_lite.core import zoo
from mmaml_lite.core.tasks import Examples, Tasks
from mmaml_lite.course import figures
from mmaml_lite.course.figures import METHOD_STYLES
from mmaml_lite.course.figures.kernels import PullsView, TangentsView
from mmaml_lite.course.lesson import GRID, showcase
from mmaml_lite.course.studies.kernels import linearised, pull
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets import panes as P
from mmaml_lite.course.widgets.explorer import Explorer
from mmaml_lite.regression.domain import mixture_of


def pull_view(models: Mapping[str, zoo.Model], tasks: Tasks, at: float) -> PullsView:
    """All that `figures.pulls` draws: every task, and how each method's curve moves for it."""
    mixture = mixture_of(next(iter(models.values())).settings)
    one_by_one = [
        Examples(tasks.support.x[i : i + 1], tasks.support.y[i : i + 1]) for i in range(len(tasks))
    ]
    return PullsView(
        x=GRID.numpy(),
        at=at,
        names=[mixture.names[m] for m in tasks.mode.tolist()],
        truth=mixture.curves(GRID.expand(len(tasks), -1), tasks.mode, tasks.parameters).numpy(),
        seen_x=tasks.support.x[..., 0].numpy(),
        seen_y=tasks.support.y[..., 0].numpy(),
        pull={
            key: np.stack([pull(model.learner, s, GRID, at).numpy() for s in one_by_one])
            for key, model in models.items()
        },
    )


def pull_summary(view: PullsView) -> str:
    """How much the slices of the kernel differ between the tasks, in one line."""
    parts = []
    for key, slices in view.pull.items():
        apart = np.ptp(slices, axis=0).max()
        same = "the same for every task" if apart < 1e-4 else f"up to {apart:.2f} apart"
        parts.append(f"<b>{METHOD_STYLES[key].label}</b>: {same}")
    return f"Pulled up by 1 at x = {view.at:.1f}. What moves elsewhere: {'; '.join(parts)}."


def pull_explorer(models: Mapping[str, zoo.Model], at: float = -2.0, seed: int = 0) -> Explorer:
    """Explorer of the tangent kernels of trained models without oracles, by key of METHOD_STYLES.

    All are trained on the same families; each family shows one task. at, seed: where it starts.
    """
    low, high = mixture_of(next(iter(models.values())).settings).domain
    cast = dict(models)
    cast.setdefault("mumomaml", next(iter(models.values())))  # `showcase` asks it for the families
    drawn: dict[int, Tasks] = {}

    def compute(at, seed):
        if seed not in drawn:
            drawn[seed] = showcase(cast, seed)
        return pull_view(models, drawn[seed], at)

    controls = {
        "at": C.slider("pull at x₀", at, low, high, 0.1),
        "seed": C.Again("other tasks", seed),
    }
    return Explorer(
        "pull",
        controls,
        compute,
        figures.pulls,
        figures.redraw_pulls,
        pull_summary,
        arrange=lambda controls, screen: P.above([controls.values()], screen),
        models=models.values(),
    )


@torch.no_grad()
def tangent_view(model: zoo.Model, task: Tasks, factors: Sequence[float]) -> TangentsView:
    """All that `figures.tangents` draws of one task `(1,)`: real steps and the kernel's formula.

    factors: one panel each, on the step size that the model was trained with.
    """
    mixture, steps = mixture_of(model.settings), model.settings.steps
    x = GRID[None, :, None]
    real = [model.learner(task.support, x, factor=f)[:, 0, :, 0].numpy() for f in factors]
    return TangentsView(
        x=GRID.numpy(),
        truth=mixture.curves(GRID[None], task.mode, task.parameters)[0].numpy(),
        seen_x=task.support.x[0, :, 0].numpy(),
        seen_y=task.support.y[0, :, 0].numpy(),
        start=real[0][0],
        real=np.stack([y[-1] for y in real]),
        formula=np.stack(
            [linearised(model.learner, task.support, x, steps, f)[0, :, 0].numpy() for f in factors]
        ),
        headings=[f"steps × {f:g}" if f != 1 else "its own steps" for f in factors],
    )
