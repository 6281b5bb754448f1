"""Accuracy in few-shot classification: by gradient steps and shots, by company, by mode."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.style import INK, METHOD_STYLES, SOFT, finish

Stats = Mapping[str, float]  # mean and ci95, of shares
LEAST = 1e-3  # the smallest share of errors that a logarithmic axis shows
SCALES = {"accuracy": "right answers", "errors": "wrong answers (logarithmic)"}
TICKS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]


def spoken(stats: Stats) -> str:
    """A mean accuracy with its interval: "98.7 ± 0.4 %"."""
    half = stats["ci95"]
    return f"{100 * stats['mean']:.1f}" + (f" ± {100 * half:.1f} %" if half == half else " %")


def _line(key: str, x: Sequence[float], stats: Sequence[Stats], scale: str, legend: bool):
    """One method with its intervals: on right answers, or on wrong ones."""
    style = METHOD_STYLES[key]
    mean = np.array([s["mean"] for s in stats])
    half = np.nan_to_num([s["ci95"] for s in stats])
    low, high = np.clip(mean - half, 0, 1), np.clip(mean + half, 0, 1)
    if scale == "errors":
        mean, low, high = (np.maximum(1 - v, LEAST) for v in (mean, high, low))
    return go.Scatter(
        x=np.asarray(x, dtype=float),
        y=mean,
        text=[spoken(s) for s in stats],
        mode="lines+markers",
        name=style.legend,
        legendgroup=key,
        showlegend=legend,
        line={"color": style.color, "dash": style.dash, "width": 2.5},
        marker={"symbol": style.symbol, "size": 8, "color": style.color},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": high - mean,
            "arrayminus": mean - low,
            "thickness": 1.5,
            "width": 4,
            "color": style.color,
        },
        hovertemplate=f"{style.label}: %{{text}}<extra></extra>",
    )


@dataclass(frozen=True)
class AccuracyView:
    """Accuracies of every method, by gradient steps and by support images of each class.

    steps: key -> stats of stage 0, 1, ...; shots: key -> K -> stats; trained: gradient steps in
    training; chance: share of right answers of one who knows nothing; episodes: how many; words:
    which drawings are shown; scale: of SCALES.
    """

    steps: Mapping[str, Sequence[Stats]]
    shots: Mapping[str, Mapping[int, Stats]]
    trained: int
    chance: float
    episodes: int
    words: str
    scale: str = "accuracy"


def accuracy(view: AccuracyView, title: str = "More steps, more examples") -> go.Figure:
    """Accuracy against gradient steps, left, and against support images of each class, right."""
    scale, log = view.scale, view.scale == "errors"
    last = max(len(stats) for stats in view.steps.values()) - 1
    fig = make_subplots(
        1,
        2,
        horizontal_spacing=0.1,
        subplot_titles=[
            "more gradient steps,<br>one example each",
            "more examples<br>of each character",
        ],
    )
    for key, stats in view.steps.items():
        level = len(stats) == 1  # no steps: a line all along
        line = _line(key, [0, last] if level else range(last + 1), stats * (1 + level), scale, True)
        fig.add_trace(line, 1, 1)
    for key, stats in view.shots.items():
        fig.add_trace(_line(key, list(stats), list(stats.values()), scale, False), 1, 2)
    said = "; ".join(
        f"{METHOD_STYLES[key].label} {spoken(stats[-1])}" for key, stats in view.steps.items()
    )
    says = (
        f"**What to see.** {view.words}; {view.episodes} fresh episodes, bars are 95 % "
        "intervals. Left: a learned output layer can only guess at step 0 (dashed), it does not "
        f"know yet which number means which character; dotted, the {view.trained} step(s) of "
        "training. The prototypical network takes no steps. Right: the same weights are simply "
        "shown more examples of each character."
    )
    finish(fig, 430, title, says, f"{title}. After the last step: {said}.")
    fig.update_annotations(font={"size": 13})
    fig.update_xaxes(title_text="gradient steps", range=[-0.3, last + 0.3], dtick=1, row=1, col=1)
    many = sorted({k for stats in view.shots.values() for k in stats})
    ends = [np.log10(many[0]) - 0.05, np.log10(many[-1]) + 0.05]
    fig.update_xaxes(
        title_text="support images each (K)",
        type="log",
        range=ends,
        tickvals=many,
        row=1,
        col=2,
    )
    fig.add_vline(x=view.trained, line={"color": SOFT, "dash": "dot", "width": 1}, row=1, col=1)
    guess = 1 - view.chance if log else view.chance
    fig.add_hline(y=guess, line={"color": SOFT, "dash": "longdash", "width": 1.5}, row=1, col=1)
    if log:
        words = [f"{100 * t:g} %" for t in TICKS]
        fig.update_yaxes(type="log", range=[0.05, np.log10(LEAST)], tickvals=TICKS, ticktext=words)
    else:
        means = [s["mean"] for stats in view.shots.values() for s in stats.values()]
        fig.update_yaxes(tickformat=".0%", range=[max(view.chance - 0.1, 0), 1.02])
        fig.update_yaxes(range=[min(means) - 0.05, 1.01], row=1, col=2)
    fig.update_yaxes(title_text=SCALES[scale], row=1, col=1)
    fig.update_xaxes(title_font_size=13)
    return fig.update_layout(margin={"t": 116, "l": 64, "r": 16, "b": 56}, legend={"y": 0.93})


@dataclass(frozen=True)
class CompanyView:
    """The same queries in several companies, with each normalisation.

    certainty: normalisation -> `(queries, companies)`, for the right character; right: the same,
    whether the answer was right; names: of the companies; headings: normalisation -> words;
    changed: normalisation -> share of answers that change, over so many episodes; words: which
    drawings and weights.
    """

    certainty: Mapping[str, np.ndarray]
    right: Mapping[str, np.ndarray]
    names: Sequence[str]
    headings: Mapping[str, str]
    changed: Mapping[str, float]
    episodes: int
    words: str


def company(view: CompanyView, title: str = "The same drawing, in different company"):
    """Certainty for the right character in several companies, with each normalisation."""
    kinds = list(view.certainty)
    fig = make_subplots(
        1,
        len(kinds),
        shared_yaxes=True,
        horizontal_spacing=0.05,
        subplot_titles=[view.headings[k] for k in kinds],
    )
    places = np.arange(len(view.names))
    for column, kind in enumerate(kinds, 1):
        rows = zip(view.certainty[kind], view.right[kind], strict=True)
        for i, (certainty, right) in enumerate(rows):
            moves = np.ptp(certainty) > 1e-3
            fig.add_trace(
                go.Scatter(
                    x=places,
                    y=certainty,
                    mode="lines+markers",
                    name=f"query {i + 1}",
                    showlegend=False,
                    line={"color": METHOD_STYLES["mumomaml"].color if moves else SOFT, "width": 2},
                    marker={
                        "symbol": ["circle" if r else "x" for r in right],
                        "size": [8 if r else 11 for r in right],
                        "color": ["white" if r else INK for r in right],
                        "line": {"width": 2, "color": INK},
                    },
                    hovertemplate=f"query {i + 1}: %{{y:.0%}} certain<extra></extra>",
                ),
                1,
                column,
            )
    told = "; ".join(
        f"{view.headings[k]}: {100 * view.changed[k]:.0f} % of the answers change" for k in kinds
    )
    says = (
        f"**What to see.** {view.words}. One line is one drawing and the machine's certainty "
        "for the right character, when it is asked alone and together with other queries (○ right "
        "answer, ✕ wrong one). The drawing, the examples and the fast weights are the same "
        f"throughout. Over {view.episodes} episodes: {told}."
    )
    finish(fig, 430, title, says, f"{title}. {told}.")
    fig.update_annotations(font={"size": 13})
    fig.update_xaxes(tickvals=places, ticktext=view.names, range=[-0.3, places[-1] + 0.3])
    fig.update_yaxes(range=[-0.03, 1.03], tickformat=".0%")
    fig.update_yaxes(title_text="certainty for the right character", row=1, col=1)
    return fig.update_layout(margin={"t": 84, "l": 64, "r": 16, "b": 64})


@dataclass(frozen=True)
class ModesView:
    """Accuracies on every mode after the last step.

    both: mode -> key -> stats, of one training for all modes; alone: the same of trainings on that
    mode alone, or {} where there are none; names: mode -> words; episodes: words.
    """

    both: Mapping[str, Mapping[str, Stats]]
    alone: Mapping[str, Mapping[str, Stats]]
    names: Mapping[str, str]
    episodes: str


def mode_accuracy(view: ModesView, title: str = "Two modes: who is stretched?") -> go.Figure:
    """Accuracy after the last step on every mode, and of weights trained on that mode alone."""
    fig = go.Figure()
    keys = list(next(iter(view.both.values())))
    names = list(view.both)
    for found, opened in ((view.both, ""), (view.alone, "-open")):
        for j, key in enumerate(keys):
            style = METHOD_STYLES[key]
            rows = [(i, found.get(n, {}).get(key)) for i, n in enumerate(names)]
            rows = [(i, s) for i, s in rows if s is not None]
            if not rows:
                continue
            shift = 0.16 * (j - (len(keys) - 1) / 2) + (0.05 if opened else 0)
            tail = ", trained on this mode alone" if opened else ""
            fig.add_trace(
                go.Scatter(
                    x=[i + shift for i, _ in rows],
                    y=[s["mean"] for _, s in rows],
                    mode="markers",
                    name=f"{style.label}{tail}",
                    marker={
                        "symbol": f"{style.symbol}{opened}",
                        "size": 11,
                        "color": style.color,
                        "line": {"width": 2},
                    },
                    error_y={
                        "type": "data",
                        "array": [s["ci95"] for _, s in rows],
                        "width": 5,
                        "color": style.color,
                        "thickness": 1.5,
                    },
                    text=[spoken(s) for _, s in rows],
                    hovertemplate=f"{style.label}{tail}: %{{text}}<extra></extra>",
                )
            )
    told = "; ".join(
        f"{view.names[n]}: "
        + ", ".join(f"{METHOD_STYLES[k].label} {spoken(s)}" for k, s in view.both[n].items())
        for n in names
    )
    says = (
        f"**What to see.** {told[0].upper()}{told[1:]}. Filled marks: one training for both modes. "
        "Open marks: the same method trained on that mode alone. "
        f"{view.episodes}; bars are 95 % intervals."
    )
    finish(fig, 400, title, says, f"{title} {told}.")
    fig.update_xaxes(
        tickvals=list(range(len(names))),
        ticktext=[view.names[n] for n in names],
        range=[-0.5, len(names) - 0.5],
    )
    fig.update_yaxes(title_text="right answers", tickformat=".1~%")
    return fig.update_layout(margin={"t": 110, "l": 72, "r": 16, "b": 40}, legend={"y": 0.93})
