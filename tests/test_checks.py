"""The exercises: solutions pass, stubs do not, and each likely mistake gets its own message."""

import pytest
import torch

from mmaml_lite.checks import Prediction, check_film, check_floor


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
    assert "Noted: **A**, less" in Prediction(options, " a ").noted().text
    assert Prediction(options, "A").score("A", "By 2.").right is True
    missed = Prediction(options, "A").score("B", "By 2.")
    assert missed.right is None and "You said **A**" in missed.text and "more. By 2." in missed.text


@pytest.mark.parametrize("picked", ["", "Z", 3])
def test_without_a_prediction_the_lesson_goes_on(picked):
    prediction = Prediction({"A": "less", "B": "more"}, picked)
    assert "Write one of A, B" in prediction.noted().text
    assert prediction.score("B", "").right is None


def test_a_reply_is_markdown():
    assert check_floor(0.3, 0.3, 0.27)._repr_markdown_().startswith("> **Not yet.** ")
    assert check_floor(0.09, 0.3, 0.27)._repr_markdown_().startswith("> **Right.** ")
