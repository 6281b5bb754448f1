"""What modulation does to the feature maps of one image, channel by channel, and to the answers."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sequential
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.characters import mosaic
from mmaml_lite.course.figures.style import BARE, INK, METHOD_STYLES, SOFT, finish, refill

# Viridis over the square root, so that faint maps can be seen beside strong ones; white below 0.
GLOW = [[0, "white"], [0.05, "white"], [0.05, sequential.Viridis[0]]]
GLOW += [[0.1 + 0.9 * (i / 9) ** 2, color] for i, color in enumerate(sequential.Viridis)]
BETWEEN = -1e3  # not NaN: a live figure sends images as JSON
BAR_COLORS = {  # of the bars: as strong as tau is right
    "own τ": METHOD_STYLES["mumomaml"].color,
    "another task's τ": "#f0a868",
    "another mode's τ": "#f0a868",
    "mean τ": "#f0a868",
    "τ off": "#ffffff",
}


PLACES = {  # shares of the figure, across and up: two sheets of maps, tau; the image, the answers
    "": ([0, 0.31], [0.35, 1]),
    "2": ([0.34, 0.65], [0.35, 1]),
    "3": ([0.73, 1], [0.4, 1]),
    "4": ([0, 0.14], [0, 0.23]),
    "5": ([0.46, 1], [0, 0.23]),
}


@dataclass(frozen=True)
class FeatureMapsView:
    """One image in one block of a network, and what modulation makes of it.

    image `(28, 28)`; block: from 0; off, on `(channels, h, w)`: the block's maps without and with
    tau, those that tau changes most first; order: the channels' numbers; used: name of the tau
    behind `on`; share: of tau that differs from task to task. own, other `(rows, channels)`: tau of
    this task and of another one, called `beside`, gamma first. scores: name of each tau ->
    (accuracy, loss) on so many queries, after so many steps; says: on data and weights.
    """

    image: np.ndarray
    block: int
    off: np.ndarray
    on: np.ndarray
    order: np.ndarray
    used: str
    share: float
    own: np.ndarray
    other: np.ndarray
    beside: str
    scores: Mapping[str, tuple[float, float]]
    queries: int
    steps: int
    says: str


def tiles(maps: np.ndarray) -> np.ndarray:
    """The maps of all channels `(channels, h, w)` as one image, about square, spaces in between."""
    across = math.ceil(math.sqrt(len(maps)))
    down = math.ceil(len(maps) / across)
    grid = np.full((down * across, *maps.shape[1:]), BETWEEN)
    grid[: len(maps)] = np.round(maps, 3)
    gap = max(1, maps.shape[1] // 7)
    return mosaic(grid.reshape(down, across, *maps.shape[1:]), gap, BETWEEN)


def feature_maps(view: FeatureMapsView, title: str = "What FiLM does to one image") -> go.Figure:
    """An image, a block's maps without and with modulation, tau, and the answers."""
    fig = make_subplots(
        2, 3, specs=[[{}, {}, {}], [{}, {"colspan": 2}, None]], subplot_titles=[" "] * 5
    )
    fig.add_trace(
        go.Heatmap(
            colorscale=[[0, "white"], [1, INK]], zmin=0, zmax=1, showscale=False, hoverinfo="skip"
        ),
        2,
        1,
    )
    for column in (1, 2):
        fig.add_trace(go.Heatmap(coloraxis="coloraxis", hoverinfo="skip"), 1, column)
    _plane(fig)
    names = list(view.scores)
    fig.add_trace(
        go.Bar(
            y=names,
            orientation="h",
            textposition="auto",
            insidetextanchor="start",
            showlegend=False,
            hoverinfo="skip",
            marker={"color": [BAR_COLORS[n] for n in names], "line": {"width": 1.5, "color": SOFT}},
        ),
        2,
        2,
    )
    says = (
        "**What to see.** Top: every little picture is one channel of this block, dark where it "
        "is silent, bright where it is strong; left with FiLM off *in this block only*, right "
        "with γ z + β before the ReLU. The channels that τ changes most come first. Right: one "
        "dot for each channel; at the cross (γ = 1, β = 0) nothing would happen. A line leads "
        "from a dot to the same channel's place in another task: short lines mean that τ hardly "
        f"depends on the task. Bottom: the image, and how many of this task's {view.queries} new "
        f"drawings are told apart after {view.steps} gradient steps, with this τ, with a borrowed "
        f"one, and without. {view.says}"
    )
    finish(fig, 504, title, says, "")
    for name, (across, down) in PLACES.items():
        fig.layout[f"xaxis{name}"].domain, fig.layout[f"yaxis{name}"].domain = across, down
    for name in ("", "2", "4"):  # the images
        image = BARE | {"showline": name == "4", "constrain": "domain"}
        fig.layout[f"xaxis{name}"].update(**image)
        image |= {"autorange": "reversed", "constraintoward": "top", "scaleanchor": f"x{name}"}
        fig.layout[f"yaxis{name}"].update(**image)
    fig.update_xaxes(zeroline=False, row=1, col=3)
    fig.update_yaxes(zeroline=False, row=1, col=3)
    fig.update_xaxes(range=[0, 1.02], tickvals=[0, 0.5, 1], tickformat=".0%", row=2, col=2)
    fig.update_yaxes(autorange="reversed", ticks="", row=2, col=2)
    fig.update_layout(
        margin={"t": 106, "l": 10, "r": 26, "b": 34},
        legend={"y": 0.945, "font_size": 12},
        coloraxis={"colorscale": GLOW, "showscale": False},
    )
    for note, name in zip(fig.layout.annotations, PLACES, strict=True):
        across, down = PLACES[name]
        note.update(x=across[0], xanchor="left", align="left", y=down[1], font_size=13)
    redraw_feature_maps(fig, view)
    return fig


