"""One blind trajectory of the half-cheetah, what it was paid, and where its embedding lies."""

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
from mmaml_lite.course.figures.numerals import number
from mmaml_lite.course.figures.style import INK, METHOD_STYLES, SOFT, finish, refill

TARGET = "#009E73"


@dataclass(frozen=True)
class TrajectoryView(CrowdView):
    """One blind trajectory, what one target would pay for it, and the map with that task in it.

    target; steps: that are read; reached `(H,)`: what is compared with the target, and its name
    `what`; rewards, mirrored `(H,)`: for the target and for minus it; names, centres and spread of
    the modes. Of the map: goals `(n,)`; colour: "mode" or "target".
    """

    target: float
    steps: int
    reached: np.ndarray
    what: str
    rewards: np.ndarray
    mirrored: np.ndarray
    names: Sequence[str]
    centres: Sequence[float]
    spread: float


def trajectory(view: TrajectoryView, title: str = "One trajectory, and its embedding") -> go.Figure:
    """The trajectory, its rewards for a target and its mirror image, and Figure 4's map."""
    fig = make_subplots(
        2,
        2,
        specs=[[{}, {"rowspan": 2}], [{}, None]],
        row_heights=[0.5, 0.5],
        column_widths=[0.48, 0.52],
        horizontal_spacing=0.06,
        vertical_spacing=0.15,
        subplot_titles=[" "] * 3,
    )
    line = {"mode": "lines", "hoverinfo": "skip"}
    solid, dotted = {"color": TARGET, "width": 2}, {"color": SOFT, "width": 2, "dash": "dot"}
    fig.add_trace(go.Scatter(name="target", line=solid, legendgroup="target", **line), 1, 1)
    image = go.Scatter(name="mirrored", line=dotted, legendgroup="image", **line)
    fig.add_trace(image, 1, 1)
    fig.add_trace(
        go.Scatter(
            mode="lines",
            name="the torso",
            line={"color": INK, "width": 2},
            hovertemplate="step %{x}: %{y:.2f}<extra></extra>",
        ),
        1,
        1,
    )
    for group, style in (("image", dotted), ("target", solid)):
        fig.add_trace(
            go.Scatter(
                mode="lines",
                showlegend=False,
                legendgroup=group,
                line=style,
                hovertemplate="step %{x}: reward %{y:.2f}<extra></extra>",
            ),
            2,
            1,
        )
    for row in (1, 2):
        fig.add_trace(
            go.Scatter(
                name="read so far, up to here",
                showlegend=False,
                line={"color": METHOD_STYLES["mumomaml"].color, "width": 1.5, "dash": "dash"},
                **line,
            ),
            row,
            1,
        )
    hover = "target %{customdata:.2f}"
    for trace in map_traces(view.names, hover, name="this task"):
        fig.add_trace(trace, 1, 2)
    says = (
        "**What to see.** Upper left, what the torso did in one trajectory of the policy "
        "*without* modulation, the same whatever the target, and the hidden target (out of the "
        "picture where it is far). Lower left, what every step was paid: solid for the target, "
        "dotted for its mirror image; the dashed line is how far was read. Right, Figure 4: every "
        "mark is a task, the star is this one, rings are its nearest neighbours in the full "
        "embedding. Marks tell the modes, colours the mode or the target itself. They were added "
        "afterwards; the encoder is told neither."
    )
    finish(fig, 480, title, says, "")
    fig.update_annotations(font_size=13)
    fig.update_xaxes(title={"text": "step", "standoff": 2, "font_size": 13}, row=2, col=1)
    fig.update_yaxes(title_text=view.what, title_standoff=4, row=1, col=1)
    fig.update_yaxes(title_text="reward", title_standoff=4, row=2, col=1)
    map_axes(fig, left=56)
    redraw_trajectory(fig, view)
    return fig


def _marks(view: TrajectoryView, number: int, mine: np.ndarray) -> dict[str, Any]:
    """How the tasks of one mode are marked on the map."""
    color, symbol = MODE_LOOKS[number % len(MODE_LOOKS)]
    marker = {"symbol": symbol, "size": 7, "line": {"width": 0.5, "color": "white"}}
    if view.colour == "mode":
        return marker | {"color": color}
    far = np.abs(view.goals).max()
    bar = {"title": {"text": "target"}, "thickness": 10, "len": 0.5, "x": 1, "xanchor": "left"}
    return marker | {
        "color": view.goals[mine],
        "colorscale": "Cividis",
        "cmin": -far,
        "cmax": far,
        "size": 8,
        "colorbar": bar,
        "showscale": number == 0,
    }


def redraw_trajectory(fig: go.Figure, view: TrajectoryView) -> None:
    """Put another target, trajectory, colouring or number of steps into `trajectory`'s figure."""
    moved, rewards, mirrored = view.reached, view.rewards, view.mirrored
    steps, ends = np.arange(1, len(moved) + 1), np.array([1, len(moved)])
    points, target = view.points, view.target
    low, high = _window(moved, target)
    floor, top = _bounds(np.concatenate([rewards, mirrored]))
    read = np.full(2, view.steps)
    modes = len(view.names)
    data = [
        {"x": ends, "y": np.full(2, target)},
        {"x": ends, "y": np.full(2, -target)},
        {"x": steps, "y": moved},
        {"x": steps, "y": mirrored},
        {"x": steps, "y": rewards},
        {"x": read, "y": np.array([low, high])},
        {"x": read, "y": np.array([floor, top])},
        *map_data(view, modes),
    ]
    refill(fig, data)
    fig.layout.yaxis.range, fig.layout.yaxis3.range = [low, high], [floor, top]
    recolour(fig, view, _marks, modes)
    heads = [
        "<b>the trajectory</b><br>whatever the target",
        f"<b>its embedding</b> ({view.kind})<br>{view.steps} steps read",
        f"<b>paid</b>: {number(rewards.sum(), 0)} in all",
    ]
    for note, text in zip(fig.layout.annotations, heads, strict=True):
        note.text = text
    fig.layout.meta = dict(fig.layout.meta) | {
        "colour": view.colour,
        "alt": f"Target {target:.2f}: rewards from {rewards[0]:.2f} to {rewards[-1]:.2f} along one "
        f"trajectory, for its mirror image from {mirrored[0]:.2f} to {mirrored[-1]:.2f}; a map of "
        f"{len(points)} tasks.",
    }


def _bounds(values: np.ndarray) -> tuple[float, float]:
    """An axis with room around these values."""
    room = 0.08 * max(np.ptp(values), 0.5)
    return float(values.min() - room), float(values.max() + room)


def _window(moved: np.ndarray, target: float) -> tuple[float, float]:
    """An axis around what the torso did, with the targets where they are near enough to see."""
    reach = max(np.abs(moved).max(), 0.2)
    return _bounds(np.array([-1, 1]) * max(reach, min(abs(target), 4 * reach)))
