"""One task, every stage of its adaptation: all methods side by side, and the loss of each step."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.stages import FAR, stage_data, stage_traces
from mmaml_lite.course.figures.style import INK, METHOD_STYLES, SOFT, error_text, finish, refill


@dataclass(frozen=True)
class AdaptationView:
    """One task, and every method's curve and loss at every stage of adapting to it.

    x `(grid,)`; points: the examples seen, seen_x, seen_y `(K,)` in arrays; truth `(grid,)`, or
    None for points of the reader's own; by key of METHOD_STYLES: curves `(stages, grid)`, losses
    `(stages,)` on the points seen, miss_before, miss: squared distance from the truth before any
    step and after the last, empty without a truth; yrange: of the panels.
    """

    x: np.ndarray
    points: Any
    seen_x: np.ndarray
    seen_y: np.ndarray
    truth: np.ndarray | None
    curves: Mapping[str, np.ndarray]
    losses: Mapping[str, np.ndarray]
    miss_before: Mapping[str, float]
    miss: Mapping[str, float]
    yrange: Sequence[float]


def adaptation(
    view: AdaptationView, title: str = "Before and after every gradient step"
) -> go.Figure:
    """One panel for each method with its curve at every stage; the losses below, or beside one."""
    keys = list(view.curves)
    many = len(keys) > 1
    fig = make_subplots(
        2 if many else 1,
        len(keys) if many else 2,
        specs=[[{}] * len(keys), [{"colspan": len(keys)}, *[None] * (len(keys) - 1)]]
        if many
        else [[{}, {}]],
        row_heights=[0.66, 0.34] if many else None,
        horizontal_spacing=0.05 if many else 0.09,
        vertical_spacing=0.2,
        subplot_titles=[" "] * (len(keys) + 1),
    )
    for column, key in enumerate(keys, start=1):
        first = column == 1
        for trace in stage_traces(key, legend=first):
            fig.add_trace(trace, 1, column)
        fig.update_yaxes(range=view.yrange, row=1, col=column, showticklabels=first)
        fig.update_xaxes(range=[view.x[0], view.x[-1]], title_text="x", row=1, col=column)
    last = {"row": 2, "col": 1} if many else {"row": 1, "col": 2}
    for key in keys:
        style = METHOD_STYLES[key]
        fig.add_trace(
            go.Scatter(
                mode="lines+markers",
                name=style.label,
                legend="legend2",
                showlegend=many,
                line={"color": style.color, "dash": style.dash, "width": 2.5},
                marker={"symbol": style.symbol, "size": 7, "color": style.color},
                hovertemplate=f"{style.label}, step %{{x}}: %{{y:.3f}}<extra></extra>",
            ),
            **last,
        )
    fig.update_yaxes(type="log", exponentformat="power", dtick=1, **last)
    fig.update_xaxes(title_text="gradient steps", rangemode="tozero", **last)
    fig.update_xaxes(title_standoff=2)
    where = "Below" if many else "Right"
    says = (
        "**What to see.** One panel for each method: dotted, its curve *before* any gradient step; "
        "thin, after each step; thick, after the last one. Crosses are the points it learns from, "
        f"the black line is the function behind them. {where}: the loss on those points, step by "
        "step (logarithmic). Over a panel: the mean squared distance from the true function, "
        "before → after (for points of your own, which have none behind them, the loss on the "
        "points)."
    )
    finish(fig, 540 if many else 400, title, says, "")
    fig.update_layout(
        margin={"t": 98, "l": 44, "r": 10, "b": 40},
        legend={"y": 1 - 34 / fig.layout.height, "font": {"size": 12}},
        legend2={
            "orientation": "h",
            "x": 1,
            "xanchor": "right",
            "y": fig.layout[f"yaxis{len(keys) + 1}"].domain[1],
            "yanchor": "bottom",
            "font": {"size": 12},
            "itemwidth": 40,
        },
    )
    fig.layout.annotations[len(keys)].update(
        x=fig.layout[f"xaxis{len(keys) + 1}"].domain[0], xanchor="left"
    )
    fig.update_annotations(font={"size": 13})
    redraw_adaptation(fig, view)
    return fig


def redraw_adaptation(fig: go.Figure, view: AdaptationView) -> None:
    """Put another view of the same methods into a figure made by `adaptation`."""
    refill(fig, _traces(view))
    for note, key in zip(fig.layout.annotations, view.curves, strict=False):
        before, after = view.losses[key][[0, -1]]
        if key in view.miss:
            before, after = view.miss_before[key], view.miss[key]
        note.text = (
            f"<b>{METHOD_STYLES[key].label}</b>   {error_text(before)} → {error_text(after)}"
        )
    fig.layout.annotations[len(view.curves)].text = "loss on the points seen"
    words = ", ".join(
        f"{METHOD_STYLES[key].label} {error_text(loss[0])} to {error_text(loss[-1])}"
        for key, loss in view.losses.items()
    )
    meta = dict(fig.layout.meta)
    fig.layout.meta = meta | {"alt": f"Loss on the points before and after adapting: {words}."}


def _traces(view: AdaptationView) -> Iterator[dict[str, np.ndarray]]:
    """What every trace shows, in the order of the traces."""
    for curves in view.curves.values():
        yield from stage_data(view, curves)
    for losses in view.losses.values():
        yield {"x": np.arange(len(losses)), "y": np.clip(np.nan_to_num(losses, nan=FAR), 1e-6, FAR)}


def before_learning(
    x: np.ndarray,
    average: np.ndarray,
    curves: Mapping[str, np.ndarray],
    title: str = "What they would say without a single point",
) -> go.Figure:
    """Curves of methods before any gradient step, over the average of all functions.

    x, average `(grid,)`; curves: by key of METHOD_STYLES `(grid,)`.
    """
    fig = go.Figure(
        go.Scatter(
            x=x,
            y=average,
            name="average of all tasks",
            mode="lines",
            line={"color": INK, "width": 6},
            opacity=0.25,
        )
    )
    for key, curve in curves.items():
        style = METHOD_STYLES[key]
        line = {"color": style.color, "dash": style.dash, "width": 3}
        fig.add_trace(go.Scatter(x=x, y=curve, name=style.label, mode="lines", line=line))
    gaps = {k: np.sqrt(np.square(c - average).mean()) for k, c in curves.items()}
    words = ", ".join(f"{METHOD_STYLES[k].label} {gap:.2f}" for k, gap in gaps.items())
    says = (
        "**What to see.** The broad grey line is the average of all waves, worked out exactly: the "
        f"best answer for one who has seen nothing. Distance from it (root mean square): {words}."
    )
    finish(fig, 330, title, says, f"{title}. Distance from the average of all tasks: {words}.")
    fig.update_xaxes(title_text="x")
    fig.update_yaxes(range=[-5, 5], title_text="y")
    fig.update_layout(margin={"t": 84, "l": 60, "r": 10, "b": 44}, legend={"y": 0.9})
    return fig


def error_by_steps(
    errors: Mapping[str, np.ndarray],
    halves: Mapping[str, np.ndarray],
    floors: Mapping[str, float],
    trained: int = 5,
    title: str = "Error on many test tasks, step by step",
) -> go.Figure:
    """Mean error of methods after every gradient step, with intervals and floors.

    errors, halves: mean and half interval by key of METHOD_STYLES, `(steps + 1,)` each; floors:
    label -> error; trained: the number of steps that the methods were trained for.
    """
    fig = go.Figure()
    for key, error in errors.items():
        style = METHOD_STYLES[key]
        fig.add_trace(
            go.Scatter(
                x=np.arange(len(error)),
                y=error,
                name=style.label,
                mode="lines+markers",
                error_y={"array": halves[key], "thickness": 1, "width": 3},
                line={"color": style.color, "dash": style.dash, "width": 2.5},
                marker={"symbol": style.symbol, "size": 8},
                hovertemplate=f"{style.label}, %{{x}} steps: %{{y:.3f}}<extra></extra>",
            )
        )
    for label, value in floors.items():
        fig.add_hline(y=value, line={"color": SOFT, "width": 1.5, "dash": "longdash"})
        fig.add_annotation(
            x=1,
            xref="x domain",
            y=np.log10(value),
            xanchor="right",
            yanchor="top",
            showarrow=False,
            text=f"{label}: {value:.2f}",
            font={"size": 12, "color": SOFT},
        )
    fig.add_vline(x=trained, line={"color": SOFT, "width": 1, "dash": "dot"})
    fig.add_annotation(
        x=trained,
        y=1,
        yref="y domain",
        text=f" trained for {trained} steps",
        xanchor="left",
        yanchor="top",
        showarrow=False,
        font={"size": 12, "color": SOFT},
    )
    words = "; ".join(
        f"{METHOD_STYLES[k].label} {e[0]:.2f} before, {e[trained]:.2f} after {trained} steps, "
        f"{e[-1]:.2f} after {len(e) - 1}"
        for k, e in errors.items()
    )
    says = (
        "**What to see.** Mean squared error on query points the learners never saw, against the "
        f"number of gradient steps (logarithmic, bars are 95 % intervals): {words}."
    )
    finish(fig, 400, title, says, f"{title}. {words}.")
    fig.update_xaxes(title_text="gradient steps")
    fig.update_yaxes(type="log", title_text="mean squared error")
    fig.update_yaxes(tickvals=[0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100])
    fig.update_layout(margin={"t": 84, "l": 60, "r": 10, "b": 44}, legend={"y": 0.91})
    return fig
