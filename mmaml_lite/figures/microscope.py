"""A trained model under the microscope: two fits, and the tau behind the first, unit by unit."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.figures.style import INK, METHODS, SOFT, finish, number, refill

FAR = 1e4  # what is further away is drawn here: a diverged curve must not break the picture
PALE = "#b9b9b9"
# what the rows of tau are called; a gate has no second one
SYMBOLS = {"film": ("γ", "β"), "sigmoid": ("gate", ""), "softmax": ("gate", "")}


def microscope(
    view: Mapping[str, Any], title: str = "The modulation microscope: two tasks and their τ"
) -> go.Figure:
    """Left, the fits of tasks A and B; right, tau of task A in every block, one bar for each unit.

    view: x `(grid,)`; truth `(2, grid)`; seen_x, seen_y `(2, K)`; curves, usual `(2 stages, 2
    tasks, grid)` with what acts now and as trained; miss, usual_miss `(2 stages, 2 tasks)`; names;
    method: key of METHODS; bars, other, mean: by block `(rows, units)` or None where it is off:
    tau acting on A, B's own, the mean over tasks; bounds: by block `(rows, 2)`.
    """
    blocks = len(view["mean"])
    places = _places(blocks)
    specs: list[list[dict | None]] = [[None] * 3 for _ in range(2 * blocks)]
    for (kind, *_), (row, column) in places.items():
        specs[row - 1][column - 1] = (
            {"rowspan": blocks, "b": 0.05, "t": 0.01}
            if kind == "fit"
            else {"rowspan": 2, "b": 0.025, "t": 0.035}
        )
    fig = make_subplots(
        2 * blocks, 3, specs=specs, column_widths=[0.44, 0.28, 0.28], horizontal_spacing=0.055,
        vertical_spacing=0.0, subplot_titles=[" "] * len(places),
    )  # fmt: skip
    for (kind, first, *_), (row, column) in places.items():
        if kind == "fit":
            fig.add_traces(list(_looks(view["method"], legend=first == 0)), row, column)
            fig.update_xaxes(range=[-5, 5], row=row, col=column)
            fig.update_yaxes(range=[-8, 8], tickvals=[-6, -3, 0, 3, 6], row=row, col=column)
        else:
            fig.add_traces(list(_bars(legend=(row, column) == (1, 2))), row, column)
            fig.update_xaxes(showticklabels=False, ticks="", row=row, col=column)
            fig.update_yaxes(nticks=5, zerolinecolor="#777", row=row, col=column)
    says = (
        "**What to see.** Left: the two tasks, each with five points. Dotted: before any gradient "
        "step, so the work of τ alone; thick: after the steps; pale: the same two as trained, "
        "nothing tampered with. Right: the τ that acts on task A, one bar for each unit of a layer "
        "(scales left, shifts right). The units stand in one fixed order, by their mean scale over "
        "many tasks: that mean is the smooth grey line, so what departs from it is what *this* "
        "task asks for. Small marks: task B's own τ."
    )
    finish(fig, 640, title, says, "")
    fig.update_layout(margin={"t": 96, "l": 36, "r": 10, "b": 24}, legend={"y": 0.945}, bargap=0.0)
    redraw_microscope(fig, view)
    return fig


def _looks(key: str, legend: bool) -> Iterator[go.Scatter]:
    """The lines of one task, from the back to the front, and its points."""
    color = METHODS[key].color
    looks = [
        ("as trained, before", PALE, "dot", 2),
        ("as trained, after", PALE, "solid", 3),
        ("true function", INK, "solid", 1.5),
        ("before any step", color, "dot", 2.5),
        ("after the steps", color, "solid", 3),
    ]
    for name, ink, dash, width in looks:
        yield go.Scatter(
            mode="lines", name=name, legendgroup=name, showlegend=legend,
            line={"color": ink, "dash": dash, "width": width, "simplify": False},
            hovertemplate="x %{x:.1f}, y %{y:.2f}<extra>" + name + "</extra>",
        )  # fmt: skip
    yield go.Scatter(
        mode="markers", name="points seen", legendgroup="seen", showlegend=legend,
        marker={"symbol": "x-thin", "size": 11, "line": {"width": 3, "color": INK}},
        hovertemplate="seen: x %{x:.1f}, y %{y:.2f}<extra></extra>",
    )  # fmt: skip


def _bars(legend: bool) -> Iterator[Any]:
    """One row of tau of one block: bars, the mean over tasks, and the other task's."""
    yield go.Bar(
        name="τ acting on A", legendgroup="tau", showlegend=legend,
        marker={"color": METHODS["mumomaml"].color, "line": {"width": 0}},
        hovertemplate="place %{x}: %{y:.2f}<extra></extra>",
    )  # fmt: skip
    yield go.Scatter(
        mode="lines", name="mean τ", legendgroup="mean", showlegend=legend, hoverinfo="skip",
        line={"color": SOFT, "width": 2, "shape": "hvh", "simplify": False},
    )  # fmt: skip
    yield go.Scatter(
        mode="markers", name="B's own τ", legendgroup="other", showlegend=legend,
        marker={"symbol": "line-ew", "size": 5, "line": {"width": 1.5, "color": INK}},
        hovertemplate="B, place %{x}: %{y:.2f}<extra></extra>",
    )  # fmt: skip


