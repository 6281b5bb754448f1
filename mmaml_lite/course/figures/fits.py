"""Figures of the regression lessons: how methods fit, and where the gain comes from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.stages import Posterior, drawable
from mmaml_lite.course.figures.style import INK, METHOD_STYLES, SOFT, error_text, finish


@dataclass(frozen=True)
class FitsView:
    """Predictions of every method at several stages, on a few tasks.

    x `(grid,)`; truth `(tasks, grid)`, noise-free; seen_x, seen_y `(tasks, K)`; curves: by key of
    METHOD_STYLES `(stages, tasks, grid)`; headings: of the tasks; bayes `(tasks, grid)`, or None.
    """

    x: np.ndarray
    truth: np.ndarray
    seen_x: np.ndarray
    seen_y: np.ndarray
    curves: Mapping[str, np.ndarray]
    headings: Sequence[str]
    bayes: Posterior | None = None


def fits(
    view: FitsView,
    stages: Sequence[str] = ("before any gradient step", "after five gradient steps"),
    title: str = "The same five points, seen by each method",
) -> go.Figure:
    """Predictions of every method, one column for each task and one row for each stage.

    The number beside a name is the mean squared distance of its curve from the true function.
    """
    x, truth, bayes = view.x, view.truth, view.bayes
    columns, rows = len(truth), len(stages)
    fig = make_subplots(
        rows,
        columns,
        shared_xaxes=True,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=0.15,
    )
    methods = dict(view.curves)
    if bayes is not None:
        methods["bayes"] = np.broadcast_to(bayes.mean, (rows, *truth.shape))
    methods = {k: drawable(y) for k, y in methods.items()}
    miss = {k: np.square(y - truth).mean(-1) for k, y in methods.items()}
    ranks = ["truth", "seen", *methods]
    for row in range(rows):
        for task in range(columns):
            for trace in _one_fit(view, methods, row, task):
                trace.showlegend = row == task == 0 and trace.fill is None
                trace.legendrank = ranks.index(trace.legendgroup)
                fig.add_trace(trace, row + 1, task + 1)
            axis = fig.get_subplot(row + 1, task + 1)
            lines = [f"<b>{view.headings[task]}</b>"] if row == 0 else []
            cells = [
                f"<span style='color:{METHOD_STYLES[k].color}'>●</span> "
                f"{METHOD_STYLES[k].label} <b>{error_text(m[row, task])}</b>"
                for k, m in miss.items()
            ]
            lines += ["   ".join(cells[i : i + 2]) for i in range(0, len(cells), 2)]
            fig.add_annotation(
                text="<br>".join(lines),
                x=0,
                y=1.02,
                xref=axis.xaxis.plotly_name.replace("axis", "") + " domain",
                yref=axis.yaxis.plotly_name.replace("axis", "") + " domain",
                xanchor="left",
                yanchor="bottom",
                align="left",
                showarrow=False,
                font={"size": 12},
            )
        fig.update_yaxes(title_text=f"<b>{stages[row]}</b>", row=row + 1, col=1)
    inside = [truth.ravel(), view.seen_y.ravel()]
    inside += [bayes.low.ravel(), bayes.high.ravel()] if bayes is not None else []
    low, high = np.concatenate(inside).min(), np.concatenate(inside).max()
    pad = 0.08 * (high - low)
    fig.update_yaxes(range=[low - pad, high + pad])
    fig.update_xaxes(range=[x[0] - 0.3, x[-1] + 0.3], tick0=x[0], dtick=(x[-1] - x[0]) / 4)
    fig.update_xaxes(title_text="x", row=rows, title_standoff=4)
    words = "; ".join(
        f"{METHOD_STYLES[k].label} " + ", ".join(error_text(v) for v in m.mean(-1))
        for k, m in miss.items()
    )
    says = (
        f"**What to see.** One column for each task; from top to bottom: {', '.join(stages)}. "
        "Crosses are the points that a method is shown; the black line is the function that made "
        "them. A number is the mean squared distance from that line (no noise in it: 0 is perfect)."
    )
    if bayes is not None:
        says += (
            " The grey band holds the true function with 90 % probability, given the points: "
            "where it is wide, nobody can know better. In brackets: how probable the points make "
            "the family they come from."
        )
    finish(
        fig,
        150 + 290 * rows,
        title,
        says,
        f"{title}. Mean squared distance, {' / '.join(stages)}: {words}.",
    )
    top = 112 + 16 * ((len(miss) + 1) // 2)  # title, two lines of legend, heading, numbers
    fig.update_layout(margin={"t": top, "l": 64, "r": 12, "b": 44}, legend={"y": 0.955})
    return fig


def _one_fit(
    view: FitsView, methods: Mapping[str, np.ndarray], row: int, task: int
) -> Iterator[go.Scatter]:
    """The traces of one panel, from the back to the front."""
    x, bayes = view.x, view.bayes
    if bayes is not None:
        yield go.Scatter(
            x=np.concatenate([x, x[::-1]]),
            y=np.concatenate([bayes.high[task], bayes.low[task][::-1]]),
            fill="toself",
            fillcolor="rgba(138,138,138,0.22)",
            line={"width": 0},
            mode="lines",
            name="90 % band",
            legendgroup="bayes",
            hoverinfo="skip",
        )
    yield go.Scatter(
        x=x,
        y=view.truth[task],
        name="true function",
        legendgroup="truth",
        mode="lines",
        line={"color": INK, "width": 2, "simplify": False},
        hoverinfo="skip",
    )
    for key in reversed(methods):
        style = METHOD_STYLES[key]
        wide = {"bayes": 1.5}.get(key, 2.5)
        yield go.Scatter(
            x=x,
            y=methods[key][row, task],
            name=style.legend,
            legendgroup=key,
            mode="lines",
            line={"color": style.color, "dash": style.dash, "width": wide, "simplify": False},
            hovertemplate=f"{style.label}<br>x %{{x:.1f}}, y %{{y:.2f}}<extra></extra>",
        )
    yield go.Scatter(
        x=view.seen_x[task],
        y=view.seen_y[task],
        name="points seen",
        legendgroup="seen",
        mode="markers",
        marker={"symbol": "x-thin", "size": 10, "line": {"width": 2.5, "color": INK}},
        hovertemplate="seen: x %{x:.1f}, y %{y:.2f}<extra></extra>",
    )


def error_by_stage(
    errors: Mapping[str, np.ndarray],
    halves: Mapping[str, np.ndarray],
    start: float,
    floors: Mapping[str, float],
    title: str = "Where the gain comes from",
) -> go.Figure:
    """Left: the error after modulation and after each step; right: what removed how much of it.

    errors, halves: mean and half interval by key of METHOD_STYLES, `(steps + 1,)` each; start: the
    error of one who knows nothing and answers 0; floors: label -> error, drawn as lines.
    """
    steps = len(next(iter(errors.values()))) - 1
    fig = make_subplots(
        1,
        2,
        column_widths=[0.56, 0.44],
        horizontal_spacing=0.12,
        subplot_titles=["Error after each stage (logarithmic)", "What removed the avoidable error"],
    )
    ticks = ["start", "modu-<br>lation", *(f"step {i}" for i in range(1, steps + 1))]
    for key, error in errors.items():
        style = METHOD_STYLES[key]
        fig.add_trace(
            go.Scatter(
                x=ticks,
                y=[start, *error],
                name=style.legend,
                mode="lines+markers",
                error_y={"array": [0, *halves[key]], "thickness": 1, "width": 3},
                line={"color": style.color, "dash": style.dash, "width": 2.5},
                marker={"symbol": style.symbol, "size": 8},
                hovertemplate=f"{style.label}, %{{x}}: %{{y:.3f}}<extra></extra>",
            ),
            1,
            1,
        )
    for label, value in floors.items():
        crowded = any(value / 2 < other < value for other in floors.values())
        fig.add_hline(y=value, line={"color": SOFT, "width": 1.5, "dash": "longdash"}, row=1, col=1)
        fig.add_annotation(
            x=0,
            xref="x domain",
            y=np.log10(value),
            yref="y",
            xanchor="left",
            showarrow=False,
            yanchor="bottom" if crowded else "top",
            text=f"{label}: {value:.2f}",
            font={"size": 12, "color": SOFT},
        )
    best = min(floors.values(), default=0.0)
    avoidable = start - floors.get("Bayes", best)
    parts = {"modulation, or start": [], "step 1": [], f"steps 2–{steps}": [], "still there": []}
    for error in errors.values():
        levels = [start, error[0], error[1], error[-1], start - avoidable]
        for part, before, after in zip(parts, levels, levels[1:], strict=False):
            parts[part].append(100 * (before - after) / avoidable)
    looks = [
        (METHOD_STYLES["mumomaml"].color, "", "white"),
        ("#4d4d4d", "", "white"),
        ("#a6a6a6", "", INK),
        ("white", "/", INK),
    ]
    for (part, share), (color, hatch, ink) in zip(parts.items(), looks, strict=True):
        fig.add_trace(
            go.Bar(
                y=[METHOD_STYLES[k].label for k in errors],
                x=share,
                name=part,
                orientation="h",
                legend="legend2",
                marker={
                    "color": color,
                    "line": {"color": INK, "width": 1},
                    "pattern": {"shape": hatch, "fgcolor": "#8a8a8a", "size": 6},
                },
                text=[f"{v:.0f} %" if abs(v) >= 7 else "" for v in share],
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                textfont={"color": ink, "size": 13},
                hovertemplate="%{y}: " + part + " %{x:.1f} %<extra></extra>",
            ),
            1,
            2,
        )
    last = "; ".join(f"{METHOD_STYLES[k].label} {e[-1]:.2f}" for k, e in errors.items())
    says = (
        "**What to see.** Left: each method starts from the error of answering 0 everywhere "
        f"({start:.1f}). For MAML, which has no modulation, the second point is its plain "
        "initialisation. Bars at the marks are 95 % intervals, dashed lines are floors: Bayes, and "
        "*label-linear*, the best of all predictors that are linear in the labels, which MAML "
        "cannot pass while its steps are small. Right: the error that can be avoided at all (down "
        "to Bayes) is 100 %, split by what removed it."
    )
    words = f"{title}. Mean squared error at the end: {last}."
    finish(fig, 520, title, says, words)
    lowest = min([*floors.values(), *(e.min() for e in errors.values())])
    span = [np.log10(0.7 * lowest), np.log10(1.3 * start)]
    fig.update_yaxes(type="log", title_text="mean squared error", range=span, row=1, col=1)
    fig.update_yaxes(tickvals=[0.1, 0.2, 0.5, 1, 2, 5, 10, 20], row=1, col=1)
    fig.update_yaxes(autorange="reversed", row=1, col=2)
    fig.update_xaxes(title_text="share of the avoidable error", ticksuffix=" %", row=1, col=2)
    fig.update_layout(
        barmode="relative",
        bargap=0.35,
        margin={"t": 118, "l": 64, "r": 12, "b": 96},
        legend={"y": 0.93},
        uniformtext={"minsize": 11, "mode": "hide"},
        legend2={
            "orientation": "h",
            "x": 1,
            "xanchor": "right",
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "font": {"size": 13},
        },
    )
    return fig
