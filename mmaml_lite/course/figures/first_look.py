"""With and without modulation: one curve, before any gradient step."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from mmaml_lite.course.figures.style import INK, METHOD_STYLES, finish


@dataclass(frozen=True)
class FirstLookView:
    """A trained model before any gradient step, with its modulation and without.

    x `(grid,)`; lines: name -> (y `(grid,)`, dash); seen_x, seen_y `(K,)`: the points it looked at.
    """

    x: np.ndarray
    lines: Mapping[str, tuple[np.ndarray, str]]
    seen_x: np.ndarray
    seen_y: np.ndarray


def first_look(
    view: FirstLookView, title: str = "Before any gradient step: τ on, and τ off"
) -> go.Figure:
    """The curve of one model before any gradient step, with its modulation and without."""
    fig = go.Figure()
    for name, (y, dash) in view.lines.items():
        fig.add_trace(
            go.Scatter(
                x=view.x,
                y=y,
                mode="lines",
                name=name,
                hoverinfo="skip",
                line={"color": METHOD_STYLES["mumomaml"].color, "dash": dash, "width": 3},
            )
        )
    fig.add_trace(
        go.Scatter(
            x=view.seen_x,
            y=view.seen_y,
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
    finish(fig, 380, title, says, f"{title}, {len(view.seen_x)} points.")
    fig.update_layout(margin={"t": 92, "l": 44, "r": 10, "b": 44}, legend={"y": 0.9})
    fig.update_yaxes(range=[-6, 6], title_text="y")
    fig.update_xaxes(range=[-5, 5], title_text="x")
    return fig
