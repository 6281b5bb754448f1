"""A first look: drag points, and a trained modulation bends the curve without any learning."""

from collections.abc import Sequence

import ipywidgets as W
import numpy as np
import torch

from mmaml_lite.core import zoo
from mmaml_lite.course import figures
from mmaml_lite.course.figures import METHOD_STYLES
from mmaml_lite.course.figures.first_look import FirstLookView
from mmaml_lite.course.lesson import GRID, placed
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets import panes as P
from mmaml_lite.course.widgets.explorer import Explorer
from mmaml_lite.course.widgets.microscope import one_task
from mmaml_lite.course.widgets.pad import Pad
from mmaml_lite.regression.domain import mixture_of


@torch.no_grad()
def first_view(model: zoo.Model, points: Sequence[Sequence[float]]) -> FirstLookView:
    """All that `figures.first_look` draws; points: pairs (x, y), none leaves the plain network."""
    support = placed(points)
    x, y = support.x[0, :, 0], support.y[0, :, 0]
    learner, theta = model.learner, dict(model.learner.theta)
    lines = {}
    if len(x):
        tau = learner.modulate(learner.embed(support.check()))
        first = {i: t[0] for i, t in tau.items()}
        lines["modulated"] = learner.network(theta, GRID[:, None], first)[:, 0].numpy(), "solid"
    plain = learner.network(theta, GRID[:, None], {})[:, 0]
    lines["modulation removed"] = plain.numpy(), "dot"
    return FirstLookView(GRID.numpy(), lines, x.numpy(), y.numpy())


def first_summary(view: FirstLookView) -> str:
    """How far each curve is from the points."""
    if not len(view.seen_x):
        return "Place a point: without one there is nothing to look at."
    off = {
        name: float(np.square(np.interp(view.seen_x, view.x, y) - view.seen_y).mean())
        for name, (y, _) in view.lines.items()
    }
    told = "; ".join(f"<b>{name}</b> {figures.error_text(value)}" for name, value in off.items())
    return f"Mean squared distance from the points, before any gradient step: {told}."


def first_look(model: zoo.Model, seed: int = 0) -> Explorer:
    """Explorer of a modulated prior: drag the five points, and the curve follows without learning.

    model: any MuMoMAML; seed: of the tasks behind the buttons.
    """

    def points(family: str) -> list[list[float]]:
        support = one_task(model, family, seed).support
        return [[round(a, 2), round(b, 2)] for a, b in torch.cat(support, -1)[0].tolist()]

    names = mixture_of(model.settings).names
    pad = Pad(
        value=points(names[0]),
        at_least=0,
        at_most=10,
        yrange=[-6.0, 6.0],
        width=820,
        height=330,
        heading="the points: drag them, or Tab to one and use the arrow keys",
    )

    def draw(pad: Pad, view: FirstLookView) -> None:
        color = METHOD_STYLES["mumomaml"].color
        pad.lines = [
            {
                "x": view.x.tolist(),
                "y": y.tolist(),
                "color": color,
                "dash": dash,
                "width": 3,
                "label": name,
            }
            for name, (y, dash) in view.lines.items()
        ]

    def arrange(controls, screen):
        buttons = [
            W.Button(description=f"{n}: five points", layout={"width": "190px"}) for n in names
        ]
        for name, button in zip(names, buttons, strict=True):
            button.on_click(lambda _, name=name: setattr(pad, "value", points(name)))
        return W.VBox([C.line(buttons, gap=None), P.growing(screen)])

    return Explorer(
        "first-look",
        {"pad": pad},
        lambda pad: first_view(model, pad),
        figures.first_look,
        draw,
        first_summary,
        screen=pad,
        arrange=arrange,
        models=[model],
    )
