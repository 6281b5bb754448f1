"""Explorers of the course: each joins a pure function, a figure and the controls that move it."""

from mmaml_lite.widgets.accuracy import (
    accuracy_explorer,
    company_view,
    difference,
    modes_view,
    scoreboard,
    two_mode_settings,
)
from mmaml_lite.widgets.cheetah import cheetah
from mmaml_lite.widgets.contraction import contraction_explorer
from mmaml_lite.widgets.curves import curves_explorer, exchange_view
from mmaml_lite.widgets.diagram import Diagram
from mmaml_lite.widgets.dial import dial_explorer
from mmaml_lite.widgets.draw import draw
from mmaml_lite.widgets.episode_map import episode_explorer
from mmaml_lite.widgets.exploration import Crowd, encoder_explorer
from mmaml_lite.widgets.explorer import Explorer
from mmaml_lite.widgets.feature_maps import feature_maps_explorer
from mmaml_lite.widgets.first_look import first_look
from mmaml_lite.widgets.fit import fit_explorer
from mmaml_lite.widgets.gates import gate_explorer
from mmaml_lite.widgets.hunt import Hunt
from mmaml_lite.widgets.kernels import pull_explorer
from mmaml_lite.widgets.landscape import landscape_explorer
from mmaml_lite.widgets.microscope import microscope_explorer
from mmaml_lite.widgets.navigation import navigate, navigators
from mmaml_lite.widgets.overview import overview_explorer
from mmaml_lite.widgets.pad import Pad
from mmaml_lite.widgets.questions import Sketch, ask
from mmaml_lite.widgets.rl_training import LivePolicyTraining
from mmaml_lite.widgets.sorting import Sorting
from mmaml_lite.widgets.task import task_explorer
from mmaml_lite.widgets.three_ways import three_ways
from mmaml_lite.widgets.training import LiveTraining
from mmaml_lite.widgets.trajectory import (
    account,
    reached_view,
    reading_view,
    trajectory_explorer,
)

__all__ = [
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
    "ask",
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
    "overview_explorer",
    "pull_explorer",
    "reached_view",
    "reading_view",
    "scoreboard",
    "task_explorer",
    "three_ways",
    "trajectory_explorer",
    "two_mode_settings",
]
