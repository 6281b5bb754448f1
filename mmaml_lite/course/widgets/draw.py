"""Draw five characters and a sixth drawing: every method says at once which of the five it is.

One line in a notebook of your own:

    draw("omniglot-5way-1shot")
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import ipywidgets as W
import numpy as np
import torch

from mmaml_lite.characters import SIDE, strokes
from mmaml_lite.characters.domain import named
from mmaml_lite.characters.tasks import own_task
from mmaml_lite.course.figures import METHOD_STYLES
from mmaml_lite.course.figures.characters import (
    CertaintyView,
    bars,
    certainty,
    decided,
    percent,
)
from mmaml_lite.course.figures.sorting import LETTERS
from mmaml_lite.course.studies import pen
from mmaml_lite.course.studies.cast import Cast
from mmaml_lite.course.studies.players import cast, players_shown
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets.explorer import Explorer
from mmaml_lite.course.widgets.pad import Pad

MOST = 5  # characters for which there is room
PAPER, LABEL = 124, 23  # pixels of a pad; per cent of the width for the names of methods
NEW = "the new drawing"
GUIDE = "#c9c9c9"


@torch.no_grad()
def answers(
    models: Cast, examples: Sequence[pen.Drawing], query: pen.Drawing, tidy: bool = False
) -> CertaintyView:
    """How certain every model is of each class, at every stage, for one drawing of each class.

    Certainty is NaN while something is missing. tidy: see `pen.tidied`.
    """
    drawings = [*examples, query]
    images = torch.stack([pen.image(pen.tidied(d) if tidy else d) for d in drawings])
    ways, problem = len(examples), missing(drawings, images)
    if problem:
        found = {k: np.full((m.settings.steps + 1, ways), np.nan) for k, m in models.items()}
    else:
        task = own_task(images[:-1], torch.arange(ways), images[-1:])
        found = {k: m.learner(*task)[:, 0, 0].softmax(-1).numpy() for k, m in models.items()}
    odd = {} if tidy else {called(i, ways): pen.oddity(d) for i, d in enumerate(drawings)}
    return CertaintyView(
        images=images[:-1].numpy(),
        query=images[-1].numpy(),
        certainty=found,
        problem=problem,
        odd={name: how for name, how in odd.items() if how},
    )


def called(index: int, ways: int) -> str:
    """What the drawing at this place is called: A, B, ... and the new drawing last."""
    return NEW if index == ways else LETTERS[index]


def missing(drawings: Sequence[pen.Drawing], images: torch.Tensor) -> str:
    """What keeps the methods from answering, in words: empty papers, black ones; "" if nothing."""
    ways = len(drawings) - 1
    empty = [called(i, ways) for i, drawing in enumerate(drawings) if not drawing]
    if empty:
        return f"Still empty: {listed(empty)}. Draw something there, or take ready ones."
    flat = images.flatten(1).amin(1) > 0.95
    black = [called(i, ways) for i in range(len(drawings)) if flat[i]]
    return f"Black all over: {listed(black)}. Clear it and draw less." if black else ""


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: A, B and the new drawing."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def say(view: CertaintyView) -> str:
    """Who takes the new drawing for which character, before and after the gradient steps."""
    if view.problem:
        return f"<b>{view.problem}</b>"
    parts = []
    for key, shares in view.certainty.items():
        first, last = shares[0], shares[-1]
        answer, label = int(last.argmax()), METHOD_STYLES[key].label
        if not decided(last):
            parts.append(f"<b>{label}</b> does not decide ({spoken(last[answer])} for several)")
            continue
        told = f"<b>{label}</b> says <b>{LETTERS[answer]}</b> ({spoken(last[answer])}"
        before = spoken(first[answer]) if decided(first) else "nothing is decided"
        told += f"; before any step {before})" if len(shares) > 1 else ")"
        parts.append(told)
    said = ", ".join(parts)
    ends = [shares[-1] for shares in view.certainty.values()]
    picks = {int(last.argmax()) for last in ends}
    if len(view.certainty) > 1 and all(map(decided, ends)):
        said += ". All agree" if len(picks) == 1 else ". <b>They disagree</b>"
    odd = "; ".join(f"{name} is {how}" for name, how in view.odd.items())
    tail = f" Unlike the drawings of the training: {odd}." if odd else ""
    return f"{said}.{tail}" if parts else "No method here has trained weights to answer with."


def spoken(share: float) -> str:
    """A certainty in a sentence: 97 %, over 99 %."""
    return percent(share).replace(">", "over ").replace("<", "under ")


def ready(ways: int, seed: int, kind: int, hand: int) -> list[pen.Drawing]:
    """Invented characters `seed`, one drawing of each; last, character `kind` by another hand."""
    characters = strokes.invent(ways, torch.Generator().manual_seed(seed))
    shown = pen.written(characters, 1_000 * seed)
    return [*shown, pen.written(characters, 1_000 * seed + 1 + hand)[kind]]


def paper(heading: str, drawing: pen.Drawing) -> Pad:
    """A pad for one character; a dotted square holds nine in ten drawings of the training."""
    half = pen.SIDES[1] / SIDE
    square = {"x": [-half, half, half, -half, -half], "y": [-half, -half, half, half, -half]}
    return Pad(
        kind="strokes",
        heading=heading,
        value=drawing,
        at_end=True,
        at_most=0,
        axes=False,
        xrange=[-1.0, 1.0],
        yrange=[-1.0, 1.0],
        width=PAPER,
        height=PAPER,
        lines=[square | {"color": GUIDE, "dash": "dot", "width": 1}],
    )


class Draw(Explorer):
    """The explorer that `draw` returns; its drawings are those of the pads A, B, ... and new."""

    def __init__(self, setting: str, seed: int = 0):
        self.ways = named(setting, "maml").ways
        if self.ways > MOST:
            raise ValueError(f"there is room for {MOST} characters, {setting} has {self.ways}")
        self.models = cast(setting)
        self.note = (
            "Ready drawings are invented characters, on which nothing was trained. "
            f"{players_shown(self.models)}"
        )
        names = [*LETTERS[: self.ways], "new"]
        first = ready(self.ways, seed, 0, 0)
        headings = [*LETTERS[: self.ways], "New drawing"]
        self.pads = {
            name: paper(heading, drawing)
            for name, heading, drawing in zip(names, headings, first, strict=True)
        }
        controls = {
            **self.pads,
            "five": C.Again("Other characters", seed),
            "again": C.menu("the new one is", list(LETTERS[: self.ways]), "A"),
            "hand": C.Again("by another hand", 0),
            "tidy": C.check("move every drawing to the middle, all one size", True),
        }
        controls["tidy"].layout.width, controls["again"].layout.width = "auto", "190px"
        controls["hand"].children[1].description = "no."
        for name in ("five", "again", "hand"):
            controls[name].observe(self._fill, "value")
        self._answers = lru_cache(maxsize=64)(self._answered)
        super().__init__(
            "draw",
            controls,
            self._look,
            certainty,
            self._show,
            say,
            screen=W.HTML(),
            arrange=self._arrange,
            models=self.models.values(),
        )

    def _look(self, five, again, hand, tidy, new, **examples) -> CertaintyView:
        drawings = [examples[name] for name in LETTERS[: self.ways]] + [new]
        return replace(self._answers(frozen(drawings), tidy), note=self.note)

    def _answered(self, drawings: tuple, tidy: bool) -> CertaintyView:
        return answers(self.models, drawings[:-1], drawings[-1], tidy)

    def _fill(self, change: Mapping[str, Any]) -> None:
        """Lay ready drawings on the pads: all of them, or the new one alone."""
        held = {name: self.controls[name].value for name in ("five", "again", "hand")}
        kind = LETTERS.index(held["again"])
        drawn = ready(self.ways, held["five"], kind, held["hand"])
        names = list(self.pads)
        if change["owner"] is not self.controls["five"].children[1]:
            names, drawn = names[-1:], drawn[-1:]
        before, self._held = self._held, True  # one answer for all pads
        try:
            for name, drawing in zip(names, drawn, strict=True):
                self.pads[name].value = drawing
        finally:
            self._held = before

    def clear(self) -> None:
        """Empty papers, for characters of one's own."""
        self.set(**{name: [] for name in self.pads})

    def _show(self, screen: W.HTML, view: CertaintyView) -> None:
        screen.value = bars(view, LABEL)

    def _arrange(self, controls: Mapping[str, W.Widget], screen: W.Widget) -> W.Widget:
        clear = W.Button(description="Empty all papers", layout={"width": "150px"})
        clear.on_click(lambda _: self.clear())
        ready = W.HTML("<b>Ready drawings</b>")
        rows = [
            C.line([clear, controls["tidy"]]),
            C.line([ready, *(controls[n] for n in ("five", "again", "hand"))]),
        ]
        column = (100 - LABEL) / self.ways
        pads = W.HBox(
            [
                W.Box([self.pads[name]], layout={"width": f"{wide}%", "overflow": "visible"})
                for name, wide in [("new", LABEL), *((n, column) for n in LETTERS[: self.ways])]
            ]
        )
        help = C.hint(
            "Draw with the pointer or a finger. Keyboard: Tab to a paper, arrow keys move the pen, "
            "Space lowers and lifts it. Below: what the networks see."
        )
        sheet = W.VBox([pads, help, screen], layout={"overflow": "auto"})
        return W.VBox([*rows, sheet])


def frozen(drawings: Sequence[pen.Drawing]) -> tuple:
    """Drawings as nested tuples, which a cache can hold."""
    return tuple(
        tuple(tuple(tuple(point) for point in stroke) for stroke in drawing) for drawing in drawings
    )


def draw(setting: str = "strokes-5way-1shot", seed: int = 0) -> Draw:
    """Explorer of characters of the reader's own; seed: of the ready ones that it begins with.

    setting: whose weights answer, with five ways at most. Raises ValueError for an unknown setting.
    """
    return Draw(setting, seed)
