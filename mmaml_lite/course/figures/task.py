"""One task in four panels: two methods, where its embedding lies, and how probable each mode is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.stages import Posterior, stage_data, stage_traces
from mmaml_lite.course.figures.style import (
    BARE,
    INK,
    METHOD_STYLES,
    error_text,
    finish,
    mode_marker,
    mode_style,
)

PANEL = 7  # traces of a panel of fits, with the band


class Fitted(NamedTuple):
    """One method on one task.

    key: of METHOD_STYLES; curves `(stages, grid)`; loss: (before, after) on the points seen; miss:
    (before, after), squared distance from the truth, None without a truth.
    """

    key: str
    curves: np.ndarray
    loss: tuple[float, float]
    miss: tuple[float, float] | None


class TaskMap(NamedTuple):
    """The map of many tasks: points `(n, 2)`, mode `(n,)`, hover: a text for each; its kind."""

    points: np.ndarray
    mode: np.ndarray
    hover: Sequence[str]
    kind: str


@dataclass(frozen=True)
class TaskView:
    """One task under two methods, its place on the map, and what its mode may be.

    x, truth, seen_x, seen_y as for `stage_data`; yrange: of the fits;
    left, right: the methods; bayes: over all modes; vote `(modes,)`: the mode of so many neighbours
    in the map; names: of the modes, told: that which an oracle is told; outside: whether the task
    may be of none of them; map, and place `(2,)`: this task in it.
    """

    x: np.ndarray
    truth: np.ndarray | None
    seen_x: np.ndarray
    seen_y: np.ndarray
    yrange: Sequence[float]
    left: Fitted
    right: Fitted
    bayes: Posterior
    vote: np.ndarray
    neighbours: int
    names: Sequence[str]
    told: str
    outside: bool
    map: TaskMap
    place: np.ndarray

    @property
    def sides(self) -> tuple[Fitted, Fitted]:
        """The methods from left to right."""
        return self.left, self.right


def task(view: TaskView, title: str = "One task: look, then learn") -> go.Figure:
    """Fits of two methods over the Bayes band; below, the embedding map and the modes' odds."""
    fig = make_subplots(
        2,
        2,
        row_heights=[0.55, 0.45],
        column_widths=[0.5, 0.5],
        vertical_spacing=0.17,
        horizontal_spacing=0.17,
        subplot_titles=[" "] * 4,
    )
    for column, side in enumerate(view.sides, start=1):
        for trace in stage_traces(side.key, band=True, legend=column == 1):
            fig.add_trace(trace, 1, column)
    for name in view.names:
        fig.add_trace(
            go.Scatter(
                mode="markers",
                name=name,
                legend="legend3",
                marker=mode_marker(name, 6, 0.75),
                hovertemplate="%{text}<br><i>click to open</i><extra></extra>",
            ),
            2,
            1,
        )
    fig.add_trace(
        go.Scatter(
            mode="markers",
            name="this task",
            showlegend=False,
            hoverinfo="skip",
            marker={
                "symbol": "star",
                "size": 20,
                "color": "white",
                "line": {"width": 2.5, "color": METHOD_STYLES["mumomaml"].color},
            },
        ),
        2,
        1,
    )
    bars = [
        ("Bayes, from the points", "#8a8a8a", ""),
        ("neighbours in the embedding", METHOD_STYLES["mumomaml"].color, "/"),
    ]
    for name, color, hatch in bars:
        fig.add_trace(
            go.Bar(
                name=name,
                orientation="h",
                legend="legend2",
                textposition="auto",
                marker={
                    "color": color,
                    "line": {"color": INK, "width": 1},
                    "pattern": {"shape": hatch, "fgcolor": "white", "size": 7},
                },
                hovertemplate="%{y}: %{x:.0%}<extra>" + name + "</extra>",
            ),
            2,
            2,
        )
    fig.update_xaxes(range=[view.x[0], view.x[-1]], row=1)
    fig.update_yaxes(range=view.yrange, row=1)
    fig.update_yaxes(showticklabels=False, row=1, col=2)
    fig.update_xaxes(range=[0, 1.08], tickvals=[0, 0.5, 1], tickformat=".0%", row=2, col=2)
    fig.update_yaxes(autorange="reversed", row=2, col=2)
    says = (
        "**What to see.** Above: each method before any gradient step (dotted), after each step "
        "(thin) and after the last (thick); the grey band holds the true function with 90 % "
        "probability, given the points, if it is of a trained family. Numbers: mean squared "
        "distance from the true function, before → after. Below left: the map of embeddings, every "
        "mark a task; the star is the task above (a click on a mark, or the slider *map task no.*, "
        "opens another). Below right: how probable the points make each family, and which families "
        f"the star's {view.neighbours} nearest neighbours belong to. With few points, often "
        "nobody can know the family."
    )
    finish(fig, 580, title, says, "")
    fig.update_xaxes(**BARE, row=2, col=1)
    fig.update_yaxes(**BARE, row=2, col=1)
    low = {"orientation": "h", "x": 0, "yref": "container", "yanchor": "bottom", "font_size": 12}
    fig.update_layout(
        margin={"t": 126, "l": 34, "r": 12, "b": 70},
        legend={"y": 0.945, "font_size": 12},
        barmode="group",
        bargap=0.28,
        bargroupgap=0.06,
        legend3=low | {"y": 0.04},
        legend2=low | {"y": 0.0},
    )
    fig.update_annotations(font={"size": 13})
    redraw_task(fig, view)
    return fig


