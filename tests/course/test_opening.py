"""Explorers open on an ordinary task."""

import numpy as np

from mmaml_lite.course.studies.opening import ordinary


def test_the_most_ordinary_draw_is_the_one_nearest_the_medians():
    errors = np.array([[1.0, 1.0], [10.0, 0.1], [1.2, 0.9], [100.0, 100.0], [0.01, 0.01]])
    assert ordinary(errors) == 2
    assert ordinary(errors, np.array([9.0, 0.2])) == 1
    assert ordinary(errors, np.array([0.0, 0.0])) == 4  # a perfect fit has no logarithm
