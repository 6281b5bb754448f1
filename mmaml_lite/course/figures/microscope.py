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
TOP, FIT, LAYER, HEAD = 128, 150, 63, 22  # pixels: above the fits, a fit, a row of tau, its title
ALONE = 300  # of a fit while the layers are closed
# what the rows of tau are called; a gate has no second one
SYMBOLS = {"film": ("γ", "β"), "scale": ("γ", ""), "sigmoid": ("gate", ""), "softmax": ("gate", "")}


@dataclass(frozen=True)
class MicroscopeView:
    """Two tasks, A and B, and the tau that acts on A.

    x `(grid,)`; names; truth `(2, grid)`; seen_x, seen_y `(2, K)`; curves, usual `(2 stages, 2
    tasks, grid)`: with what acts now, and as trained; miss, usual_miss `(2 stages, 2 tasks)`.
    opened: whether the layers are shown, or the fits alone.
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
    opened: bool = True


def microscope(view: MicroscopeView, title: str = "The modulation microscope") -> go.Figure:
    """Above, the fits of both tasks; below, tau of A in every block, one bar for each unit."""
    blocks = len(view.mean)
    places = _places(blocks)
    fig = make_subplots(1 + blocks, 2, horizontal_spacing=0.09, subplot_titles=[" "] * len(places))
    for (kind, first, *_), (row, column) in places.items():
        if kind == "fit":
            fig.add_traces(list(_looks(view.method, legend=first == 0)), row, column)
            fig.update_xaxes(range=[-5, 5], row=row, col=column)
            fig.update_yaxes(range=[-8, 8], tickvals=[-6, -3, 0, 3, 6], row=row, col=column)
        else:
            fig.add_traces(list(_bars(legend=(row, column) == (2, 1))), row, column)
    says = (
        "**What to see.** The two tasks, each with five points. Dotted: before any gradient "
        "step, so the work of τ alone; thick: after the steps; pale: the same two as trained, "
        "nothing tampered with. With the layers open, below: the τ that acts on task A, one bar "
        "for each unit of a layer (scales left, shifts right). In each panel the units stand in "
        "one fixed order, by their mean over many tasks: the grey line. So what departs from the "
        "line is what *this* task asks for. Small dots: task B's own τ. (A few rare bars leave "
        "their panel.)"
    )
    finish(fig, 600, title, says, "")
    fig.update_layout(margin={"t": TOP, "l": 36, "r": 10, "b": 30}, bargap=0.0)
    low = {"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"}
    fig.update_layout(legend={"font": {"size": 12}}, legend2=low | {"font": {"size": 12}})
    fig.update_annotations(font={"size": 13}, xanchor="left", align="left")
    for (kind, *_), (row, column) in places.items():
        if kind == "tau":
            fig.update_xaxes(showticklabels=False, ticks="", showgrid=False, row=row, col=column)
            fig.update_yaxes(nticks=4, zerolinecolor="#777", row=row, col=column)
    for note, axis in zip(fig.layout.annotations, fig.select_xaxes(), strict=True):
        note.x = axis.domain[0]
    redraw_microscope(fig, view)
    return fig


def _looks(key: str, legend: bool) -> Iterator[go.Scatter]:
    """The lines of one task, from the back to the front, and its points."""
    color = METHOD_STYLES[key].color
    looks = [
        ("as trained", PALE, "dot", 2, 1.0),
        ("as trained", PALE, "solid", 3, 1.0),
        ("true function", INK, "solid", 1.5, 1.0),
        ("before any step", color, "dot", 2.5, 1.0),
        ("after the steps", color, "solid", 3, 1.0),
    ]
    before, *others = fit_traces(looks, legend)
    before.showlegend = False  # dotted says before in either colour
    return iter([before, *others])


def _bars(legend: bool) -> Iterator[Any]:
    """One row of tau of one block: bars, the mean over tasks, and the other task's."""
    yield go.Scatter(  # one filled outline: a browser redraws it far quicker than 600 bars
        mode="lines",
        name="τ acting on A",
        legendgroup="tau",
        legend="legend2",
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
        legend="legend2",
        showlegend=legend,
        hoverinfo="skip",
        line={"color": SOFT, "width": 2, "shape": "hvh", "simplify": False},
    )
    yield go.Scatter(
        mode="markers",
        name="B's own τ",
        legendgroup="other",
        legend="legend2",
        showlegend=legend,
        marker={"symbol": "circle", "size": 3.5, "color": INK},
        hovertemplate="B, place %{x}: %{y:.2f}<extra></extra>",
    )


def _places(blocks: int) -> dict[tuple, tuple[int, int]]:
    """Row and column of every panel, two fits and two rows of tau for each block, in their order.

    The order is plotly's, row by row: the n-th panel has the n-th title and the n-th pair of axes.
    """
    places: dict[tuple, tuple[int, int]] = {("fit", task): (1, 1 + task) for task in range(2)}
    return places | {("tau", b, row): (2 + b, 1 + row) for b in range(blocks) for row in range(2)}


def redraw_microscope(fig: go.Figure, view: MicroscopeView) -> None:
    """Put another view of the same families into a figure made by `microscope`."""
    refill(fig, _traces(view))
    for trace in fig.data:
        if trace.name in ("before any step", "after the steps"):
            trace.line.color = METHOD_STYLES[view.method].color
    _share_height(fig, view)
    for panel, (kind, first, *rest) in enumerate(_places(len(view.mean))):
        note = fig.layout.annotations[panel]
        if kind == "fit":
            note.text = _heading(view, first)
        else:
            note.text = _label(view, first, *rest) if view.opened else ""
            _fit_axes(fig, panel, view, first, *rest)
    words = ", ".join(
        f"task {'AB'[k]} ({name}) {error_text(view.miss[0, k])} to {error_text(view.miss[1, k])}"
        for k, name in enumerate(view.names)
    )
    meta = dict(fig.layout.meta)
    fig.layout.meta = meta | {"alt": f"Squared distance before and after the steps: {words}."}


def _share_height(fig: go.Figure, view: MicroscopeView) -> None:
    """Give the fits all the height, or the rows of tau theirs below them."""
    blocks = len(view.mean)
    high = FIT + HEAD + blocks * (HEAD + LAYER) if view.opened else ALONE
    margin = fig.layout.margin
    fig.layout.height = high + margin.t + margin.b
    fig.layout.legend.y = 1 - 32 / fig.layout.height
    fig.layout.legend2.visible = view.opened
    for panel, (kind, first, *_) in enumerate(_places(blocks)):
        if kind == "fit":
            top, tall = 0, FIT if view.opened else ALONE
        else:
            top, tall = FIT + 2 * HEAD + first * (HEAD + LAYER), LAYER
            top = top if view.opened else 0  # nothing is drawn there
        domain = [1 - (top + tall) / high, 1 - top / high]
        fig.layout[f"yaxis{panel + 1}"].domain = domain
        fig.layout.annotations[panel].y = domain[1]


def _fit_axes(fig: go.Figure, panel: int, view: MicroscopeView, block: int, row: int) -> None:
    """Give a panel of tau axes that stay the same for all tasks, none where tau has no such row."""
    bounds = view.bounds[block]
    x, y = fig.layout[f"xaxis{panel + 1}"], fig.layout[f"yaxis{panel + 1}"]
    x.visible = y.visible = shown = view.opened and row < len(bounds)
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
        f"<br><span style='color:{SOFT}'>as trained {usual}</span>"
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
                shown = view.opened and tau is not None and row < len(tau)
                values = tau[row] if shown else np.full(view.mean[first].shape[1], np.nan)
                yield {"x": np.arange(len(values)), "y": values}
