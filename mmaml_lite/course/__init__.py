"""The course: what only the lessons need.

A topic, such as the dial, has one name in all rooms: `studies` computes, `figures` draws, `widgets`
let the reader move it, `checks` ask and answer.
"""

from mmaml_lite.core.face import face

__getattr__, __all__ = face(
    __name__,
    {
        "course": "checks figures lesson widgets",
        "course.checks": "JOURNAL Prediction QUIZ_AFTER QUIZ_COMPANY QUIZ_KERNEL QUIZ_MAP QUIZ_MIX "
        "QUIZ_NUMBERS QUIZ_PLACE QUIZ_SOFTMAX QUIZ_STEP QUIZ_TEACH QUIZ_WALK Quiz Reply "
        "check_block check_chain check_chance check_count check_film check_floor "
        "check_gates check_maml_loss check_normalise check_numbers check_prototypes "
        "check_remaining check_rescue check_score check_speed_reward check_surrogate "
        "check_target check_to_come check_vote exercise quizzes",
        "course.figures.numerals": "number",
        "course.display": "say show source write_metrics",
        "course.studies": "cheetahs comparison contraction interventions kernels landscape maps "
        "players probes",
        "course.studies.trajectory": "stage_losses",
        "course.studies.exchange": "exchange",
        "course.studies.reading": "reading",
        "course.studies.navigation": "explore",
        "rl.collect": "collect",
        "rl.evaluation": "shared_goals",
        "rl.half_cheetah": "HalfCheetah HalfCheetahWorld TargetLocation TargetSpeed outcome",
        "rl.learner": "PolicyLearner",
        "rl.navigation": "Navigation",
        "rl.objective": "SURROGATES",
    },
)
