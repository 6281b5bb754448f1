"""Figures of the course: pure functions, arrays in and a plotly figure out.

One colour for each mode and one for each method, from the Okabe-Ito palette, which colour-blind
readers can tell apart; dash or marker shape is the second cue. Every figure carries a caption
(what to see, with its numbers) and an alternative text: `caption(fig)`, `alt(fig)`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

INK, SOFT, GRID = "#222222", "#5f6368", "#ececec"
FONT = "Open Sans, DejaVu Sans, Verdana, Arial, sans-serif"


@dataclass(frozen=True)
class Style:
    """How one method or one mode is drawn, in every figure of the course."""

    label: str
    color: str
    dash: str = "solid"
    symbol: str = "circle"


METHODS = {
    "mumomaml": Style("MuMoMAML", "#D55E00", "solid", "circle"),
    "maml": Style("MAML", "#0072B2", "dash", "square"),
    "multi-maml": Style("Multi-MAML (told the mode)", "#CC79A7", "dot", "diamond"),
    # the same trained MuMoMAML, its modulation tampered with: same colour, other dashes
    "tau-mean": Style("MuMoMAML, <i>τ</i> = its mean", "#D55E00", "dashdot", "triangle-up"),
    "tau-off": Style("MuMoMAML, <i>τ</i> off", "#D55E00", "dot", "x"),
    "bayes": Style("Bayes, 90 % band", "#8a8a8a", "solid", "line-ew"),
}
MODES = {
    "sinusoid": Style("sinusoid", "#56B4E9", symbol="circle"),
    "linear": Style("linear", "#E69F00", symbol="square"),
    "quadratic": Style("quadratic", "#009E73", symbol="diamond"),
    "tanh": Style("tanh", "#F0E442", symbol="triangle-up"),
    "l1": Style("l1", "#000000", symbol="x"),
}


def mode_style(name: str) -> Style:
    """The style of a mode; families that are not the paper's share one grey."""
    return MODES.get(name, Style(name, "#7f7f7f", symbol="cross"))


def caption(fig: go.Figure) -> str:
    """What to see in a figure, in Markdown."""
    return fig.layout.meta["caption"]


def alt(fig: go.Figure) -> str:
    """The figure in words, for those who cannot see it."""
    return fig.layout.meta["alt"]


def _finish(fig: go.Figure, height: int, title: str, says: str, words: str) -> go.Figure:
    """The common look: white ground, legible type, one legend on top, caption and alternative text."""
    fig.update_layout(
        height=height, paper_bgcolor="white", plot_bgcolor="white", hovermode="closest",
        font={"family": FONT, "size": 13, "color": INK},
        title={"text": title, "font": {"size": 16}, "x": 0, "xref": "paper", "xanchor": "left",
               "y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 14}},
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yref": "container",
                "yanchor": "top", "font": {"size": 13}, "itemwidth": 30},
        meta={"caption": says, "alt": words},
    )  # fmt: skip
    fig.update_xaxes(gridcolor=GRID, zerolinecolor=GRID, linecolor="#9a9a9a", ticks="outside")
    fig.update_yaxes(gridcolor=GRID, zerolinecolor=GRID, linecolor="#9a9a9a", ticks="outside")
    return fig


