"""How one method's curves are drawn, stage by stage: before, after each step, after the last."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from mmaml_lite.course.figures.style import INK, METHOD_STYLES

FAR = 1e4  # what is further away is drawn here: a diverged curve must not break the picture


class Shown(NamedTuple):
    """A task as a panel shows it: x `(grid,)`, truth `(grid,)` or None, seen_x, seen_y `(K,)`."""

    x: np.ndarray
    truth: np.ndarray | None
    seen_x: np.ndarray
    seen_y: np.ndarray


class Posterior(NamedTuple):
    """What Bayes knows of one task or several: mean and 90 % band, low to high, `(..., grid)`.

    probability `(..., modes)`: of each mode.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    probability: np.ndarray | None = None


def stage_traces(key: str, band: bool = False, legend: bool = True) -> Iterator[go.Scatter]:
    """Empty traces for one method, from the back to the front; `stage_data` fills them.

    key: of METHOD_STYLES; band: with the Bayes band and its mean behind; legend: whether they name
    themselves there.
    """
    style = METHOD_STYLES[key]
    if band:
        yield go.Scatter(
            mode="lines",
            fill="toself",
            fillcolor="rgba(138,138,138,0.22)",
            line={"width": 0},
            name="Bayes, 90 % band",
            legendgroup="bayes",
            showlegend=legend,
            hoverinfo="skip",
        )
        yield go.Scatter(
            mode="lines",
            line={"color": METHOD_STYLES["bayes"].color, "width": 1.5},
            name="Bayes mean",
            legendgroup="bayes",
            showlegend=False,
            hovertemplate="Bayes<br>x %{x:.1f}, y %{y:.2f}<extra></extra>",
        )
    looks = [
        ("true function", INK, "solid", 2, 1.0),
        ("before", style.color, "dot", 2.5, 1.0),
        ("after each step", style.color, "solid", 1, 0.4),
        ("after the last", style.color, "solid", 3.5, 1.0),
    ]
    yield from fit_traces(looks, legend)


def fit_traces(
    looks: Iterable[tuple[str, str, str, float, float]], legend: bool
) -> Iterator[go.Scatter]:
    """Empty traces of a panel: lines, each (name, color, dash, width, opacity), and the points."""
    for name, color, dash, width, opacity in looks:
        yield go.Scatter(
            mode="lines",
            name=name,
            legendgroup=name,
            showlegend=legend,
            opacity=opacity,
            line={"color": color, "dash": dash, "width": width, "simplify": False},
            hovertemplate="x %{x:.1f}, y %{y:.2f}<extra>" + name + "</extra>",
        )
    yield go.Scatter(
        mode="markers",
        name="points seen",
        legendgroup="seen",
        showlegend=legend,
        marker={"symbol": "x-thin", "size": 11, "line": {"width": 3, "color": INK}},
        hovertemplate="seen: x %{x:.1f}, y %{y:.2f}<extra></extra>",
    )


def drawable(curves: np.ndarray) -> np.ndarray:
    """Curves that a figure can draw: what diverged, or is no number, lies far outside."""
    return np.clip(np.nan_to_num(curves, nan=FAR), -FAR, FAR)


def stage_data(
    shown: Shown | Any, curves: np.ndarray, bayes: Posterior | None = None
) -> Iterator[dict[str, np.ndarray]]:
    """What the traces of `stage_traces` show.

    shown: the task, or a view with the same fields; curves `(stages, grid)`; bayes: for traces
    with the band.
    """
    x, curves = shown.x, drawable(curves)
    between = np.pad(curves[1:-1], ((0, 0), (0, 1)), constant_values=np.nan)
    nothing = np.full(1, np.nan)
    if bayes is not None:
        yield {
            "x": np.concatenate([x, x[::-1]]),
            "y": np.concatenate([bayes.high, bayes.low[::-1]]),
        }
        yield {"x": x, "y": bayes.mean}
    yield {"x": x, "y": np.full(len(x), np.nan) if shown.truth is None else shown.truth}
    yield {"x": x, "y": curves[0]}
    yield {
        "x": np.tile(np.append(x, np.nan), len(between)) if len(between) else nothing,
        "y": between.ravel() if len(between) else nothing,
    }
    yield {"x": x, "y": curves[-1]}
    yield {"x": shown.seen_x, "y": shown.seen_y}
