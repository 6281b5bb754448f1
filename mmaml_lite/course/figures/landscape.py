"""The map of a two-weight learner's outer loss, with what gradient steps do there as arrows.

`marks`, `arrows` and `fit_lines` say once what is drawn, as dictionaries that the live pad takes as
they are and that the plotly twin turns into traces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.style import INK, METHOD_STYLES, SOFT, error_text, finish

EDGES = 0.1 * 1.5 ** np.arange(13)  # loss at which one band of colour ends and the next begins
BLUE = METHOD_STYLES["maml"].color
LENGTH, MIDDLE = 1.8, 0.6  # longest arrow, in units of the plane; slope that gets half of it
GRADIENTS = {  # name in the key, look
    "exact": ("outer step, exact gradient", {"color": BLUE, "width": 7, "dash": "solid"}),
    "difference": ("the same by finite differences", {"color": INK, "width": 2, "dash": "dash"}),
    "first_order": ("to first order only", {"color": BLUE, "width": 3, "dash": "dot"}),
}
BESTS = {"best": "best after learning", "best_before": "best before learning"}


@dataclass(frozen=True)
class LandscapeView:
    """The map of the outer loss around one theta, and one task's fit beside it.

    shifts `(columns,)`, heights `(rows,)`, loss `(rows, columns)`; background: whether that is the
    loss "before" or "after" learning; reveal: whether the best places are drawn; theta, best,
    best_before `(2,)`; own `(tasks, 2)`; paths `(tasks, steps + 1, 2)`.
    exact, difference, first_order `(2,)`: gradients of the outer loss; error, first_order_error: of
    the last two, relative to the exact one. before, after: loss at theta, averaged over the tasks;
    least: the least one after learning on the map; rival: what pretraining's favourite gets;
    better: the share of the map that beats theta.
    task: the index of the one whose x, truth `(grid,)`, curves `(stages, grid)`, seen_x, seen_y
    `(K,)` and task_loss (before, after) follow.
    """

    shifts: np.ndarray
    heights: np.ndarray
    loss: np.ndarray
    background: str
    reveal: bool
    theta: np.ndarray
    best: np.ndarray
    best_before: np.ndarray
    own: np.ndarray
    paths: np.ndarray
    exact: np.ndarray
    difference: np.ndarray
    first_order: np.ndarray
    error: float
    first_order_error: float
    before: float
    after: float
    least: float
    rival: float
    better: float
    task: int
    x: np.ndarray
    truth: np.ndarray
    curves: np.ndarray
    seen_x: np.ndarray
    seen_y: np.ndarray
    task_loss: tuple[float, float]


def _shades() -> np.ndarray:
    """One pale colour for each band `(bands, 3)`, from viridis: the lower the loss, the lighter."""
    colors = sample_colorscale("Viridis_r", list(np.linspace(0, 1, len(EDGES) + 1)))
    strong = np.array([[float(c) for c in text[4:-1].split(",")] for text in colors])
    return np.rint(0.62 * strong + 0.38 * 255).astype(int)  # pale, so that arrows stand out


SHADES = _shades()


def _stretch(samples: int, factor: int) -> np.ndarray:
    """Matrix `(factor * samples, samples)` that interpolates linearly between samples."""
    at = (np.arange(factor * samples) + 0.5) / (factor * samples) * (samples - 1)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(samples)))


def bands(loss: np.ndarray, factor: int = 4) -> np.ndarray:
    """Colours `(height, width, 3)` of a map `(rows, columns)`, its last row on top."""
    rows, columns = loss.shape
    fine = _stretch(rows, factor) @ np.log(loss) @ _stretch(columns, factor).T
    band = np.digitize(fine[::-1], np.log(EDGES))
    edge = np.zeros(band.shape, dtype=bool)
    edge[:-1] |= band[:-1] != band[1:]
    edge[:, :-1] |= band[:, :-1] != band[:, 1:]
    return np.where(edge[..., None], 0.72 * SHADES[band], SHADES[band])


def arrows(view: LandscapeView) -> list[dict[str, Any]]:
    """Each task's last inner step, and where the outer step would push theta, three times over.

    The gradients are drawn downhill and to one scale, the exact one never longer than LENGTH.
    """
    drawn = [
        _arrow(path[-2], path[-1], color=INK, width=3 if i == view.task else 1.5)
        for i, path in enumerate(view.paths)
        if len(path) > 1
    ]
    scale = LENGTH / (MIDDLE + np.linalg.norm(view.exact))
    for key, (_, look) in GRADIENTS.items():
        step = -scale * getattr(view, key)
        step = step * min(1, 1.5 * LENGTH / max(np.linalg.norm(step), 1e-12))
        drawn.append(_arrow(view.theta, view.theta + step, **look))
    return drawn


def _arrow(tail: np.ndarray, head: np.ndarray, **look: Any) -> dict[str, Any]:
    return {"tail": tail.tolist(), "head": head.tolist(), **look}


def marks(view: LandscapeView) -> list[dict[str, Any]]:
    """Rings where each task's own wave lies, the tasks' paths from theta, and the best places."""
    drawn = []
    for i, (own, path) in enumerate(zip(view.own, view.paths, strict=True)):
        width = 3 if i == view.task else 1.5
        drawn.append(_line(*_polygon(own, 24, 0.09), color=INK, width=width, label=str(i + 1)))
        drawn.append(_line(*path.T, color=INK, width=width))
    for key, label in BESTS.items() if view.reveal else ():
        color = BLUE if key == "best" else METHOD_STYLES["pretrained"].color
        star = _polygon(getattr(view, key), 10, 0.16, inner=0.4)
        drawn.append(_line(*star, color=color, width=3, label=label))
    return drawn


def _line(x: Sequence[float], y: Sequence[float], **look: Any) -> dict[str, Any]:
    return {"x": np.asarray(x).tolist(), "y": np.asarray(y).tolist(), **look}


def _polygon(centre: np.ndarray, corners: int, radius: float, inner: float = 1.0):
    """A ring of corners, or a star when every other corner lies further in; it ends on top."""
    turn = np.pi / 2 + np.linspace(0, 2 * np.pi, corners + 1)
    size = radius * np.where(np.arange(corners + 1) % 2, inner, 1.0)
    return centre[0] + size * np.cos(turn), centre[1] + size * np.sin(turn)


def fit_lines(view: LandscapeView) -> list[dict[str, Any]]:
    """One task seen as curves: its wave, theta's wave before and after learning, its points."""
    x = view.x
    drawn = [
        _line(x, view.truth, color=INK, width=1.5),
        _line(x, view.curves[0], color=BLUE, width=2.5, dash="dot"),
        _line(x, view.curves[-1], color=BLUE, width=3),
    ]
    for a, b in zip(view.seen_x, view.seen_y, strict=True):
        for slope in (-1, 1):
            arm_x, arm_y = np.array([-0.14, 0.14]), slope * np.array([-0.22, 0.22])
            drawn.append(_line(a + arm_x, b + arm_y, color=INK, width=2.5))
    return drawn


