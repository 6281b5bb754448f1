"""With and without modulation: one curve, and the measured worth of every part of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from mmaml_lite.course.figures.style import INK, METHODS, SOFT, finish, number


def ablation(
    found: Mapping[str, Sequence[tuple[float, float, float]]],
    looks: Mapping[str, str] | None = None,
    title: str = "What each part of the modulation is worth",
) -> go.Figure:
    """Error before and after the gradient steps under every intervention, a row for each.

    found: name -> for the two stages the (median, low, high) of its 95 % interval; looks: name ->
    key of METHODS, for rows that are another method than MuMoMAML.
    """
    names = list(found)
    styles = [METHODS[(looks or {}).get(name, "mumomaml")] for name in names]
    colors = [style.color for style in styles]
    fig = go.Figure()
    stages = (("before any gradient step", "-open"), ("after the steps", ""))
    for stage, (label, hollow) in enumerate(stages):
        middle, low, high = np.array([found[n][stage] for n in names]).T
        fig.add_trace(
            go.Scatter(
                x=middle,
                y=names,
                mode="markers",
                name=label,
                marker={
                    "symbol": [style.symbol + hollow for style in styles],
                    "size": 12,
                    "color": colors,
                    "line": {"width": 2, "color": colors},
                },
                error_x={
                    "array": high - middle,
                    "arrayminus": middle - low,
                    "thickness": 1.5,
                    "width": 4,
                    "color": SOFT,
                },
                hovertemplate="%{y}: %{x:.2f}<extra>" + label + "</extra>",
            )
        )
    start = found[names[0]]
    for stage, dash in ((0, "dot"), (1, "dash")):
        fig.add_vline(x=start[stage][0], line={"color": SOFT, "width": 1.5, "dash": dash})
    says = (
        "**What to see.** Each row is one intervention on the same trained model and the same test "
        "tasks: the median error before any gradient step (open) and after the last one (filled), "
        "with 95 % intervals, on a logarithmic axis. Vertical lines: as trained. Medians, because "
        "with a wrong τ the steps run away on a few tasks and make a mean meaningless."
    )
    words = "; ".join(f"{n}: " + " to ".join(number(s[0]) for s in found[n]) for n in names)
    finish(fig, 130 + 34 * len(names), title, says, f"{title}. Median error, {words}.")
    fig.update_layout(width=860, margin={"t": 92, "l": 210, "r": 16, "b": 44}, legend={"y": 0.93})
    fig.update_yaxes(autorange="reversed")
    fig.update_xaxes(type="log", title_text="median squared error (noise included)")
    fig.update_xaxes(tickvals=[0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000])
    return fig


def first_look(
    view: Mapping[str, Any], title: str = "Before any gradient step: τ on, and τ off"
) -> go.Figure:
    """The curve of one model before any gradient step, with its modulation and without.

    view: x `(grid,)`; lines: name -> (y `(grid,)`, dash); seen_x, seen_y `(K,)`.
    """
    fig = go.Figure()
    for name, (y, dash) in view["lines"].items():
        fig.add_trace(
            go.Scatter(
                x=view["x"],
                y=y,
                mode="lines",
                name=name,
                hoverinfo="skip",
                line={"color": METHODS["mumomaml"].color, "dash": dash, "width": 3},
            )
        )
    fig.add_trace(
        go.Scatter(
            x=view["seen_x"],
            y=view["seen_y"],
            mode="markers",
            name="points seen",
            marker={"symbol": "x-thin", "size": 11, "line": {"width": 3, "color": INK}},
        )
    )
    says = (
        "**What to see.** One trained MuMoMAML, and not a single gradient step. Solid: its curve "
        "after it has *looked* at the five points. Dotted: the same weights with the modulation "
        "removed."
    )
    finish(fig, 380, title, says, f"{title}, {len(view['seen_x'])} points.")
    fig.update_layout(width=640, margin={"t": 92, "l": 44, "r": 10, "b": 44}, legend={"y": 0.9})
    fig.update_yaxes(range=[-6, 6], title_text="y")
    fig.update_xaxes(range=[-5, 5], title_text="x")
    return fig