def _number(value: float) -> str:
    if value >= 1000:
        return "off the chart"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def fits(
    x: np.ndarray,
    truth: np.ndarray,
    seen_x: np.ndarray,
    seen_y: np.ndarray,
    curves: Mapping[str, np.ndarray],
    headings: Sequence[str],
    stages: Sequence[str] = ("before any gradient step", "after five gradient steps"),
    bayes: Mapping[str, np.ndarray] | None = None,
    title: str = "The same five points, seen by each method",
) -> go.Figure:
    """Predictions of every method, one column for each task and one row for each stage.

    x `(grid,)`; truth `(tasks, grid)`, noise-free; seen_x, seen_y `(tasks, K)`; curves: by key of
    METHODS `(stages, tasks, grid)`; bayes: mean, low and high `(tasks, grid)`. The number beside a
    name is the mean squared distance of its curve from the true function.
    """
    columns, rows = len(truth), len(stages)
    fig = make_subplots(
        rows, columns, shared_xaxes=True, shared_yaxes=True,
        horizontal_spacing=0.03, vertical_spacing=0.15,
    )  # fmt: skip
    methods = dict(curves)
    if bayes is not None:
        methods["bayes"] = np.broadcast_to(bayes["mean"], (rows, *truth.shape))
    methods = {k: np.clip(np.nan_to_num(y), -1e6, 1e6) for k, y in methods.items()}  # diverged
    miss = {k: np.square(y - truth).mean(-1) for k, y in methods.items()}
    ranks = ["truth", "seen", *methods]
    for row in range(rows):
        for task in range(columns):
            for trace in _one_fit(x, truth, seen_x, seen_y, methods, bayes, row, task):
                trace.showlegend = row == task == 0 and trace.fill is None
                trace.legendrank = ranks.index(trace.legendgroup)
                fig.add_trace(trace, row + 1, task + 1)
            axis = fig.get_subplot(row + 1, task + 1)
            lines = [f"<b>{headings[task]}</b>"] if row == 0 else []
            cells = [
                f"<span style='color:{METHODS[k].color}'>●</span> "
                f"{METHODS[k].label.split(' (')[0].split(':')[0]} <b>{_number(m[row, task])}</b>"
                for k, m in miss.items()
            ]
            half = (len(cells) + 1) // 2
            lines += ["   ".join(cells[:half]), "   ".join(cells[half:])]
            fig.add_annotation(
                text="<br>".join(lines), x=0, xref=f"{axis.xaxis.plotly_name.replace('axis', '')} domain",
                y=1.02, yref=f"{axis.yaxis.plotly_name.replace('axis', '')} domain",
                xanchor="left", yanchor="bottom", align="left", showarrow=False, font={"size": 12},
            )  # fmt: skip
        fig.update_yaxes(title_text=f"<b>{stages[row]}</b>", row=row + 1, col=1)
    inside = [truth.ravel(), seen_y.ravel()] + ([bayes["low"].ravel(), bayes["high"].ravel()] if bayes else [])
    low, high = np.concatenate(inside).min(), np.concatenate(inside).max()
    pad = 0.08 * (high - low)
    fig.update_yaxes(range=[low - pad, high + pad])
    fig.update_xaxes(title_text="x", row=rows, title_standoff=4)
    words = "; ".join(
        f"{METHODS[k].label.split(' (')[0]} " + ", ".join(_number(v) for v in m.mean(-1))
        for k, m in miss.items()
    )
    says = (
        "**What to see.** One column for each task, " + " and ".join(stages) + " above each other. Crosses are the "
        "points a method is shown; the black line is the function that made them. The numbers are the "
        "mean squared distance from that line (no noise in it: 0 is perfect)."
    )
    if bayes is not None:
        says += (
            " The grey band holds the true function with 90 % probability, given these points: where "
            "it is wide, nobody can know better."
        )
    _finish(fig, 150 + 290 * rows, title, says, f"{title}. Mean squared distance, {' / '.join(stages)}: {words}.")
    fig.update_layout(margin={"t": 150, "l": 64, "r": 12, "b": 44}, legend={"y": 0.955})
    return fig