def _named(key: str, told: str) -> str:
    """A method's label; an oracle's says what it is told, that of a tampered one whose it is."""
    label = METHOD_STYLES[key].label
    if METHOD_STYLES[key].note:
        return f"{label}, told: {told}"
    return f"{METHOD_STYLES['mumomaml'].label}, {label}" if key.startswith("tau-") else label


def redraw_task(fig: go.Figure, view: TaskView) -> None:
    """Put another state into a figure made by `task`: nothing is rebuilt."""
    traces, modes = fig.data, len(view.names)
    for side, panel in zip(view.sides, (traces[:PANEL], traces[PANEL : 2 * PANEL]), strict=True):
        for trace, values in zip(panel, stage_data(view, side.curves, view.bayes), strict=True):
            trace.x, trace.y = values["x"], values["y"]
        for trace in panel[3:6]:
            trace.line.color = METHOD_STYLES[side.key].color
    drawn = view.map
    if fig.layout.meta.get("map") != drawn.kind:
        for i, trace in enumerate(traces[2 * PANEL : 2 * PANEL + modes]):
            mine = np.flatnonzero(drawn.mode == i)
            trace.x, trace.y = drawn.points[mine, 0], drawn.points[mine, 1]
            trace.text, trace.customdata = [drawn.hover[j] for j in mine], mine
    names = [mode_style(name).label for name in view.names]
    share = [np.asarray(view.bayes.probability), np.asarray(view.vote)]
    odds = [{"x": s, "y": names, "text": [f"{v:.0%}".replace("%", " %") for v in s]} for s in share]
    star = {"x": view.place[:1], "y": view.place[1:]}
    for trace, values in zip(traces[2 * PANEL + modes :], [star, *odds], strict=True):
        for name, value in values.items():
            trace[name] = value
    heads = []
    for side in view.sides:
        key, miss = side.key, side.miss
        before, after = side.loss if miss is None else miss
        on = " on the points" if miss is None else ""
        told = f"<br>{error_text(before)} → {error_text(after)}{on}"
        look = f"color:{METHOD_STYLES[key].color}"
        look += ";font-size:11px" if METHOD_STYLES[key].note else ""  # what it is told takes room
        heads.append(f"<b style='{look}'>{_named(key, view.told)}</b>{told}")
    heads += [f"<b>its embedding</b> ({drawn.kind})", "<b>which family is it?</b>"]
    for note, text in zip(fig.layout.annotations, heads, strict=True):
        note.text = text
    words = "; ".join(
        f"{METHOD_STYLES[side.key].label} {error_text(side.miss[0])} before and "
        f"{error_text(side.miss[1])} after"
        for side in view.sides
        if side.miss is not None
    )
    told = f"Mean squared distance from the true function: {words}." if words else "Own points."
    fig.layout.meta = dict(fig.layout.meta) | {"map": drawn.kind, "alt": told}