def _places(blocks: int) -> dict[tuple, tuple[int, int]]:
    """Row and column of every panel, two fits and two rows of tau for each block, in their order.

    The order is plotly's, row by row: the n-th panel has the n-th title and the n-th pair of axes.
    """
    places = {("fit", task): (1 + task * blocks, 1) for task in range(2)}
    places |= {("tau", b, row): (1 + 2 * b, 2 + row) for b in range(blocks) for row in range(2)}
    return dict(sorted(places.items(), key=lambda item: item[1]))


def redraw_microscope(fig: go.Figure, view: Mapping[str, Any]) -> None:
    """Put another view of the same families into a figure made by `microscope`."""
    refill(fig, _traces(view))
    for trace in fig.data:
        if trace.name in ("before any step", "after the steps"):
            trace.line.color = METHODS[view["method"]].color
    for number_of, (kind, first, *rest) in enumerate(_places(len(view["mean"]))):
        note = fig.layout.annotations[number_of]
        if kind == "fit":
            note.text = _heading(view, first)
        else:
            note.text = _label(view, first, rest[0])
            bounds = view["bounds"][first]
            if rest[0] < len(bounds):
                low, high = bounds[rest[0]]
                axis = fig.layout[f"yaxis{number_of + 1}"]
                axis.range = [1.05 * min(low, 0), 1.05 * max(high, 0)]
    words = ", ".join(
        f"task {'AB'[k]} ({name}) {number(view['miss'][0, k])} to {number(view['miss'][1, k])}"
        for k, name in enumerate(view["names"])
    )
    meta = dict(fig.layout.meta)
    fig.layout.meta = meta | {"alt": f"Squared distance before and after the steps: {words}."}


def _heading(view: Mapping[str, Any], task: int) -> str:
    """The title of a fit: its numbers before and after, and those as trained."""
    now, usual = (
        " → ".join(number(v) for v in view[key][:, task]) for key in ("miss", "usual_miss")
    )
    return (
        f"<b>{'AB'[task]}</b> · {view['names'][task]}   <b>{now}</b>"
        f"<span style='color:{SOFT}'>   (as trained {usual})</span>"
    )


def _label(view: Mapping[str, Any], block: int, row: int) -> str:
    """The title of a row of tau."""
    symbol = SYMBOLS.get(view["gate"], ("scale", "shift"))[row]
    if not symbol:
        return "no shift here" if block == 0 else ""
    off = view["bars"][block] is None
    return f"layer {block + 1}: {symbol}" + (" <b>(off)</b>" if off else "")


