"""Learning curves of finished trainings: is more training what is missing?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.style import METHOD_STYLES, SOFT, finish

BINS = 24  # points of a curve, even in the logarithm of the step


def smoothed(steps: np.ndarray, losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of the losses between log-spaced steps, `(<= BINS,)` each; a bin's last step is x."""
    edges = np.geomspace(steps[0], steps[-1], BINS + 1)
    where = np.searchsorted(edges[1:-1], steps)
    filled = np.unique(where)
    return (
        np.array([steps[where == i][-1] for i in filled]),
        np.array([losses[where == i].mean() for i in filled]),
    )


@dataclass(frozen=True)
class LearningView:
    """The finished trainings of one setting.

    floor: Bayes' error; curves: label -> (key of METHOD_STYLES, dash, steps `(n,)`, losses `(n,)`).
    """

    title: str
    floor: float
    curves: Mapping[str, tuple[str, str, Sequence[int], Sequence[float]]]


def learning(views: Sequence[LearningView], title: str = "Would more training help?") -> go.Figure:
    """One panel for each setting: loss of fresh tasks against outer steps, both logarithmic."""
    fig = make_subplots(
        1,
        len(views),
        shared_yaxes=True,
        horizontal_spacing=0.025,
        subplot_titles=[f"<b>{v.title}</b>" for v in views],
    )
    named, ends = set(), []
    for column, view in enumerate(views, 1):
        for label, (key, dash, steps, losses) in view.curves.items():
            x, y = smoothed(np.asarray(steps, float), np.asarray(losses, float))
            fig.add_trace(
                go.Scatter(
                    x=x,
                    y=y,
                    mode="lines",
                    name=label,
                    legendgroup=label,
                    showlegend=label not in named,
                    line={"color": METHOD_STYLES[key].color, "dash": dash, "width": 2},
                    hovertemplate=f"{label}, step %{{x:,}}: %{{y:.3f}}<extra></extra>",
                ),
                1,
                column,
            )
            named.add(label)
            ends.append(f"{view.title}, {label}: {y[-1]:.2f} at step {x[-1]:,.0f}")
        fig.add_hline(
            y=view.floor,
            line={"color": SOFT, "dash": "longdash", "width": 1.5},
            row=1,
            col=column,
        )
        fig.add_annotation(
            text="Bayes",
            x=0,
            xref="x domain",
            xanchor="left",
            y=np.log10(view.floor),
            yanchor="top",
            showarrow=False,
            font={"size": 12, "color": SOFT},
            row=1,
            col=column,
        )
    lowest = min(view.floor for view in views)
    fig.update_xaxes(type="log", title_text="outer steps", dtick=1)
    fig.update_yaxes(
        type="log",
        range=[np.log10(0.7 * lowest), np.log10(30)],
        tickvals=[0.1, 0.2, 0.5, 1, 2, 5, 10, 20],
    )
    fig.update_yaxes(title_text="training loss", col=1, row=1)
    says = (
        "**What to see.** The training loss, which is the error on fresh tasks, averaged over ever "
        "longer stretches, down to Bayes (dashed). Both axes are logarithmic: a curve that still "
        "falls at its end would fall further, but each further step down takes longer. "
        "MuMoMAML by our recipe takes no inner steps in the first 90 % of its training: until then "
        "its curve is the loss of modulation alone."
    )
    finish(fig, 460, title, says, f"{title} {'; '.join(ends)}.")
    return fig.update_layout(margin={"t": 112, "l": 60, "r": 14, "b": 50}, legend={"y": 0.94})
