"""Contraction: the formula is what gradient descent does, and the explorer shows it."""

import numpy as np
import pytest
import torch

from mmaml_lite.core import zoo
from mmaml_lite.core.domain import build
from mmaml_lite.course import figures
from mmaml_lite.course.studies import contraction
from mmaml_lite.course.widgets import contraction_explorer
from mmaml_lite.course.widgets.contraction import contraction_view
from mmaml_lite.regression.evaluation import errors, shared_tasks

X = torch.linspace(-5, 5, 21)


@pytest.mark.parametrize(
    ("alpha", "curvature", "steps", "left"),
    [(0.1, 0.5, 3, 0.9**3), (1.0, 0.5, 1, 0), (1.5, 0.5, 2, 0.25), (3, 0.5, 3, -8), (9, 9, 0, 1)],
)
def test_what_is_left_by_hand(alpha, curvature, steps, left):
    assert contraction.remaining(alpha, curvature, steps) == pytest.approx(left)


def test_the_formula_is_what_gradient_descent_does():
    features = torch.randn(6, 3, dtype=torch.float64)
    labels = torch.randn(2, 6, dtype=torch.float64)
    path = contraction.descend(features, labels, alpha=0.07, steps=9)
    assert path.shape == (2, 10, 3)
    for one, y in zip(path, labels, strict=True):
        best = torch.linalg.lstsq(features, y[:, None]).solution[:, 0]
        formula = contraction.residual_path(features.T @ features / 6, -best, 0.07, 9)
        assert torch.allclose(one - best, formula)


@pytest.mark.parametrize("curvature", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("alpha", [0.01, 0.2, 1.0, 10.0])
def test_opposite_tasks_share_one_fate(alpha, curvature):
    found = contraction.opposites(alpha, curvature, 7, X)
    assert torch.allclose(found.formula, found.measured)
    assert torch.allclose(found.curves[0], -found.curves[1])
    left = found.formula[:, None] * found.truth
    assert torch.allclose(found.truth - found.curves[0], left, atol=1e-9)


def test_one_step_of_the_right_size_rescues_both():
    found = contraction.opposites(1 / (2 * 0.7), 0.7, 1, X)
    assert torch.allclose(found.curves[0, -1], found.truth)
    assert torch.allclose(found.curves[1, -1], -found.truth)


def test_a_factor_on_the_step_sizes():
    settings = zoo.zoo_settings("regression/2-modes/maml", init="scaled")
    learner, tasks = build(settings), shared_tasks(settings, 6)
    assert torch.allclose(contraction.errors_with(learner, tasks, chunk=4), errors(learner, tasks))
    still = contraction.errors_with(learner, tasks, factor=0.0, steps=3)
    assert still.shape == (4, 6) and torch.allclose(still[0], still[-1])
    swept = contraction.sweep(learner, tasks, [0.0, 1.0])
    assert torch.allclose(swept, torch.stack([still[0], errors(learner, tasks)[-1]]))


def test_the_twin_draws_the_lines_of_the_pads():
    view = contraction_view(alpha=0.3, curvature=0.5, steps=3)
    left, right = figures.contraction_lines(view)
    fig = figures.contraction(view)
    for trace, line in zip(fig.data, left + right, strict=True):
        assert np.array_equal(trace.y, line["y"])
    names = {line["name"]: line["y"] for line in left + right if "name" in line}
    assert np.array_equal(names["adapted to f"], view.curves[0, -1])
    assert np.array_equal(names["gradient descent"], view.measured)
    assert "0.34 of the residual" in figures.alt(fig)


def test_the_explorer_draws_what_the_library_computes():
    explorer = contraction_explorer()
    explorer.set(alpha=0.2, steps=4, curvature=1.0)
    left, right = figures.contraction_lines(contraction_view(0.2, 1.0, 4))
    for pad, lines in zip(explorer.screen.children, (left, right), strict=True):
        assert len(pad.lines) == len(lines)
        for drawn, line in zip(pad.lines, lines, strict=True):
            assert np.allclose(drawn["y"], line["y"], atol=1e-4)
    assert explorer.seconds < 0.5


@pytest.mark.parametrize(
    ("alpha", "says"),
    [(0.01, "Fails"), (0.5, "Creeps"), (1.0, "Rescued"), (1.5, "Overshoots"), (10.0, "Diverges")],
)
def test_the_summary_names_the_regime(alpha, says):
    explorer = contraction_explorer()
    explorer.set(alpha=alpha, curvature=0.5, steps=5)
    assert says in explorer.summary and "(formula" not in explorer.summary
    assert explorer.problem.value == ""


@pytest.mark.parametrize("alpha", [0.01, 10.0])
@pytest.mark.parametrize("steps", [0, 20])
@pytest.mark.parametrize("curvature", [0.1, 2.0])
def test_the_ends_of_all_sliders(alpha, steps, curvature):
    explorer = contraction_explorer(alpha, curvature, steps)
    for pad in explorer.screen.children:
        assert all(np.isfinite(line["y"]).all() for line in pad.lines)
    explorer.twin()


def test_the_sweep_and_the_directions_are_drawn_as_given():
    factors = np.array([0.5, 1.0, 2.0])
    errors_by = {"maml": np.array([2.0, 1.0, 9.0]), "tuned-maml": np.array([3.0, 2.0, 1e9])}
    steps = {k: np.linspace(9, 1, 6) for k in errors_by}
    fig = figures.sweep(factors, errors_by, steps, errors_by, {"Bayes": 0.2})
    assert np.array_equal(fig.data[0].y, [2, 1, 9]) and np.array_equal(fig.data[1].y, steps["maml"])
    assert "MAML 1.00 at factor 1" in figures.alt(fig)
    fig = figures.directions({"5 steps": np.array([0.5, 40.0])})
    assert fig.data[0].text == ("50%", "↑ 40 ×") and "40.00" in figures.alt(fig)
