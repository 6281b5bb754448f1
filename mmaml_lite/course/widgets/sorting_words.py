"""What the sorting game says: the line under the board, the scores, and confusions in pictures."""

import statistics
from collections.abc import Sequence
from html import escape

import numpy as np

from mmaml_lite.course.figures.sorting import LETTERS, WHO, SortingView, out_of, png, tiled
from mmaml_lite.course.figures.table import Html, bar, table
from mmaml_lite.course.studies.sorting import Mistake, interval, mistakes

SOURCES = {
    "omniglot": "<b>Omniglot</b> (characters of real alphabets, drawn by 20 people)",
    "strokes": "<b>invented characters</b> (the course's own, new in every deal)",
}
TOLD = "None of them was used in any training."


def data(source: str) -> str:
    """Which data set the drawings of a deal come from, in HTML."""
    name = source.removeprefix("inverted_")
    ink = ", white on black" if name != source else ""
    return f"Drawings: {SOURCES[name]}{ink}. {TOLD}"


def say(view: SortingView) -> str:
    """One line: how far the deal is, and at its end how everyone did."""
    what = f"Deal {view.number}" if view.number else "An example deal"
    if not view.over:
        right, done = view.players["you"].score
        if not done:
            alone = len(view.players) == 1
            others = "" if alone else "The machines answer the same, hidden from you."
            return f"{what}: {len(view.truth)} new drawings to sort. {others}".strip()
        return f"{what}: {done} of {len(view.truth)} sorted, <b>{right}</b> right."
    scores = [f"{p.label} <b>{out_of(p.score)}</b>" for p in view.players.values() if p.picks]
    if not scores:
        return f"{what} of {view.ways} characters: no machine has weights, nobody has sorted."
    return f"{what}, {view.ways} characters. Right: {'; '.join(scores)}."


def panel(view: SortingView) -> str:
    """Under the board: how everyone did over all deals, and what was confused, in HTML."""
    parts = []
    if view.deals:
        parts.append(_totals(view))
    if view.over:
        parts.append(_confusions(view))
    parts += [f"<div style='margin-top:6px'>{note}</div>" for note in notes(view)]
    # contain: a table that is too wide scrolls instead of widening everything
    look = "line-height:1.45;max-width:960px;contain:inline-size"
    return f"<div style='{look}'>{''.join(parts)}</div>"


def notes(view: SortingView) -> list[str]:
    """What the reader should know about the machines, in HTML."""
    found = [escape(note) for note in view.notes]
    if lacks := view.lacks:
        alone = len(view.players) == 1
        who = "No machine plays" if alone else "Not everyone plays"
        found.append(
            f"<b>{who}:</b> there are no trained weights of {', '.join(lacks)} for "
            f"<code>{view.setting}</code>." + (" You sort alone." if alone else "")
        )
    if marked := view.provisional:
        found.append(f"<i>Provisional weights: {', '.join(marked)}.</i>")
    return found


def _totals(view: SortingView) -> str:
    """Everyone's score over all deals of this size, and the time that a drawing took."""
    rows = []
    for key, player in view.players.items():
        right, of = player.total
        if not of:
            continue
        share, (low, high) = right / of, interval(right, of)
        rows.append(
            {
                "who": player.label,
                "right": Html(f"<b>{out_of(player.total)}</b>"),
                "share": Html(f"<b>{_percent(share)}</b>"),
                "bar": bar(110 * share, "currentColor" if key == "you" else WHO[key]),
                "interval": f"{_percent(low)} to {_percent(high)}",
                "time": _pace(player.seconds),
            }
        )
    if not rows:
        return ""
    heads = {"who": "", "right": "right", "share": "", "bar": ""}
    heads |= {"interval": "95 % interval*", "time": "time each"}
    says = (
        "* so few drawings leave that much open. Everyone is judged on the drawings that you "
        "sorted. Time: your median; the machines' has their learning in it."
    )
    deals = "one deal" if view.deals == 1 else f"{view.deals} deals"
    return (
        f"<div style='margin-top:10px'><b>The score so far: {deals}, {view.ways} characters"
        f"</b></div><div style='overflow-x:auto'>{table(rows, heads, says, ['bar'])}</div>"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _pace(seconds: Sequence[float]) -> str:
    """The median time, in seconds or milliseconds."""
    if not seconds:
        return ""
    middle = statistics.median(seconds)
    if middle >= 0.1:
        return f"{middle:.1f} s"
    return f"{1000 * middle:.0f} ms" if middle >= 0.001 else "< 1 ms"


def _confusions(view: SortingView) -> str:
    """Every drawing of the deal that somebody took for another character, as pictures."""
    picks = {key: player.picks for key, player in view.players.items()}
    if not any(picks.values()):
        return ""
    found = mistakes(view.truth, picks)
    if not found:
        return "<div style='margin-top:8px'>Nobody confused anything in this deal.</div>"
    cards = "".join(_confusion(view, mistake) for mistake in found)
    return (
        "<div style='margin-top:8px'><b>What was confused</b></div>"
        f"<div style='display:flex;flex-wrap:wrap;gap:10px'>{cards}</div>"
    )


def _confusion(view: SortingView, mistake: Mistake) -> str:
    """One drawing, what it is, and what everyone took it for."""
    taken: dict[int, list[str]] = {}
    for who, pick in mistake.picks.items():
        taken.setdefault(pick, []).append(who)
    wrong = {pick: who for pick, who in taken.items() if pick != mistake.truth}
    pictures = _picture(view.drawings[mistake.drawing], "the drawing", SEEN)
    pictures += "<span style='align-self:center'>is</span>"
    pictures += _example(view, mistake.truth, RIGHT)
    pictures += "<span style='align-self:center'>not</span>"
    pictures += "".join(_example(view, pick, WRONG) for pick in wrong)
    labels = {key: escape(player.label) for key, player in view.players.items()}
    labels["prototypes"] = "the prototypical network"
    told = [
        f"{_listed([labels[w] for w in who])} took it for <b>{LETTERS[pick]}</b>"
        for pick, who in wrong.items()
    ]
    knew = taken.get(mistake.truth, [])
    if knew:
        told.append(f"{_listed([labels[w] for w in knew])} knew")
    text = "; ".join(told)
    return (
        "<div style='box-sizing:border-box;width:310px;padding:6px 10px;border:1px solid #bbb;"
        "border-radius:8px'>"
        f"<div style='display:flex;gap:8px'>{pictures}</div>"
        f"<div style='font-size:13px;margin-top:4px'>{text[0].upper()}{text[1:]}.</div></div>"
    )


SEEN, RIGHT, WRONG = "2px solid #222", "2px dashed #00704a", "2px solid #a40000"


def _example(view: SortingView, pick: int, edge: str) -> str:
    letter = LETTERS[pick]
    return _picture(tiled(view.examples[pick]), letter, edge, letter)


def _picture(ink: np.ndarray, words: str, edge: str, letter: str = "&nbsp;") -> str:
    look = f"width:52px;height:52px;border:{edge};border-radius:4px;background:#fff;display:block"
    return (
        f"<span style='text-align:center;font-size:12px;line-height:1.2'><img src='{png(ink)}' "
        f"alt='{words}' style='{look}'>{letter}</span>"
    )


def _listed(names: list[str]) -> str:
    """Names in a sentence: "you, MAML and MuMoMAML"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
