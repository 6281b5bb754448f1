"""Tangent kernels: the formula is gradient descent on the tangent; MAML has one, MuMoMAML many."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import untrained
from torch.func import jacrev

from mmaml_lite.core import zoo
from mmaml_lite.core.algorithm import adapt
from mmaml_lite.core.domain import build
from mmaml_lite.core.tasks import Examples
from mmaml_lite.course import figures
from mmaml_lite.course.studies import kernels
from mmaml_lite.course.widgets import pull_explorer
from mmaml_lite.course.widgets.kernels import pull_view, tangent_view
from mmaml_lite.regression.domain import mixture_of
from mmaml_lite.regression.evaluation import shared_tasks

METHODS = {"maml": "maml", "mumomaml": "mumomaml-film"}


def small(key, **changes):
    """A small network with the right pieces: context for MAML, modulation for MuMoMAML."""
    changes = {"init": "scaled", "hidden": (12, 9), "iterations": 1} | changes
    return untrained(f"regression/3-modes/{METHODS[key]}", **changes)


@pytest.fixture(scope="module", params=METHODS)
def model(request):
    found = small(request.param)
    found.learner.double()
    return found


@pytest.fixture
def tasks(model):
    return shared_tasks(model.settings, 6).to(torch.float64)


def tau_of(model, tasks, i):
    tau = model.learner.modulate(model.learner.embed(tasks.support))
    return {block: t[i].detach() for block, t in tau.items()}


def test_features_are_the_jacobian(model, tasks):
    learner, tau, x = model.learner, tau_of(model, tasks, 2), tasks.support.x[2]
    theta = {name: w.detach() for name, w in learner.theta.items()}
    J = jacrev(lambda theta: learner.network(theta, x, tau)[:, 0])(theta)
    adapted = list(learner.step_sizes(1)[0])
    expected = torch.cat([J[name].flatten(1) for name in adapted], 1)
    assert torch.allclose(kernels.features(learner, x, tau), expected)
    assert ("context" in adapted) == (model.settings.context > 0)


def test_the_weights_of_the_labels_in_closed_form():
    root = torch.randn(4, 4, dtype=torch.float64)
    gram, alpha = root @ root.T, 0.05
    left = torch.linalg.matrix_power(torch.eye(4) - 2 * alpha / 4 * gram, 7)
    expected = torch.linalg.inv(gram) @ (torch.eye(4) - left)
    assert torch.allclose(kernels.label_weights(gram, alpha, 7), expected)
    assert torch.equal(kernels.label_weights(gram, alpha, 0), torch.zeros_like(gram))


def test_the_formula_is_gradient_descent_on_the_tangent(model, tasks):
    """The same steps, taken by `algorithm.adapt` on the network's first-order expansion."""
    learner, i = model.learner, 4
    theta = {name: w.detach() for name, w in learner.theta.items()}
    tau = tau_of(model, tasks, i)

    def tangent(weights, x):
        J = jacrev(lambda theta: learner.network(theta, x, tau)[:, 0])(theta)
        change = sum(J[n].flatten(1) @ (weights[n] - theta[n]).flatten() for n in theta)
        return learner.network(theta, x, tau) + change[:, None]

    def loss(weights):
        return F.mse_loss(tangent(weights, tasks.support.x[i]), tasks.support.y[i])

    alphas = [{n: 20 * a for n, a in step.items()} for step in learner.step_sizes(3)]
    fast_weights = adapt(loss, theta, alphas)[-1]
    expected = tangent(fast_weights, tasks.query.x[i])
    found = kernels.linearised(learner, tasks.support, tasks.query.x, 3, factor=20, chunk=4)
    assert torch.allclose(found[i], expected)


def test_with_tiny_steps_it_is_the_network_itself(model, tasks):
    y = model.learner(tasks.support, tasks.query.x, factor=1e-5).detach()
    found = kernels.linearised(model.learner, tasks.support, tasks.query.x, 5, factor=1e-5)
    assert torch.allclose(found - y[0], y[-1] - y[0], rtol=1e-2, atol=1e-9)


def test_without_modulation_the_prediction_is_linear_in_the_labels():
    learner = small("maml").learner.double()
    x, y = torch.rand(2, 5, 1).double(), torch.randn(3, 2, 5, 1).double()
    first, second, mean = (
        kernels.linearised(learner, Examples(x, labels), x + 1, 4)
        for labels in (y[0], y[1], (y[0] + y[1]) / 2)
    )
    assert torch.allclose(mean, (first + second) / 2)


