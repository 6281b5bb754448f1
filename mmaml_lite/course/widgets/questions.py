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
    (r"\*\*(\S(?:.*?\S)??)\*\*", "b"),
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


class Asked:
    """A question in the page, in the place where it is asked and in that where it is answered.

    What was measured is told once there is a pick, or the reader asks to be shown; then in both
    places, at once. A pick stays when a cell is run again.
    """

    def __init__(self, question: Prediction | Quiz):
        self.question = question
        self.measured: tuple[str, str] | None = None  # the right letter, and because
        self.told = False  # the first pick that is answered counts
        self.places: dict[str, Callable[[Reply | None], None]] = {}

    def ask(self, question: Prediction | Quiz) -> None:
        """Ask this, maybe once more."""
        question.picked = question.picked or self.question.picked
        self.question = question

    def pick(self, letter: str) -> None:
        """The reader picks; "" asks to be shown."""
        self.question.picked = letter
        self.tell(shown=not letter)

    def tell(self, shown: bool = False) -> None:
        """Say everywhere what there is to say by now."""
        question, reply = self.question, None
        if self.measured and (question.picked or shown or self.told):
            self.told = True
            reply = question.score(*self.measured)
            if not question.picked:
                JOURNAL.note(question.question, "", reply)
        elif question.picked:
            reply = question.reply()
        for say in self.places.values():
            say(reply)

    def place(self, name: str) -> W.Widget:
        """Buttons and what is said to them; where it is answered, only that once it is told."""
        said, answered = W.HTML(), name == "answer"
        rows = [W.HTML(f"{WRAP}<b>{_html(self.question.question)}</b>")]
        buttons = {}
        for letter, text in self.question.options.items():
            layout = {"width": "auto", "max_width": "860px"}
            buttons[letter] = W.Button(description=f"{letter} · {text}", layout=layout)
        if answered:
            rows.insert(0, W.HTML("The answer stands here as soon as you have given yours:"))
            buttons[""] = W.Button(description="Show me", icon="eye", layout={"width": "auto"})
        for letter, button in buttons.items():
            button.on_click(lambda _, letter=letter: self.pick(letter))
        asking = W.VBox([*rows, W.VBox([*buttons.values()], layout={"align_items": "flex-start"})])

        def say(reply: Reply | None) -> None:
            for letter, button in buttons.items():
                chosen = letter and letter == self.question.picked
                button.disabled = self.told
                button.icon = "check" if chosen else "" if letter else "eye"
                button.style.font_weight = "bold" if chosen else "normal"
            asking.layout.display = "none" if answered and self.told else None
            said.value = _shown(reply) if reply else ""

        self.places[name] = say
        self.tell()
        return W.VBox([asking, said]).add_class("mmaml-question")


ASKED: dict[str, Asked] = {}  # by what is asked


def asked(question: Prediction | Quiz) -> Asked:
    """The question as it stands in the page, asked anew where its cell is run again."""
    found = ASKED.setdefault(question.question, Asked(question))
    found.ask(question)
    return found


def ask(question: Prediction | Quiz) -> W.Widget | Reply:
    """Buttons that pick an answer; a quiz explains it at once, a prediction once it is measured.

    Without a live page it is the list of options.
    """
    listed = "\n".join(f"- **{k}**: {text}" for k, text in question.options.items())
    if not is_live():
        return Reply(None, f"{question.question}\n\n{listed}")
    return asked(question).place("question")


def answer(question: Prediction, truth: str, because: str) -> W.Widget | Reply:
    """What was measured, here and beneath the question, after the reader's pick or *Show me*.

    truth: the right letter. Without a live page the reply to what was picked, if anything.
    """
    if not is_live():
        return question.score(truth, because)
    found = asked(question)
    found.measured = truth, because
    return found.place("answer")


SKETCHED: dict[str, Pad] = {}  # by what is asked


class Sketch:
    """A pad on which the reader draws the curve that is expected, kept and scored later."""

    def __init__(self, question: str, yrange: tuple[float, float] = (-5.0, 5.0)):
        self.question = question
        self.pad = Pad(
            kind="strokes", heading=question, yrange=list(yrange), width=420, height=260, step=0.2
        )
        if question in SKETCHED:  # the cell is run again
            self.pad.value = SKETCHED[question].value
        SKETCHED[question] = self.pad

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

    def answer(
        self, x: np.ndarray, truth: np.ndarray, trivial: np.ndarray, because: str
    ) -> W.Widget | Reply:
        """A button that draws the true curve over the sketch and scores it, as `score` does.

        Without a live page only what `score` says.
        """
        if not is_live():
            return self.score(x, truth, trivial, because)
        said, button = W.HTML(), W.Button(description="Show the measured curve", icon="eye")
        button.layout.width = "auto"

        def show(_: W.Button) -> None:
            curves = (trivial, "#999", "the plain guess"), (truth, "#006d4a", "measured")
            self.pad.lines = [
                {"x": x.tolist(), "y": y.tolist(), "color": color, "label": label, "width": 2}
                for y, color, label in curves
            ]
            said.value = _shown(self.score(x, truth, trivial, because))

        button.on_click(show)
        hint = W.HTML("Your sketch once more; change it as you like, then look.")
        row = W.HBox([button])  # no wider than its words
        return W.VBox([hint, self.pad, row, said]).add_class("mmaml-question")

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.pad if is_live() else Reply(None, f"{self.question} (a pad, when live)"))
