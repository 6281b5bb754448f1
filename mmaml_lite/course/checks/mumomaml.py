"""Exercises of lesson 4, whose replies name the likely mistake."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmaml_lite.course.checks.answers import Quiz, Reply, exercise, mistaken, number_exercise

QUIZ_MAP = Quiz(
    "The encoder has never been told the families. Why does its map show them?",
    {
        "A": "t-SNE finds clusters in anything",
        "B": "the mode is part of the training loss",
        "C": "a good start differs between families, so it pays to tell them apart",
    },
    {
        "A": "t-SNE can draw islands out of noise, so suspicion is healthy. But the neighbours "
        "were counted in the full embedding, before any map was made.",
        "B": "The loss is the error on the query points after adapting, nothing else: look at "
        "`outer.query_loss`. The colours were added afterwards.",
        "C": "To lower the error after adapting, tau must suit the task, and what suits a wave "
        "does not suit a line. The sorting is a by-product.",
    },
    right="C",
)


@exercise("Write FiLM")
def check_film(film: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Reply:
    """Exercise: film(z, gamma, beta) for z `(points, units)`, gamma and beta `(units,)`."""
    z = torch.tensor([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])
    gamma, beta = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([1.0, -3.0, 0.25])
    right = gamma * z + beta
    mistakes = [
        (z, "z comes back unchanged: scale it by gamma, then shift it by beta."),
        (gamma * z, "The scale is there, the shift is missing: add beta."),
        (z + beta, "The shift is there, the scale is missing: multiply by gamma first."),
        (gamma * (z + beta), "You shift first, so gamma scales beta as well: multiply, then add."),
        (
            (1 + gamma) * z + beta,
            "Leave out the `1 +`: it is already inside gamma, which is one plus the head's output.",
        ),
        (beta * z + gamma, "gamma and beta have changed places: gamma scales, beta shifts."),
        (torch.relu(right), "Leave the ReLU out: the activation is the block's next step."),
        (gamma * torch.relu(z) + beta, "Modulation acts before the activation: no ReLU in here."),
    ]
    answer = film(z.clone(), gamma.clone(), beta.clone())
    if not isinstance(answer, Tensor):
        return Reply(False, f"Return a tensor, not {type(answer).__name__}: is a `return` there?")
    if answer.shape != z.shape:
        return Reply(
            False,
            f"Expected the shape of z, {tuple(z.shape)}, (points, units); got "
            f"{tuple(answer.shape)}. gamma and beta have one entry for each unit, the last axis of "
            "z: they broadcast by themselves.",
        )
    if torch.allclose(answer, right):
        return Reply(True, "Two numbers for each unit: all that a task says before any learning.")
    return mistaken(answer, mistakes) or Reply(
        False, "The numbers differ from gamma times z plus beta, unit by unit."
    )


@number_exercise("The error of one who knows the function")
def check_floor(value: float, noise: float, bayes: float) -> Reply:
    """Exercise: the error, on noisy targets, of a method that knows the true function."""
    variance = noise**2
    if abs(value - variance) <= 0.02 * variance:
        return Reply(
            True,
            f"The targets carry noise of variance {noise}² = {variance:.2f}, which nobody can "
            f"predict. Of Bayes' {bayes:.2f}, the other {bayes - variance:.2f} is the price of "
            "having seen only a few points.",
        )
    known = {
        0.0: "It would be zero on targets without noise; ours have it.",
        noise: "That is the standard deviation; the error is *squared*, so the variance counts.",
        2 * variance: "Noise on the support points does no harm to one who knows the function.",
        bayes: "That is what remains for one who must *infer* the function from a few points; "
        "here the function is known.",
    }
    for wrong, message in known.items():
        if abs(value - wrong) <= 0.02 * max(wrong, variance):
            return Reply(False, message)
    return Reply(
        False, "Take y = f(x) + noise and predict f(x): what is left, squared, on average?"
    )
