"""A diagram of boxes and arrows as a plotly figure: the static twin of a clickable one."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from mmaml_lite.course.figures.style import INK, SOFT, finish


def diagram(
    boxes: Sequence[Mapping[str, Any]],
    arrows: Sequence[Mapping[str, Any]],
    size: Sequence[float],
    chosen: str,
    title: str,
    says: str,
) -> go.Figure:
    """Boxes and arrows as `widgets.Diagram` takes them, the chosen box with a thick frame.

    boxes: key, label, x, y, width, height, color; arrows: path, a list of `[x, y]`; size: width and
    height of the whole, y downwards.
    """
    fig = go.Figure()
    for arrow in arrows:
        *_, (x, y) = arrow["path"]
        x0, y0 = arrow["path"][-2]
        fig.add_trace(
            go.Scatter(
                x=[p[0] for p in arrow["path"]],
                y=[p[1] for p in arrow["path"]],
                mode="lines",
                line={"color": SOFT, "width": 2},
                hoverinfo="skip",
                showlegend=False,
            )
        )
        fig.add_annotation(
            x=x,
            y=y,
            ax=x0,
            ay=y0,
            axref="x",
            ayref="y",
            text="",
            showarrow=True,
            arrowhead=2,
            arrowwidth=2,
            arrowcolor=SOFT,
        )
    for box in boxes:
        width, height = box["width"], box["height"]
        fig.add_shape(
            type="rect",
            x0=box["x"],
            y0=box["y"],
            x1=box["x"] + width,
            y1=box["y"] + height,
            fillcolor=box.get("color", "#f3f3f3"),
            line={"color": INK, "width": 4 if box["key"] == chosen else 1.5},
        )
        fig.add_annotation(
            x=box["x"] + width / 2,
            y=box["y"] + height / 2,
            showarrow=False,
            text=box["label"].replace("\n", "<br>"),
        )
    names = ", ".join(box["label"].replace("\n", " ") for box in boxes)
    finish(fig, round(size[1]) + 60, title, says, f"{title}. Boxes: {names}.")
    fig.update_xaxes(range=[0, size[0]], visible=False)
    fig.update_yaxes(range=[size[1], 0], visible=False)
    fig.update_layout(margin={"t": 50, "l": 4, "r": 4, "b": 4})
    return fig
