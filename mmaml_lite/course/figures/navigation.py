"""Walks on the plane: two methods beside each other, over the goal density, and what they earn."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.numerals import number
from mmaml_lite.course.figures.style import INK, METHOD_STYLES, SOFT, finish, refill

SIDES = ("maml", "mumomaml")  # left and right
WINDOW = 1.25  # the plane is shown from minus this to this
COSTS = [1, 3, 10, 30, 100, 300]  # ticks of a return's axis, without the minus
LEAST_COST = 0.5
STAR = {
    "symbol": "star",
    "size": 17,
    "color": "rgba(240,228,66,0.6)",
    "line": {"color": INK, "width": 1.5},
}


class Side(NamedTuple):
    """One method's walks to one goal.

    paths `(n, H + 1, 2)` at the stage shown, first `(m, H + 1, 2)`: those before anything was known
    of the task; returns `(stages,)`, NaN where the method has none.
    """

    paths: np.ndarray
    first: np.ndarray
    returns: np.ndarray


@dataclass(frozen=True)
class WalksView:
    """Walks of two methods to one goal at one stage, and what they earn at every stage.

    goal `(2,)`; centres and spread of the modes; spreads: how far away the nearest is; stage: index
    into names; names, short: the stages, 0 is before modulation; sides: by key of SIDES; headings:
    over the two panels; floors: "goal", "mode" -> return.
    """

    goal: Sequence[float]
    centres: Sequence[Sequence[float]]
    spread: float
    spreads: float
    stage: int
    names: Sequence[str]
    short: Sequence[str]
    sides: Mapping[str, Side]
    headings: Sequence[str]
    floors: Mapping[str, float]


def rings(centres: Sequence[Sequence[float]], spread: float) -> np.ndarray:
    """The goal density's level lines: circles 1, 2 and 3 spreads around each centre `(p, 2)`.

    NaN between two circles.
    """
    turn = np.linspace(0, 2 * np.pi, 49)
    circle = np.append(np.stack([np.cos(turn), np.sin(turn)], 1), [[np.nan, np.nan]], 0)
    return np.concatenate([np.asarray(c) + k * spread * circle for c in centres for k in (1, 2, 3)])


def strokes(paths: np.ndarray) -> dict[str, np.ndarray]:
    """Paths `(n, steps, 2)` as x and y of one trace, NaN between two of them."""
    joined = np.pad(paths.astype(float), ((0, 0), (0, 1), (0, 0)), constant_values=np.nan)
    return {"x": joined[..., 0].ravel(), "y": joined[..., 1].ravel()}


def plane_axes(fig: go.Figure, row: int, column: int, number: int, labels: bool = True) -> None:
    """Make panel `number` a square of the plane, with equal units on both axes."""
    window = [-WINDOW, WINDOW]
    common = {"range": window, "dtick": 0.5, "tick0": 0, "constrain": "domain"}
    common |= {"row": row, "col": column}
    fig.update_xaxes(title_text="x", title_standoff=2, **common)
    anchor = f"x{number if number > 1 else ''}"
    common["constraintoward"] = "top"
    fig.update_yaxes(showticklabels=labels, scaleanchor=anchor, **common)


def cost_axis(fig: go.Figure, **place: int) -> None:
    """Make a y axis one of returns: the trace's y is minus the return, better is higher up."""
    fig.update_yaxes(
        type="log",
        tickvals=COSTS,
        ticktext=[f"−{cost}" for cost in COSTS],
        minor={"ticks": ""},
        **place,
    )


def cost(returns: np.ndarray) -> np.ndarray:
    """Minus the returns, as a logarithmic axis can draw them."""
    return np.maximum(-np.asarray(returns, float), LEAST_COST)


def earned(value: float) -> str:
    """A return in as many digits as a reader can use."""
    return number(value)


