"""Moved to `mmaml_lite` and `regression/evaluation.py`. Goes with the next version."""

from mmaml_lite.core.face import moved

__getattr__ = moved(__name__, "regression.evaluation", "core.statistics")
