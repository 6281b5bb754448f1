"""How far every method is from the best possible: published, reproduced and ours on one axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.style import INK, METHOD_STYLES, SOFT, finish

SOURCES = {  # name, colour, symbol; hollow ones are printed numbers
    "paper": ("ours, the paper's recipe", METHOD_STYLES["maml"].color, "square"),
    "ours": ("ours, our recipe", METHOD_STYLES["mumomaml"].color, "circle"),
    "paper 2018": ("printed, 2018", INK, "circle-open"),
    "paper 2019": ("printed, 2019", INK, "diamond-open"),
}
PIXELS = 27  # a row's height


@dataclass(frozen=True)
class DistancesView:
    """The errors of one setting, as multiples of Bayes.

    methods: labels in the order of the rows; marks: source of SOURCES -> method's label -> (times
    Bayes, half interval or NaN, whether provisional); seeds: source -> pairs of label and times
    Bayes, drawn as strokes; floors: label -> times Bayes, drawn as lines.
    """

    title: str
    methods: Sequence[str]
    marks: Mapping[str, Mapping[str, tuple[float, float, bool]]]
    seeds: Mapping[str, Sequence[tuple[str, float]]]
    floors: Mapping[str, float]


def distances(
    views: Sequence[DistancesView], title: str = "How far from the best possible?"
) -> go.Figure:
    """One panel for each setting, one row for each method: its error, as a multiple of Bayes."""
    drawn = {label for v in views for marks in v.marks.values() for label in marks}
    labels = [label for label in views[0].methods if label in drawn]
    fig = make_subplots(
        1,
        len(views),
        shared_yaxes=True,
        horizontal_spacing=0.025,
        subplot_titles=[f"<b>{v.title}</b>" for v in views],
    )
    for column, view in enumerate(views, 1):
        for source, (name, color, symbol) in SOURCES.items():
            marks = view.marks.get(source, {})
            value, half, provisional = np.array([*marks.values()], float).reshape(-1, 3).T
            fig.add_trace(
                go.Scatter(
                    x=value,
                    y=[*marks],
                    mode="markers+text",
                    name=name,
                    legendgroup=source,
                    text=["*" if p else "" for p in provisional],
                    textposition="top right",
                    showlegend=column == 1,
                    error_x={"array": half, "thickness": 1.2, "width": 3},
                    marker={"symbol": symbol, "size": 10, "color": color, "line": {"width": 2}},
                    hovertemplate="%{y}, " + name + ": %{x:.2f} × Bayes<extra></extra>",
                ),
                1,
                column,
            )
        for source, runs in view.seeds.items():
            fig.add_trace(
                go.Scatter(
                    x=[x for _, x in runs],
                    y=[label for label, _ in runs],
                    mode="markers",
                    name="one seed",
                    legendgroup=source,
                    showlegend=False,
                    marker={
                        "symbol": "line-ns-open",
                        "size": 16,
                        "color": SOURCES[source][1],
                        "line": {"width": 2},
                    },
                    hovertemplate="%{y}, one seed: %{x:.2f} × Bayes<extra></extra>",
                ),
                1,
                column,
            )
        for label, value in view.floors.items():
            fig.add_vline(
                x=value,
                line={
                    "color": INK if value == 1 else SOFT,
                    "width": 1.5,
                    "dash": "solid" if value == 1 else "longdash",
                },
                row=1,
                col=column,
            )
            fig.add_annotation(
                x=np.log10(value),
                y=1,
                yref="y domain",
                yanchor="top",
                text=label,
                textangle=-90,
                xanchor="right",
                showarrow=False,
                font={"size": 11, "color": SOFT},
                row=1,
                col=column,
            )
    every = [x for v in views for m in v.marks.values() for x, *_ in m.values()]
    every += [x for v in views for runs in v.seeds.values() for _, x in runs]
    every += [x for v in views for x in v.floors.values()]
    fig.update_xaxes(
        type="log",
        range=[np.log10(0.85 * min(every)), np.log10(1.15 * max(every))],
        tickvals=[0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 20],
        title_text="error, times Bayes",
    )
    fig.update_yaxes(
        categoryorder="array", categoryarray=labels[::-1], range=[-0.6, len(labels) + 1.9]
    )
    says = (
        "**What to see.** The error after adaptation, as a multiple of what the Bayes-optimal "
        "predictor has on the same tasks: nobody who is not told the mode can be left of 1. "
        "Hollow: printed in the two papers; filled: measured here, with 95 % intervals over tasks "
        "(short strokes: the single seeds, where there are several). "
        "Dashed: Bayes, told the mode, and the best predictor that is linear in the labels. "
        "* trained for fewer steps than its recipe asks for."
    )
    finish(fig, 220 + PIXELS * len(labels), title, says, f"{title} {_words(views)}")
    return fig.update_layout(margin={"t": 100, "l": 190, "r": 14, "b": 50}, legend={"y": 0.93})


def _words(views: Sequence[DistancesView]) -> str:
    """Our multiples, method by method, for those who cannot see the marks."""
    return " ".join(
        f"{v.title}: "
        + ", ".join(
            f"{label} ({SOURCES[source][0]}) {value:.2f}"
            for source in ("paper", "ours")
            for label, (value, *_) in v.marks.get(source, {}).items()
        )
        + "."
        for v in views
    )
