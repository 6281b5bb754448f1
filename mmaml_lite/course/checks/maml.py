"""Exercises of lesson 1, whose replies name the likely mistake."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmaml_lite.course.checks.answers import Quiz, Reply, exercise, mistaken, number_exercise

START, CENTRE, ALPHA = 4.0, 1.0, 0.25  # the second exercise: L(theta) = (theta - CENTRE)^2


def _loss(theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Mean squared error of the line theta[0] x + theta[1]."""
    return (theta[0] * x + theta[1] - y).square().mean()


def _maml_loss(
    theta: Tensor,
    support: tuple,
    query: tuple,
    alpha: float,
    sign: float = -1.0,
    scale: float = 1.0,
) -> Tensor:
    """Query loss after one step on the support set, or a likely misunderstanding of it."""
    (gradient,) = torch.autograd.grad(scale * _loss(theta, *support), theta, create_graph=True)
    return _loss(theta + sign * alpha * gradient, *query)


@exercise("Write MAML's loss")
def check_maml_loss(maml_loss: Callable[..., Tensor]) -> Reply:
    """Exercise: maml_loss(theta, x, y, x_query, y_query, alpha), one inner step, for a line.

    theta `(2,)`, slope and intercept; x, y `(K,)`; x_query, y_query `(Q,)`.
    """
    draw = torch.Generator().manual_seed(1)
    x, y = torch.randn(2, 4, generator=draw, dtype=torch.float64)
    query = tuple(torch.randn(2, 6, generator=draw, dtype=torch.float64))
    theta = torch.tensor([0.7, -1.2], dtype=torch.float64, requires_grad=True)
    alpha, support, shots, queries = 0.15, (x, y), 4, 6
    right = _maml_loss(theta, support, query, alpha)
    mistakes = [
        (
            _loss(theta, *support),
            "That is the loss on the support set *before* any step: take its "
            "gradient, step, and then ask the query set.",
        ),
        (
            _loss(theta, *query),
            "That is the query loss at theta itself: pretraining's objective. "
            "MAML asks for it after a step on the support set.",
        ),
        (
            _maml_loss(theta, support, query, alpha, sign=1.0),
            "Your step climbs: *subtract* alpha times the gradient.",
        ),
        (
            _maml_loss(theta, support, query, 1.0),
            "The gradient is there, but not alpha: a whole gradient is a step of size one.",
        ),
        (
            _maml_loss(theta, query, query, alpha),
            "You adapt on the query set, which is the exam: take the gradient on the support set.",
        ),
        (
            _maml_loss(theta, support, support, alpha),
            "You judge on the support set, which was just learned from: ask the query set.",
        ),
        (
            _maml_loss(theta, support, query, alpha, scale=shots),
            "In the inner step you sum over "
            "the points: take the mean, or alpha means something else for every K.",
        ),
        (queries * right, "In the end you sum over the query points: take the mean."),
    ]
    answer = maml_loss(theta, x.clone(), y.clone(), *(q.clone() for q in query), alpha)
    if answer is None:
        return Reply(False, "Nothing came back: is a `return` there?")
    if not isinstance(answer, Tensor):
        return Reply(
            False,
            f"Return a tensor, not {type(answer).__name__}: the outer loop wants its gradient.",
        )
    if answer.shape != ():
        return Reply(
            False,
            f"One number is wanted, and a tensor of shape {tuple(answer.shape)} came back: take "
            "the mean over the query points (and in the inner loss over the support points).",
        )
    if torch.allclose(answer.double(), right, rtol=1e-4):
        return _gradient(answer, right, theta)
    return mistaken(answer, mistakes, rtol=1e-4) or Reply(
        False, "The number differs from the query loss after one step; compare each line."
    )


def _gradient(answer: Tensor, right: Tensor, theta: Tensor) -> Reply:
    """Judge the derivative of a loss whose value is right."""
    (exact,) = torch.autograd.grad(right, theta)
    if not answer.requires_grad:
        return Reply(
            False,
            "The value is right, but it has lost its way back to theta: no `.item()`, `.detach()` "
            "or `torch.no_grad()` on the path from theta to the result.",
        )
    (found,) = torch.autograd.grad(answer, theta, allow_unused=True)
    if found is None:
        return Reply(
            False, "The value is right, but theta was copied: its gradient does not arrive."
        )
    if torch.allclose(found, exact, rtol=1e-4):
        return Reply(True, "Value and gradient: the outer loop can follow this through the step.")
    return Reply(
        False,
        "The value is right, its gradient is only first order: the inner gradient counts as a "
        "constant. Pass `create_graph=True` to `torch.autograd.grad` (or use `torch.func.grad`).",
    )


@number_exercise("The chain rule through two steps")
def check_chain(value: float) -> Reply:
    """Exercise: MAML's exact meta-gradient on one quadratic task after two inner steps."""
    shrink, gap = 1 - 2 * ALPHA, START - CENTRE
    right = 2 * shrink**4 * gap
    known = {
        2 * gap: "That is the gradient at theta itself, before any step: pretraining's.",
        2 * shrink**2 * gap: "That is the gradient *at* phi, which first-order MAML uses as it is: "
        "multiply it by d phi / d theta. (It is also what one single step would give.)",
        2 * shrink**3 * gap: "You went back through one of the two steps. Each of them multiplies "
        "by 1 - 2 alpha. (A widely read introduction to MAML has the same mistake in its code.)",
        (shrink**2 * gap) ** 2: "That is the loss after two steps; its derivative is wanted.",
        shrink**4 * gap: "The derivative of a square brings a 2 with it.",
        -right: "The sign is turned: the loss grows with theta here, so the gradient is positive.",
    }
    if abs(value - right) < 1e-6:
        return Reply(
            True,
            "phi - 1 = (1 - 2 alpha)^2 (theta - 1), so the loss is (1 - 2 alpha)^4 (theta - 1)^2: "
            "one factor for each step on the way there, and one for each on the way back.",
        )
    for wrong, message in known.items():
        if abs(value - wrong) < 1e-6:
            return Reply(False, message)
    return Reply(
        False, "Write phi after two steps as a function of theta, put it into L, differentiate."
    )


def quizzes() -> list[Quiz]:
    """The two questions at the end of lesson 1."""
    lacks = Quiz(
        "Before the first step both networks err alike. What does MAML's have and the other lack?",
        {
            "A": "a better guess of the wave",
            "B": "a start from which a few steps lead far",
            "C": "a larger step size",
            "D": "more weights",
        },
        {
            "A": "Before any step the two errors were about the same. You measured it.",
            "B": "It was trained for its loss *after* the steps, and for nothing else.",
            "C": "Both adapt with the same step size, the one on the slider.",
            "D": "They are the same network. Only the objective of the training differs.",
        },
        right="B",
    )
    zero = Quiz(
        "Train MAML with 0 inner steps. What do you get?",
        {"A": "first-order MAML", "B": "pretraining", "C": "nothing: its gradient is zero"},
        {
            "A": "First-order MAML does take the steps, and then leaves their factors out.",
            "B": "Without a step, the loss after learning is the loss before it.",
            "C": "The query loss still depends on theta, only without a step in between.",
        },
        right="B",
    )
    return [lacks, zero]
