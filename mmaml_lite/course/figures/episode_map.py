"""A map of episodes by their embeddings, coloured by something that their characters share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from mmaml_lite.course.figures.crowd import MODE_LOOKS
from mmaml_lite.course.figures.style import BARE, finish


@dataclass(frozen=True)
class EpisodeMapView:
    """A map of episodes, and one trait that their characters share.

    points `(n, 2)`, of a kind of map; trait: its name; label `(n,)`, an index into names, or -1
    (drawn small and grey); hover: a text for each; vote, chance, untrained: how often the nearest
    neighbour in the full embedding shares the trait, how often by chance, and how often in the
    embedding of an encoder that was never trained.
    """

    points: np.ndarray
    kind: str
    trait: str
    label: np.ndarray
    names: Sequence[str]
    hover: Sequence[str]
    vote: float
    chance: float
    untrained: float


def episode_map(view: EpisodeMapView, title: str = "How the encoder sees episodes") -> go.Figure:
    """Every mark is an episode, coloured and shaped by one trait."""
    fig = go.Figure()
    points, label = view.points, view.label
    if (label < 0).any():
        fig.add_trace(_marks(view, label < 0, "without it", "#cfcfcf", "circle", 5))
    for i, name in enumerate(view.names):
        color, symbol = MODE_LOOKS[i % len(MODE_LOOKS)]
        fig.add_trace(_marks(view, label == i, name, color, symbol, 8))
    says = (
        "**What to see.** Every mark is one episode, placed by what the encoder writes down about "
        "it. Colours were added afterwards, and the encoder was never told them. Do not trust the "
        "islands: read the line above, which counts neighbours in the *full* embedding. The "
        "axes of such a map mean nothing."
    )
    words = (
        f"{title}, {view.kind}, by {view.trait}: the nearest neighbour shares it in "
        f"{100 * view.vote:.0f} %, by chance {100 * view.chance:.0f} %."
    )
    finish(fig, 440, title, says, words)
    fig.update_xaxes(**BARE)
    fig.update_yaxes(**BARE)
    for axis, values in ((fig.layout.xaxis, points[:, 0]), (fig.layout.yaxis, points[:, 1])):
        pad = 0.05 * max(np.ptp(values), 1e-9)
        axis.range = [values.min() - pad, values.max() + pad]
    return fig.update_layout(margin={"t": 84, "l": 12, "r": 12, "b": 12}, legend={"y": 0.935})


def _marks(view, mine, name, color, symbol, size) -> go.Scatter:
    """The marks of the episodes `mine`."""
    return go.Scatter(
        x=view.points[mine, 0],
        y=view.points[mine, 1],
        name=name,
        mode="markers",
        marker={
            "color": color,
            "symbol": symbol,
            "size": size,
            "line": {"width": 0.5, "color": "white"},
        },
        text=[view.hover[i] for i in np.flatnonzero(mine)],
        hovertemplate="%{text}<extra></extra>",
    )
