"""Maps of task embeddings."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from mmaml_lite.figures.style import INK, finish, mode_style


def embedding_map(
    points: np.ndarray,
    mode: np.ndarray,
    names: Sequence[str],
    hover: Sequence[str] | None = None,
    marked: Mapping[str, np.ndarray] | None = None,
    title: str = "How MuMoMAML sees the tasks: a map of its embeddings",
) -> go.Figure:
    """A two-dimensional map of task embeddings, coloured by mode.

    points `(tasks, 2)`; mode `(tasks,)`, indices into `names`; hover: a text for each task;
    marked: tasks to point at, by their label `(2,)`.
    """
    fig = go.Figure()
    for i, name in enumerate(names):
        style, mine = mode_style(name), mode == i
        fig.add_trace(
            go.Scatter(
                x=points[mine, 0], y=points[mine, 1], name=name, mode="markers",
                marker={"color": style.color, "symbol": style.symbol, "size": 7, "opacity": 0.8,
                        "line": {"width": 0.6, "color": "white" if name != "tanh" else INK}},
                text=None if hover is None else [hover[j] for j in np.flatnonzero(mine)],
                hovertemplate="%{text}<extra></extra>" if hover is not None else None,
            )
        )  # fmt: skip
    turns = [(55, -45), (-60, 50), (-60, -50), (60, 50), (0, -60)]
    for (label, place), (ax, ay) in zip((marked or {}).items(), turns, strict=False):
        fig.add_annotation(
            x=place[0], y=place[1], text=f"<b>{label}</b>", showarrow=True, arrowhead=2,
            arrowwidth=2, ax=ax, ay=ay, bgcolor="rgba(255,255,255,0.85)", bordercolor=INK,
            borderpad=3, font={"size": 12},
        )  # fmt: skip
    says = (
        "**What to see.** Every mark is one task; tasks that the encoder describes alike lie near "
        "each other. Nobody told the encoder which family a task comes from: colour and shape were "
        "added afterwards. Point at a mark to read its function. The axes of such a map mean "
        "nothing, and neither do distances between far islands."
    )
    counts = ", ".join(f"{(mode == i).sum()} {n}" for i, n in enumerate(names))
    finish(fig, 620, title, says, f"{title}: {counts} tasks, one mark each.")
    fig.update_xaxes(
        showticklabels=False, ticks="", showgrid=False, zeroline=False, mirror=True, showline=True
    )
    fig.update_yaxes(
        showticklabels=False, ticks="", showgrid=False, zeroline=False, mirror=True, showline=True
    )
    fig.update_layout(width=820, margin={"t": 84, "l": 12, "r": 12, "b": 12}, legend={"y": 0.935})
    return fig
