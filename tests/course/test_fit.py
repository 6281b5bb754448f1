"""The fit explorer on untrained models: arrays, picture, controls, and a reader's errors."""

import json
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from helpers import untrained

from mmaml_lite.core.tasks import Examples
from mmaml_lite.course import figures
from mmaml_lite.course.lesson import GRID
from mmaml_lite.course.widgets import fit_explorer
from mmaml_lite.course.widgets.fit import adaptation_view, diverged, draw_points, fit_summary
from mmaml_lite.regression.tasks import Mixture


def learners(setting, *methods):
    small = {"iterations": 1, "init": "scaled"}
    return {method: untrained(f"regression/{setting}/{method}", **small) for method in methods}


@pytest.fixture(scope="module")
def models():
    return learners("1-mode", "pretrained", "maml")


@pytest.fixture
def explorer(models):
    return fit_explorer(models)


def drawn(fig):
    """What a figure shows: every trace's numbers and every text, as plain values."""
    shown = json.loads(go.Figure(fig).to_json(engine="json"))
    notes = [note.get("text") for note in shown["layout"]["annotations"]]
    return [{k: t.get(k) for k in ("x", "y", "name")} for t in shown["data"]], notes


def points(*pairs):
    x, y = torch.tensor(pairs, dtype=torch.float32).T
    return Examples(x[None, :, None], y[None, :, None])


def test_one_point_more_keeps_those_that_were_there():
    mixture = Mixture(["sinusoid"])
    few, many = (draw_points(mixture, 0, [2.0, 1.0], k, 0.3, seed=4) for k in (3, 7))
    assert torch.equal(few.x[0], many.x[0, :3]) and torch.equal(few.y[0], many.y[0, :3])
    bare = draw_points(mixture, 0, [2.0, 1.0], 7, 0.0, seed=4)
    assert torch.allclose(bare.y, 2 * torch.sin(bare.x - 1))


def test_the_view_holds_every_stage_of_every_model(models):
    seen = points([-2.0, 1.0], [1.0, -1.0], [3.0, 2.0])
    view = adaptation_view(models, seen, GRID.numpy(), steps=4, step_size=0.002)
    learner = models["maml"].learner
    y = learner(seen, GRID[None, :, None], steps=4, factor=2.0)[:, 0, :, 0].detach().numpy()
    assert np.allclose(view.curves["maml"], y, atol=1e-5) and y.shape == (5, len(GRID))
    assert view.miss["maml"] == pytest.approx(np.square(y[-1] - GRID.numpy()).mean(), rel=1e-4)
    at_points = learner(seen, seen.x, steps=4, factor=2.0)
    loss = (at_points - seen.y).square().mean(dim=(1, 2, 3)).detach().numpy()
    assert np.allclose(view.losses["maml"], loss, rtol=1e-4)


def test_points_that_are_not_finite_are_refused(models):
    with pytest.raises(ValueError, match="NaN or infinite"):
        adaptation_view(models, points([0.0, float("nan")]))


def test_the_figure_redrawn_is_the_figure_made_anew(models):
    first = adaptation_view(models, points([-2.0, 1.0], [3.0, 2.0]), GRID.numpy(), steps=5)
    second = adaptation_view(models, points([0.5, 1.0]), None, steps=0)
    fig = figures.adaptation(first)
    figures.redraw_adaptation(fig, second)
    assert drawn(fig) == drawn(figures.adaptation(second))
    assert figures.alt(fig) == figures.alt(figures.adaptation(second))


def test_numbers_over_a_panel_are_before_and_after(models):
    view = adaptation_view(models, points([-2.0, 1.0]), GRID.numpy())
    view.miss_before["maml"], view.miss["maml"] = 3.456, 0.123
    assert "3.46 → 0.12" in figures.adaptation(view).layout.annotations[1].text
    own = adaptation_view(models, points([-2.0, 1.0]), None)
    own.losses["maml"] = np.array([5.0, np.nan])
    assert "5.00 → off the chart" in figures.adaptation(own).layout.annotations[1].text


