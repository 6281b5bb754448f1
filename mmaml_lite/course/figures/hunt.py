"""A hunt for a hidden goal: every step a dot, larger and lighter the nearer; and the way it went.

`lines` and `dots` say once what is drawn, as dictionaries that the live pad takes as they are and
that the plotly twin turns into traces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.numerals import number
from mmaml_lite.course.figures.style import INK, METHOD_STYLES, SOFT, finish

REACH = 1.1  # the plane shows -REACH to REACH in both directions
FAR = 1.0  # a distance from which on all is equally cold
DEEP = 1.5  # the strip of rewards ends at minus this
SIZES = (2.5, 8.0)  # radius of a dot, from far to near
TEXT, RULE = "var(--jp-ui-font-color1,#222)", "var(--jp-border-color2,#ddd)"  # the theme's
WHO = {  # how each row of the comparison is drawn
    "you": INK,
    "goal": METHOD_STYLES["bayes"].color,
    "maml": METHOD_STYLES["maml"].color,
    "mumomaml": METHOD_STYLES["mumomaml"].color,
}


class Earned(NamedTuple):
    """What somebody earned over as many steps as were taken, and had seen of this goal before."""

    label: str
    seen: str
    total: float  # the return
    provisional: bool = False  # whether the weights are


@dataclass(frozen=True)
class HuntView:
    """A hunt as it stands after n steps."""

    number: int  # of the goal, from 1
    steps: int  # how many there may be
    goal: np.ndarray  # (2,)
    positions: np.ndarray  # (n + 1, 2), from the origin on
    rewards: np.ndarray  # (n,)
    pinned: int | None  # after how many steps the rewards left only one place for the goal
    shortest: np.ndarray  # (k + 1, 2), the straight way
    centres: np.ndarray  # (modes, 2)
    spread: float  # of the modes
    modes: bool  # whether they are drawn
    circles: Sequence[int]  # of which rewards, by index, a circle is drawn
    revealed: bool
    script: bool  # whether a script walked
    earned: Mapping[str, Earned]  # by key of WHO, empty until it is revealed


def warmth(rewards: np.ndarray) -> np.ndarray:
    """How near a reward says the goal is, from 0 (far) to 1 (on it)."""
    return np.clip(1 + np.asarray(rewards) / FAR, 0, 1)


def colors(rewards: np.ndarray) -> list[str]:
    """One colour for each reward, from dark (cold) to light (hot)."""
    return sample_colorscale("Plasma", list(warmth(rewards))) if len(rewards) else []


def dots(view: HuntView) -> list[dict[str, Any]]:
    """Every step as a dot, coloured and sized by its reward; last the one who walks; the goal."""
    low, high = SIZES
    sizes = low + (high - low) * warmth(view.rewards)
    drawn = [_dot(view.positions[0], color="#ffffff", size=low)]
    drawn += [
        _dot(place, color=color, size=float(size))
        for place, color, size in zip(view.positions[1:], colors(view.rewards), sizes, strict=True)
    ]
    if not view.revealed:
        return [*drawn[:-1], drawn[-1] | {"label": "you"}]
    return [*drawn, _dot(view.goal, color="#F0E442", size=10.0, symbol="star")]


def _dot(place: np.ndarray, **look: Any) -> dict[str, Any]:
    x, y = np.clip(place, -REACH, REACH)
    return {"x": float(x), "y": float(y), **look}


def lines(view: HuntView) -> list[dict[str, Any]]:
    """Modes, the circles of some rewards, the shortest way, and the trail."""
    drawn = []
    for centre in view.centres if view.modes else ():
        for times in (1, 2, 3):
            drawn.append(_line(*ring(centre, times * view.spread), color="#9a9a9a", width=1))
    for i in view.circles:
        x, y = ring(view.positions[i + 1], -view.rewards[i])
        drawn.append(_line(x, y, color=SOFT, width=1.5, dash="dash"))
    drawn.append(_line(*view.positions.T, color=INK, width=1.5))
    if view.revealed:
        drawn.append(_line(*view.shortest.T, color=INK, width=2.5, dash="dot"))
    return drawn


def _line(x: Sequence[float], y: Sequence[float], **look: Any) -> dict[str, Any]:
    return {"x": np.asarray(x).tolist(), "y": np.asarray(y).tolist(), **look}


def ring(centre: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """A circle as a closed line of 73 points."""
    turn = np.linspace(0, 2 * np.pi, 73)
    return centre[0] + radius * np.cos(turn), centre[1] + radius * np.sin(turn)


def strip(rewards: np.ndarray, steps: int) -> str:
    """The rewards so far as bars that hang from zero: an inline picture in SVG, with its words."""
    slot, tall, left = 380 / steps, 110, 34
    grid = "".join(
        f"<text x='{left - 6}' y='{16 + tall * part:.0f}' text-anchor='end'>"
        f"{number(-part * DEEP) if part else 0}</text>"
        f"<path d='M{left} {12 + tall * part:.0f}h380' stroke='{RULE}'/>"
        for part in (0, 1 / 3, 2 / 3, 1)
    )
    bars = "".join(
        f"<rect x='{left + i * slot:.1f}' y='12' width='{slot - 2:.1f}' "
        f"height='{max(1, min(tall, -reward / DEEP * tall)):.1f}' fill='{color}' "
        "stroke='currentColor'/>"
        for i, (reward, color) in enumerate(zip(rewards, colors(rewards), strict=True))
    )
    under = "".join(
        f"<text x='{left + (i - 0.5) * slot:.0f}' y='{tall + 26}' text-anchor='middle'>{i}</text>"
        for i in (1, *range(5, steps + 1, 5))
    )
    last = f", the last {number(rewards[-1], 2)}" if len(rewards) else ""
    return (
        "<div><b>Reward of every step</b> (short and light: you are near)</div>"
        f"<svg viewBox='0 0 418 {tall + 30}' style='width:100%;max-width:560px;color:{TEXT}' "
        "font-size='11' fill='currentColor' role='img' "
        f"aria-label='{len(rewards)} rewards{last}'>{grid}{bars}{under}</svg>"
    )


def hunt(view: HuntView) -> go.Figure:
    """The plane with the trail, the reward of every step, and what others earned for this goal."""
    title = "A hunt for a hidden goal, by a script" if view.script else "A hunt for a hidden goal"
    fig = make_subplots(
        2,
        2,
        specs=[[{"rowspan": 2}, {}], [None, {}]],
        column_widths=[0.5, 0.5],
        horizontal_spacing=0.12,
        vertical_spacing=0.3,
        subplot_titles=["The plane", "Reward of every step", "Return over these steps"],
    )
    for line in lines(view):
        fig.add_trace(
            go.Scatter(
                x=line["x"],
                y=line["y"],
                mode="lines",
                hoverinfo="skip",
                line={k: line[k] for k in ("color", "width", "dash") if k in line},
            ),
            1,
            1,
        )
    marks = dots(view)
    fig.add_trace(
        go.Scatter(
            x=[dot["x"] for dot in marks],
            y=[dot["y"] for dot in marks],
            mode="markers+text",
            text=[dot.get("label", "") for dot in marks],
            textposition="top center",
            hovertemplate="%{x:.2f}, %{y:.2f}<extra></extra>",
            marker={
                "color": [dot["color"] for dot in marks],
                "opacity": 1,
                "symbol": [dot.get("symbol", "circle") for dot in marks],
                "size": [2 * dot["size"] for dot in marks],
                "line": {"width": 1, "color": INK},
            },
        ),
        1,
        1,
    )
    steps = np.arange(1, len(view.rewards) + 1)
    fig.add_trace(
        go.Bar(
            x=steps,
            y=view.rewards,
            marker={"color": colors(view.rewards), "line": {"width": 1, "color": INK}},
            hovertemplate="step %{x}: %{y:.2f}<extra></extra>",
        ),
        1,
        2,
    )
    earned = dict(reversed(view.earned.items()))  # plotly begins at the bottom
    fig.add_trace(
        go.Bar(
            y=[its.label for its in earned.values()],
            x=[its.total for its in earned.values()],
            orientation="h",
            marker={"color": [WHO[key] for key in earned]},
            hoverinfo="skip",
            text=[number(its.total) for its in earned.values()],
        ),
        2,
        2,
    )
    fig.update_xaxes(range=[-REACH, REACH], constrain="domain", row=1, col=1)
    fig.update_yaxes(range=[-REACH, REACH], scaleanchor="x", constrain="domain", row=1, col=1)
    fig.update_xaxes(
        range=[0.4, view.steps + 0.6], title_text="step", title_standoff=2, row=1, col=2
    )
    says = (
        "**What to see.** Every dot is a step; the larger and lighter, the higher the reward, "
        "which is minus the distance from the goal. When the hunt is over: the goal (star), the "
        "shortest way (dotted), where goals come from (grey rings), and three rewards as circles "
        "(dashed). Where no kernel is running you see an example, walked by a script that is told "
        "nothing but rewards: three steps to feel its way, then it computes where the goal must be."
    )
    others = ", ".join(f"{its.label} {number(its.total)}" for its in view.earned.values())
    words = f"{title}: {len(steps)} steps. Return: {others or 'not yet compared'}."
    finish(fig, 460, title, says, words)
    return fig.update_layout(showlegend=False, margin={"t": 80, "l": 50, "r": 10, "b": 44})
