"""Lesson 2's exercises: solutions pass, stubs do not, each likely mistake gets its own message."""

import re
from pathlib import Path

import pytest

from mmaml_lite.course.checks import check_remaining, check_rescue
from mmaml_lite.course.studies.contraction import remaining

LESSON = Path(__file__).resolve().parents[2] / "notebooks/scripts/02_maml_fails.py"


def test_the_solution_is_right():
    assert check_remaining(remaining).right
    assert check_remaining(lambda a, lam, n: (1 - 2 * a * lam) ** n).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda a, lam, n: 1.0, "Nothing is done yet"),
        (lambda a, lam, n: (1 - a * lam) ** n, "The 2 is missing"),
        (lambda a, lam, n: (1 - 2 * a) ** n, "leaves λ out"),
        (lambda a, lam, n: (1 - 2 * lam) ** n, "leaves α out"),
        (lambda a, lam, n: 1 - 2 * a * lam * n, "no product"),
        (lambda a, lam, n: 1 - 2 * a * lam, "That is one step"),
        (lambda a, lam, n: (1 + 2 * a * lam) ** n, "The sign"),
        (lambda a, lam, n: 1 - (1 - 2 * a * lam) ** n, "which is *done*"),
        (lambda a, lam, n: (1 - 2 * a * lam) ** (2 * n), "share of the *loss*"),
        (lambda a, lam, n: abs(1 - 2 * a * lam) ** n, "no abs here"),
        (lambda a, lam, n: 7.0, "is left"),
        (lambda a, lam, n: None, "is a `return` there"),
        (lambda a, lam: 1.0, "TypeError"),
    ],
)
def test_a_wrong_share_is_told_its_mistake(answer, says):
    reply = check_remaining(answer)
    assert reply.right is False and says in reply.text


@pytest.mark.parametrize(
    ("answer", "right", "says"),
    [
        (1.25, True, "one step"),
        (1 / 0.8, True, "same start"),
        (None, None, "Replace `None`"),
        (2.5, False, "mirror image"),
        (0.8, False, "Upside down"),
        (0.2, False, "Upside down"),
        (0.4, False, "not λ itself"),
        (1, False, "Only where"),
        (0, False, "nothing moves"),
        (-1.25, False, "climbs"),
        (3, False, "leaves -1.40"),
        ("half", False, "A number is wanted"),
    ],
)
def test_the_rescue(answer, right, says):
    reply = check_rescue(answer, curvature=0.4)
    assert reply.right is right and says in reply.text


def test_the_lesson_asks_before_it_shows():
    text = LESSON.read_text(encoding="utf-8")
    for asked, scored in (
        ("ask(grows)", "answer(\n    grows,"),
        ("sketch = ", "sketch.answer("),
        ("ask(cures)", "answer(\n    cures,"),
    ):
        assert 0 < text.index(asked) < text.index(scored)
    assert text.index("sketch = ") < text.index("dial_explorer(families")
    assert 2 <= text.count("# NBVAL_CHECK_OUTPUT") <= 4
    cells = re.split(r"^# %%.*$", text, flags=re.M)
    code = [c for c in cells if not c.lstrip().startswith(("# #", "# \n", "# **", "# -"))]
    assert max(c.strip().count("\n") + 1 for c in code[1:] if "# ---" not in c) < 40