def _one_fit(x, truth, seen_x, seen_y, methods, bayes, row, task):
    """The traces of one panel, from the back to the front."""
    if bayes is not None:
        yield go.Scatter(
            x=np.concatenate([x, x[::-1]]),
            y=np.concatenate([bayes["high"][task], bayes["low"][task][::-1]]),
            fill="toself", fillcolor="rgba(138,138,138,0.22)", line={"width": 0}, mode="lines",
            name="90 % band", legendgroup="bayes", hoverinfo="skip",
        )  # fmt: skip
    yield go.Scatter(
        x=x, y=truth[task], name="true function", legendgroup="truth", mode="lines",
        line={"color": INK, "width": 2}, hoverinfo="skip",
    )  # fmt: skip
    for key in reversed(methods):
        style = METHODS[key]
        wide = {"bayes": 1.5}.get(key, 2.5)
        yield go.Scatter(
            x=x, y=methods[key][row, task], name=style.label, legendgroup=key, mode="lines",
            line={"color": style.color, "dash": style.dash, "width": wide},
            hovertemplate=f"{style.label}<br>x %{{x:.1f}}, y %{{y:.2f}}<extra></extra>",
        )  # fmt: skip
    yield go.Scatter(
        x=seen_x[task], y=seen_y[task], name="points seen", legendgroup="seen", mode="markers",
        marker={"symbol": "x-thin", "size": 10, "line": {"width": 2.5, "color": INK}},
        hovertemplate="seen: x %{x:.1f}, y %{y:.2f}<extra></extra>",
    )  # fmt: skip


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
    for label, place in (marked or {}).items():
        fig.add_annotation(
            x=place[0], y=place[1], text=f"<b>{label}</b>", showarrow=True, arrowhead=2,
            arrowwidth=2, ax=34, ay=-38, bgcolor="rgba(255,255,255,0.85)", bordercolor=INK,
            borderpad=3, font={"size": 12},
        )  # fmt: skip
    says = (
        "**What to see.** Every mark is one task; the map places tasks near each other that the encoder "
        "describes alike. Nobody told the encoder which family a task comes from: colour and shape were "
        "added afterwards. Point at a mark to read its function. The axes of such a map mean nothing, "
        "and neither do distances between far islands."
    )
    counts = ", ".join(f"{(mode == i).sum()} {n}" for i, n in enumerate(names))
    _finish(fig, 560, title, says, f"{title}: {counts} tasks, one mark each.")
    fig.update_xaxes(showticklabels=False, ticks="", showgrid=False, zeroline=False, mirror=True, showline=True)
    fig.update_yaxes(showticklabels=False, ticks="", showgrid=False, zeroline=False, mirror=True, showline=True)
    fig.update_yaxes(scaleanchor="x")
    fig.update_layout(margin={"t": 84, "l": 12, "r": 12, "b": 12}, legend={"y": 0.935})
    return fig