def heading(view: LandscapeView) -> str:
    """What the colours of the map mean at present."""
    steps = len(view.paths[0]) - 1
    if view.background == "before":
        return "Colour: loss before learning, which pretraining makes small"
    return f"Colour: loss after {steps} inner step{'' if steps == 1 else 's'}: MAML's outer loss"


def fit_heading(view: LandscapeView) -> str:
    """The chosen task and its query loss before and after."""
    before, after = view.task_loss
    return f"Task {view.task + 1}: loss on its query set {error_text(before)} → {error_text(after)}"


def key() -> str:
    """What colours and arrows stand for, as HTML; its class turns dark with the pad's."""
    cells = "".join(
        f"<span style='background:rgb{tuple(map(int, shade))};width:30px;display:inline-block;"
        f"text-align:center;font-size:10px;line-height:16px'>{text}</span>"
        for shade, text in zip(SHADES, ["<0.1", *(f"{e:.2g}" for e in EDGES)], strict=True)
    )
    swatches = list(GRADIENTS.values())
    swatches.append(("inner steps of each task", {"color": INK, "width": 1.5, "dash": "solid"}))
    dashes = {"solid": "", "dash": "7 4", "dot": "2 3"}
    lines = "&emsp;".join(
        f"<svg width='34' height='10' aria-hidden='true'><path d='M0 5H34' stroke='{look['color']}'"
        f" stroke-width='{look['width']}' stroke-dasharray='{dashes[look['dash']]}'/></svg> {name}"
        for name, look in swatches
    )
    look = f"class='mmaml-key' style='line-height:1.6;color:{INK}'"
    return f"<div {look}>loss from {cells} up<br>{lines}</div>"


