"""A trained model under the microscope: two fits, and the tau behind the first, unit by unit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.stages import drawable, fit_traces
from mmaml_lite.course.figures.style import INK, METHOD_STYLES, SOFT, error_text, finish, refill

PALE = "#b9b9b9"
# what the rows of tau are called; a gate has no second one
SYMBOLS = {"film": ("γ", "β"), "scale": ("γ", ""), "sigmoid": ("gate", ""), "softmax": ("gate", "")}


@dataclass(frozen=True)
class MicroscopeView:
    """Two tasks, A and B, and the tau that acts on A.

    x `(grid,)`; names; truth `(2, grid)`; seen_x, seen_y `(2, K)`; curves, usual `(2 stages, 2
    tasks, grid)`: with what acts now, and as trained; miss, usual_miss `(2 stages, 2 tasks)`.
    method: key of METHOD_STYLES; gate: of SYMBOLS; kind, share, steps, off: what was done, see the
    explorer. By block: bars, other, mean `(rows, units)`: tau acting on A (None where it is off),
    B's own, the mean over tasks; bounds `(rows, 2)`: of the axes.
    """

    x: np.ndarray
    names: Sequence[str]
    truth: np.ndarray
    seen_x: np.ndarray
    seen_y: np.ndarray
    curves: np.ndarray
    usual: np.ndarray
    miss: np.ndarray
    usual_miss: np.ndarray
    method: str
    gate: str
    kind: str
    share: float
    steps: int
    off: Sequence[int]
    bars: Mapping[int, np.ndarray | None]
    other: Mapping[int, np.ndarray]
    mean: Mapping[int, np.ndarray]
    bounds: Mapping[int, np.ndarray]


def microscope(
    view: MicroscopeView, title: str = "The modulation microscope: two tasks and their τ"
) -> go.Figure:
    """Left, the fits of both tasks; right, tau of task A in every block, one bar for each unit."""
    blocks = len(view.mean)
    places = _places(blocks)
    specs: list[list[dict | None]] = [[None] * 3 for _ in range(2 * blocks)]
    for (kind, *_), (row, column) in places.items():
        specs[row - 1][column - 1] = (
            {"rowspan": blocks, "b": 0.06, "t": 0.05}
            if kind == "fit"
            else {"rowspan": 2, "b": 0.02, "t": 0.05}
        )
    fig = make_subplots(
        2 * blocks,
        3,
        specs=specs,
        column_widths=[0.44, 0.28, 0.28],
        horizontal_spacing=0.055,
        vertical_spacing=0.0,
        subplot_titles=[" "] * len(places),
    )
    for (kind, first, *_), (row, column) in places.items():
        if kind == "fit":
            fig.add_traces(list(_looks(view.method, legend=first == 0)), row, column)
            fig.update_xaxes(range=[-5, 5], row=row, col=column)
            fig.update_yaxes(range=[-8, 8], tickvals=[-6, -3, 0, 3, 6], row=row, col=column)
        else:
            fig.add_traces(list(_bars(legend=(row, column) == (1, 2))), row, column)
    says = (
        "**What to see.** Left: the two tasks, each with five points. Dotted: before any gradient "
        "step, so the work of τ alone; thick: after the steps; pale: the same two as trained, "
        "nothing tampered with. Right: the τ that acts on task A, one bar for each unit of a layer "
        "(scales left, shifts right). In each panel the units stand in one fixed order, by their "
        "mean over many tasks: the grey line. So what departs from the line is what *this* task "
        "asks for. Small dots: task B's own τ. (A few rare bars leave their panel.)"
    )
    finish(fig, 660, title, says, "")
    fig.update_layout(margin={"t": 88, "l": 36, "r": 10, "b": 10}, legend={"y": 0.945}, bargap=0.0)
    fig.update_annotations(font={"size": 14}, xanchor="left")
    for (kind, *_), (row, column) in places.items():
        if kind == "tau":
            fig.update_xaxes(showticklabels=False, ticks="", showgrid=False, row=row, col=column)
            fig.update_yaxes(nticks=5, zerolinecolor="#777", row=row, col=column)
    for note, axis in zip(fig.layout.annotations, fig.select_xaxes(), strict=True):
        note.x = axis.domain[0]
    redraw_microscope(fig, view)
    return fig


def _looks(key: str, legend: bool) -> Iterator[go.Scatter]:
    """The lines of one task, from the back to the front, and its points."""
    color = METHOD_STYLES[key].color
    looks = [
        ("as trained, before", PALE, "dot", 2, 1.0),
        ("as trained, after", PALE, "solid", 3, 1.0),
        ("true function", INK, "solid", 1.5, 1.0),
        ("before any step", color, "dot", 2.5, 1.0),
        ("after the steps", color, "solid", 3, 1.0),
    ]
    return fit_traces(looks, legend)


def _bars(legend: bool) -> Iterator[Any]:
    """One row of tau of one block: bars, the mean over tasks, and the other task's."""
    yield go.Scatter(  # one filled outline: a browser redraws it far quicker than 600 bars
        mode="lines",
        name="τ acting on A",
        legendgroup="tau",
        showlegend=legend,
        fill="tozeroy",
        fillcolor=METHOD_STYLES["mumomaml"].color,
        line={
            "color": METHOD_STYLES["mumomaml"].color,
            "width": 0.5,
            "shape": "hvh",
            "simplify": False,
        },
        hovertemplate="place %{x}: %{y:.2f}<extra></extra>",
    )
    yield go.Scatter(
        mode="lines",
        name="mean τ",
        legendgroup="mean",
        showlegend=legend,
        hoverinfo="skip",
        line={"color": SOFT, "width": 2, "shape": "hvh", "simplify": False},
    )
    yield go.Scatter(
        mode="markers",
        name="B's own τ",
        legendgroup="other",
        showlegend=legend,
        marker={"symbol": "circle", "size": 3.5, "color": INK},
        hovertemplate="B, place %{x}: %{y:.2f}<extra></extra>",
    )