def walks(view: WalksView, title: str = "One goal, stage by stage") -> go.Figure:
    """Walks of MAML and MuMoMAML at one stage, and their returns at every stage."""
    fig = make_subplots(
        2,
        2,
        specs=[[{}, {}], [{"colspan": 2}, None]],
        row_heights=[0.64, 0.36],
        horizontal_spacing=0.06,
        vertical_spacing=0.16,
        subplot_titles=[" "] * 3,
    )
    for column, key in enumerate(SIDES, start=1):
        for trace in _plane_traces(key, column == 1):
            fig.add_trace(trace, 1, column)
        plane_axes(fig, 1, column, column, labels=column == 1)
        fig.update_xaxes(title_text="", row=1, col=column)
    for key in SIDES:
        style = METHOD_STYLES[key]
        fig.add_trace(
            go.Scatter(
                mode="lines+markers",
                name=style.label,
                showlegend=False,
                line={"color": style.color, "dash": style.dash, "width": 2.5},
                marker={"symbol": style.symbol, "size": 8, "color": style.color},
                hovertemplate=f"{style.label}, %{{x}}: −%{{y:.1f}}<extra></extra>",
            ),
            2,
            1,
        )
    fig.add_trace(
        go.Scatter(
            mode="markers",
            showlegend=False,
            hoverinfo="skip",
            marker={"symbol": "circle-open", "size": 17, "color": INK, "line": {"width": 2}},
        ),
        2,
        1,
    )
    for name, dash in (("goal", "longdash"), ("mode", "dot")):
        fig.add_trace(
            go.Scatter(
                mode="lines",
                showlegend=False,
                line={"color": SOFT, "width": 1.5, "dash": dash},
                hovertemplate=f"told the {name}: −%{{y:.1f}}<extra></extra>",
            ),
            2,
            1,
        )
    fig.add_trace(
        go.Scatter(
            mode="text",
            showlegend=False,
            textposition="middle right",
            hoverinfo="skip",
            textfont={"size": 11, "color": SOFT},
            text=["told the goal", "told its mode"],
        ),
        2,
        1,
    )
    fig.update_xaxes(
        tickvals=list(range(len(view.names))),
        ticktext=view.short,
        range=[-0.4, len(view.names) + 0.7],
        title={"text": "gradient steps", "standoff": 2, "font_size": 13},
        row=2,
        col=1,
    )
    cost_axis(fig, row=2, col=1)
    fig.update_yaxes(range=[np.log10(300), np.log10(0.5)], row=2, col=1)
    says = (
        "**What to see.** Left MAML, right MuMoMAML: a few walks of 100 steps from the "
        "origin (dots: where they end), at the stage that the slider shows; dotted grey, the first "
        "walk, of one who knows nothing of the task yet. The star is the goal, which no policy "
        "sees; the circles are the density of the goals in training (1, 2, 3 spreads). Below: the "
        "mean return of each stage, on a logarithmic axis, better is higher; rings mark the stage "
        "shown. Grey lines: what one earns who is told the goal, or only its mode."
    )
    finish(fig, 510, title, says, "")
    fig.update_annotations(font_size=13)
    fig.update_layout(
        margin={"t": 98, "l": 46, "r": 8, "b": 44}, legend={"y": 0.945, "font_size": 12}
    )
    redraw_walks(fig, view)
    return fig


def _plane_traces(key: str, legend: bool) -> Iterator[go.Scatter]:
    """Empty traces of one panel, from the back to the front; `_plane_data` fills them."""
    style = METHOD_STYLES[key]
    yield go.Scatter(
        mode="lines",
        name="training goals",
        legendgroup="rings",
        showlegend=legend,
        line={"color": "#9a9a9a", "width": 1},
        hoverinfo="skip",
    )
    yield go.Scatter(
        mode="lines",
        name="first walk",
        legendgroup="first",
        showlegend=legend,
        line={"color": SOFT, "width": 1.5, "dash": "dot"},
        hoverinfo="skip",
    )
    yield go.Scatter(
        mode="lines",
        name="walks now",
        showlegend=False,
        hoverinfo="skip",
        opacity=0.75,
        line={"color": style.color, "width": 1.8},
    )
    yield go.Scatter(
        mode="markers",
        name="where they end",
        showlegend=False,
        hoverinfo="skip",
        marker={
            "color": style.color,
            "symbol": style.symbol,
            "size": 9,
            "line": {"color": "white", "width": 1},
        },
    )
    yield go.Scatter(
        mode="markers",
        name="hidden goal",
        legendgroup="goal",
        showlegend=legend,
        marker=STAR,
        hovertemplate="goal %{x:.2f}, %{y:.2f}<extra></extra>",
    )


def _plane_data(view: WalksView, key: str) -> Iterator[dict[str, Any]]:
    """What the traces of `_plane_traces` show."""
    lines = rings(view.centres, view.spread)
    yield {"x": lines[:, 0], "y": lines[:, 1]}
    yield strokes(view.sides[key].first)
    yield strokes(view.sides[key].paths)
    ends = view.sides[key].paths[:, -1]
    yield {"x": ends[:, 0], "y": ends[:, 1]}
    yield {"x": [view.goal[0]], "y": [view.goal[1]]}


def redraw_walks(fig: go.Figure, view: WalksView) -> None:
    """Put another goal, stage or number of modes into a figure made by `walks`."""
    stages = np.arange(len(view.names))
    data = [part for key in SIDES for part in _plane_data(view, key)]
    returns = {key: view.sides[key].returns for key in SIDES}
    now = np.array([returns[key][view.stage] for key in SIDES])
    data += [{"x": stages, "y": cost(returns[key])} for key in SIDES]
    data.append({"x": np.full(len(now), view.stage), "y": cost(now)})
    levels = np.array([cost(view.floors[name]) for name in ("goal", "mode")])
    data += [{"x": stages, "y": np.full(len(stages), level)} for level in levels]
    beside = levels.copy()  # at the end of its line, and not over each other
    beside[0] = min(beside[0], beside[1] / 2.2)
    data.append({"x": np.full(2, stages[-1] + 0.2), "y": beside})
    refill(fig, data)
    heads = [
        f"<b style='color:{METHOD_STYLES[key].color}'>{METHOD_STYLES[key].label}</b><br>{said}"
        for key, said in zip(SIDES, view.headings, strict=True)
    ]
    for note, text in zip(fig.layout.annotations, [*heads, "<b>return</b>"], strict=True):
        note.text = text
    told = "; ".join(
        f"{METHOD_STYLES[k].label} {', '.join(earned(r) for r in returns[k] if r == r)}"
        for k in SIDES
    )
    x, y = view.goal
    fig.layout.meta = dict(fig.layout.meta) | {
        "alt": f"Walks to the goal ({x:.2f}, {y:.2f}), {view.names[view.stage]}. Mean "
        f"returns, stage by stage: {told}."
    }
