"""Kernels: what pulling the curve at one place does elsewhere, and how far one kernel gets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.stages import drawable
from mmaml_lite.course.figures.style import INK, METHOD_STYLES, SOFT, finish, mode_style, refill

DASHES = ("solid", "dash", "dot")


@dataclass(frozen=True)
class PullsView:
    """A few tasks, and how each method's curve moves for them when pulled at one place.

    x `(grid,)`; at: where it is pulled; names `(T,)`, a family for each task; truth `(T, grid)`;
    seen_x, seen_y `(T, K)`; pull: by key of METHOD_STYLES `(T, grid)`.
    """

    x: np.ndarray
    at: float
    names: Sequence[str]
    truth: np.ndarray
    seen_x: np.ndarray
    seen_y: np.ndarray
    pull: Mapping[str, np.ndarray]


def pulls(view: PullsView, title: str = "Pull the curve up by 1 at one place") -> go.Figure:
    """Left: the tasks; middle, right: how MAML's and MuMoMAML's curve move when pulled at `at`."""
    keys = list(view.pull)
    headings = ["<b>Three tasks</b>"]
    headings += [f"<b>{METHOD_STYLES[key].label}</b>:<br>what moves" for key in keys]
    fig = make_subplots(1, 1 + len(keys), horizontal_spacing=0.06, subplot_titles=headings)
    for i, name in enumerate(view.names):
        style = mode_style(name)
        line = {"color": style.color, "dash": DASHES[i % 3], "simplify": False}
        for column in range(1, 2 + len(keys)):
            alike = column > 1 and np.ptp(view.pull[keys[column - 2]], axis=0).max() < 1e-3
            # lines that coincide lie one upon the other, the first broadest: all can be seen
            wide = 3 * (len(view.names) - i) - 1 if alike else 3
            fig.add_trace(
                go.Scatter(
                    mode="lines",
                    name=f"a {name} task",
                    legendgroup=name,
                    showlegend=column == 1,
                    line=line | {"width": wide},
                    hovertemplate=name + ": x %{x:.1f}, %{y:.2f}<extra></extra>",
                ),
                1,
                column,
            )
        fig.add_trace(
            go.Scatter(
                mode="markers",
                legendgroup=name,
                showlegend=False,
                hoverinfo="skip",
                marker={
                    "symbol": style.symbol,
                    "size": 9,
                    "color": style.color,
                    "line": {"width": 1, "color": INK},
                },
            ),
            1,
            1,
        )
    for column in range(2, 2 + len(keys)):
        fig.add_trace(
            go.Scatter(
                mode="markers",
                name="pulled up by 1 here",
                legendgroup="at",
                showlegend=column == 2,
                marker={"symbol": "triangle-up", "size": 14, "color": INK},
                hovertemplate="pulled here: x %{x:.1f}<extra></extra>",
            ),
            1,
            column,
        )
        fig.update_yaxes(range=[-2.1, 2.6], row=1, col=column)
    fig.update_xaxes(range=[view.x[0], view.x[-1]], title_text="x")
    fig.update_yaxes(range=[-8, 8], row=1, col=1)
    says = (
        "**What to see.** A gradient step that raises the curve by 1 at the triangle moves it "
        "elsewhere as well, by k(x, x₀) / k(x₀, x₀): this is the slice of the kernel. For MAML the "
        "three tasks' slices lie on each other: it has one kernel, whatever the task. MuMoMAML "
        "has read the points of each task and pulls differently for each."
    )
    finish(fig, 420, title, says, "")
    fig.update_layout(margin={"t": 116, "l": 40, "r": 10, "b": 44}, legend={"y": 0.92})
    fig.update_annotations(font={"size": 13})
    redraw_pulls(fig, view)
    return fig


def redraw_pulls(fig: go.Figure, view: PullsView) -> None:
    """Put other tasks, or another place to pull at, into a figure made by `pulls`."""
    refill(fig, _traces(view))
    words = "; ".join(
        f"{METHOD_STYLES[key].label}'s slices differ by up to {np.ptp(p, axis=0).max():.2f}"
        for key, p in view.pull.items()
    )
    text = f"Pulled up by 1 at x = {view.at:.1f}. Between the tasks {words}."
    fig.layout.meta = dict(fig.layout.meta) | {"alt": text}


def _traces(view: PullsView) -> Iterator[dict[str, Any]]:
    """What every trace shows, in the order of the traces."""
    for i in range(len(view.names)):
        yield {"x": view.x, "y": view.truth[i]}
        for pull in view.pull.values():
            yield {"x": view.x, "y": drawable(pull[i])}
        yield {"x": view.seen_x[i], "y": view.seen_y[i]}
    for _ in view.pull:
        yield {"x": [view.at], "y": [1.0]}


@dataclass(frozen=True)
class TangentsView:
    """One task under several step sizes: the network after its steps, and the kernel's prediction.

    x, truth `(grid,)`; seen_x, seen_y `(K,)`; start `(grid,)`: before any step; real, formula
    `(panels, grid)`; headings: of the panels.
    """

    x: np.ndarray
    truth: np.ndarray
    seen_x: np.ndarray
    seen_y: np.ndarray
    start: np.ndarray
    real: np.ndarray
    formula: np.ndarray
    headings: Sequence[str]


def tangents(
    view: TangentsView, title: str = "MAML's gradient steps and the kernel's formula"
) -> go.Figure:
    """One panel for each step size: the network after its steps, and the kernel's prediction."""
    x, real, formula, headings = view.x, view.real, view.formula, view.headings
    fig = make_subplots(
        1,
        len(real),
        shared_yaxes=True,
        horizontal_spacing=0.04,
        subplot_titles=[
            f"{h}: apart by {np.sqrt(np.square(a - b).mean()):.2f}"
            for h, a, b in zip(headings, real, formula, strict=True)
        ],
    )
    blue = METHOD_STYLES["maml"].color
    for panel in range(len(real)):
        looks = [
            ("true function", view.truth, INK, "solid", 1.5, 1),
            ("MAML before any step", view.start, blue, "dot", 2, 1),
            ("MAML after the steps", real[panel], blue, "solid", 7, 0.4),
            ("what its kernel says", formula[panel], INK, "dash", 2, 1),
        ]
        for name, y, color, dash, width, opacity in looks:
            fig.add_trace(
                go.Scatter(
                    x=x,
                    y=drawable(y),
                    mode="lines",
                    name=name,
                    legendgroup=name,
                    opacity=opacity,
                    showlegend=panel == 0,
                    line={"color": color, "dash": dash, "width": width, "simplify": False},
                    hovertemplate=name + ": x %{x:.1f}, y %{y:.2f}<extra></extra>",
                ),
                1,
                panel + 1,
            )
        fig.add_trace(
            go.Scatter(
                x=view.seen_x,
                y=view.seen_y,
                mode="markers",
                name="points seen",
                legendgroup="seen",
                showlegend=panel == 0,
                marker={"symbol": "x-thin", "size": 11, "line": {"width": 3, "color": INK}},
            ),
            1,
            panel + 1,
        )
    says = (
        "**What to see.** Broad: the real network after its gradient steps; dashed: "
        "f₀(x) + k(x, X) M (y − f₀(X)). With small steps they are one curve. With the steps that "
        "MAML is trained with, the network leaves its tangent: its kernel moves while it learns."
    )
    finish(fig, 400, title, says, f"{title}: {'; '.join(headings)}.")
    fig.update_xaxes(range=[x[0], x[-1]], title_text="x")
    fig.update_yaxes(range=[-7, 7])
    fig.update_layout(margin={"t": 104, "l": 40, "r": 10, "b": 44}, legend={"y": 0.92})
    return fig


