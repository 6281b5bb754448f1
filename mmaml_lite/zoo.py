"""Moved to `mmaml_lite` and `core/zoo.py`. Goes with the next version."""

from mmaml_lite.core.face import moved

__getattr__ = moved(__name__, "core.zoo")
