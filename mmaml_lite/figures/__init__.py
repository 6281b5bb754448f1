"""Figures of the course: pure functions, arrays in and a plotly figure out."""

from mmaml_lite.figures.embedding import embedding_map
from mmaml_lite.figures.regression import error_by_stage, fits
from mmaml_lite.figures.style import METHODS, MODES, alt, caption
from mmaml_lite.figures.table import table

__all__ = [
    "METHODS",
    "MODES",
    "alt",
    "caption",
    "embedding_map",
    "error_by_stage",
    "fits",
    "table",
]
