"""Many fits at a glance: one row for each mode, a few tasks in it (the paper's Figures 8, 9)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.stages import drawable
from mmaml_lite.course.figures.style import INK, METHOD_STYLES, error_text, finish


@dataclass(frozen=True)
class GalleryView:
    """Predictions at one stage, on several tasks of each mode.

    x `(grid,)`; truth `(modes, tasks, grid)`; seen_x, seen_y `(modes, tasks, K)`; curves: by key of
    METHOD_STYLES `(modes, tasks, grid)`; names: of the modes.
    """

    x: np.ndarray
    truth: np.ndarray
    seen_x: np.ndarray
    seen_y: np.ndarray
    curves: Mapping[str, np.ndarray]
    names: Sequence[str]


def gallery(view: GalleryView, title: str) -> go.Figure:
    """Predictions of every method at one stage; the numbers are squared distances."""
    truth, curves = view.truth, view.curves
    modes, tasks = truth.shape[:2]
    fig = make_subplots(
        modes,
        tasks,
        shared_xaxes=True,
        shared_yaxes=True,
        horizontal_spacing=0.015,
        vertical_spacing=0.06,
        subplot_titles=[" "] * (modes * tasks),
    )
    notes = iter(fig.layout.annotations)
    for row in range(modes):
        for column in range(tasks):
            at, first = (row, column), row == column == 0
            parts = [("true function", INK, "solid", 2, truth[at])]
            parts += [
                (METHOD_STYLES[k].legend, METHOD_STYLES[k].color, METHOD_STYLES[k].dash, 2.5, y[at])
                for k, y in reversed(curves.items())
            ]
            for name, color, dash, width, y in parts:
                fig.add_trace(
                    go.Scatter(
                        x=view.x,
                        y=drawable(y),
                        name=name,
                        legendgroup=name,
                        showlegend=first,
                        mode="lines",
                        hoverinfo="skip",
                        line={"color": color, "dash": dash, "width": width, "simplify": False},
                    ),
                    row + 1,
                    column + 1,
                )
            fig.add_trace(
                go.Scatter(
                    x=view.seen_x[at],
                    y=view.seen_y[at],
                    name="points seen",
                    legendgroup="seen",
                    showlegend=first,
                    mode="markers",
                    hoverinfo="skip",
                    marker={"symbol": "x-thin", "size": 8, "line": {"width": 2, "color": INK}},
                ),
                row + 1,
                column + 1,
            )
            missed = [
                f"<span style='color:{METHOD_STYLES[k].color}'>●</span> "
                f"{METHOD_STYLES[k].label.removesuffix('MAML').rstrip('-') or 'MAML'} "
                f"{error_text(np.square(y[at] - truth[at]).mean())}"
                for k, y in curves.items()
            ]
            next(notes).update(text=" ".join(missed), font={"size": 11})
        fig.update_yaxes(title_text=f"<b>{view.names[row]}</b>", row=row + 1, col=1)
    middle = [
        f"{METHOD_STYLES[k].label} {error_text(np.median(np.square(y - truth).mean(-1)))}"
        for k, y in curves.items()
    ]
    says = (
        "**What to see.** One row for each family, other tasks in every column. The numbers are "
        "the mean squared distances from the true function (MuMo, Multi: MuMoMAML, Multi-MAML)."
    )
    words = f"{title}. Median squared distance: {', '.join(middle)}."
    finish(fig, 120 + 190 * modes, title, says, words)
    fig.update_yaxes(range=[-9, 9])
    fig.update_layout(margin={"t": 96, "l": 52, "r": 10, "b": 30}, legend={"y": 0.955})
    return fig
