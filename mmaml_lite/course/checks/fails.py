"""Exercises of lesson 2, whose replies name the likely mistake."""

from collections.abc import Callable

import numpy as np

from mmaml_lite.course.checks.answers import Quiz, Reply, exercise, number_exercise

QUIZ_STEP = Quiz(
    "MAML's tasks are f and −f, its model is linear in the parameters, and it fails. What helps?",
    {
        "A": "another start, nearer to f",
        "B": "a larger step size, up to 1/(2λ)",
        "C": "more families, for variety",
        "D": "a larger step size, beyond 1/λ",
    },
    {
        "A": "What f gains, −f loses: for the two together, 0 is the best start.",
        "B": "(1 − 2αλ) becomes 0: either task is learned in one step, from the same start.",
        "C": "They would pull the start elsewhere, and leave the contraction as it is.",
        "D": "Beyond 1/λ each step overshoots by more than it mends: the residual grows.",
    },
    right="B",
)
QUIZ_KERNEL = Quiz(
    "What can modulation do that no step size and no number of small steps can?",
    {
        "A": "let the labels choose the kernel",
        "B": "make the gradient steps larger",
        "C": "move the start to the mean curve",
    },
    {
        "A": "τ is computed from the labels too, so the prediction is no longer linear in them.",
        "B": "It may, but so can a step size; it does not change what one kernel can do.",
        "C": "MAML's start is near the mean already, and that is the trouble, not the cure.",
    },
    right="A",
)

ALPHA, CURVATURE, STEPS = 0.3, 0.7, 3


@exercise("What n gradient steps leave of the residual")
def check_remaining(remaining: Callable[[float, float, int], float]) -> Reply:
    """Exercise: remaining(alpha, lam, n), the share left after n steps; it may be negative."""
    a, lam, n = ALPHA, CURVATURE, STEPS
    right = (1 - 2 * a * lam) ** n
    mistakes = [
        (1.0, "Nothing is done yet: that is the share before the first step."),
        ((1 - a * lam) ** n, "The 2 is missing: the gradient of λ e² is *2* λ e."),
        ((1 - 2 * a) ** n, "That leaves λ out: on a flat loss (small λ) the same step does less."),
        ((1 - 2 * lam) ** n, "That leaves α out: a step moves by α times the gradient."),
        (
            1 - 2 * a * lam * n,
            "Each step works on what the one before *left*: a power, no product.",
        ),
        (1 - 2 * a * lam, "That is one step: n of them multiply, so take the n-th power."),
        ((1 + 2 * a * lam) ** n, "The sign: gradient *descent* subtracts, and this one grows."),
        (1 - right, "That is the share which is *done*; asked is what is left."),
        (
            abs(1 - 2 * a * lam) ** (2 * n),
            "That is the share of the *loss*: the residual, squared.",
        ),
    ]
    answer = remaining(a, lam, n)
    if answer is None:
        return Reply(False, "Nothing comes back: is a `return` there?")
    value = float(answer)
    if np.isclose(value, right):
        if not np.isclose(float(remaining(3.0, lam, n)), (1 - 6 * lam) ** n):
            return Reply(
                False, "With a large α the share is negative (it overshoots): no abs here."
            )
        return Reply(True, "The task's label does not occur: f and −f share one fate.")
    for wrong, message in mistakes:
        if np.isclose(value, wrong):
            return Reply(False, message)
    return Reply(
        False,
        f"For alpha={a}, lam={lam}, n={n} it gives {value:.4g}, but {right:.4g} is left. What does "
        "one step e − α · 2 λ e leave of e?",
    )


@number_exercise("The step size that rescues f and −f in one step")
def check_rescue(value: float, curvature: float) -> Reply:
    """Exercise: the alpha for which one step is enough, given the curvature lambda."""
    right = 1 / (2 * curvature)
    known = [
        (1 / curvature, "There the share left is −1: every step jumps across to the mirror image."),
        (2 * curvature, "Upside down: a *steeper* loss (larger λ) wants a *smaller* step."),
        (curvature / 2, "Upside down: a *steeper* loss (larger λ) wants a *smaller* step."),
        (curvature, "α is not λ itself: solve 1 − 2 α λ = 0 for α."),
        (0.0, "With α = 0 nothing moves at all: the share left is 1."),
        (1.0, "Only where λ = 1/2: solve 1 − 2 α λ = 0 for α."),
    ]
    if np.isclose(value, right, rtol=0.02):
        return Reply(
            True, "1 − 2 α λ = 0: either task is learned in one step, from the same start."
        )
    if value < 0:
        return Reply(False, "A negative step climbs: the residual grows with every step.")
    for wrong, message in known:
        if np.isclose(value, wrong, rtol=0.02):
            return Reply(False, message)
    share = 1 - 2 * value * curvature
    return Reply(False, f"With α = {value:g} one step leaves {share:.2f} of the residual, not 0.")
