"""Where supervised tasks come from: `Tasks` (one batch of them) and the distributions that sample it."""

from mmaml_lite.tasks.batch import Examples, Tasks
from mmaml_lite.tasks.regression import (
    FAMILIES,
    Family,
    Mixture,
    Uniform,
    get_family,
    register_family,
)

__all__ = [
    "FAMILIES",
    "Examples",
    "Family",
    "Mixture",
    "Tasks",
    "Uniform",
    "get_family",
    "register_family",
]
