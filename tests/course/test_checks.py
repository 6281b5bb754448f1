"""The exercises: solutions pass, stubs do not, and each likely mistake gets its own message."""

import pytest
import torch

from mmaml_lite.course.checks import (
    JOURNAL,
    Prediction,
    Quiz,
    Reply,
    check_film,
    check_floor,
    exercise,
)


@pytest.fixture(autouse=True)
def empty_journal():
    JOURNAL.entries.clear()


def test_the_solution_of_film_is_right():
    assert check_film(lambda z, gamma, beta: gamma * z + beta).right


@pytest.mark.parametrize(
    ("film", "says"),
    [
        (lambda z, g, b: z, "comes back unchanged"),
        (lambda z, g, b: g * z, "the shift is missing"),
        (lambda z, g, b: z + b, "the scale is missing"),
        (lambda z, g, b: g * (z + b), "shift first"),
        (lambda z, g, b: (1 + g) * z + b, "Leave out the `1 +`"),
        (lambda z, g, b: b * z + g, "changed places"),
        (lambda z, g, b: torch.relu(g * z + b), "Leave the ReLU out"),
        (lambda z, g, b: g * torch.relu(z) + b, "before the activation"),
        (lambda z, g, b: g[:, None] * z + b[:, None], "RuntimeError"),
        (lambda z, g, b: (g * z + b).T, "Expected the shape of z"),
        (lambda z, g, b: None, "is a `return` there"),
        (lambda z, g, b: z * 7, "unit by unit"),
    ],
)
def test_a_wrong_film_is_told_its_mistake(film, says):
    reply = check_film(film)
    assert reply.right is False and says in reply.text


@pytest.mark.parametrize(
    ("answer", "right", "says"),
    [
        (0.09, True, "which nobody can predict"),
        (0.3**2, True, "0.18 is the price"),
        (None, None, "Replace `None`"),
        (0.3, False, "standard deviation"),
        (0, False, "zero on targets without noise"),
        (0.18, False, "support points"),
        (0.27, False, "*infer*"),
        (5, False, "what is left"),
        ("much", False, "A number is wanted"),
    ],
)
def test_what_remains_for_one_who_knows_the_function(answer, right, says):
    reply = check_floor(answer, noise=0.3, bayes=0.27)
    assert reply.right is right and says in reply.text


def test_a_prediction_is_noted_then_scored():
    options = {"A": "less", "B": "more"}
    assert "Noted: **A**, less" in Prediction(options, " a ").reply().text
    assert Prediction(options, "A").score("A", "By 2.").right is True
    missed = Prediction(options, "A").score("B", "By 2.")
    assert missed.right is None and "You said **A**" in missed.text and "more. By 2." in missed.text


@pytest.mark.parametrize("picked", ["", "Z", 3])
def test_without_a_prediction_the_lesson_goes_on(picked):
    prediction = Prediction({"A": "less", "B": "more"}, picked)
    assert "choose one of A, B" in prediction.reply().text
    assert prediction.score("B", "By 2.").text == "Measured: **B**, more. By 2."
    assert prediction.score("B", "").right is None and JOURNAL.entries == {}


def test_a_reply_is_markdown():
    assert check_floor(0.3, 0.3, 0.27)._repr_markdown_().startswith("> **Not yet.** ")
    assert check_floor(0.09, 0.3, 0.27)._repr_markdown_().startswith("> **Right.** ")


# --- questions and the journal --------------------------------------------------------------------


def a_quiz(picked=""):
    options, because = {"A": "one", "B": "two"}, {"A": "Because.", "B": "Two is even."}
    return Quiz("Which is odd?", options, because, "A", picked)


@pytest.mark.parametrize(
    ("picked", "right", "says"),
    [("A", True, "Because."), (" b", False, "Two is even."), ("", None, "Choose one of A, B")],
)
def test_every_answer_of_a_quiz_explains_itself(picked, right, says):
    reply = a_quiz(picked).reply()
    assert reply.right is right and says in reply.text
    assert len(JOURNAL.entries) == (1 if picked else 0)


@pytest.mark.parametrize(("because", "right"), [({"A": ""}, "A"), ({"A": "", "B": ""}, "C")])
def test_a_quiz_without_an_explanation_is_refused(because, right):
    with pytest.raises(ValueError, match="every option needs its `because`"):
        Quiz("Which?", {"A": "one", "B": "two"}, because, right)


def test_an_exercise_never_raises_and_names_what_the_readers_code_raised():
    @exercise("Divide")
    def check(answer):
        return Reply(answer() == 1, "")

    assert check(lambda: 1).right is True
    reply = check(lambda: 1 / 0)
    assert reply.right is False and "ZeroDivisionError: division by zero" in reply.text
    assert "TypeError" in check(None).text


def test_an_interrupt_is_not_swallowed_by_an_exercise():
    @exercise("Wait")
    def check(answer):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(0)


def test_the_last_answer_to_each_question_is_exported(tmp_path):
    """With the code of functions, the judgement and the reply: enough to be handed in."""

    def film(z, gamma, beta):
        return gamma * z

    Prediction({"A": "less", "B": "more"}, "B", "What do you expect?").reply()
    a_quiz("B").reply()
    a_quiz("A").reply()
    check_film(film)
    check_film(eval("lambda z, g, b: z"))  # has no source
    check_film(film)
    check_floor(0.09, 0.3, 0.27)
    path = tmp_path / "deep" / "answers.md"
    reply = JOURNAL.export(path)
    assert reply.right is None and "4 answers written" in reply.text
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# My answers\n")
    assert "## What do you expect?\n\n**Answer:** B\n\nNoted: **B**" in text
    assert "**Answer:** A\n\n**Judged:** right\n\nBecause." in text and "even" not in text
    assert "```python\ndef film(z, gamma, beta):\n        return gamma * z\n```" in text
    assert "**Judged:** not yet\n\nThe scale is there" in text


def test_a_journal_that_cannot_be_written_says_why(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match="choose another folder"):
        JOURNAL.export(tmp_path / "file" / "answers.md")
