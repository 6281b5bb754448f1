"""How much of the task an embedding holds after so many steps of the trajectory."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.style import METHOD_STYLES, SOFT, finish

LOOK = METHOD_STYLES["mumomaml"]


@dataclass(frozen=True)
class ReadingView:
    """What embeddings of a trajectory's first steps tell of its task.

    steps `(k,)`; vote `(k,)`: share of tasks whose nearest neighbour is of their mode; miss `(k,)`:
    median error of the distance read off linearly, in unit; blank: the same for one who has read
    nothing; modes: how many.
    """

    steps: Sequence[int]
    vote: Sequence[float]
    miss: Sequence[float]
    blank: float
    modes: int
    unit: str


def reading(view: ReadingView, title: str = "What is known after how many steps") -> go.Figure:
    """Mode and distance of the target, as told by embeddings of a trajectory's first steps."""
    fig = make_subplots(
        1,
        2,
        horizontal_spacing=0.11,
        subplot_titles=[
            "<b>its side</b>: the neighbour's is the same",
            f"<b>its distance</b>: off by (median, {view.unit})",
        ],
    )
    rows = ((view.vote, 1 / view.modes, "by chance"), (view.miss, view.blank, "unread"))
    for column, (values, floor, label) in enumerate(rows, 1):
        fig.add_trace(
            go.Scatter(
                x=view.steps,
                y=values,
                mode="lines+markers",
                showlegend=False,
                line={"color": LOOK.color, "width": 2.5},
                marker={"symbol": LOOK.symbol, "size": 9, "color": LOOK.color},
                hovertemplate="%{x} steps: %{y:.2f}<extra></extra>",
            ),
            1,
            column,
        )
        fig.add_hline(y=floor, line={"color": SOFT, "dash": "longdash"}, row=1, col=column)
        fig.add_annotation(
            x=1,
            xref="x domain" if column == 1 else "x2 domain",
            y=floor,
            yref="y" if column == 1 else "y2",
            text=f"{label}: {floor:.2f}",
            showarrow=False,
            xanchor="right",
            yanchor="bottom",
            font={"size": 12, "color": SOFT},
        )
    says = (
        "**What to see.** The encoder is given only the first steps of each exploratory "
        "trajectory. Left, how often the nearest task in the embedding lies on the same side; "
        "right, how far off a linear map of the embedding names the target's distance |x*|. Grey: "
        "one who has read nothing. In training it always read whole trajectories."
    )
    told = "; ".join(
        f"after {n} steps {100 * v:.0f} % and {m:.2f}"
        for n, v, m in zip(view.steps, view.vote, view.miss, strict=True)
    )
    finish(fig, 380, title, says, f"{title}: {told}.")
    ticks = {"tickvals": list(view.steps), "ticktext": [str(n) for n in view.steps]}
    fig.update_xaxes(type="log", title_text="steps read", title_standoff=4, **ticks)
    fig.update_xaxes(minor={"ticks": ""})
    fig.update_yaxes(range=[0, 1.05], tickformat=".0%", row=1, col=1)
    fig.update_yaxes(rangemode="tozero", row=1, col=2)
    return fig.update_layout(margin={"t": 84, "l": 56, "r": 12, "b": 50})
