"""A training run while it goes on: the fits it gives, its loss, and the map of its embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.stages import Shown, stage_data, stage_traces
from mmaml_lite.course.figures.style import (
    BARE,
    METHOD_STYLES,
    SOFT,
    error_text,
    finish,
    mode_marker,
)

PANEL = 5  # traces of a panel of fits


@dataclass(frozen=True)
class TrainingView:
    """A learner at one moment of its training.

    x `(grid,)`; of one task of each mode: names, truth `(tasks, grid)`, seen_x, seen_y
    `(tasks, K)`, curves `(tasks, stages, grid)`; points `(n, 2)`, mode `(n,)`: the map of other
    tasks. Of the run: losses: (steps, values); floor: Bayes' error or None; step: outer steps so
    far; iterations: those planned.
    """

    x: np.ndarray
    names: Sequence[str]
    truth: np.ndarray
    seen_x: np.ndarray
    seen_y: np.ndarray
    curves: np.ndarray
    points: np.ndarray
    mode: np.ndarray
    losses: tuple[np.ndarray, np.ndarray] = (np.zeros(0), np.zeros(0))
    floor: float | None = None
    step: int = 0
    iterations: int = 0


def training(view: TrainingView, title: str = "A training run, live") -> go.Figure:
    """One panel for each example task, the loss so far, and the map of embeddings."""
    tasks = len(view.truth)
    columns = max(tasks, 2)  # the map needs a place of its own
    layout = [
        [{}] * tasks + [None] * (columns - tasks),
        [{}, {"colspan": columns - 1}, *[None] * (columns - 2)],
    ]
    fig = make_subplots(
        2,
        columns,
        specs=layout,
        vertical_spacing=0.16,
        horizontal_spacing=0.05,
        subplot_titles=[" "] * (tasks + 2),
    )
    for column in range(1, tasks + 1):
        for trace in stage_traces("mumomaml", legend=column == 1):
            fig.add_trace(trace, 1, column)
        fig.update_yaxes(range=[-8, 8], showticklabels=column == 1, row=1, col=column)
    fig.add_trace(
        go.Scatter(
            mode="lines",
            showlegend=False,
            line={"color": METHOD_STYLES["mumomaml"].color, "width": 2},
            hovertemplate="step %{x}: %{y:.2f}<extra></extra>",
        ),
        2,
        1,
    )
    if view.floor is not None:
        fig.add_hline(
            y=view.floor, line={"color": SOFT, "dash": "longdash", "width": 1.5}, row=2, col=1
        )
    for name in view.names:
        fig.add_trace(
            go.Scatter(
                mode="markers",
                legend="legend2",
                name=name,
                marker=mode_marker(name, 7),
                hovertemplate=name + "<extra></extra>",
            ),
            2,
            2,
        )
    says = (
        "**What to see.** Above: one task of each family, before any gradient step (dotted), after "
        "each (thin) and after the last (thick), with the weights of this moment. Below left: the "
        "loss of the meta-batches, which are always fresh tasks, down to Bayes (dashed). Below "
        f"right: the embeddings of {len(view.mode)} tasks (PCA, turned so that one moment can "
        "be compared with the next), one mark a task, coloured by family."
    )
    finish(fig, 560, title, says, "")
    fig.update_layout(
        margin={"t": 108, "l": 48, "r": 12, "b": 44},
        legend={"y": 0.955},
        legend2={
            "orientation": "h",
            "x": 1,
            "xanchor": "right",
            "y": 0.0,
            "yref": "container",
            "yanchor": "bottom",
            "font": {"size": 12},
        },
    )
    lowest = 0.6 * (view.floor or 0.1)
    span = [np.log10(lowest), np.log10(30)]
    fig.update_yaxes(type="log", dtick=1, range=span, title_text="training loss", row=2, col=1)
    fig.update_xaxes(
        title_text="outer steps", title_standoff=2, range=[0, view.iterations], row=2, col=1
    )
    fig.update_xaxes(**BARE, row=2, col=2)
    fig.update_yaxes(**BARE, row=2, col=2)
    fig.update_annotations(font={"size": 13})
    redraw_training(fig, view)
    return fig


def redraw_training(fig: go.Figure, view: TrainingView) -> None:
    """Put a later moment of the run into a figure made by `training`."""
    tasks = len(view.truth)
    heads, told = [], []
    for i in range(tasks):
        one = Shown(view.x, view.truth[i], view.seen_x[i], view.seen_y[i])
        panel = fig.data[PANEL * i : PANEL * (i + 1)]
        for trace, values in zip(panel, stage_data(one, view.curves[i]), strict=True):
            trace.x, trace.y = values["x"], values["y"]
        before, after = np.square(view.curves[i][[0, -1]] - view.truth[i]).mean(1)
        heads.append(f"<b>{view.names[i]}</b><br>{error_text(before)} → {error_text(after)}")
        told.append(f"{view.names[i]} {error_text(before)}, {error_text(after)}")
    loss, *marks = fig.data[PANEL * tasks :]
    loss.x, loss.y = view.losses
    for mode, trace in enumerate(marks):
        mine = view.mode == mode
        trace.x, trace.y = view.points[mine, 0], view.points[mine, 1]
    heads += [f"<b>loss</b>, step {view.step:,}", "<b>embeddings</b>"]
    for note, text in zip(fig.layout.annotations, heads, strict=True):
        note.text = text
    fig.layout.meta = dict(fig.layout.meta) | {
        "alt": f"After {view.step} outer steps; squared distance from the true function before "
        f"and after the gradient steps: {'; '.join(told)}."
    }
