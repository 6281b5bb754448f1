"""The contraction explorer: f and -f from one start, the step size decides.

contraction_explorer()
"""

import ipywidgets as W
import numpy as np

from mmaml_lite.course import figures
from mmaml_lite.course.figures.contraction import ContractionView
from mmaml_lite.course.lesson import GRID
from mmaml_lite.course.studies.contraction import opposites
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets import panes as P
from mmaml_lite.course.widgets.explorer import Explorer
from mmaml_lite.course.widgets.pad import Pad


def contraction_view(alpha: float, curvature: float, steps: int) -> ContractionView:
    """All that `figures.contraction` draws, for a step size, a curvature lambda and n steps."""
    found = opposites(alpha, curvature, steps, GRID)
    arrays = {name: value.numpy() for name, value in found._asdict().items()}
    return ContractionView(GRID.numpy(), **arrays, alpha=alpha, curvature=curvature, steps=steps)


def contraction_summary(view: ContractionView) -> str:
    """What is left, by formula and by gradient descent, and which regime this is."""
    alpha, best = view.alpha, 1 / (2 * view.curvature)
    factor = 1 - alpha / best
    left, formula = view.measured[-1], view.formula[-1]
    if abs(factor) > 1.0001:
        verdict = f"<b>Diverges</b>: α is beyond 1/λ = {2 * best:.2f}, each step overshoots by more"
        verdict += " than it mends. Make it smaller"
    elif abs(factor) < 0.02:
        verdict = "<b>Rescued</b>: one step is enough for either task"
    elif factor < 0:
        verdict = "Overshoots, and swings in from both sides"
    elif abs(left) > 0.5:
        verdict = "<b>Fails</b>: most of the way is still to go, for f and for −f alike"
    else:
        verdict = "Creeps up from one side"
    return (
        f"Each step leaves 1 − 2αλ = {factor:.2f} of the residual; {view.steps} steps leave "
        f"{round(left, 6):.3g} (by the formula {round(formula, 6):.3g}). {verdict}. One step would "
        f"do at α = 1/(2λ) = {best:.2f}."
    )


def _drawable(lines: list[dict]) -> list[dict]:
    return [
        {k: np.round(v, 4).tolist() if isinstance(v, np.ndarray) else v for k, v in line.items()}
        for line in lines
    ]


def contraction_explorer(alpha: float = 0.05, curvature: float = 0.5, steps: int = 5) -> Explorer:
    """Explorer of two opposite tasks; alpha, curvature and steps are where the sliders start."""
    tasks = Pad(
        heading="f (solid) and −f (dashed), and every step towards either",
        width=410,
        height=290,
        yrange=[-6.0, 6.0],
        at_most=0,
    )
    left_over = Pad(
        heading="share left: formula (broad), descent (dashed)",
        width=410,
        height=290,
        xrange=[0.0, 20.0],
        yrange=[-1.5, 1.5],
        xlabel="gradient steps",
        ylabel="",
        at_most=0,
    )

    def redraw(screen: W.Box, view: ContractionView) -> None:
        for pad, lines in zip(screen.children, figures.contraction_lines(view), strict=True):
            pad.lines = _drawable(lines)

    both = P.row([P.growing(tasks), P.growing(left_over)])
    for pad in both.children:
        pad.layout.flex = "1 1 270px"  # side by side also in a narrow window
    controls = {
        "alpha": C.scale("step size α", alpha, 0.01, 10.0, 20),
        "steps": C.slider("steps n", steps, 0, 20, 1),
        "curvature": C.slider("curvature λ", curvature, 0.1, 2.0, 0.05),
    }
    return Explorer(
        "contraction",
        controls,
        contraction_view,
        figures.contraction,
        redraw,
        contraction_summary,
        screen=both,
        arrange=lambda controls, screen: P.above(
            [[controls["alpha"], controls["steps"]], [controls["curvature"], W.Box()]], screen
        ),
    )