def test_learned_step_sizes_are_refused():
    settings = zoo.zoo_settings("regression/2-modes/tuned-maml", recipe="ours")
    tasks = shared_tasks(settings, 2)
    with pytest.raises(ValueError, match="learned many"):
        kernels.linearised(build(settings), tasks.support, tasks.query.x, 5)


def test_curvatures_are_those_of_the_kernel(model, tasks):
    J = kernels.features(model.learner, tasks.support.x[1], tau_of(model, tasks, 1))
    found = kernels.curvatures(model.learner, tasks.support)
    assert found.shape == (6, 5) and (found.diff(dim=1) <= 0).all()
    assert found[1].sum() == pytest.approx((J.square().sum() / 5).item())


def test_maml_has_one_kernel_and_mumomaml_one_for_each_task():
    x = torch.linspace(-5, 5, 21)
    for key in METHODS:
        learner = small(key).learner
        if key == "mumomaml":  # heads start small: give them a voice
            for head in learner.heads.values():
                torch.nn.init.normal_(head.weight, std=1.0)
        tasks = shared_tasks(learner.settings, 6)
        one = [Examples(tasks.support.x[i : i + 1], tasks.support.y[i : i + 1]) for i in (0, 3)]
        first, second = (kernels.pull(learner, support, x, at=1.0) for support in one)
        assert torch.allclose(first, second) == (key == "maml")
        assert first[12] == pytest.approx(1.0)  # x = 1, where it is pulled


@pytest.fixture(scope="module")
def models():
    return {key: small(key) for key in METHODS}


@pytest.fixture(scope="module")
def explorer(models):
    return pull_explorer(models)


def test_another_pull_makes_the_same_figure_as_starting_there(models):
    tasks = shared_tasks(models["maml"].settings, 3)
    view, other = pull_view(models, tasks, 1.0), pull_view(models, tasks, -4.0)
    fig = figures.pulls(other)
    figures.redraw_pulls(fig, view)
    assert fig.to_dict() == figures.pulls(view).to_dict()
    assert "x = 1.0" in figures.alt(fig)


@pytest.mark.parametrize("live", [True, False])
def test_the_explorer_draws_what_the_library_computes(explorer, models, live):
    explorer.set(at=2.5, seed=1)
    fig = explorer.screen if live else explorer.twin()
    from mmaml_lite.course.lesson import GRID, showcase

    tasks = showcase(models, 1)
    for i in range(3):
        support = Examples(tasks.support.x[i : i + 1], tasks.support.y[i : i + 1])
        for j, key in enumerate(METHODS, start=1):
            slice_ = kernels.pull(models[key].learner, support, GRID, 2.5)
            assert np.allclose(fig.data[4 * i + j].y, slice_, atol=1e-5)
    assert "MAML</b>: the same for every task" in explorer.summary


@pytest.mark.parametrize("at", [-5.0, 0.0, 5.0])
def test_the_ends_of_the_slider(explorer, at):
    explorer.set(at=at)
    assert explorer.problem.value == "" and explorer.seconds < 1  # 25 ms on an idle machine


def test_the_tangent_figure_shows_both_curves(models):
    model = models["maml"]
    task = shared_tasks(model.settings, 3)[:1]
    view = tangent_view(model, task, (0.01, 1))
    assert view.headings == ["steps × 0.01", "its own steps"]
    fig = figures.tangents(view)
    by_name = [(t.name, t.y) for t in fig.data if t.xaxis == "x2"]
    assert np.array_equal(dict(by_name)["MAML after the steps"], view.real[1])
    assert np.array_equal(dict(by_name)["what its kernel says"], view.formula[1])
    mixture = mixture_of(model.settings)
    from mmaml_lite.course.lesson import GRID

    truth = mixture.curves(GRID[None], task.mode, task.parameters)[0]
    assert np.allclose(dict(by_name)["true function"], truth)


def test_the_ladder_has_a_bar_for_every_row():
    rows = [
        {"label": "MAML", "key": "maml", "mean": 0.8, "ci95": 0.1},
        {"label": "Bayes (floor)", "key": None, "mean": 0.2, "ci95": 0.01},
    ]
    fig = figures.ladder(rows)
    assert [t.x for t in fig.data] == [(0.8,), (0.2,)] and fig.data[1].marker.pattern.shape == "/"
    assert "MAML 0.80; Bayes (floor) 0.20" in figures.alt(fig)
