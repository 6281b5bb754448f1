"""Explorers of the course: each joins a pure function, a figure and the controls that move it."""

from mmaml_lite.course.widgets.accuracy import (
    accuracy_explorer,
    company_view,
    difference,
    modes_view,
    scoreboard,
    two_mode_settings,
)
from mmaml_lite.course.widgets.cheetah import cheetah
from mmaml_lite.course.widgets.contraction import contraction_explorer
from mmaml_lite.course.widgets.diagram import Diagram
from mmaml_lite.course.widgets.dial import dial_explorer, sinusoid_fit
from mmaml_lite.course.widgets.draw import draw
from mmaml_lite.course.widgets.episode_map import episode_explorer
from mmaml_lite.course.widgets.exploration import Crowd, encoder_explorer
from mmaml_lite.course.widgets.explorer import Explorer
from mmaml_lite.course.widgets.feature_maps import feature_maps_explorer
from mmaml_lite.course.widgets.first_look import first_look
from mmaml_lite.course.widgets.fit import fit_explorer
from mmaml_lite.course.widgets.gates import GATES, gate_explorer, reachable
from mmaml_lite.course.widgets.hunt import Hunt
from mmaml_lite.course.widgets.kernels import pull_explorer, tangent_view
from mmaml_lite.course.widgets.landscape import landscape_explorer
from mmaml_lite.course.widgets.live_training import LiveTraining
from mmaml_lite.course.widgets.microscope import microscope_explorer
from mmaml_lite.course.widgets.navigation import navigate, navigators, navigators_shown
from mmaml_lite.course.widgets.overview import overview_explorer
from mmaml_lite.course.widgets.pad import Pad
from mmaml_lite.course.widgets.policy_training import LivePolicyTraining
from mmaml_lite.course.widgets.questions import Sketch, answer, ask
from mmaml_lite.course.widgets.returns import (
    by_modulation,
    curves_explorer,
    exchange_view,
    unstored,
)
from mmaml_lite.course.widgets.sorting import Sorting
from mmaml_lite.course.widgets.task import task_explorer
from mmaml_lite.course.widgets.three_ways import three_ways
from mmaml_lite.course.widgets.trajectory import (
    account,
    reached_view,
    reading_view,
    trajectory_explorer,
)

__all__ = [
    "GATES",
    "Crowd",
    "Diagram",
    "Explorer",
    "Hunt",
    "LivePolicyTraining",
    "LiveTraining",
    "Pad",
    "Sketch",
    "Sorting",
    "account",
    "accuracy_explorer",
    "answer",
    "ask",
    "by_modulation",
    "cheetah",
    "company_view",
    "contraction_explorer",
    "curves_explorer",
    "dial_explorer",
    "difference",
    "draw",
    "encoder_explorer",
    "episode_explorer",
    "exchange_view",
    "feature_maps_explorer",
    "first_look",
    "fit_explorer",
    "gate_explorer",
    "landscape_explorer",
    "microscope_explorer",
    "modes_view",
    "navigate",
    "navigators",
    "navigators_shown",
    "overview_explorer",
    "pull_explorer",
    "reachable",
    "reached_view",
    "reading_view",
    "scoreboard",
    "sinusoid_fit",
    "tangent_view",
    "task_explorer",
    "three_ways",
    "trajectory_explorer",
    "two_mode_settings",
    "unstored",
]
