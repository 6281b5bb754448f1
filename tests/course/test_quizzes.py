"""Every quiz of every lesson: whichever option is picked, it is told right or wrong, and why."""

import pytest

from mmaml_lite.course import checks
from mmaml_lite.course.checks import Quiz

QUIZZES = {name: thing for name, thing in vars(checks).items() if isinstance(thing, Quiz)}


@pytest.mark.parametrize("name", QUIZZES)
def test_every_option_of_a_quiz_explains_itself(name):
    quiz = QUIZZES[name]
    for letter in quiz.options:
        quiz.picked = letter
        reply = quiz.reply()
        assert reply.right is (letter == quiz.right) and len(reply.text) > 40
    quiz.picked = ""
