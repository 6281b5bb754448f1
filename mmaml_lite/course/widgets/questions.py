"""Questions that are answered with a click: predictions, quizzes, and a curve to sketch."""

import html
import re
from collections.abc import Callable

import ipywidgets as W
import numpy as np

from mmaml_lite.course.checks import JOURNAL, Prediction, Quiz, Reply
from mmaml_lite.course.widgets.explorer import is_live
from mmaml_lite.course.widgets.pad import Pad

MARKS = [  # the few marks of Markdown that questions and replies use
    (r"\*\*(\S(?:.*?\S)?)\*\*", "b"),
    (r"(?<![\w*])\*(\S(?:[^*]*?\S)?)\*(?![\w*])", "i"),
]
WRAP = """<style>
.mmaml-question button { white-space: normal; text-align: left; height: auto; line-height: 1.4;
  padding: 5px 12px; }
</style>"""  # an answer is shown whole, however long


def _html(markdown: str) -> str:
    """A line of Markdown as HTML; code is left as it is."""
    parts = html.escape(markdown, quote=False).split("`")
    for i in range(0, len(parts), 2):
        for mark, tag in MARKS:
            parts[i] = re.sub(mark, rf"<{tag}>\1</{tag}>", parts[i])
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def _shown(reply: Reply) -> str:
    """A reply as a box with a coloured edge; it says in words whether it is right."""
    text = _html(reply._repr_markdown_().removeprefix("> "))
    color = {True: "#006d4a", False: "#a40000", None: "#444"}[reply.right]
    return (
        f"<div role='status' aria-live='polite' style='border-left:4px solid {color};"
        f"padding:4px 10px;max-width:860px;line-height:1.45'>{text}</div>"
    )


def ask(question: Prediction | Quiz) -> W.Widget | Reply:
    """Buttons that pick an answer; a quiz explains it at once, a prediction keeps it for later.

    Without a live page it is the list of options.
    """
    listed = "\n".join(f"- **{k}**: {text}" for k, text in question.options.items())
    if not is_live():
        return Reply(None, f"{question.question}\n\n{listed}")
    said = W.HTML()
    buttons = []

    def pick(letter: str) -> Callable:
        def picked(_):
            question.picked = letter
            for button in buttons:
                chosen = button.description.startswith(f"{letter} ")
                button.icon = "check" if chosen else ""
                button.style.font_weight = "bold" if chosen else "normal"
            said.value = _shown(question.reply())

        return picked

    for letter, text in question.options.items():
        button = W.Button(
            description=f"{letter} · {text}", layout={"width": "auto", "max_width": "860px"}
        )
        button.on_click(pick(letter))
        buttons.append(button)
    column = W.VBox(buttons, layout={"align_items": "flex-start"})
    heading = W.HTML(f"{WRAP}<b>{_html(question.question)}</b>")
    return W.VBox([heading, column, said]).add_class("mmaml-question")


class Sketch:
    """A pad on which the reader draws the curve that is expected, kept and scored later."""

    def __init__(self, question: str, yrange: tuple[float, float] = (-5.0, 5.0)):
        self.question = question
        self.pad = Pad(
            kind="strokes", heading=question, yrange=list(yrange), width=420, height=260, step=0.2
        )

    def curve(self, x: np.ndarray) -> np.ndarray | None:
        """The sketch as a function on x `(grid,)`, or None while nothing is drawn."""
        drawn = np.array([point for stroke in self.pad.value for point in stroke])
        if len(drawn) < 2:
            return None
        drawn = drawn[np.argsort(drawn[:, 0], kind="stable")]
        return np.interp(x, drawn[:, 0], drawn[:, 1])

    def score(self, x: np.ndarray, truth: np.ndarray, trivial: np.ndarray, because: str) -> Reply:
        """How near the sketch is to the truth, compared with the guess `trivial` `(grid,)`."""
        curve = self.curve(x)
        if curve is None:
            return Reply(None, f"Nothing was sketched. {because}")
        off = float(np.sqrt(np.square(curve - truth).mean()))
        naive = float(np.sqrt(np.square(trivial - truth).mean()))
        verdict = "closer than" if off < naive else "further off than"
        text = (
            f"Your sketch is {off:.2f} away from the measured curve (root mean square), "
            f"{verdict} the plain guess ({naive:.2f}). {because}"
        )
        return JOURNAL.note(self.question, "a sketch", Reply(None, text))

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.pad if is_live() else Reply(None, f"{self.question} (a pad, when live)"))
