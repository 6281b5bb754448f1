"""The two-weight landscape: exact gradients, the map, and the explorer at its extremes."""

import json
import math
from dataclasses import replace
from functools import partial

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from mmaml_lite.course import figures
from mmaml_lite.course.figures import landscape as landscape_figure
from mmaml_lite.course.figures.landscape import EDGES, SHADES, arrows, bands, fit_lines, marks
from mmaml_lite.course.studies import landscape
from mmaml_lite.course.widgets import landscape_explorer
from mmaml_lite.course.widgets.landscape import landscape_summary, landscape_view

TASKS = landscape.draw_tasks(0)


def places(count, seed=0):
    unit = torch.rand(count, 2, generator=torch.Generator().manual_seed(seed)).double()
    low, high = zip(landscape.SHIFTS, landscape.HEIGHTS, strict=True)
    return torch.tensor(low) + unit * (torch.tensor(high) - torch.tensor(low))


def test_tasks_are_seeded_and_support_and_query_differ():
    again, other = landscape.draw_tasks(0), landscape.draw_tasks(1)
    assert torch.equal(TASKS.support.y, again.support.y)
    assert not torch.equal(TASKS.support.y, other.support.y)
    assert TASKS.support.x.shape == (4, 5, 1) and TASKS.query.x.shape == (4, 20, 1)
    assert not torch.isin(TASKS.support.x, TASKS.query.x).any()
    shift, height = TASKS.parameters.T
    assert ((shift >= 0) & (shift <= math.pi)).all() and ((height >= 1.5) & (height <= 4)).all()
    residual = landscape.predict(TASKS.parameters.T[..., None], TASKS.query.x[..., 0])
    assert (residual - TASKS.query.y[..., 0]).std() == pytest.approx(0.3, abs=0.08)


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("step_size", [0.05, 0.1, 0.3])
def test_the_meta_gradient_equals_finite_differences_and_first_order_does_not(steps, step_size):
    for theta in places(12):
        exact = landscape.meta_gradient(theta, TASKS, steps, step_size)
        tried = landscape.finite_difference(theta, TASKS, steps, step_size)
        assert landscape.relative_error(tried, exact) < 1e-6
        first = landscape.meta_gradient(theta, TASKS, steps, step_size, first_order=True)
        assert landscape.relative_error(first, exact) > 1e-3


def test_one_factor_of_the_chain_rule_is_not_enough():
    """What a well-known demo does: multiply by I - alpha H(theta) once, whatever the steps."""
    theta = torch.tensor([1.0, 3.0], dtype=torch.float64)

    for steps, same in ((1, True), (2, False), (5, False)):
        total = torch.zeros(2, dtype=torch.float64)
        for i in range(4):
            support = landscape.Examples(TASKS.support.x[i], TASKS.support.y[i])
            query = landscape.Examples(TASKS.query.x[i], TASKS.query.y[i])
            end = landscape.fast_weights(theta, TASKS[i : i + 1], steps, 0.1)[0, -1]
            support_loss = partial(landscape.loss, points=support)
            hessian = torch.autograd.functional.hessian(support_loss, theta)
            factor = torch.eye(2, dtype=torch.float64) - 0.1 * hessian
            total += factor @ torch.func.grad(landscape.loss)(end, query) / 4
        exact = landscape.meta_gradient(theta, TASKS, steps, 0.1)
        assert (landscape.relative_error(total, exact) < 1e-9) is same


def test_a_step_by_hand_is_the_inner_loop():
    theta, alpha = torch.tensor([0.5, 2.0], dtype=torch.float64), 0.1
    path = landscape.fast_weights(theta, TASKS, 2, alpha)
    assert path.shape == (4, 3, 2) and torch.equal(path[:, 0], theta.expand(4, 2))
    x, y = TASKS.support.x[1, :, 0], TASKS.support.y[1, :, 0]
    off = 2.0 * torch.sin(x - 0.5) - y
    slope = torch.stack(
        [(2 * off * -2.0 * torch.cos(x - 0.5)).mean(), (2 * off * torch.sin(x - 0.5)).mean()]
    )
    assert torch.allclose(path[1, 1], theta - alpha * slope)


