"""Figures of the course: pure functions, arrays in and a plotly figure out."""

from mmaml_lite.figures.ablation import ablation, first_look
from mmaml_lite.figures.accuracy import accuracy, company, mode_accuracy
from mmaml_lite.figures.adaptation import (
    adaptation,
    before_learning,
    error_by_steps,
    redraw_adaptation,
)
from mmaml_lite.figures.characters import certainty, episode, redraw_certainty
from mmaml_lite.figures.cheetah import cheetah, redraw_cheetah
from mmaml_lite.figures.contraction import contraction, contraction_lines, directions, sweep
from mmaml_lite.figures.dial import dial, redraw_dial
from mmaml_lite.figures.distance import distances
from mmaml_lite.figures.embedding import embedding_map, forming
from mmaml_lite.figures.episode_map import episode_map
from mmaml_lite.figures.exploration import exploration, redraw_exploration
from mmaml_lite.figures.feature_maps import feature_maps, redraw_feature_maps
from mmaml_lite.figures.gallery import gallery
from mmaml_lite.figures.gates import gates, reach, redraw_gates
from mmaml_lite.figures.hunt import hunt
from mmaml_lite.figures.kernels import ladder, pulls, redraw_pulls, tangents
from mmaml_lite.figures.landscape import landscape
from mmaml_lite.figures.learning import learning
from mmaml_lite.figures.microscope import microscope, redraw_microscope
from mmaml_lite.figures.navigation import earned, redraw_walks, walks
from mmaml_lite.figures.parts import parts
from mmaml_lite.figures.policy_training import policy_training, redraw_policy_training
from mmaml_lite.figures.reached import reached
from mmaml_lite.figures.reading import reading
from mmaml_lite.figures.regression import error_by_stage, fits
from mmaml_lite.figures.returns import TAUS, returns
from mmaml_lite.figures.sorting import sorting
from mmaml_lite.figures.style import METHODS, MODES, alt, caption, number
from mmaml_lite.figures.table import table
from mmaml_lite.figures.task import redraw_task, task
from mmaml_lite.figures.three_ways import diagram
from mmaml_lite.figures.training import redraw_training, training
from mmaml_lite.figures.trajectory import redraw_trajectory, trajectory

__all__ = [
    "METHODS",
    "MODES",
    "TAUS",
    "ablation",
    "accuracy",
    "adaptation",
    "alt",
    "before_learning",
    "caption",
    "certainty",
    "cheetah",
    "company",
    "contraction",
    "contraction_lines",
    "diagram",
    "dial",
    "directions",
    "distances",
    "earned",
    "embedding_map",
    "episode",
    "episode_map",
    "error_by_stage",
    "error_by_steps",
    "exploration",
    "feature_maps",
    "first_look",
    "fits",
    "forming",
    "gallery",
    "gates",
    "hunt",
    "ladder",
    "landscape",
    "learning",
    "microscope",
    "mode_accuracy",
    "number",
    "parts",
    "policy_training",
    "pulls",
    "reach",
    "reached",
    "reading",
    "redraw_adaptation",
    "redraw_certainty",
    "redraw_cheetah",
    "redraw_dial",
    "redraw_exploration",
    "redraw_feature_maps",
    "redraw_gates",
    "redraw_microscope",
    "redraw_policy_training",
    "redraw_pulls",
    "redraw_task",
    "redraw_training",
    "redraw_trajectory",
    "redraw_walks",
    "returns",
    "sorting",
    "sweep",
    "table",
    "tangents",
    "task",
    "training",
    "trajectory",
    "walks",
]
