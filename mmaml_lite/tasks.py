"""Moved to `mmaml_lite` and `regression/tasks.py`. Goes with the next version."""

from mmaml_lite.core.face import moved

__getattr__ = moved(__name__, "core.tasks", "regression.tasks")
