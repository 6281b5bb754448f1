"""Where supervised tasks come from: `Tasks`, a batch of them, and what samples it."""

from mmaml_lite.tasks.batch import Examples, Tasks
from mmaml_lite.tasks.regression import (
    FAMILIES,
    Family,
    Mixture,
    Uniform,
    register_family,
)

__all__ = [
    "FAMILIES",
    "Examples",
    "Family",
    "Mixture",
    "Tasks",
    "Uniform",
    "register_family",
]