def _places(blocks: int) -> dict[tuple, tuple[int, int]]:
    """Row and column of every panel, two fits and two rows of tau for each block, in their order.

    The order is plotly's, row by row: the n-th panel has the n-th title and the n-th pair of axes.
    """
    places = {("fit", task): (1 + task * blocks, 1) for task in range(2)}
    places |= {("tau", b, row): (1 + 2 * b, 2 + row) for b in range(blocks) for row in range(2)}
    return dict(sorted(places.items(), key=lambda item: item[1]))


def redraw_microscope(fig: go.Figure, view: MicroscopeView) -> None:
    """Put another view of the same families into a figure made by `microscope`."""
    refill(fig, _traces(view))
    for trace in fig.data:
        if trace.name in ("before any step", "after the steps"):
            trace.line.color = METHOD_STYLES[view.method].color
    for panel, (kind, first, *rest) in enumerate(_places(len(view.mean))):
        note = fig.layout.annotations[panel]
        if kind == "fit":
            note.text = _heading(view, first)
        else:
            note.text = _label(view, first, *rest)
            _fit_axes(fig, panel, view.bounds[first], *rest)
    words = ", ".join(
        f"task {'AB'[k]} ({name}) {error_text(view.miss[0, k])} to {error_text(view.miss[1, k])}"
        for k, name in enumerate(view.names)
    )
    meta = dict(fig.layout.meta)
    fig.layout.meta = meta | {"alt": f"Squared distance before and after the steps: {words}."}


def _fit_axes(fig: go.Figure, panel: int, bounds: np.ndarray, row: int) -> None:
    """Give a panel of tau axes that stay the same for all tasks, none where tau has no such row."""
    x, y = fig.layout[f"xaxis{panel + 1}"], fig.layout[f"yaxis{panel + 1}"]
    x.visible = y.visible = shown = row < len(bounds)
    if shown:
        low, high = bounds[row]
        y.range = [1.05 * min(low, 0), 1.05 * max(high, 0)]


def _heading(view: MicroscopeView, task: int) -> str:
    """The title of a fit: its numbers before and after, and those as trained."""
    now, usual = (
        " → ".join(error_text(v) for v in miss[:, task]) for miss in (view.miss, view.usual_miss)
    )
    return (
        f"<b>{'AB'[task]}</b> · {view.names[task]}   <b>{now}</b>"
        f"<span style='color:{SOFT}'>   (as trained {usual})</span>"
    )


def _label(view: MicroscopeView, block: int, row: int) -> str:
    """The title of a row of tau."""
    symbol = SYMBOLS.get(view.gate, ("scale", "shift"))[row]
    if not symbol:
        return "a gate has no shift" if block == 0 else ""
    off = view.bars[block] is None
    return f"layer {block + 1}: {symbol}" + (" <b>(off)</b>" if off else "")


def _traces(view: MicroscopeView) -> Iterator[dict[str, np.ndarray]]:
    """What every trace shows, in the order of the traces."""
    x = view.x
    curves, usual = drawable(view.curves), drawable(view.usual)
    for kind, first, *rest in _places(len(view.mean)):
        if kind == "fit":
            for y in (usual[0], usual[1], view.truth, curves[0], curves[1]):
                yield {"x": x, "y": y[first]}
            yield {"x": view.seen_x[first], "y": view.seen_y[first]}
        else:
            for found in (view.bars, view.mean, view.other):
                tau, row = found[first], rest[0]
                shown = tau is not None and row < len(tau)
                values = tau[row] if shown else np.full(view.mean[first].shape[1], np.nan)
                yield {"x": np.arange(len(values)), "y": values}