def test_without_steps_the_map_is_that_of_pretraining():
    flat, other = landscape.outer_map(0, 0, 0.1), landscape.outer_map(0, 0, 0.3)
    assert torch.equal(flat.loss, other.loss)
    row, column = 20, 30
    theta = torch.stack([flat.shifts[column], flat.heights[row]])
    query = (landscape.predict(theta, TASKS.query.x) - TASKS.query.y).square().mean()
    assert flat.loss[row, column] == pytest.approx(query.item())
    exact = landscape.meta_gradient(theta, TASKS, 0, 0.1)
    first = landscape.meta_gradient(theta, TASKS, 0, 0.1, first_order=True)
    assert torch.equal(exact, first) and landscape.relative_error(first, exact) == 0


def test_the_map_knows_its_best_place_and_is_kept():
    found = landscape.outer_map(0, 2, 0.1)
    assert found is landscape.outer_map(0, 2, 0.1)
    at_best = landscape.outer_loss(found.best, TASKS, 2, 0.1).item()
    assert at_best == pytest.approx(found.least) == pytest.approx(found.loss.min().item())
    start = landscape.outer_map(0, 0, 0.1).best
    assert found.best[1] > start[1] + 0.3  # MAML wants a taller wave
    assert landscape.outer_loss(start, TASKS, 2, 0.1) > 2 * found.least


def test_relative_error_where_the_exact_vector_vanishes():
    assert landscape.relative_error(torch.zeros(2), torch.zeros(2)) == 0
    assert landscape.relative_error(torch.ones(2), torch.zeros(2)) == math.inf


# --- the picture ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def view():
    return landscape_view([1.2, 2.0], reveal=True)


def test_bands_are_the_colours_of_the_loss_last_row_on_top():
    low, high = np.full((3, 4), 0.05), np.full((3, 4), 50.0)
    assert (bands(low) == SHADES[0]).all() and (bands(high) == SHADES[-1]).all()
    both = bands(np.concatenate([low, high]), factor=2)
    assert both.shape == (12, 8, 3)
    assert (both[0] == SHADES[-1]).all() and (both[-1] == SHADES[0]).all()
    light = SHADES @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) < 0).all() and len(SHADES) == len(EDGES) + 1  # lower is lighter


def test_arrows_are_to_one_scale_and_finite_differences_lie_on_the_exact_one(view):
    *tasks, exact, difference, first = arrows(view)
    assert len(tasks) == 4
    for arrow, path in zip(tasks, view.paths, strict=True):
        assert arrow["head"] == path[-1].tolist() and arrow["tail"] == path[-2].tolist()
    assert np.allclose(exact["head"], difference["head"], atol=1e-6)
    assert exact["tail"] == view.theta.tolist() == first["tail"]
    step = np.subtract(exact["head"], exact["tail"])
    assert step @ view.exact == pytest.approx(  # downhill
        -np.linalg.norm(step) * np.linalg.norm(view.exact)
    )
    length = np.linalg.norm(np.subtract(first["head"], first["tail"])) / np.linalg.norm(step)
    ratio = np.linalg.norm(view.first_order) / np.linalg.norm(view.exact)
    assert length == pytest.approx(ratio)
    assert len({(a["color"], a["dash"]) for a in (exact, difference, first)}) == 3


def test_the_best_places_are_shown_when_asked(view):
    labels = [mark.get("label") for mark in marks(view)]
    assert labels[:2] == ["1", None] and labels[-2:] == [
        "best after learning",
        "best before learning",
    ]
    assert len(marks(replace(view, reveal=False))) == len(marks(view)) - 2