def _traces(view: Mapping[str, Any]) -> Iterator[dict[str, np.ndarray]]:
    """What every trace shows, in the order of the traces."""
    x = view["x"]
    curves, usual = (
        np.clip(np.nan_to_num(view[key], nan=FAR), -FAR, FAR) for key in ("curves", "usual")
    )
    for kind, first, *rest in _places(len(view["mean"])):
        if kind == "fit":
            for y in (usual[0], usual[1], view["truth"], curves[0], curves[1]):
                yield {"x": x, "y": y[first]}
            yield {"x": view["seen_x"][first], "y": view["seen_y"][first]}
        else:
            for key in ("bars", "mean", "other"):
                tau, row = view[key][first], rest[0]
                shown = tau is not None and row < len(tau)
                values = tau[row] if shown else np.full(view["mean"][first].shape[1], np.nan)
                yield {"x": np.arange(len(values)), "y": values}


def ablation(
    found: Mapping[str, Sequence[tuple[float, float, float]]],
    title: str = "What each part of the modulation is worth",
) -> go.Figure:
    """Error before and after the gradient steps under every intervention, a row for each.

    found: name -> for the two stages the (median, low, high) of its 95 % interval.
    """
    names = list(found)
    color = METHODS["mumomaml"].color
    fig = go.Figure()
    stages = (
        ("before any gradient step", "circle-open", color), ("after the steps", "circle", color)
    )  # fmt: skip
    for stage, (label, symbol, ink) in enumerate(stages):
        middle, low, high = np.array([found[n][stage] for n in names]).T
        fig.add_trace(
            go.Scatter(
                x=middle, y=names, mode="markers", name=label,
                marker={"symbol": symbol, "size": 12, "color": ink, "line": {"width": 2}},
                error_x={"array": high - middle, "arrayminus": middle - low, "thickness": 1.5,
                         "width": 4, "color": ink},
                hovertemplate="%{y}: %{x:.2f}<extra>" + label + "</extra>",
            )
        )  # fmt: skip
    start = found[names[0]]
    for stage, dash in ((0, "dot"), (1, "dash")):
        fig.add_vline(x=start[stage][0], line={"color": SOFT, "width": 1.5, "dash": dash})
    says = (
        "**What to see.** Each row is one intervention on the same trained model and the same test "
        "tasks: the median error before any gradient step (open) and after the last one (filled), "
        "with 95 % intervals, on a logarithmic axis. Vertical lines: as trained. Medians, because "
        "with a wrong τ the steps run away on a few tasks and make a mean meaningless."
    )
    words = "; ".join(f"{n}: " + " to ".join(number(s[0]) for s in found[n]) for n in names)
    finish(fig, 130 + 34 * len(names), title, says, f"{title}. Median error, {words}.")
    fig.update_layout(width=860, margin={"t": 92, "l": 210, "r": 16, "b": 44}, legend={"y": 0.93})
    fig.update_yaxes(autorange="reversed")
    fig.update_xaxes(type="log", title_text="median squared error (noise included)")
    fig.update_xaxes(tickvals=[0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000])
    return fig


def first_look(
    view: Mapping[str, Any], title: str = "Before any gradient step: τ on, and τ off"
) -> go.Figure:
    """The curve of one model before any gradient step, with its modulation and without.

    view: x `(grid,)`; lines: name -> (y `(grid,)`, dash); seen_x, seen_y `(K,)`.
    """
    fig = go.Figure()
    for name, (y, dash) in view["lines"].items():
        fig.add_trace(
            go.Scatter(
                x=view["x"], y=y, mode="lines", name=name, hoverinfo="skip",
                line={"color": METHODS["mumomaml"].color, "dash": dash, "width": 3},
            )
        )  # fmt: skip
    fig.add_trace(
        go.Scatter(
            x=view["seen_x"], y=view["seen_y"], mode="markers", name="points seen",
            marker={"symbol": "x-thin", "size": 11, "line": {"width": 3, "color": INK}},
        )
    )  # fmt: skip
    says = (
        "**What to see.** One trained MuMoMAML, and not a single gradient step. Solid: its curve "
        "after it has *looked* at the five points. Dotted: the same weights with the modulation "
        "removed."
    )
    finish(fig, 380, title, says, f"{title}, {len(view['seen_x'])} points.")
    fig.update_layout(width=640, margin={"t": 92, "l": 44, "r": 10, "b": 44}, legend={"y": 0.9})
    fig.update_yaxes(range=[-6, 6], title_text="y")
    fig.update_xaxes(range=[-5, 5], title_text="x")
    return fig
