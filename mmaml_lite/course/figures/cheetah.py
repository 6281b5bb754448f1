"""A half-cheetah's run as a strip of poses, two methods above each other; its course in time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.navigation import SIDES
from mmaml_lite.course.figures.style import INK, METHOD_STYLES, SOFT, finish, refill

POSES = 6  # of a strip, evenly in time
APART = 1.3  # metres between two poses that are both labelled
LEAST = 11.0  # metres of track shown to either side, at least
FLAG = {
    "symbol": "triangle-right",
    "size": 15,
    "color": "#F0E442",
    "line": {"color": INK, "width": 1.5},
}


class Lane(NamedTuple):
    """One method's run at one stage; without weights there is a note, why, and nothing else.

    poses `(T, parts, 2, 2)`; value, mean `(T,)`: what the target is compared with, and its running
    mean; head: a line of words; end: how it ended, in words.
    """

    note: str = ""
    poses: np.ndarray | None = None
    value: np.ndarray | None = None
    mean: np.ndarray | None = None
    head: str = ""
    end: str = ""


@dataclass(frozen=True)
class CheetahView:
    """Two methods running for one target at one stage.

    task: location or speed; target, in unit; seconds: of a step; lanes: by key of SIDES. Besides:
    key of the target with its luck; stage: which one it is; spreads: how far the target is from the
    nearest mode's centre; reels: all stages, by key; wanted: a target that is still looked for.
    """

    task: str
    target: float
    unit: str
    seconds: float
    lanes: Mapping[str, Lane]
    key: tuple
    stage: int
    spreads: float
    reels: Mapping[str, Any]
    wanted: tuple | None = None


def strip(poses: np.ndarray, count: int = POSES) -> np.ndarray:
    """Which frames of `(T, ...)` a strip shows: the first, the last, and some evenly between."""
    return np.linspace(0, len(poses) - 1, count).round().astype(int)


def segments(pose: np.ndarray) -> dict[str, np.ndarray]:
    """A pose `(parts, 2, 2)` as x and y of one trace, NaN between two parts."""
    joined = np.pad(pose.astype(float), ((0, 0), (0, 1), (0, 0)), constant_values=np.nan)
    return {"x": joined[..., 0].ravel(), "y": joined[..., 1].ravel()}


def cheetah(view: CheetahView, title: str = "Two half-cheetahs, one hidden target") -> go.Figure:
    """Strips of poses of MAML and MuMoMAML on the track at one stage, and their course in time."""
    fig = make_subplots(
        3, 1, row_heights=[0.2, 0.2, 0.6], vertical_spacing=0.135, subplot_titles=[" "] * 3
    )
    for row, key in enumerate(SIDES, start=1):
        for trace in _lane_traces(key, row == 1):
            fig.add_trace(trace, row, 1)
        anchor = f"x{row if row > 1 else ''}"
        fig.update_yaxes(
            range=[0, 1.9], visible=False, scaleanchor=anchor, constrain="domain", row=row, col=1
        )
        fig.update_xaxes(ticksuffix=" m", zeroline=False, row=row, col=1)
    for key in SIDES:
        style = METHOD_STYLES[key]
        for width, opacity in ((1, 0.3), (2.5, 1)):
            fig.add_trace(
                go.Scatter(
                    mode="lines",
                    showlegend=False,
                    opacity=opacity,
                    line={
                        "color": style.color,
                        "width": width,
                        "dash": style.dash if width > 1 else "solid",
                    },
                    hovertemplate=f"{style.label}: %{{y:.2f}} at %{{x:.2f}} s<extra></extra>",
                ),
                3,
                1,
            )
    fig.add_trace(
        go.Scatter(
            mode="lines",
            name="target (hidden from both)",
            hoverinfo="skip",
            line={"color": INK, "width": 1.5, "dash": "dot"},
        ),
        3,
        1,
    )
    fig.update_xaxes(title_text="seconds", title_standoff=2, row=3, col=1)
    finish(fig, 580, title, SAYS, "")
    fig.update_annotations(font_size=13, x=0, xanchor="left")
    fig.update_layout(margin={"t": 86, "l": 60, "r": 12, "b": 44}, legend={"y": 0.94})
    redraw_cheetah(fig, view)
    return fig


SAYS = (
    "**What to see.** One run of MAML and one of MuMoMAML at the stage that is chosen: of its "
    "five the one whose return is nearest their mean (five as in training; the test takes ten, "
    "which would keep you waiting). No policy is shown the target: a flag on the track, or with a "
    "target speed, where the place does not matter, a mark on the speedometer. Below, the torso's "
    "x or speed over time (speed: thin each step, thick the mean of half a second). Where nothing "
    "can move, as on paper, the animal stands at every second second, darker is later."
)


def _lane_traces(key: str, legend: bool) -> Iterator[go.Scatter]:
    """Empty traces of one lane: the poses from early to late, when they are, and the flag."""
    color = METHOD_STYLES[key].color
    for opacity in np.linspace(0.3, 1, POSES):
        yield go.Scatter(
            mode="lines",
            showlegend=False,
            hoverinfo="skip",
            opacity=opacity,
            line={"color": color, "width": 3.5},
        )
    yield go.Scatter(
        mode="text",
        showlegend=False,
        hoverinfo="skip",
        textposition="top center",
        textfont={"size": 11, "color": SOFT},
    )
    yield go.Scatter(
        mode="lines+markers",
        name="flag: the target",
        showlegend=False,
        hoverinfo="skip",
        line={"color": INK, "width": 2},
        marker=FLAG | {"opacity": [0, 1]},
    )


def _lane_data(view: CheetahView, key: str) -> Iterator[dict[str, Any]]:
    """Values of those traces."""
    lane, nothing = view.lanes[key], np.array([np.nan])
    shown = [] if lane.poses is None else strip(lane.poses)
    for frame in shown:
        yield segments(lane.poses[frame])
    for _ in range(POSES - len(shown)):
        yield {"x": nothing, "y": nothing}
    at = [lane.poses[frame][0].mean(0) for frame in shown]
    told: list[int] = []  # those with room for a word above
    for i in range(len(at)):
        if all(abs(at[i][0] - at[j][0]) > APART for j in told):
            told.append(i)
    yield {
        "x": np.array([at[i][0] for i in told]),
        "y": np.array([1.3 for _ in told]),
        "text": [f"{shown[i] * view.seconds:g} s" for i in told],
    }
    flag = view.target if view.task == "location" and lane.poses is not None else np.nan
    yield {"x": np.array([flag, flag]), "y": np.array([0, 1.1])}


def _course_data(view: CheetahView) -> Iterator[dict[str, Any]]:
    """Values of the traces in the lower panel."""
    longest = 1
    for key in SIDES:
        lane = view.lanes[key]
        value = np.asarray([np.nan] if lane.value is None else lane.value, float)
        mean = np.asarray([np.nan] if lane.mean is None else lane.mean, float)
        time = view.seconds * np.arange(len(value))
        longest = max(longest, len(value))
        yield {"x": time, "y": value}
        yield {"x": time, "y": mean}
    end = view.seconds * (longest - 1)
    yield {"x": np.array([0, end]), "y": np.array([view.target, view.target], float)}


def redraw_cheetah(fig: Any, view: CheetahView) -> None:
    """Show another target or stage in place."""
    refill(fig, [*(d for key in SIDES for d in _lane_data(view, key)), *_course_data(view)])
    lanes = [view.lanes[key] for key in SIDES]
    filmed = [lane.poses for lane in lanes if lane.poses is not None]
    places = [poses[strip(poses)][..., 0] for poses in filmed]
    low, high = (
        min((p.min() for p in places), default=0),
        max((p.max() for p in places), default=0),
    )
    window = [min(-LEAST, float(low) - 1), max(LEAST, float(high) + 1)]
    fig.update_xaxes(range=window, row=1, col=1)
    fig.update_xaxes(range=window, row=2, col=1)
    for i, (key, lane) in enumerate(zip(SIDES, lanes, strict=True)):
        head = lane.note or lane.head
        fig.layout.annotations[i].text = f"<b>{METHOD_STYLES[key].label}</b>, {head}"
    sort = "x" if view.task == "location" else "speed"
    fig.layout.annotations[2].text = f"the torso's {sort}, target {view.target:g} {view.unit}"
    fig.update_yaxes(title_text=f"{sort} ({view.unit})", row=3, col=1)
    words = "; ".join(
        f"{METHOD_STYLES[key].label} {lane.note or lane.head + ', ' + lane.end}"
        for key, lane in zip(SIDES, lanes, strict=True)
    )
    fig.update_layout(
        meta={
            "caption": SAYS,
            "alt": f"Half-cheetahs, target {view.task} {view.target:g} {view.unit}: {words}.",
        }
    )
