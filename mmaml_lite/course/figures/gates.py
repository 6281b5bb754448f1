"""Six units, a gate on each, and the curve that they add up to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from mmaml_lite.course.figures.style import INK, METHOD_STYLES, SOFT, finish, refill

ACTIVE = METHOD_STYLES["mumomaml"].color
TOP, ROW, HEAD, FOOT = 90, 68, 18, 30  # pixels: above the units, of a unit, its title, below
LEFT, RIGHT = [0.0, 0.38], [0.48, 0.99]  # of the width: the units, what they make
RULES = {
    "softmax": "all ≥ 0, their sum is 1",
    "sigmoid": "each between 0 and 1",
    "film": "γ and β (hatched)",
}


@dataclass(frozen=True)
class GatesView:
    """A layer of a few units, its modulation, and the curve they add up to.

    gate: softmax, sigmoid or film; tau `(rows, units)`; x `(grid,)`; added, added_before
    `(units, grid)`: what each unit adds, with modulation and without; curve, before `(grid,)`:
    their sums; target `(grid,)` or None; off: the curve's distance from it.
    """

    gate: str
    tau: np.ndarray
    x: np.ndarray
    added: np.ndarray
    added_before: np.ndarray
    curve: np.ndarray
    before: np.ndarray
    target: np.ndarray | None
    off: float | None


def gates(view: GatesView, title: str = "Six units, modulated, and their sum") -> go.Figure:
    """Left, unit below unit, what each adds to the curve; right, the curve, and tau as bars.

    A unit's row is ROW pixels high and the first begins TOP pixels below the upper edge, so that
    faders can stand beside them.
    """
    units = len(view.added)
    fig = go.Figure()
    high = units * ROW
    for i in range(units):
        top = i * ROW + HEAD
        _panel(fig, i + 1, LEFT, [1 - (top + ROW - HEAD - 4) / high, 1 - top / high])
    _panel(fig, units + 1, RIGHT, [0.46, 1 - HEAD / high])
    _panel(fig, units + 2, RIGHT, [0.0, 0.46 - 2.6 * HEAD / high])
    for panel in range(1, units + 2):
        whole = panel > units  # the curve, not one unit's share
        place = _axes(panel)
        fig.add_trace(_line("unmodulated", SOFT, "dot", 2, whole).update(place))
        fig.add_trace(_line("modulated", ACTIVE, "solid", 3, whole).update(place))
        reach = 4 if whole else 8
        labels = panel in (units, units + 1)
        fig.update_layout(
            {
                f"xaxis{panel}": {
                    "range": [-5, 5],
                    "tickvals": [-5, 0, 5],
                    "showticklabels": labels,
                },
                f"yaxis{panel}": {
                    "range": [-reach, reach],
                    "tickvals": [-reach, 0, reach],
                    "zerolinecolor": "#bdbdbd",
                },
            }
        )
    fig.add_trace(_line("target", INK, "dash", 2, True).update(_axes(units + 1)))
    for name, color, hatch in (("γ, the scale", ACTIVE, ""), ("β, the shift", "white", "/")):
        fig.add_trace(
            go.Bar(
                name=name,
                showlegend=False,
                marker={
                    "color": color,
                    "line": {"color": ACTIVE, "width": 1.5},
                    "pattern": {"shape": hatch, "fgcolor": ACTIVE, "size": 6},
                },
                hovertemplate=f"unit %{{x}}: {name[0]} = %{{y:.2f}}<extra></extra>",
                **_axes(units + 2),
            )
        )
    fig.layout[f"xaxis{units + 2}"].tickvals = list(range(1, units + 1))
    says = (
        "**What to see.** Left, one panel for each unit: what it adds to the curve, its ramp "
        "times its output weight; dotted without modulation, thick with it. Right: the curve, "
        "which is the sum of the six, and τ, made of the faders by the library's own functions, "
        "one bar for each unit. This little layer was written by hand so that every unit can be "
        "seen; nothing in it was trained."
    )
    finish(fig, TOP + high + FOOT, title, says, "")
    fig.update_layout(
        margin={"t": TOP, "l": 30, "r": 10, "b": FOOT},
        legend={"y": 1 - 34 / fig.layout.height, "font": {"size": 12}},
        bargap=0.25,
    )
    redraw_gates(fig, view)
    return fig


def _axes(panel: int) -> dict[str, str]:
    """The axes of a panel, as a trace names them."""
    number = "" if panel == 1 else str(panel)
    return {"xaxis": f"x{number}", "yaxis": f"y{number}"}


def _panel(fig: go.Figure, panel: int, across: list[float], up: list[float]) -> None:
    """Make room for a panel, as shares of the picture, and for its title above it."""
    number = "" if panel == 1 else str(panel)
    fig.update_layout(
        {
            f"xaxis{panel}": {"domain": across, "anchor": f"y{number}"},
            f"yaxis{panel}": {"domain": up, "anchor": f"x{number}"},
        }
    )
    fig.add_annotation(
        x=across[0],
        y=up[1],
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="bottom",
        showarrow=False,
        font={"size": 12},
        borderpad=0,
    )


def _line(name: str, color: str, dash: str, width: float, legend: bool) -> go.Scatter:
    return go.Scatter(
        mode="lines",
        name=name,
        showlegend=legend,
        hoverinfo="skip",
        line={"color": color, "dash": dash, "width": width, "simplify": False},
    )


def redraw_gates(fig: go.Figure, view: GatesView) -> None:
    """Put another state of the same layer into a figure made by `gates`."""
    refill(fig, _traces(view))
    units, axis = len(view.added), _axis(view)
    fig.layout[f"yaxis{units + 2}"].range = axis
    notes = fig.layout.annotations
    away = "" if view.off is None else f" · {view.off:.2f} off"
    for unit, tau in enumerate(view.tau.T):
        says = f"{tau[0]:.2f}" if len(tau) == 1 else f"γ {tau[0]:.2f}, β {tau[1]:.2f}"
        notes[unit].text = f"<b>{unit + 1}</b> · {says}"
    notes[units].text = f"<b>the curve</b>{away}"
    notes[units + 1].text = f"<b>τ</b> · {RULES[view.gate]}"
    scales = ", ".join(f"{v:.2f}" for v in view.tau[0])
    told = "" if view.off is None else f"; {view.off:.2f} from the target"
    words = f"{view.gate} on six units; scales {scales}{told}."
    fig.layout.meta = dict(fig.layout.meta) | {"alt": words}


def _axis(view: GatesView) -> list[float]:
    """An axis that holds all entries of tau and changes in few jumps."""
    if view.gate != "film":
        return [0, 1.05]
    largest = float(np.abs(view.tau).max())
    reach = next((r for r in (2, 4, 8) if largest <= 0.95 * r), 16)
    return [-reach, reach]


def _traces(view: GatesView) -> Iterator[dict[str, np.ndarray]]:
    """What every trace shows, in the order of the traces."""
    x, units = view.x, np.arange(1, len(view.added) + 1)
    for before, after in zip(view.added_before, view.added, strict=True):
        yield {"x": x, "y": before}
        yield {"x": x, "y": after}
    yield {"x": x, "y": view.before}
    yield {"x": x, "y": view.curve}
    yield {"x": x, "y": np.full(len(x), np.nan) if view.target is None else view.target}
    scale, *shift = view.tau
    yield {"x": units, "y": scale}
    yield {"x": units, "y": shift[0] if shift else np.full(len(units), np.nan)}


def reach(
    nearest: Mapping[str, Mapping[str, float]],
    title: str = "How near can each gate come to each target?",
) -> go.Figure:
    """Groups of bars; nearest: target -> gate -> the smallest distance that its faders reach."""
    targets, names = list(nearest), list(next(iter(nearest.values())))
    off = np.array([[nearest[target][name] for name in names] for target in targets])
    fig = go.Figure()
    looks = [("white", "/", SOFT), ("#bdbdbd", "", SOFT), (ACTIVE, "", ACTIVE)]
    for name, column, (color, hatch, edge) in zip(names, off.T, looks, strict=False):
        fig.add_trace(
            go.Bar(
                y=list(targets),
                x=column,
                name=name,
                orientation="h",
                text=[f"{v:.2f}" for v in column],
                textposition="outside",
                cliponaxis=False,
                marker={
                    "color": color,
                    "line": {"color": edge, "width": 1.5},
                    "pattern": {"shape": hatch, "fgcolor": SOFT, "size": 6},
                },
                hovertemplate=f"{name}, %{{y}}: %{{x:.2f}}<extra></extra>",
            )
        )
    says = (
        "**What to see.** The best setting of each gate's faders that gradient descent (from 32 "
        "starts) or thinking found, as a distance between curves (root mean square; 0 is perfect). "
        "The faders go from -4 to 4, so a gate comes near 0 and 1 and never there."
    )
    words = "; ".join(
        f"{t}: " + ", ".join(f"{n} {v:.2f}" for n, v in zip(names, row, strict=True))
        for t, row in zip(targets, off, strict=True)
    )
    finish(fig, 400, title, says, f"{title} {words}.")
    fig.update_layout(margin={"t": 84, "l": 130, "r": 50, "b": 44}, legend={"y": 0.89}, bargap=0.3)
    fig.update_traces(textfont={"size": 12}, textangle=0)
    fig.update_yaxes(autorange="reversed")
    fig.update_xaxes(title_text="distance from the target", rangemode="tozero")
    return fig
