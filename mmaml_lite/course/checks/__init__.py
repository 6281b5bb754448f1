"""Answers for the reader: predictions that are scored, exercises that name the likely mistake."""

from mmaml_lite.course.checks.answers import JOURNAL, Prediction, Quiz, Reply, exercise
from mmaml_lite.course.checks.characters import (
    QUIZ_COMPANY,
    QUIZ_NUMBERS,
    check_chance,
    check_normalise,
    check_numbers,
    check_prototypes,
)
from mmaml_lite.course.checks.fails import QUIZ_KERNEL, QUIZ_STEP, check_remaining, check_rescue
from mmaml_lite.course.checks.half_cheetah import (
    QUIZ_AFTER,
    QUIZ_PLACE,
    check_score,
    check_speed_reward,
    check_target,
)
from mmaml_lite.course.checks.maml import check_chain, check_maml_loss, quizzes
from mmaml_lite.course.checks.modulation import (
    QUIZ_MIX,
    QUIZ_SOFTMAX,
    check_block,
    check_count,
    check_gates,
)
from mmaml_lite.course.checks.mumomaml import QUIZ_MAP, check_film, check_floor
from mmaml_lite.course.checks.navigation import (
    QUIZ_TEACH,
    QUIZ_WALK,
    check_surrogate,
    check_to_come,
    check_vote,
)

__all__ = [
    "JOURNAL",
    "QUIZ_AFTER",
    "QUIZ_COMPANY",
    "QUIZ_KERNEL",
    "QUIZ_MAP",
    "QUIZ_MIX",
    "QUIZ_NUMBERS",
    "QUIZ_PLACE",
    "QUIZ_SOFTMAX",
    "QUIZ_STEP",
    "QUIZ_TEACH",
    "QUIZ_WALK",
    "Prediction",
    "Quiz",
    "Reply",
    "check_block",
    "check_chain",
    "check_chance",
    "check_count",
    "check_film",
    "check_floor",
    "check_gates",
    "check_maml_loss",
    "check_normalise",
    "check_numbers",
    "check_prototypes",
    "check_remaining",
    "check_rescue",
    "check_score",
    "check_speed_reward",
    "check_surrogate",
    "check_target",
    "check_to_come",
    "check_vote",
    "exercise",
    "quizzes",
]
