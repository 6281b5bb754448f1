"""The mode-mix dial: one family's error as families are added, the prior, and one task."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.stages import drawable
from mmaml_lite.course.figures.style import INK, METHOD_STYLES, error_text, finish, refill

KEYS = ("maml", "mumomaml")


@dataclass(frozen=True)
class DialErrors:
    """Stored errors on the sinusoid tasks, with half intervals.

    tasks: how many; by key `(F,)`, NaN where nothing was measured: error and half, also for
    "bayes", and their multiple of Bayes, ratio and ratio_half.
    """

    tasks: int
    error: Mapping[str, np.ndarray]
    half: Mapping[str, np.ndarray]
    ratio: Mapping[str, np.ndarray]
    ratio_half: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Dial(DialErrors):
    """What the dial shows wherever it stands.

    names `(F,)` of the families in the order they are added; x `(grid,)`; priors, means
    `(F, grid)`: MAML's curve before any step, and the mean of all functions; note: on weights.
    """

    names: Sequence[str]
    x: np.ndarray
    priors: np.ndarray
    means: np.ndarray
    note: str


@dataclass(frozen=True)
class DialView(Dial):
    """The dial at one position, with one sinusoid task.

    number: how many families are in; truth `(grid,)`; seen_x, seen_y `(K,)`; curves: by key
    `(2, grid)`, before and after; miss: by key `(2,)`.
    """

    number: int
    truth: np.ndarray
    seen_x: np.ndarray
    seen_y: np.ndarray
    curves: Mapping[str, np.ndarray]
    miss: Mapping[str, np.ndarray]


def dial(view: DialView, title: str = "The mode-mix dial") -> go.Figure:
    """Four panels: errors against the number of families, MAML's prior, one task twice."""
    fig = make_subplots(
        2,
        2,
        horizontal_spacing=0.1,
        vertical_spacing=0.17,
        subplot_titles=[" "] * 4,
        row_heights=[0.54, 0.46],
    )
    _errors(fig, view)
    _prior(fig)
    for column in (1, 2):
        _one_task(fig, column)
    names = [name if i == 0 else f"+ {name}" for i, name in enumerate(view.names)]
    ticks = [f"{i}<br>{name}" for i, name in enumerate(names, 1)]
    many = len(names)
    fig.update_xaxes(tickvals=list(range(1, many + 1)), ticktext=ticks, row=1, col=1)
    fig.update_xaxes(range=[0.6, many + 0.65], row=1, col=1)
    fig.update_yaxes(
        type="log",
        range=np.log10(_span(view)).tolist(),
        title_text="mean squared error",
        tickvals=[0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50],
        row=1,
        col=1,
    )
    for row, column in ((1, 2), (2, 1), (2, 2)):
        fig.update_xaxes(range=[view.x[0], view.x[-1]], row=row, col=column)
    fig.update_yaxes(range=[-2.2, 2.2], row=1, col=2)
    fig.update_yaxes(range=[-6, 6], row=2)
    says = (
        "**What to see.** Top left: the error *on sinusoid tasks only*, the same "
        f"{view.tasks:,} for every point, however many families a method was trained on (bars: "
        "95 % intervals; the number at a point: how many times the error of Bayes, who is told "
        "which families there are and nothing else). Top right: MAML's curve before any gradient "
        "step (thick; thin: with fewer families) and the mean of all functions of the mixture. "
        "Bottom: one sinusoid task, dotted before and solid after the gradient steps; numbers, "
        f"before → after, are mean squared distances from the true function. {view.note}"
    )
    finish(fig, 500, title, says, "")
    fig.update_layout(margin={"t": 96, "l": 60, "r": 14, "b": 40}, legend={"y": 0.932})
    fig.update_annotations(font={"size": 13})
    redraw_dial(fig, view)
    return fig


def redraw_dial(fig: go.Figure, view: DialView) -> None:
    """Put another position of the dial, or another task, into a figure made by `dial`."""
    refill(fig, _traces(view))
    at, notes = view.number - 1, fig.layout.annotations
    shares = [
        f"{METHOD_STYLES[key].label} {view.ratio[key][at]:.1f} ×"
        for key in KEYS
        if np.isfinite(view.ratio[key][at])
    ]
    notes[0].text = "<b>Error on sinusoid tasks</b>"
    families = f"{view.number} families" if at else "one family"
    notes[1].text = f"<b>MAML before any step</b>,<br>trained on {families}"
    for note, key in zip(notes[2:], KEYS, strict=False):
        before, after = (error_text(m) if np.isfinite(m) else "no weights" for m in view.miss[key])
        note.text = f"<b>{METHOD_STYLES[key].label}</b>   {before} → {after}"
    names = ", ".join(view.names[: view.number])
    words = f"Trained on {names}. Error on sinusoid tasks, times Bayes: {', '.join(shares)}."
    fig.layout.meta = dict(fig.layout.meta) | {"alt": words}


