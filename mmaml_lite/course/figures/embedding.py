"""Maps of task embeddings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go

from mmaml_lite.course.figures.style import BARE, INK, finish, mode_marker


@dataclass(frozen=True)
class EmbeddingMapView:
    """A two-dimensional map of task embeddings.

    points `(tasks, 2)`; mode `(tasks,)`, indices into names; hover: a text for each task; marked:
    tasks to point at, by their label `(2,)`.
    """

    points: np.ndarray
    mode: np.ndarray
    names: Sequence[str]
    hover: Sequence[str] | None = None
    marked: Mapping[str, np.ndarray] = field(default_factory=dict)


def embedding_map(
    view: EmbeddingMapView, title: str = "How MuMoMAML sees the tasks: a map of its embeddings"
) -> go.Figure:
    """A two-dimensional map of task embeddings, coloured by mode."""
    points, mode, names, hover = view.points, view.mode, view.names, view.hover
    fig = go.Figure()
    for i, name in enumerate(names):
        mine = mode == i
        fig.add_trace(
            go.Scatter(
                x=points[mine, 0],
                y=points[mine, 1],
                name=name,
                mode="markers",
                marker=mode_marker(name, 7, 0.8, 0.6),
                text=None if hover is None else [hover[j] for j in np.flatnonzero(mine)],
                hovertemplate="%{text}<extra></extra>" if hover is not None else None,
            )
        )
    turns = [(55, -45), (-60, 50), (-60, -50), (60, 50), (0, -60)]
    for (label, place), (ax, ay) in zip(view.marked.items(), turns, strict=False):
        fig.add_annotation(
            x=place[0],
            y=place[1],
            text=f"<b>{label}</b>",
            showarrow=True,
            arrowhead=2,
            arrowwidth=2,
            ax=ax,
            ay=ay,
            bgcolor="rgba(255,255,255,0.85)",
            bordercolor=INK,
            borderpad=3,
            font={"size": 12},
        )
    says = (
        "**What to see.** Every mark is one task; tasks that the encoder describes alike lie near "
        "each other. Nobody told the encoder which family a task comes from: colour and shape were "
        "added afterwards. Point at a mark to read its function. The axes of such a map mean "
        "nothing, and neither do distances between far islands."
    )
    counts = ", ".join(f"{(mode == i).sum()} {n}" for i, n in enumerate(names))
    finish(fig, 620, title, says, f"{title}: {counts} tasks, one mark each.")
    fig.update_xaxes(**BARE)
    fig.update_yaxes(**BARE)
    fig.update_layout(margin={"t": 84, "l": 12, "r": 12, "b": 12}, legend={"y": 0.935})
    return fig


@dataclass(frozen=True)
class FormingView:
    """Maps of the same tasks at several moments of training.

    maps: `(tasks, 2)` for each moment; steps: its outer step; agree: how often the nearest
    neighbour is of the same mode, 0 to 1; mode `(tasks,)`, indices into names.
    """

    maps: Sequence[np.ndarray]
    steps: Sequence[int]
    agree: Sequence[float]
    mode: np.ndarray
    names: Sequence[str]


def forming(view: FormingView, title: str = "How the map forms during training") -> go.Figure:
    """The maps of several moments of training, with a slider that needs no kernel."""
    mode, moments = view.mode, list(zip(view.steps, view.agree, strict=True))

    def marks(points: np.ndarray) -> list[go.Scatter]:
        return [
            go.Scatter(
                x=points[mode == i, 0],
                y=points[mode == i, 1],
                name=name,
                mode="markers",
                marker=mode_marker(name, 7, 0.8, 0.6),
                hovertemplate=name + "<extra></extra>",
            )
            for i, name in enumerate(view.names)
        ]

    words = [
        f"step {s:,}: nearest neighbour of the same family {100 * a:.0f} %" for s, a in moments
    ]
    frames = [go.Frame(data=marks(p), name=w) for p, w in zip(view.maps, words, strict=True)]
    short = [f"{s:,} · {100 * a:.0f} %" for s, a in moments]
    stops = [
        {
            "args": [[w], {"frame": {"duration": 0, "redraw": False}, "mode": "immediate"}],
            "label": label,
            "method": "animate",
        }
        for w, label in zip(words, short, strict=True)
    ]
    fig = go.Figure(data=marks(view.maps[0]), frames=frames)
    says = (
        "**What to see.** Move the slider: the same tasks, described by the encoder at several "
        "moments of one training run. At first the families lie mixed; over thousands of steps "
        "they part, though nothing in the training mentions them. (PCA, each map turned onto the "
        "last.)"
    )
    finish(fig, 640, title, says, f"{title}. {words[0]}; {words[-1]}.")
    fig.update_xaxes(**BARE)
    fig.update_yaxes(**BARE)
    everything = np.concatenate(view.maps)
    for axis, values in (
        (fig.layout.xaxis, everything[:, 0]),
        (fig.layout.yaxis, everything[:, 1]),
    ):
        pad = 0.05 * (values.max() - values.min())
        axis.range = [values.min() - pad, values.max() + pad]
    fig.update_layout(
        margin={"t": 84, "l": 12, "r": 12, "b": 110},
        legend={"y": 0.935},
        sliders=[
            {
                "steps": stops,
                "active": 0,
                "x": 0.04,
                "len": 0.92,
                "y": 0,
                "pad": {"t": 18},
                "currentvalue": {
                    "prefix": "outer step · neighbours of the same family: ",
                    "font": {"size": 14},
                },
                "transition": {"duration": 0},
            }
        ],
    )
    return fig
