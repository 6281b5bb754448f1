"""Numbers as a reader writes them."""

import math

import numpy as np
import pytest
import torch

from mmaml_lite.course.figures.numerals import change, number


@pytest.mark.parametrize(
    ("value", "digits", "plus", "shown"),
    [
        (1.25, 2, False, "1.25"),
        (-3.14, 1, False, "−3.1"),
        (-0.004, 2, True, "0.00"),
        (0.004, 2, True, "0.00"),
        (12.3, 0, True, "+12"),
        (-12.3, 0, True, "−12"),
        (math.nan, 1, False, "–"),
        (-math.inf, 1, True, "–"),
        (np.float32(-0.5), 1, False, "−0.5"),
        (torch.tensor(2.0), 0, False, "2"),
    ],
)
def test_a_number_has_a_true_minus_and_none_before_zero(value, digits, plus, shown):
    assert number(value, digits, plus) == shown


def test_a_change_has_its_sign_and_its_interval():
    assert change({"mean": -12.4, "ci95": 3.2}) == "−12 ± 3"
    assert change({"mean": 0.123, "ci95": 0.05}, 2) == "+0.12 ± 0.05"