def test_drawn_curves_are_the_librarys_for_the_state(explorer, models):
    task = {"sinusoid amplitude": 1.5, "sinusoid phase": 0.4, "seed": 0}
    explorer.set(**task, shots=3, steps=2, noise=0.1)
    seen = draw_points(Mixture(["sinusoid"]), 0, [1.5, 0.4], 3, 0.1, 0)
    y = models["pretrained"].learner(seen, GRID[None, :, None], steps=2)[-1, 0, :, 0]
    by_name = {(t.name, t.xaxis): t for t in explorer.screen.data}
    after = next(t for (name, axis), t in by_name.items() if "last" in name and axis == "x")
    assert np.allclose(after.y, y.detach().numpy(), atol=1e-5)
    assert drawn(explorer.twin()) == drawn(explorer.screen)


def test_the_pad_shows_the_points_and_takes_over_when_asked(explorer):
    pad, shots = explorer.controls["pad"], explorer.controls["shots"]
    explorer.set(shots=7)
    assert len(pad.value) == 7 and not pad.enabled and not shots.disabled
    explorer.set(own=True)
    assert pad.enabled and shots.disabled and explorer.controls["seed"].disabled
    assert explorer.view.truth is None
    explorer.set(pad=[[0.0, 1.0], [2.0, -3.0]])
    assert explorer.view.seen_y.tolist() == [1.0, -3.0]
    assert pad.value == [[0.0, 1.0], [2.0, -3.0]]
    explorer.set(own=False)
    assert len(pad.value) == 7 and not shots.disabled and explorer.view.truth is not None


def test_all_points_on_one_spot_and_ten_of_them(explorer):
    explorer.set(own=True, pad=[[1.0, 2.0]] * 10, steps=20)
    assert np.isfinite(explorer.view.losses["maml"]).all() and explorer.problem.value == ""


def test_a_step_size_that_diverges_is_told_kindly_and_drawn():
    model = learners("1-mode", "maml")
    explorer = fit_explorer(model).set(steps=20, step_size=0.1, **{"sinusoid amplitude": 5.0})
    loss = np.array([1.0, 1e5])
    summary = fit_summary(replace(explorer.view, losses={"maml": loss}))
    assert diverged(loss) and diverged(np.array([1.0, np.nan])) and not diverged(np.array([9, 1.0]))
    assert summary.startswith("<b>MAML</b> diverged") and "step size α smaller" in summary
    y = np.concatenate([np.ravel(t.y) for t in explorer.screen.data]).astype(float)
    assert np.nanmax(np.abs(y)) <= 1e4 and explorer.problem.value == ""


@pytest.mark.parametrize(("steps", "shots", "step_size"), [(0, 1, 1e-4), (20, 10, 0.1)])
def test_the_ends_of_all_sliders_give_a_picture(explorer, steps, shots, step_size):
    explorer.set(steps=steps, shots=shots, step_size=step_size, noise=1.0)
    assert len(explorer.view.losses["maml"]) == steps + 1
    assert f"{steps} step" in explorer.summary or "diverged" in explorer.summary


def test_only_the_sliders_of_the_chosen_family_are_shown():
    explorer = fit_explorer(learners("2-modes", "maml"))
    explorer.set(family="linear", **{"linear slope": 2.0, "linear intercept": 1.0})
    assert np.allclose(explorer.view.truth, 2 * GRID.numpy() + 1, atol=1e-5)


def test_the_static_form(monkeypatch, models):
    monkeypatch.setenv("MMAML_LITE_STATIC", "1")
    explorer = fit_explorer(models)
    assert explorer.box is None and "Loss on the points seen, in 5 steps" in explorer.summary
    assert len(explorer.twin().data) == 12


def test_figures_of_the_lesson_say_their_numbers():
    x = np.linspace(-5, 5, 11)
    fig = figures.before_learning(x, np.cos(x), {"maml": np.cos(x) + 0.5})
    assert "MAML 0.50" in figures.caption(fig) and len(fig.data) == 2
    errors = {"maml": np.array([4.0, 2.0, 1.0]), "pretrained": np.array([4.0, 3.5, 3.0])}
    halves = {k: [0.1] * 3 for k in errors}
    fig = figures.error_by_steps(errors, halves, {"Bayes": 0.2}, trained=1)
    assert "MAML 4.00 before, 2.00 after 1 steps, 1.00 after 2" in figures.caption(fig)
    assert list(fig.data[0].y) == [4, 2, 1]