def landscape(view: LandscapeView, title: str = "A learner with two weights") -> go.Figure:
    """The map with arrows, and one task's fit beside it: the static twin of the explorer."""
    fig = make_subplots(
        1,
        2,
        column_widths=[0.6, 0.4],
        horizontal_spacing=0.14,
        subplot_titles=[heading(view), fit_heading(view)],
    )
    stops = zip(np.linspace(0, 1, len(SHADES)), SHADES, strict=True)
    start, size = np.log10(EDGES[0]), np.log10(1.5)
    fig.add_trace(
        go.Contour(
            x=view.shifts,
            y=view.heights,
            z=np.log10(view.loss).round(3),
            colorscale=[[stop, f"rgb{tuple(map(int, shade))}"] for stop, shade in stops],
            contours={"start": start, "end": np.log10(EDGES[-1]) + size / 2, "size": size},
            line={"width": 0.5, "color": SOFT},
            hoverinfo="skip",
            colorbar={
                "x": 0.53,
                "thickness": 12,
                "tickvals": np.log10(EDGES[::2]),
                "ticktext": [f"{e:.2g}" for e in EDGES[::2]],
            },
        ),
        1,
        1,
    )
    for mark in marks(view):
        text = [""] * (len(mark["x"]) - 1) + [mark.get("label", "")]
        fig.add_trace(_trace(mark, text, "top center"), 1, 1)
    for arrow in arrows(view):
        x, y = zip(arrow["tail"], arrow["head"], strict=True)
        trace = _trace(arrow | {"x": x, "y": y})
        trace.update(
            mode="lines+markers",
            marker={
                "symbol": "arrow",
                "angleref": "previous",
                "color": arrow["color"],
                "size": [0, 9 + 1.5 * arrow["width"]],
                "line": {"width": 1, "color": arrow["color"]},
            },
        )
        fig.add_trace(trace, 1, 1)
    place = {"x": [view.theta[0]], "y": [view.theta[1]], "color": INK, "width": 1}
    fig.add_trace(_trace(place, ["<b>θ</b>"], "bottom center"), 1, 1)
    fig.data[-1].update(mode="markers+text", marker={"size": 10, "color": "white", "line_width": 2})
    for line in fit_lines(view):
        fig.add_trace(_trace(line), 1, 2)
    fig.update_xaxes(range=view.shifts[[0, -1]], title_text="θ₁, the wave's shift", row=1, col=1)
    fig.update_yaxes(range=view.heights[[0, -1]], title_text="θ₂, its height", row=1, col=1)
    fig.update_yaxes(scaleanchor="x", constrain="domain", row=1, col=1)  # angles are true
    fig.update_xaxes(constrain="domain", row=1, col=1)
    fig.update_xaxes(range=view.x[[0, -1]], title_text="x", row=1, col=2)
    fig.update_yaxes(range=[-6, 6], row=1, col=2)
    says = (
        "**What to see.** Every place on the map is a θ: a wave, moved by θ₁ and θ₂ tall. Rings: "
        "the waves behind tasks 1 to 4. Thin and black: where each task's inner steps lead from θ. "
        "Blue: where the outer step pushes θ; dashed on top of it, the same arrow found by mere "
        "trying (finite differences); dotted, what first-order MAML makes of it. Beside the map: "
        "one task, its points and the wave behind them; blue dotted is θ, blue solid what θ "
        "becomes after learning."
    )
    finish(fig, 460, title, says, f"{title}. {heading(view)}. {fit_heading(view)}.")
    fig.update_layout(showlegend=False, margin={"t": 80, "l": 50, "r": 10, "b": 44})
    return fig


def _trace(line: Mapping[str, Any], text: list[str] | None = None, side: str = "") -> go.Scatter:
    """A line of the pad as a plotly trace."""
    return go.Scatter(
        x=line["x"],
        y=line["y"],
        mode="lines+text" if text else "lines",
        text=text,
        textposition=side or None,
        hoverinfo="skip",
        line={"color": line["color"], "width": line["width"], "dash": line.get("dash", "solid")},
    )
