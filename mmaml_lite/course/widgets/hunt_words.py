"""What a hunt says: the line under the plane, and the panel beside it."""

from collections.abc import Mapping

import numpy as np

from mmaml_lite.course.figures import METHOD_STYLES
from mmaml_lite.course.figures.hunt import TEXT, WHO, Earned, HuntView, strip
from mmaml_lite.course.figures.numerals import number
from mmaml_lite.course.figures.table import Html, bar, table

FEELS = {0.05: "there", 0.15: "burning hot", 0.35: "hot", 0.55: "warm", 0.75: "cool"}
SAME = 0.005  # a change of reward that nobody would feel
WHEN = {
    "maml": "after one gradient step",
    "mumomaml": "after modulation, before any gradient step",
}


def feeling(rewards: np.ndarray) -> tuple[str, str]:
    """The last reward in a child's words: how warm it is, and whether warmer or colder."""
    level = next((word for far, word in FEELS.items() if -rewards[-1] < far), "cold")
    change = rewards[-1] - rewards[-2] if len(rewards) > 1 else 0.0
    trend = "" if abs(change) < SAME else "warmer" if change > 0 else "colder"
    return level, trend


def say(view: HuntView) -> str:
    """One line: the last reward, or how the hunt ended."""
    rewards, n = view.rewards, len(view.rewards)
    if view.revealed:
        x, y = view.goal
        ended = f"Goal {view.number} was at ({number(x, 2)}, {number(y, 2)})."
        if not n:
            return f"{ended} No step was taken: there is nothing to compare."
        earned = (f"{its.label} <b>{number(its.total)}</b>" for its in view.earned.values())
        return f"{ended} Return over {n} steps: {'; '.join(earned)}. {knew(view)}"
    if not n:
        return (
            f"Goal {view.number} is hidden. The reward is minus your distance from it. "
            "<b>Take a step.</b>"
        )
    level, trend = feeling(rewards)
    words = f"{trend}: you are {level}" if trend else f"you are {level}"
    return (
        f"Step {n} of {view.steps}: reward <b>{number(rewards[-1], 2)}</b>, {words}. "
        f"Return so far {number(rewards.sum())}."
    )


def knew(view: HuntView) -> str:
    """From when on the rewards alone would have told where the goal is."""
    if view.pinned is None:
        return (
            "Rewards of steps that lie on one line fit two places, one on each side of it: only a "
            "corner tells which."
        )
    return (
        f"After step {view.pinned} the rewards left only one place for it: where the dashed "
        "circles cross."
    )


def panel(view: HuntView, costs: Mapping[int, float | None]) -> str:
    """The rewards so far as bars, then who earned what, then the reader's record, in HTML."""
    parts = [strip(view.rewards, view.steps)]
    if view.earned:
        parts += [_table(view), _notes(view.earned), _record(costs)]
    elif len(view.rewards):
        level, trend = feeling(view.rewards)
        big = "<div aria-hidden='true' style='font-size:26px;line-height:1.7'>"
        parts.append(f"{big}<b>{number(view.rewards[-1], 2)}</b> {trend}</div>You are {level}.")
    return f"<div style='line-height:1.45'>{''.join(parts)}</div>"


def _table(view: HuntView) -> str:
    """Who earned what, and had seen what before."""
    longest = max(-its.total for its in view.earned.values())
    rows = [
        {
            "who": its.label,
            "seen": its.seen,
            "return": Html(f"<b>{number(its.total)}</b>"),
            "bar": bar(-70 * its.total / longest, TEXT if key == "you" else WHO[key]),
        }
        for key, its in view.earned.items()
    ]
    heads = {"who": "who", "seen": "had seen before"}
    heads |= {"return": f"return, {len(view.rewards)} steps", "bar": ""}
    return f"<div style='margin-top:8px'>{table(rows, heads, words=['seen', 'bar'])}</div>"


def _notes(earned: Mapping[str, Earned]) -> str:
    """After what the methods were measured, and whose weights are missing or provisional."""
    told = [f"{METHOD_STYLES[key].label} {when}." for key, when in WHEN.items() if key in earned]
    lacks = [METHOD_STYLES[key].label for key in WHEN if key not in earned]
    if lacks:
        told.append(f"No trained weights of {' and '.join(lacks)} here: left out.")
    marked = [its.label for its in earned.values() if its.provisional]
    if marked:
        told.append(f"<i>Provisional weights: {', '.join(marked)}.</i>")
    return f"<div style='margin-top:4px'>{' '.join(told)}</div>"


def _record(costs: Mapping[int, float | None]) -> str:
    """What the searches cost, goal by goal; from the second on there is something to learn from."""
    listed = ", ".join(
        f"goal {number}: " + ("not found" if cost is None else f"<b>{cost:.1f}</b>")
        for number, cost in costs.items()
    )
    line = f"What not knowing has cost you, in reward: {listed}."
    if sum(cost is not None for cost in costs.values()) > 1:
        line += " Does it get cheaper? Then you are learning where goals <i>tend</i> to be."
    return f"<div style='margin-top:8px'>{line}</div>"