def error_by_stage(
    errors: Mapping[str, np.ndarray],
    halves: Mapping[str, np.ndarray],
    start: float,
    floors: Mapping[str, float],
    title: str = "Where the gain comes from",
) -> go.Figure:
    """Left: the error after modulation and after each step; right: what removed how much of it.

    errors, halves: mean and half interval by key of METHODS, `(steps + 1,)` each; start: the error
    of one who knows nothing and answers 0; floors: label -> error, drawn as lines.
    """
    steps = len(next(iter(errors.values()))) - 1
    fig = make_subplots(
        1, 2, column_widths=[0.56, 0.44], horizontal_spacing=0.12,
        subplot_titles=["Error after each stage (logarithmic)", "What removed the avoidable error"],
    )  # fmt: skip
    ticks = ["answer 0", "modu-<br>lation", *(f"step {i}" for i in range(1, steps + 1))]
    for key, error in errors.items():
        style = METHODS[key]
        fig.add_trace(
            go.Scatter(
                x=ticks, y=[start, *error], name=style.label, mode="lines+markers",
                error_y={"array": [0, *halves[key]], "thickness": 1, "width": 3},
                line={"color": style.color, "dash": style.dash, "width": 2.5},
                marker={"symbol": style.symbol, "size": 8},
                hovertemplate=f"{style.label}, %{{x}}: %{{y:.3f}}<extra></extra>",
            ), 1, 1,
        )  # fmt: skip
    for label, value in floors.items():
        fig.add_hline(y=value, line={"color": SOFT, "width": 1.5, "dash": "longdash"}, row=1, col=1)
        fig.add_annotation(
            x=0, xref="x domain", y=np.log10(value), yref="y", xanchor="left", yanchor="bottom",
            text=f"{label}: {value:.2f}", showarrow=False, font={"size": 12, "color": SOFT},
        )  # fmt: skip
    best = min(floors.values(), default=0.0)
    avoidable = start - floors.get("Bayes-optimal", best)
    parts = {"modulation": [], "step 1": [], f"steps 2–{steps}": [], "still there": []}
    for error in errors.values():
        levels = [start, error[0], error[1], error[-1], start - avoidable]
        for part, before, after in zip(parts, levels, levels[1:], strict=False):
            parts[part].append(100 * (before - after) / avoidable)
    looks = [("#D55E00", ""), ("#4d4d4d", ""), ("#a6a6a6", ""), ("white", "/")]
    for (part, share), (color, hatch) in zip(parts.items(), looks, strict=True):
        fig.add_trace(
            go.Bar(
                y=[METHODS[k].label.replace(" (", "<br>(") for k in errors], x=share, name=part, orientation="h",
                marker={"color": color, "line": {"color": INK, "width": 1},
                        "pattern": {"shape": hatch, "fgcolor": "#8a8a8a", "size": 6}},
                text=[f"{v:.0f} %" if abs(v) >= 7 else "" for v in share], textposition="inside",
                insidetextanchor="middle", textangle=0,
                textfont={"color": INK if hatch or part.startswith("steps") else "white", "size": 13},
                legend="legend2", hovertemplate="%{y}: " + part + " %{x:.1f} %<extra></extra>",
            ), 1, 2,
        )  # fmt: skip
    last = "; ".join(f"{METHODS[k].label.split(' (')[0]} {e[-1]:.2f}" for k, e in errors.items())
    says = (
        "**What to see.** Left: each method starts from the error of answering 0 everywhere "
        f"({start:.1f}). For MAML, which has no modulation, the second point is its plain "
        "initialisation. Dashed lines are floors; bars at the marks are 95 % intervals. Right: the "
        "error that can be avoided at all (down to Bayes) = 100 %, split by what removed it."
    )
    words = f"{title}. Mean squared error at the end: {last}."
    _finish(fig, 480, title, says, words)
    fig.update_yaxes(type="log", title_text="mean squared error", row=1, col=1, dtick="D1")
    fig.update_yaxes(autorange="reversed", row=1, col=2)
    fig.update_xaxes(title_text="share of the avoidable error", ticksuffix=" %", row=1, col=2)
    legend = {"orientation": "h", "xanchor": "left", "yanchor": "top", "yref": "container", "y": 0.92}
    fig.update_layout(
        barmode="relative", bargap=0.35, margin={"t": 118, "l": 64, "r": 12, "b": 52},
        legend=legend | {"x": 0}, legend2=legend | {"x": 0.56, "font": {"size": 13}},
    )  # fmt: skip
    return fig


def table(rows: Sequence[Mapping[str, str]], columns: Mapping[str, str], says: str = "") -> str:
    """An HTML table: columns maps a key of the rows to its heading; numbers are right-aligned.

    A row whose key `strong` is true is set in bold, one whose key `floor` is true in grey.
    """

    def cell(tag: str, text: str, first: bool, extra: str = "") -> str:
        side = "left" if first else "right"
        look = f"text-align:{side};padding:4px 12px;font-variant-numeric:tabular-nums;{extra}"
        return f"<{tag} style='{look}'>{text}</{tag}>"

    head = "".join(cell("th", h, i == 0) for i, h in enumerate(columns.values()))
    body = ""
    for row in rows:
        extra = "font-weight:bold;" if row.get("strong") else ""
        extra += "font-style:italic;" if row.get("floor") else ""
        cells = [cell("td", escape(str(row.get(k, ""))), i == 0, extra) for i, k in enumerate(columns)]
        body += f"<tr>{''.join(cells)}</tr>"
    top = f"<caption style='text-align:left;caption-side:bottom;padding-top:6px'>{escape(says)}</caption>"
    return f"<table>{top}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
