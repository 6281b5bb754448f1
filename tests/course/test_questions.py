"""Questions with a click: nothing is told before a pick, and a pick stays."""

import ipywidgets as W
import numpy as np
import pytest

from mmaml_lite.course.checks import JOURNAL, Prediction, Quiz, Reply
from mmaml_lite.course.widgets.questions import ASKED, SKETCHED, Sketch, _html, answer, ask

OPTIONS = {"A": "less", "B": "more"}
MEASURED = ("A", "By 2.")


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """As in a kernel just started."""
    for kept in (ASKED, SKETCHED, JOURNAL.entries):
        kept.clear()


def prediction(picked=""):
    return Prediction(OPTIONS, picked, question="What do you expect?")


def parts(widget, kind):
    """All widgets of a kind in it."""
    inside = [widget] if isinstance(widget, kind) else []
    return inside + [p for child in getattr(widget, "children", ()) for p in parts(child, kind)]


def press(place, text):
    next(b for b in parts(place, W.Button) if b.description.startswith(text)).click()


def says(place):
    """What stands there beside the question."""
    return parts(place, W.HTML)[-1].value


def test_the_answer_waits_for_a_pick():
    """Also when all cells are run at once; then it stands in both places."""
    question = prediction()
    asked, answered = ask(question), answer(question, *MEASURED)
    assert says(asked) == says(answered) == ""
    press(asked, "B")
    for place in (asked, answered):
        assert "You said <b>B</b>. Measured: <b>A</b>, less. By 2." in says(place)
    assert JOURNAL.entries["What do you expect?"][0] == "B"
    assert all(button.disabled for button in parts(asked, W.Button)), "the first pick counts"


def test_a_pick_before_the_measurement_may_be_changed():
    question = prediction()
    asked = ask(question)
    for letter in "BA":
        press(asked, letter)
        assert f"Noted: <b>{letter}</b>" in says(asked) and "Measured" not in says(asked)
    answered = answer(question, *MEASURED)
    assert "<b>Right.</b> Measured" in says(asked) and says(asked) == says(answered)


def test_one_may_ask_to_be_shown_and_the_journal_tells():
    question = prediction()
    asked, answered = ask(question), answer(question, *MEASURED)
    press(answered, "Show me")
    assert says(asked) == says(answered) and "Measured: <b>A</b>" in says(asked)
    assert JOURNAL.entries["What do you expect?"][0] == ""


def test_a_pick_stays_when_cells_are_run_again():
    """Each cell makes a new object of the same question."""
    question = prediction()
    press(ask(question), "A")
    again = prediction()
    asked, answered = ask(again), answer(again, *MEASURED)
    assert again.picked == "A" and "<b>Right.</b>" in says(asked) == says(answered)
    assert "<b>Right.</b>" in says(ask(prediction()))


def test_a_quiz_explains_itself_as_often_as_one_likes():
    quiz = Quiz("Which is <right>?", OPTIONS, {"A": "Because `a * b`.", "B": "*Too* much."}, "A")
    asked = ask(quiz)
    assert "Which is &lt;right&gt;?" in parts(asked, W.HTML)[0].value
    press(asked, "B")
    assert "<b>Not yet.</b> <i>Too</i> much." in says(asked) and "role='status'" in says(asked)
    press(asked, "A")
    assert "<b>Right.</b> Because <code>a * b</code>." in says(asked)


def test_without_a_live_page_both_are_printed(monkeypatch):
    monkeypatch.setenv("MMAML_LITE_STATIC", "1")
    assert ask(prediction()).text == "What do you expect?\n\n- **A**: less\n- **B**: more"
    assert answer(prediction("a"), *MEASURED) == Reply(True, "Measured: **A**, less. By 2.")


def test_a_sketch_is_answered_by_the_true_curve():
    x, truth = np.linspace(-5, 5, 11), np.linspace(-1, 1, 11)
    sketch = Sketch("A curve?")
    place = sketch.answer(x, truth, 0 * x, "Because.")
    assert sketch.pad.lines == [] and says(place) == ""
    sketch.pad.value = [[[-5.0, -1.0], [5.0, 1.0]]]
    press(place, "Show")
    plain, measured = sketch.pad.lines
    assert measured["y"] == truth.tolist() and not any(plain["y"])
    assert "Your sketch is 0.00 away" in says(place)
    assert Sketch("A curve?").pad.value == sketch.pad.value, "the cell is run again"


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("a **b** *c* `d`", "a <b>b</b> <i>c</i> <code>d</code>"),
        ("2 * x * y", "2 * x * y"),
        ("`a ** b` and *c*", "<code>a ** b</code> and <i>c</i>"),
        ("x < y & **z**", "x &lt; y &amp; <b>z</b>"),
        ("a*b*c", "a*b*c"),
        ("**B**. Measured: **A**", "<b>B</b>. Measured: <b>A</b>"),
    ],
)
def test_marks_of_markdown_become_html(markdown, html):
    assert _html(markdown) == html


def test_a_sketch_is_compared_with_the_truth_and_with_a_plain_guess():
    sketch, x = Sketch("Draw the prior"), np.linspace(-5, 5, 11)
    assert sketch.curve(x) is None
    assert "Nothing was sketched" in sketch.score(x, x, 0 * x, "").text
    sketch.pad.value = [[[0, 0], [5, 4.5]], [[-5, -4.5]]]  # in any order and number of strokes
    np.testing.assert_allclose(sketch.curve(x), 0.9 * x)
    assert "closer than the plain guess" in sketch.score(x, x, 0 * x, "So it is.").text
    assert "further off than" in sketch.score(x, 0 * x, 0 * x + 0.1, "").text
    assert JOURNAL.entries["Draw the prior"][0] == "a sketch"