def ladder(
    rows: Sequence[Mapping[str, Any]], title: str = "From one kernel to the best possible"
) -> go.Figure:
    """Errors as bars, floors hatched: rows with label, mean, ci95, and key: a method's or None."""
    fig = go.Figure()
    for row in rows:
        style = METHOD_STYLES.get(row["key"])
        fig.add_trace(
            go.Bar(
                y=[row["label"]],
                x=[row["mean"]],
                orientation="h",
                showlegend=False,
                width=0.65,
                error_x={"array": [row["ci95"]], "thickness": 1.5, "width": 5, "color": INK},
                marker={
                    "color": style.color if style else "white",
                    "line": {"color": INK if style else SOFT, "width": 1},
                    "pattern": {"shape": "" if style else "/", "fgcolor": SOFT, "size": 6},
                },
                hovertemplate=f"{row['label']}: %{{x:.3f}} ± {row['ci95']:.3f}<extra></extra>",
            )
        )
        fig.add_annotation(
            x=row["mean"] + row["ci95"],
            y=row["label"],
            text=f"  <b>{row['mean']:.2f}</b>",
            xanchor="left",
            showarrow=False,
            font={"size": 13},
        )
    says = (
        "**What to see.** Mean squared error after adapting, on noisy targets; black bars are 95 % "
        "intervals. Filled: methods, on the same test tasks. Hatched: floors, the best that *any* "
        "predictor of their kind can do."
    )
    words = "; ".join(f"{row['label']} {row['mean']:.2f}" for row in rows)
    finish(fig, 110 + 44 * len(rows), title, says, f"{title}: {words}.")
    fig.update_yaxes(autorange="reversed")
    fig.update_xaxes(title_text="mean squared error", rangemode="tozero")
    fig.update_layout(margin={"t": 52, "l": 230, "r": 40, "b": 48})
    return fig
