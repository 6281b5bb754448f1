"""The measured worth of every part of the modulation."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from mmaml_lite.course.figures.style import METHOD_STYLES, SOFT, error_text, finish


def ablation(
    found: Mapping[str, Sequence[tuple[float, float, float]]],
    looks: Mapping[str, str] | None = None,
    title: str = "What each part of the modulation is worth",
) -> go.Figure:
    """Error before and after the gradient steps under every intervention, a row for each.

    found: name -> for the two stages the (median, low, high) of its 95 % interval; looks: name ->
    key of METHOD_STYLES, for rows that are another method than MuMoMAML.
    """
    names = list(found)
    styles = [METHOD_STYLES[(looks or {}).get(name, "mumomaml")] for name in names]
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
    words = "; ".join(f"{n}: " + " to ".join(error_text(s[0]) for s in found[n]) for n in names)
    finish(fig, 130 + 34 * len(names), title, says, f"{title}. Median error, {words}.")
    fig.update_layout(margin={"t": 92, "l": 210, "r": 16, "b": 44}, legend={"y": 0.93})
    fig.update_yaxes(autorange="reversed")
    fig.update_xaxes(type="log", title_text="median squared error (noise included)")
    fig.update_xaxes(tickvals=[0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000])
    return fig