def test_the_twin_draws_the_same_arrays(view):
    fig = figures.landscape(view)
    assert figures.landscape is landscape_figure
    contour, *rest = fig.data
    assert np.allclose(contour.z, np.log10(view.loss), atol=1e-3)
    assert len(rest) == len(marks(view)) + len(arrows(view)) + 1 + len(fit_lines(view))
    curves = [t for t in rest if t.xaxis == "x2"]
    assert np.allclose(curves[2].y, view.curves[-1])
    assert "Task 1" in figures.alt(fig)
    json.loads(fig.to_json())


# --- the explorer ---------------------------------------------------------------------------------


@pytest.fixture
def explorer():
    return landscape_explorer()


def test_it_opens_where_pretraining_would_put_theta(explorer):
    best = landscape.outer_map(0, 0, 0.1).best.numpy()
    assert np.allclose(explorer.controls["theta"].value[0], best, atol=0.006)
    assert "times</b> the least" in explorer.summary and "reveal" not in explorer.summary


def test_drawn_curves_are_the_librarys(explorer):
    explorer.set(theta=[[0.7, 2.5]], steps=3, step_size=0.2, task=2)
    theta = torch.tensor([0.7, 2.5], dtype=torch.float64)
    path = landscape.fast_weights(theta, TASKS, 3, 0.2)[2]
    x = torch.tensor(explorer.screen.lines[0]["x"], dtype=torch.float64)
    for line, weights in ((1, path[0]), (2, path[-1])):
        drawn = explorer.screen.lines[line]["y"]
        assert np.allclose(drawn, landscape.predict(weights, x).numpy())
    assert "Task 3" in explorer.screen.heading
    pad = explorer.controls["theta"]
    assert pad.arrows == arrows(explorer.view) and pad.lines == marks(explorer.view)


def test_the_map_follows_steps_and_choice(explorer):
    pad = explorer.controls["theta"]
    before = pad.image
    explorer.set(steps=5)
    assert pad.image == before and "before learning" in pad.heading
    explorer.set(background="after")
    after = pad.image
    assert after != before and "after 5 inner steps" in pad.heading
    explorer.set(steps=0)
    assert pad.image == before
    picture = bands(landscape.outer_map(0, 5, 0.1).loss.numpy()).astype(np.uint8)
    shown = np.frombuffer(after, np.uint8).reshape(*picture.shape[:2], 4)[..., :3]
    assert (shown == picture).all()


def test_finding_the_place_is_told(explorer):
    best = landscape.outer_map(0, 2, 0.1).best.tolist()
    explorer.set(theta=[best], reveal=True)
    assert "<b>Found:</b>" in explorer.summary
    assert "best before learning gets" in explorer.summary
    explorer.set(theta=[[4.5, 4.5]])
    assert "Found" not in explorer.summary


@pytest.mark.parametrize("theta", [[-1.571, -0.2], [4.712, 5.0], [0.0, 0.0]])
@pytest.mark.parametrize(("steps", "step_size"), [(0, 0.01), (5, 0.3), (1, 0.01)])
def test_the_ends_of_all_controls_give_a_picture(explorer, theta, steps, step_size):
    explorer.set(
        theta=[theta], steps=steps, step_size=step_size, background="after", reveal=True, task=3
    )
    view = explorer.view
    numbers = np.concatenate(
        [v.ravel() for v in (view.paths, view.exact, view.difference, view.curves)]
    )
    assert np.isfinite(numbers).all() and "nan" not in explorer.summary
    assert explorer.problem.value == "" and isinstance(explorer.twin(), go.Figure)


def test_redrawing_forgets_what_was_there_before(explorer):
    first = explorer.set(theta=[[1.0, 1.0]]).controls["theta"].arrows
    explorer.set(theta=[[3.0, 3.0]], steps=4)
    assert explorer.set(theta=[[1.0, 1.0]], steps=2).controls["theta"].arrows == first


def test_the_static_form(monkeypatch):
    monkeypatch.setenv("MMAML_LITE_STATIC", "1")
    explorer = landscape_explorer(seed=1)
    assert explorer.box is None and len(explorer.twin().data) > 10
    assert explorer.summary == landscape_summary(explorer.view)
