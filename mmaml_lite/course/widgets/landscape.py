"""The landscape explorer: move theta over the map of a learner with two weights.

One line in a notebook of your own:

    landscape_explorer(seed=0)
"""

from collections.abc import Sequence
from functools import lru_cache

import ipywidgets as W
import numpy as np
import torch

from mmaml_lite.core.tasks import Examples
from mmaml_lite.course.figures.landscape import (
    LandscapeView,
    arrows,
    bands,
    fit_heading,
    fit_lines,
    heading,
    key,
    landscape,
    marks,
)
from mmaml_lite.course.studies.landscape import (
    HEIGHTS,
    SHIFTS,
    draw_tasks,
    fast_weights,
    finite_difference,
    loss,
    meta_gradient,
    outer_loss,
    outer_map,
    predict,
    query_loss,
    relative_error,
)
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets import panes as P
from mmaml_lite.course.widgets.explorer import Explorer
from mmaml_lite.course.widgets.pad import Pad

X = torch.linspace(-5, 5, 81, dtype=torch.float64)
FOUND = 1.1  # within a tenth of the least loss on the map counts as found
UNIT = 64  # pixels of one unit of the plane, along both axes: so an arrow's angle is true


def landscape_view(
    theta: Sequence[float],
    steps: int = 2,
    step_size: float = 0.1,
    background: str = "after",
    reveal: bool = False,
    task: int = 0,
    seed: int = 0,
) -> LandscapeView:
    """All that `figures.landscape.landscape` draws for theta `(2,)`, and the numbers beside it."""
    tasks, at = draw_tasks(seed), torch.tensor(theta, dtype=torch.float64)
    setting = (tasks, steps, step_size)
    start = outer_map(seed, 0, 0.1)
    end = outer_map(seed, steps, step_size) if steps else start
    shown = start if background == "before" else end
    exact, difference = meta_gradient(at, *setting), finite_difference(at, *setting)
    first_order = meta_gradient(at, *setting, first_order=True)
    paths = fast_weights(at, *setting)
    before, after = (query_loss(paths[:, stage], tasks).item() for stage in (0, -1))
    path, query = paths[task], Examples(tasks.query.x[task], tasks.query.y[task])
    return LandscapeView(
        shifts=end.shifts.numpy(),
        heights=end.heights.numpy(),
        loss=shown.loss.numpy().copy(),
        background=background,
        reveal=reveal,
        task=task,
        theta=at.numpy(),
        own=tasks.parameters.numpy().copy(),
        paths=paths.numpy(),
        exact=exact.numpy(),
        difference=difference.numpy(),
        first_order=first_order.numpy(),
        error=relative_error(difference, exact),
        first_order_error=relative_error(first_order, exact),
        before=before,
        after=after,
        best=end.best.numpy().copy(),
        best_before=start.best.numpy().copy(),
        least=end.least,
        rival=_rival(seed, steps, step_size),
        better=(end.loss < after).double().mean().item(),
        x=X.numpy(),
        truth=predict(tasks.parameters[task], X).numpy(),
        curves=torch.stack([predict(weights, X) for weights in path]).numpy(),
        seen_x=tasks.support.x[task, :, 0].numpy(),
        seen_y=tasks.support.y[task, :, 0].numpy(),
        task_loss=(loss(path[0], query).item(), loss(path[-1], query).item()),
    )


def landscape_summary(view: LandscapeView) -> str:
    """The losses at theta, how near it is to the best place, and how the gradients compare."""
    steps, ratio = view.paths.shape[1] - 1, view.after / view.least
    count = f"{steps} inner step{'' if steps == 1 else 's'}"
    if ratio < FOUND:
        verdict = "<b>Found:</b> hardly any place on the map does better."
    else:
        verdict = (
            f"That is <b>{ratio:.1f} times</b> the least on the map; "
            f"{100 * view.better:.0f} % of the map does better."
        )
    lines = [
        f"Loss at θ before learning: {view.before:.2f}, after {count}: "
        f"<b>{view.after:.2f}</b>. {verdict}",
        f"Finite differences agree with the exact gradient to {view.error:.0e} of its length; "
        f"first order is off by {100 * view.first_order_error:.0f} % of it.",
    ]
    if view.reveal:
        lines.append(
            f"After {count} the best place gets {view.least:.2f}; the place that is best before "
            f"learning gets {view.rival:.2f}, "
            f"<b>{view.rival / view.least:.1f} times</b> as much."
        )
    return "<br>".join(lines)


@lru_cache(maxsize=256)
def _rival(seed: int, steps: int, step_size: float) -> float:
    """The outer loss at the place that is best before learning."""
    best = outer_map(seed, 0, 0.1).best
    return outer_loss(best, draw_tasks(seed), steps, step_size).item()


@lru_cache(maxsize=64)
def _picture(seed: int, steps: int, step_size: float) -> np.ndarray:
    """The colours of a map, kept once they are known."""
    return bands(outer_map(seed, steps, step_size).loss.numpy())


def landscape_explorer(seed: int = 0, steps: int = 2, step_size: float = 0.1) -> Explorer:
    """Explorer of MAML's outer loss for a learner with two weights, theta on a pad.

    It opens with theta where pretraining would put it, on the map of the loss before learning.
    """
    start = [round(v, 2) for v in outer_map(seed, 0, 0.1).best.tolist()]
    pad = Pad(
        value=[start],
        names=["θ"],
        at_least=1,
        at_most=1,
        step=0.05,
        xrange=list(SHIFTS),
        yrange=list(HEIGHTS),
        xlabel="θ₁, the wave's shift",
        ylabel="θ₂, its height",
        width=round(UNIT * (SHIFTS[1] - SHIFTS[0])) + 48,
        height=round(UNIT * (HEIGHTS[1] - HEIGHTS[0])) + 42,
    )
    fit = Pad(at_most=0, yrange=[-6.0, 6.0], ylabel="y", width=370, height=190)
    controls = {
        "theta": pad,
        "steps": C.slider("inner steps", steps, 0, 5, 1),
        "step_size": C.slider("step size α", step_size, 0.01, 0.3, 0.01),
        "background": C.choice(
            "map of the loss", {"before learning": "before", "after learning": "after"}, "before"
        ),
        "task": C.choice("show task", {str(i + 1): i for i in range(4)}, 0),
        "reveal": C.check("reveal the best places"),
    }

    def compute(theta, step_size, **state):
        return landscape_view(theta[0], step_size=round(step_size, 4), seed=seed, **state)

    def redraw(_screen, view):
        state = controls["steps"].value, round(controls["step_size"].value, 4)
        pad.paint(_picture(seed, *(state if view.background == "after" else (0, 0.1))))
        pad.lines, pad.arrows = marks(view), arrows(view)
        pad.heading, fit.heading = heading(view), fit_heading(view)
        fit.lines = fit_lines(view)

    def arrange(controls, screen):
        names = ("steps", "step_size", "background", "task", "reveal")
        right = W.VBox(
            [P.column(controls[name] for name in names), P.growing(screen)],
            layout={"flex": f"1 1 {P.COLUMN + 70}px", "overflow": "hidden"},
        )
        pad.layout.flex = f"1 1 {pad.width}px"
        return W.VBox([W.Box([P.growing(pad), right], layout=P.WRAPS), W.HTML(key())])

    return Explorer(
        "landscape",
        controls,
        compute,
        landscape,
        redraw,
        landscape_summary,
        screen=fit,
        arrange=arrange,
    )
