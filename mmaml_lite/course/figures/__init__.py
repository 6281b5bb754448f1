"""Figures of the course: pure functions, arrays in and a plotly figure out."""

from mmaml_lite.course.figures.ablation import ablation
from mmaml_lite.course.figures.accuracy import accuracy, company, mode_accuracy
from mmaml_lite.course.figures.adaptation import (
    adaptation,
    before_learning,
    error_by_steps,
    redraw_adaptation,
)
from mmaml_lite.course.figures.characters import certainty, episode, redraw_certainty
from mmaml_lite.course.figures.cheetah import cheetah, redraw_cheetah
from mmaml_lite.course.figures.contraction import contraction, contraction_lines, directions, sweep
from mmaml_lite.course.figures.dial import dial, redraw_dial
from mmaml_lite.course.figures.distance import distances
from mmaml_lite.course.figures.embedding import embedding_map, forming
from mmaml_lite.course.figures.episode_map import episode_map
from mmaml_lite.course.figures.exploration import exploration, redraw_exploration
from mmaml_lite.course.figures.feature_maps import feature_maps, redraw_feature_maps
from mmaml_lite.course.figures.first_look import first_look
from mmaml_lite.course.figures.fits import error_by_stage, fits
from mmaml_lite.course.figures.gallery import gallery
from mmaml_lite.course.figures.gates import gates, reach, redraw_gates
from mmaml_lite.course.figures.hunt import hunt
from mmaml_lite.course.figures.kernels import ladder, pulls, redraw_pulls, tangents
from mmaml_lite.course.figures.landscape import landscape
from mmaml_lite.course.figures.learning import learning
from mmaml_lite.course.figures.live_training import redraw_training, training
from mmaml_lite.course.figures.microscope import microscope, redraw_microscope
from mmaml_lite.course.figures.navigation import earned, redraw_walks, walks
from mmaml_lite.course.figures.overview import parts
from mmaml_lite.course.figures.policy_training import policy_training, redraw_policy_training
from mmaml_lite.course.figures.reached import reached
from mmaml_lite.course.figures.reading import reading
from mmaml_lite.course.figures.returns import TAU_STYLES, returns
from mmaml_lite.course.figures.sorting import sorting
from mmaml_lite.course.figures.style import (
    METHOD_STYLES,
    MODE_STYLES,
    alt,
    caption,
    error_text,
)
from mmaml_lite.course.figures.table import table
from mmaml_lite.course.figures.task import redraw_task, task
from mmaml_lite.course.figures.three_ways import diagram
from mmaml_lite.course.figures.trajectory import redraw_trajectory, trajectory

__all__ = [
    "METHOD_STYLES",
    "MODE_STYLES",
    "TAU_STYLES",
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
    "error_text",
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
