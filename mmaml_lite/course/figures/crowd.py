"""A map of tasks by their embeddings, with one task and its neighbours in it: a figure's right."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from mmaml_lite.course.figures.style import BARE, INK, METHOD_STYLES

MODE_LOOKS = [  # colour and symbol of the first mode, the second and so on
    ("#56B4E9", "circle"),
    ("#E69F00", "square"),
    ("#009E73", "diamond"),
    ("#CC79A7", "triangle-up"),
    ("#0072B2", "cross"),
    ("#000000", "x"),
]


@dataclass(frozen=True)
class CrowdView:
    """A map of tasks, with one task and its neighbours in it.

    points `(n, 2)` of the map, mode `(n,)` and goals `(n, ...)` of its tasks; kind: of the map;
    place `(2,)` of this task; near `(k,)`: its neighbours in the embedding; colour: what colours
    the map.
    """

    points: np.ndarray
    mode: np.ndarray
    goals: np.ndarray
    kind: str
    place: np.ndarray
    near: np.ndarray
    colour: str


def map_traces(names: Sequence[str], hover: str, **star: Any) -> Iterator[go.Scatter]:
    """Empty traces: rings around the neighbours, the tasks of every mode, and the star.

    names: of the modes; hover: what a task says of itself; star: how that trace is named.
    """
    style = {"mode": "markers", "legend": "legend2"}
    yield go.Scatter(
        name="neighbours",
        hoverinfo="skip",
        **style,
        marker={"symbol": "circle-open", "size": 15, "color": INK, "line": {"width": 1.5}},
    )
    for name in names:
        yield go.Scatter(name=name, hovertemplate=f"{hover}<extra></extra>", **style)
    yield go.Scatter(
        hoverinfo="skip",
        **style,
        **star,
        marker={
            "symbol": "star",
            "size": 20,
            "color": "white",
            "line": {"width": 2.5, "color": METHOD_STYLES["mumomaml"].color},
        },
    )


def map_axes(fig: go.Figure, left: int) -> None:
    """Bare axes for the map, row 1 and column 2, and its legend below; left: the margin there."""
    fig.update_xaxes(**BARE, row=1, col=2)
    fig.update_yaxes(**BARE, row=1, col=2)
    fig.update_layout(
        margin={"t": 98, "l": left, "r": 8, "b": 62},
        legend={"y": 0.94, "font_size": 12},
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


def map_data(view: CrowdView, modes: int) -> Iterator[dict[str, Any]]:
    """Values of those traces."""
    points = view.points
    near = points[view.near]
    yield {"x": near[:, 0], "y": near[:, 1]}
    for i in range(modes):
        mine = view.mode == i
        yield {"x": points[mine, 0], "y": points[mine, 1], "customdata": view.goals[mine]}
    yield {"x": view.place[:1], "y": view.place[1:]}


Marks = Callable[[CrowdView, int, np.ndarray], dict[str, Any]]


def recolour(fig: go.Figure, view: CrowdView, marks: Marks, modes: int) -> None:
    """Mark the tasks anew where the colouring has changed: marks(view, mode, which tasks)."""
    if fig.layout.meta.get("colour") == view.colour:
        return
    for i, trace in enumerate(fig.data[-1 - modes : -1]):  # the star is the last trace
        trace.marker = marks(view, i, view.mode == i)