def _span(view: DialView) -> tuple[float, float]:
    values = np.concatenate([np.asarray(v, float) for v in view.error.values()])
    return 0.7 * np.nanmin(values), 2.0 * np.nanmax(values)


def _errors(fig: go.Figure, view: DialView) -> None:
    """The band that marks where the dial stands, Bayes, and the methods."""
    fig.add_trace(
        go.Scatter(
            mode="lines",
            line={"color": "rgba(240,228,66,0.55)", "width": 34},
            hoverinfo="skip",
            showlegend=False,
        ),
        1,
        1,
    )
    for key in ("bayes", *KEYS):
        style = METHOD_STYLES[key]
        share = [f"{r:.1f} ×" if np.isfinite(r) else "" for r in view.ratio.get(key, [])]
        above = np.asarray(view.error[key]) >= np.nanmax(list(view.error.values()), axis=0)
        places = ["top left" if a else "bottom right" for a in above]
        places[0] = "top center" if above[0] else "middle right"
        fig.add_trace(
            go.Scatter(
                mode="lines+markers+text",
                name=style.label,
                legendgroup=key,
                text=share,
                textposition=places,
                textfont={"color": style.color, "size": 12},
                error_y={"thickness": 1.2, "width": 4, "array": view.half[key]},
                line={"color": style.color, "dash": style.dash, "width": 2.5},
                marker={"symbol": "circle" if key == "bayes" else style.symbol, "size": 9},
                hovertemplate=f"{style.label}, %{{x}} families: %{{y:.3f}}<extra></extra>",
            ),
            1,
            1,
        )


def _prior(fig: go.Figure) -> None:
    """Priors with fewer families, the mean curve, the prior now."""
    maml = METHOD_STYLES["maml"]
    looks = [
        ("with fewer families", maml.color, "solid", 1, 0.45),
        ("mean of all functions", INK, "dash", 2, 1.0),
        ("MAML before any step", maml.color, "solid", 4, 1.0),
    ]
    for name, color, dash, width, opacity in looks:
        fig.add_trace(
            go.Scatter(
                mode="lines",
                name=name,
                opacity=opacity,
                showlegend=name.startswith("mean"),
                line={"color": color, "dash": dash, "width": width, "simplify": False},
                hovertemplate="x %{x:.1f}, y %{y:.2f}<extra>" + name + "</extra>",
            ),
            1,
            2,
        )


def _one_task(fig: go.Figure, column: int) -> None:
    """The truth, a method before and after, the points."""
    style, first = METHOD_STYLES[KEYS[column - 1]], column == 1
    looks = [
        ("true function", INK, "solid", 2),
        ("before", style.color, "dot", 2.5),
        ("after", style.color, "solid", 3),
    ]
    for name, color, dash, width in looks:
        fig.add_trace(
            go.Scatter(
                mode="lines",
                name=name,
                showlegend=first and name == "true function",
                line={"color": color, "dash": dash, "width": width, "simplify": False},
                hovertemplate="x %{x:.1f}, y %{y:.2f}<extra>" + name + "</extra>",
            ),
            2,
            column,
        )
    fig.add_trace(
        go.Scatter(
            mode="markers",
            name="points seen",
            showlegend=first,
            marker={"symbol": "x-thin", "size": 11, "line": {"width": 3, "color": INK}},
            hovertemplate="seen: x %{x:.1f}, y %{y:.2f}<extra></extra>",
        ),
        2,
        column,
    )


def _traces(view: DialView) -> Iterator[dict[str, Any]]:
    """What every trace shows, in the order of the traces."""
    at, x = view.number - 1, view.x
    low, high = _span(view)
    yield {"x": [at + 1, at + 1], "y": [low / 10, high * 10]}
    for key in ("bayes", *KEYS):
        yield {"x": np.arange(1, len(view.names) + 1), "y": np.asarray(view.error[key])}
    fewer = np.pad(view.priors[:at], ((0, 0), (0, 1)), constant_values=np.nan)
    some = at > 0
    yield {
        "x": np.tile(np.append(x, np.nan), at) if some else np.full(1, np.nan),
        "y": fewer.ravel() if some else np.full(1, np.nan),
    }
    yield {"x": x, "y": view.means[at]}
    yield {"x": x, "y": view.priors[at]}
    for key in KEYS:
        before, after = drawable(view.curves[key])
        yield {"x": x, "y": view.truth}
        yield {"x": x, "y": before}
        yield {"x": x, "y": after}
        yield {"x": view.seen_x, "y": view.seen_y}