def _plane(fig: go.Figure) -> None:
    """Gamma and beta: where nothing happens, the way to another task's, another's, this task's."""
    own = METHOD_STYLES["mumomaml"].color
    marks = [
        ("nothing happens", {"symbol": "cross-thin", "size": 18, "line": {"width": 3}}),
        ("another task", {"symbol": "circle-open", "size": 9, "color": SOFT}),
        ("this task", {"symbol": "circle", "size": 7, "color": own, "line": {"width": 0.5}}),
    ]
    fig.add_trace(
        go.Scatter(
            mode="lines", line={"color": SOFT, "width": 1}, hoverinfo="skip", showlegend=False
        ),
        1,
        3,
    )
    for name, marker in marks:
        fig.add_trace(
            go.Scatter(
                mode="markers",
                name=name,
                marker=marker,
                hovertemplate="channel %{text}: γ %{x:.2f}, β %{y:.2f}<extra></extra>",
            ),
            1,
            3,
        )


def redraw_feature_maps(fig: go.Figure, view: FeatureMapsView) -> None:
    """Put another state of the same model into a figure made by `feature_maps`."""
    refill(fig, _traces(view))
    top = float(max(view.off.max(), view.on.max()))
    fig.layout.coloraxis.update(cmin=-(top or 1.0) / 9, cmax=top or 1.0)
    for axes, values in (("xaxis3", 0), ("yaxis3", 1)):
        fig.layout[axes].range = _span(view, values)
    count, (h, w) = len(view.on), view.on.shape[1:]
    notes = fig.layout.annotations
    heads = [
        f"<b>FiLM off</b><br>{count} maps, {h} × {w}",
        f"<b>{view.used}</b><br>block {view.block + 1}",
        f"<b>τ of block {view.block + 1}</b><br>γ across, β up",
        "<b>the image</b>",
        "<b>new drawings told apart</b>",
    ]
    for note, text in zip(notes, heads, strict=True):
        note.text = text
    told = "; ".join(f"{name} {right:.0%}" for name, (right, _) in view.scores.items())
    words = (
        f"Block {view.block + 1}: {count} channels without and with {view.used}. New "
        f"drawings told apart: {told}."
    )
    fig.layout.meta = dict(fig.layout.meta) | {"alt": words}


def _rows(tau: np.ndarray) -> np.ndarray:
    """gamma and beta `(2, channels)`; a modulation without a shift has beta 0."""
    return tau if len(tau) == 2 else np.concatenate([tau, np.zeros_like(tau)])


def _span(view: FeatureMapsView, row: int) -> list[float]:
    """An axis that holds gamma (row 0) or beta of both tasks, and the cross."""
    values = np.append(np.concatenate([_rows(view.own)[row], _rows(view.other)[row]]), 1 - row)
    pad = 0.06 * max(np.ptp(values), 0.5)
    return [float(values.min() - pad), float(values.max() + pad)]


def _traces(view: FeatureMapsView) -> Iterator[dict[str, Any]]:
    """What every trace shows, in the order of the traces."""
    yield {"z": np.round(view.image.astype(float), 3)}
    yield {"z": tiles(view.off)}
    yield {"z": tiles(view.on)}
    own, other = _rows(view.own), _rows(view.other)
    gaps = np.full_like(own, np.nan)
    x, y = np.stack([own, other, gaps], 2).reshape(2, -1)
    names = [str(c + 1) for c in view.order]
    yield {"x": x, "y": y}
    yield {"x": [1.0], "y": [0.0], "text": ["none"]}
    yield {"x": other[0], "y": other[1], "text": names, "name": view.beside}
    yield {"x": own[0], "y": own[1], "text": names}
    yield {
        "x": [right for right, _ in view.scores.values()],
        "text": [
            f"{'<b>' if n == view.used else ''}{right:.0%}, loss {loss:.2f}".replace("%", " %")
            + ("</b>" if n == view.used else "")
            for n, (right, loss) in view.scores.items()
        ],
    }
