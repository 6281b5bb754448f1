"""Returns from stage to stage: Figures 3a to 3c, ours beside the paper's; whose tau earned what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from mmaml_lite.course.figures.navigation import cost, cost_axis, earned
from mmaml_lite.course.figures.numerals import number
from mmaml_lite.course.figures.style import METHOD_STYLES, SOFT, Style, finish

ORANGE = METHOD_STYLES["mumomaml"].color
TAU_STYLES = {
    "own": Style("its own τ", ORANGE, "solid", "circle"),
    "same mode": Style("τ of another task, same mode", ORANGE, "dashdot", "triangle-up"),
    "other mode": Style("τ of another task, other mode", ORANGE, "dot", "x"),
}
STYLES = METHOD_STYLES | TAU_STYLES
TOLD = "what one earns who is told"
AXES = {
    "log": "mean return (logarithmic)",
    "linear": "mean return",
    "score": "score: 0 stands still, 1 is told the goal",
}


@dataclass(frozen=True)
class ReturnsView:
    """Mean returns at every stage, and beside what they are drawn.

    stages: their short names; mean and half: by key of STYLES `(stages,)`, NaN where a method lacks
    a stage; paper: the same for published means, or {}; floors: label -> return; scale: "log",
    "linear", or "score" where all of them are scores. For the caption: says: what to see; lines:
    what the floors are. For the line below: ending: of the episodes; note: tasks and weights.
    """

    stages: Sequence[str]
    mean: Mapping[str, np.ndarray]
    half: Mapping[str, np.ndarray]
    paper: Mapping[str, np.ndarray]
    floors: Mapping[str, float]
    scale: str
    says: str
    lines: str = TOLD
    ending: str = ""
    note: str = ""


def writing(scale: str) -> Callable[[float], str]:
    """How values are written on a scale: a score wants more digits than a return."""
    return scored if scale == "score" else earned


def scored(value: float) -> str:
    """A score in as many digits as a reader can use."""
    return number(value, 2)


def returns(view: ReturnsView, title: str = "") -> go.Figure:
    """Mean return at every stage, with 95 % bands, floors, and the paper's points."""
    log, write = view.scale == "log", writing(view.scale)
    title = title or f"{'Score' if view.scale == 'score' else 'Mean return'}, stage by stage"
    place = cost if log else np.asarray  # a logarithmic axis shows minus the return
    fig = go.Figure()
    x = np.arange(len(view.stages))
    for key, mean in view.mean.items():
        style, half = STYLES[key], view.half[key]
        has = np.isfinite(mean)
        ends = [mean[has] + half[has], (mean[has] - half[has])[::-1]]
        fig.add_trace(
            go.Scatter(
                x=np.concatenate([x[has], x[has][::-1]]),
                y=place(np.concatenate(ends)),
                fill="toself",
                fillcolor=style.color,
                opacity=0.22,
                mode="lines",
                line={"width": 0},
                showlegend=False,
                hoverinfo="skip",
                name=f"{style.label}, band",
            )
        )
        fig.add_trace(
            go.Scatter(
                x=x,
                y=place(mean),
                mode="lines+markers",
                name=style.label,
                line={"color": style.color, "dash": style.dash, "width": 2.5},
                marker={"symbol": style.symbol, "size": 9, "color": style.color},
                text=[write(m) for m in mean],
                hovertemplate=f"{style.label}: %{{text}}<extra></extra>",
            )
        )
    for key, mean in view.paper.items():
        style = STYLES[key]
        fig.add_trace(
            go.Scatter(
                x=x,
                y=place(mean),
                mode="lines+markers",
                name=f"{style.label}, the paper's",
                line={"color": style.color, "dash": "dot", "width": 1},
                marker={
                    "symbol": f"{style.symbol}-open",
                    "size": 11,
                    "color": style.color,
                    "line": {"width": 2},
                },
                text=[write(m) for m in mean],
                hovertemplate=f"{style.label}, the paper: %{{text}}<extra></extra>",
            )
        )
    for label, value in view.floors.items():
        fig.add_hline(y=float(place(value)), line={"color": SOFT, "width": 1.5, "dash": "longdash"})
        level = np.log10(cost(value)) if log else value
        fig.add_annotation(
            x=1,
            xref="x domain",
            y=float(level),
            xanchor="left",
            showarrow=False,
            text=f" {label}: {write(value)}",
            font={"size": 12, "color": SOFT},
        )
    words = "; ".join(
        f"{STYLES[k].label} " + ", ".join(write(v) for v in m if np.isfinite(v))
        for k, m in view.mean.items()
    )
    says = (
        f"**What to see.** {view.says} Bands are 95 % intervals over tasks (often too narrow to "
        f"be seen), dashed grey lines {view.lines}. Higher is better."
    )
    finish(fig, 430, title, says, f"{title}: {words}.")
    fig.update_xaxes(tickvals=list(x), ticktext=list(view.stages))
    fig.update_xaxes(range=[-0.3, len(x) - 0.7])
    fig.update_layout(margin={"t": 92, "l": 70, "r": 150, "b": 56}, legend={"y": 0.92})
    if log:
        cost_axis(fig)
        fig.update_yaxes(autorange="reversed")
    return fig.update_yaxes(title_text=AXES[view.scale])
