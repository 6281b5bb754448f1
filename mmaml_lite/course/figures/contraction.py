"""Contraction: two opposite tasks and what is left of them; the sweep over step sizes and steps."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.stages import FAR, drawable
from mmaml_lite.course.figures.style import GRID, INK, METHOD_STYLES, SOFT, finish


@dataclass(frozen=True)
class ContractionView:
    """Two tasks, f and -f, adapted from the start that is best for both.

    x, truth `(grid,)`: f; curves `(2, steps + 1, grid)`: of f and of -f; formula, measured
    `(steps + 1,)`: share of the residual that is left; alpha, curvature, steps: of the descent.
    """

    x: np.ndarray
    truth: np.ndarray
    curves: np.ndarray
    formula: np.ndarray
    measured: np.ndarray
    alpha: float
    curvature: float
    steps: int


def contraction_lines(view: ContractionView) -> tuple[list[dict], list[dict]]:
    """The lines of both panels, for a pad or a plotly figure: dictionaries with x, y and a look."""
    blue, x = METHOD_STYLES["maml"].color, view.x
    left = [
        {"x": x, "y": view.truth, "color": INK, "width": 2, "name": "f"},
        {"x": x, "y": -view.truth, "color": SOFT, "dash": "longdash", "width": 2, "name": "−f"},
    ]
    thin = {"color": blue, "width": 1, "opacity": 0.35}
    left += [{"x": x, "y": y} | thin for curves in view.curves for y in curves[1:-1]]
    last = {"color": blue, "width": 3.5}
    left += [
        {"x": x, "y": view.curves[0, 0], "color": blue, "dash": "dot", "name": "the start"},
        {"x": x, "y": view.curves[0, -1], "name": "adapted to f"} | last,
        {"x": x, "y": view.curves[1, -1], "dash": "dash", "name": "adapted to −f"} | last,
    ]
    n = np.arange(len(view.formula), dtype=float)
    right = [
        {
            "x": n,
            "y": view.formula,
            "color": METHOD_STYLES["bayes"].color,
            "width": 8,
            "opacity": 0.5,
            "name": "formula (1 − 2αλ)ⁿ",
        },
        {
            "x": n,
            "y": view.measured,
            "color": blue,
            "dash": "dash",
            "width": 2.5,
            "name": "gradient descent",
        },
    ]
    for line in left + right:
        line["y"] = drawable(line["y"])
    return left, right


def contraction(view: ContractionView, title: str = "Two opposite tasks, one start") -> go.Figure:
    """The static twin of the contraction explorer."""
    fig = make_subplots(
        1,
        2,
        horizontal_spacing=0.1,
        column_widths=[0.55, 0.45],
        subplot_titles=["the tasks and every step", "share of the residual that is left"],
    )
    for column, lines in enumerate(contraction_lines(view), start=1):
        for line in lines:
            look = {
                "color": line["color"],
                "dash": line.get("dash", "solid"),
                "width": line.get("width", 2),
                "simplify": False,
            }
            fig.add_trace(
                go.Scatter(
                    x=line["x"],
                    y=line["y"],
                    mode="lines",
                    line=look,
                    name=line.get("name", ""),
                    showlegend="name" in line,
                    opacity=line.get("opacity", 1),
                    hoverinfo="skip",
                ),
                1,
                column,
            )
    fig.update_xaxes(title_text="x", row=1, col=1)
    fig.update_yaxes(range=[-6, 6], row=1, col=1)
    fig.update_xaxes(title_text="gradient steps", row=1, col=2)
    fig.update_yaxes(range=[-1.5, 1.5], row=1, col=2)
    says = (
        "**What to see.** Left: the tasks f (black) and −f (grey, dashed), their best common start "
        "0 (dotted) and what gradient steps make of it for either (blue, solid and dashed; thin: "
        "the steps between). Right: the share of the residual that is left after each step, by the "
        "formula (broad, grey) and by real gradient descent (dashed, blue), one on the other."
    )
    left = view.measured[-1]
    words = f"After {len(view.formula) - 1} steps {left:.2f} of the residual is left."
    finish(fig, 380, title, says, words)
    fig.update_layout(margin={"t": 100, "l": 46, "r": 10, "b": 44}, legend={"y": 0.92})
    return fig


def sweep(
    factors: np.ndarray,
    by_factor: Mapping[str, np.ndarray],
    by_step: Mapping[str, np.ndarray],
    halves: Mapping[str, np.ndarray],
    levels: Mapping[str, float],
    title: str = "Is it only the step size?",
) -> go.Figure:
    """Error against a factor on all step sizes (left) and against the number of steps (right).

    factors `(F,)`; by_factor: by key of METHOD_STYLES `(F,)`; by_step: by key `(steps + 1,)`;
    halves: by key `(F,)`, half intervals of by_factor; levels: label -> error, drawn as
    lines in both panels.
    """
    fig = make_subplots(
        1,
        2,
        shared_yaxes=True,
        horizontal_spacing=0.05,
        subplot_titles=["all step sizes times a factor, five steps", "more steps, as trained"],
    )
    for key, error in by_factor.items():
        style = METHOD_STYLES[key]
        drawn = (factors, error, halves[key]), (np.arange(len(by_step[key])), by_step[key], None)
        for column, (x, y, half) in enumerate(drawn, start=1):
            fig.add_trace(
                go.Scatter(
                    x=x,
                    y=np.minimum(y, FAR),
                    name=style.legend,
                    legendgroup=key,
                    mode="lines+markers" if column == 1 else "lines",
                    showlegend=column == 1,
                    error_y=None if half is None else {"array": half, "thickness": 1, "width": 3},
                    line={"color": style.color, "dash": style.dash, "width": 2.5},
                    marker={"symbol": style.symbol, "size": 9},
                    hovertemplate=f"{style.label}, %{{x}}: %{{y:.2f}}<extra></extra>",
                ),
                1,
                column,
            )
    for label, value in levels.items():
        line = {"color": SOFT, "width": 1.5, "dash": "longdash"}
        fig.add_hline(y=value, line=line)
        fig.add_annotation(
            x=1,
            xref="x2 domain",
            y=np.log10(value),
            yref="y2",
            xanchor="right",
            yanchor="top",
            text=f"{label}: {value:.2f}",
            showarrow=False,
            font={"size": 12, "color": SOFT},
        )
    says = (
        "**What to see.** Left: the *same trained weights*, every step size multiplied; left of 1 "
        "the steps are too timid, right of it they overshoot. Right: more gradient steps than the "
        "five of training. Bars: 95 % intervals. Logarithmic, and cut off above."
    )
    best = "; ".join(
        f"{METHOD_STYLES[k].label} {e.min():.2f} at factor {factors[e.argmin()]:g}, "
        f"{by_step[k][-1]:.2f} after {len(by_step[k]) - 1} steps"
        for k, e in by_factor.items()
    )
    finish(fig, 430, title, says, f"{title} Best errors: {best}.")
    low = 0.7 * min(levels.values())
    fig.update_yaxes(type="log", range=[np.log10(low), np.log10(30)], gridcolor=GRID)
    fig.update_yaxes(tickvals=[0.1, 0.2, 0.5, 1, 2, 5, 10, 20])
    fig.update_yaxes(title_text="mean squared error", row=1, col=1)
    fig.update_xaxes(
        type="log", tickvals=factors, ticktext=[f"× {f:g}" for f in factors], row=1, col=1
    )
    fig.update_xaxes(title_text="gradient steps", row=1, col=2)
    fig.update_layout(margin={"t": 104, "l": 60, "r": 10, "b": 48}, legend={"y": 0.925})
    return fig


def directions(
    shares: Mapping[str, np.ndarray], title: str = "What the steps leave, direction by direction"
) -> go.Figure:
    """Share of the residual left in each direction, steepest first: label -> `(K,)`, as bars."""
    fig = go.Figure()
    looks = [("#0072B2", ""), ("#56B4E9", "/"), ("#999999", "x")]
    for (label, share), (color, hatch) in zip(shares.items(), looks, strict=False):
        x = [f"{i}" for i in range(1, len(share) + 1)]
        fig.add_trace(
            go.Bar(
                x=x,
                y=np.minimum(share, 1.15),
                name=label,
                customdata=share,
                marker={
                    "color": color,
                    "line": {"color": INK, "width": 1},
                    "pattern": {"shape": hatch, "fgcolor": "white", "size": 6},
                },
                text=[f"{s:.0%}" if s < 1.15 else f"↑ {s:.0f} ×" for s in share],
                textposition="outside",
                cliponaxis=False,
                textfont={"size": 12},
                hovertemplate=label + ", direction %{x}: %{customdata:.3f}<extra></extra>",
            )
        )
    says = (
        "**What to see.** The residual at five points has five directions, from the steepest "
        "(largest λ) to the flattest. A bar is the share |1 − 2αλ|ⁿ that the steps leave of one, "
        "the median over tasks. Above 100 % a direction *grows*: the steps overshoot "
        "(such a bar is cut off, its number is true)."
    )
    words = "; ".join(f"{k}: " + ", ".join(f"{v:.2f}" for v in s) for k, s in shares.items())
    finish(fig, 360, title, says, f"{title}. {words}.")
    fig.update_yaxes(range=[0, 1.3], tickformat=".0%", title_text="left over")
    fig.update_xaxes(title_text="direction, from steep to flat")
    fig.update_layout(
        barmode="group", margin={"t": 92, "l": 64, "r": 10, "b": 48}, legend={"y": 0.915}
    )
    return fig
