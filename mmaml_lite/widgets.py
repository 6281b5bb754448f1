"""Moved to `mmaml_lite.course`. Goes with the next version."""

from mmaml_lite.core.face import moved

__getattr__ = moved(__name__, "course.widgets")
