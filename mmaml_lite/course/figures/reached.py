"""Where each task ended up, stage by stage, and where its return went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.numerals import number
from mmaml_lite.course.figures.style import INK, METHOD_STYLES, SOFT, finish

STAGE_LOOKS = [  # colour and symbol of the first stage shown, the second and so on
    (SOFT, "x"),
    (METHOD_STYLES["mumomaml"].color, "circle"),
    ("#009E73", "diamond"),
    ("#0072B2", "square"),
]
PARTS = {  # colour, pattern
    "aside": ("beside the target, on average", "#56B4E9", ""),
    "around": ("swinging around it", "#E69F00", "/"),
    "torque": ("cost of torque", "#999999", "x"),
}


@dataclass(frozen=True)
class ReachedView:
    """What every task reached, and what its return was lost to, by stage.

    goals `(tasks,)`; stages: their names; settled `(stages, tasks)`; what is reached, in unit;
    parts: by key of PARTS `(stages,)`, positive.
    """

    goals: np.ndarray
    stages: Sequence[str]
    settled: Sequence[np.ndarray]
    what: str
    unit: str
    parts: Mapping[str, Sequence[float]]


def reached(
    view: ReachedView, title: str = "Where it ends up, and where the return goes"
) -> go.Figure:
    """What every task reached against its target, and what its return was lost to, by stage."""
    fig = make_subplots(
        1,
        2,
        column_widths=[0.5, 0.5],
        horizontal_spacing=0.1,
        subplot_titles=["<b>reached in the second half</b>", "<b>what the return is lost to</b>"],
    )
    goals, ends = view.goals, np.array([view.goals.min(), view.goals.max()])
    fig.add_trace(
        go.Scatter(
            x=ends,
            y=ends,
            mode="lines",
            name="on target",
            hoverinfo="skip",
            line={"color": INK, "width": 1, "dash": "dash"},
        ),
        1,
        1,
    )
    for (color, symbol), stage, here in zip(STAGE_LOOKS, view.stages, view.settled, strict=False):
        fig.add_trace(
            go.Scatter(
                x=goals,
                y=here,
                mode="markers",
                name=stage,
                marker={
                    "color": color,
                    "symbol": symbol,
                    "size": 8,
                    "line": {"width": 0.5, "color": "white"},
                },
                hovertemplate=f"{stage}: target %{{x:.2f}}, reached %{{y:.2f}}<extra></extra>",
            ),
            1,
            1,
        )
    for key, (label, color, pattern) in PARTS.items():
        fig.add_trace(
            go.Bar(
                x=view.stages,
                y=view.parts[key],
                name=label,
                legend="legend2",
                marker={"color": color, "pattern": {"shape": pattern}},
                hovertemplate=f"{label}: %{{y:.0f}}<extra></extra>",
            ),
            1,
            2,
        )
    total = sum(np.asarray(values) for values in view.parts.values())
    words = "; ".join(
        f"{stage} {number(-lost, 0)}" for stage, lost in zip(view.stages, total, strict=True)
    )
    fig.add_trace(
        go.Scatter(
            x=view.stages,
            y=total,
            mode="text",
            showlegend=False,
            hoverinfo="skip",
            text=[number(-lost, 0) for lost in total],
            textposition="top center",
        ),
        1,
        2,
    )
    says = (
        "**What to see.** Left, every mark is a task: its target, and what was reached on average "
        f"over the second half of an episode ({view.what}). On the dashed line it is where it "
        "should be; on a level line it does not know the target. Right, minus the mean return "
        "(written above each bar), split: being on one side of the target, swinging from one side "
        "to the other, and the price of torque."
    )
    finish(fig, 430, title, says, f"{title}. Mean returns: {words}.")
    fig.update_xaxes(title_text=f"target, {view.unit}", title_standoff=4, row=1, col=1)
    fig.update_yaxes(title_text=view.what, title_standoff=4, row=1, col=1)
    fig.update_yaxes(title_text="lost", range=[0, 1.12 * total.max()], row=1, col=2)
    return fig.update_layout(
        barmode="stack",
        margin={"t": 108, "l": 60, "r": 8, "b": 76},
        legend={"y": 0.93},
        legend2={
            "orientation": "h",
            "x": 1,
            "xanchor": "right",
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "font": {"size": 12},
        },
    )
