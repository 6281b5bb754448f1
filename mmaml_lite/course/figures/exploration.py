"""What an encoder was shown of a task, and where it put the task among the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.crowd import (
    MODE_LOOKS,
    CrowdView,
    map_axes,
    map_data,
    map_traces,
    recolour,
)
from mmaml_lite.course.figures.navigation import STAR, plane_axes
from mmaml_lite.course.figures.numerals import number
from mmaml_lite.course.figures.style import INK, SOFT, finish, refill


@dataclass(frozen=True)
class ExplorationView(CrowdView):
    """An exploratory walk to one goal, and the map of embeddings with this task in it.

    path `(H + 1, 2)`; rewards `(H,)`; goal `(2,)`; centres and spread of the modes. Of the map:
    goals `(n, 2)`; colour: "mode", or "place" within the mode.
    """

    path: np.ndarray
    rewards: np.ndarray
    goal: Sequence[float]
    centres: Sequence[Sequence[float]]
    spread: float


def exploration(view: ExplorationView, title: str = "One walk, and its embedding") -> go.Figure:
    """The exploratory walk with its rewards, and the map of embeddings with this task in it."""
    fig = make_subplots(
        2,
        2,
        specs=[[{}, {"rowspan": 2}], [{}, None]],
        row_heights=[0.72, 0.28],
        column_widths=[0.44, 0.56],
        horizontal_spacing=0.06,
        vertical_spacing=0.16,
        subplot_titles=[" "] * 3,
    )
    fig.add_trace(
        go.Scatter(
            mode="lines",
            name="to the goal",
            hoverinfo="skip",
            line={"color": SOFT, "width": 1.5, "dash": "dash"},
        ),
        1,
        1,
    )
    fig.add_trace(
        go.Scatter(
            mode="lines+markers",
            name="the walk",
            line={"color": "#bbbbbb", "width": 1},
            marker={"colorscale": "Cividis", "line": {"color": INK, "width": 0.5}},
            hovertemplate="reward %{marker.color:.2f}<extra></extra>",
        ),
        1,
        1,
    )
    fig.add_trace(
        go.Scatter(
            mode="markers",
            name="hidden goal",
            marker=STAR | {"size": 15},
            hovertemplate="goal %{x:.2f}, %{y:.2f}<extra></extra>",
        ),
        1,
        1,
    )
    fig.add_trace(
        go.Scatter(
            mode="lines",
            showlegend=False,
            line={"color": INK, "width": 1.5},
            hovertemplate="step %{x}: reward %{y:.2f}<extra></extra>",
        ),
        2,
        1,
    )
    names = [f"mode {i + 1} ({x:.1f}, {y:.1f})" for i, (x, y) in enumerate(view.centres)]
    hover = "goal %{customdata[0]:.2f}, %{customdata[1]:.2f}"
    for trace in map_traces(names, hover, showlegend=False):
        fig.add_trace(trace, 1, 2)
    plane_axes(fig, 1, 1, 1)
    fig.update_layout(xaxis={"dtick": None, "title": {"text": ""}}, yaxis={"dtick": None})
    under = {"text": "step of the walk", "standoff": 2, "font_size": 13}
    fig.update_xaxes(title=under, row=2, col=1)
    fig.update_yaxes(range=[-2.2, 0.1], dtick=1, row=2, col=1)
    says = (
        "**What to see.** Left, all that the encoder is given: one walk of the policy *without* "
        "modulation, seen from near, and the reward of each of its steps (larger and brighter "
        "where it is higher; below once more, along time). Right, the map of embeddings: every "
        "mark is a task, the star is this one, rings are its nearest neighbours in the full "
        "embedding. Coloured by mode, or by where the goal lies within its mode: then each mark "
        "is an arrow from the mode's centre towards the goal, and its colour says the direction "
        "again. Colours were added afterwards; the encoder knows no modes."
    )
    finish(fig, 500, title, says, "")
    fig.update_annotations(font_size=13)
    map_axes(fig, left=36)
    redraw_exploration(fig, view)
    return fig


def _marks(view: ExplorationView, number: int, mine: np.ndarray) -> dict[str, Any]:
    """How the tasks of one mode are marked on the map."""
    color, symbol = MODE_LOOKS[number % len(MODE_LOOKS)]
    edge = {"width": 0.5, "color": "white"}
    if view.colour == "mode":
        return {"color": color, "symbol": symbol, "size": 7, "angle": 0, "line": edge}
    off = view.goals[mine] - np.asarray(view.centres)[number]
    turn = np.degrees(np.arctan2(off[:, 1], off[:, 0]))
    return {
        "color": turn,
        "colorscale": "Phase",
        "cmin": -180,
        "cmax": 180,
        "symbol": "arrow",
        "size": 9,
        "angle": 90 - turn,
        "line": {"width": 0.5, "color": INK},
    }


def redraw_exploration(fig: go.Figure, view: ExplorationView) -> None:
    """Put another goal, walk or colouring into a figure made by `exploration`."""
    path, rewards, points = view.path, view.rewards, view.points
    share = (rewards - rewards.min()) / max(np.ptp(rewards), 1e-9)
    (x, y), modes = view.goal, len(view.centres)
    data = [
        {"x": [0, x], "y": [0, y]},
        {"x": path[1:, 0], "y": path[1:, 1]},
        {"x": [x], "y": [y]},
        {"x": np.arange(1, len(rewards) + 1), "y": rewards},
        *map_data(view, modes),
    ]
    refill(fig, data)
    fig.data[1].marker.update(color=rewards, size=4 + 8 * share)
    recolour(fig, view, _marks, modes)
    heads = [
        f"<b>the walk</b><br>return {number(view.rewards.sum())}",
        f"<b>its embedding</b><br>{view.kind}",
        "<b>reward</b>",
    ]
    for note, text in zip(fig.layout.annotations, heads, strict=True):
        note.text = text
    reach = 1.15 * max(0.15, np.abs(path).max())  # the walk, not the goal: it moves alone
    fig.layout.xaxis.range = fig.layout.yaxis.range = [-reach, reach]
    fig.layout.meta = dict(fig.layout.meta) | {
        "colour": view.colour,
        "alt": f"Goal ({x:.2f}, {y:.2f}): exploratory walk with return "
        f"{view.rewards.sum():.1f}, and a map of {len(points)} tasks.",
    }
