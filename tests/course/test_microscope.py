"""The microscope: bars are the library's tau, a swap is a swap, a walk ends at the other task."""

import numpy as np
import pytest
import torch

from mmaml_lite.core import zoo
from mmaml_lite.core.tasks import Examples
from mmaml_lite.course import figures
from mmaml_lite.course.lesson import GRID
from mmaml_lite.course.studies import interventions
from mmaml_lite.course.widgets import first_look, microscope_explorer
from mmaml_lite.course.widgets.microscope import (
    joined,
    microscope_summary,
    microscope_view,
    one_task,
    specimen,
)
from mmaml_lite.regression.evaluation import errors, shared_tasks

KINDS = ("film", "sigmoid", "softmax")


@pytest.fixture(scope="module")
def models():
    return {kind: zoo.load(f"regression/3-modes/mumomaml-{kind}") for kind in KINDS}


@pytest.fixture(scope="module")
def maml():
    return zoo.load("regression/3-modes/maml")


@pytest.fixture(scope="module")
def slides(models):
    return {kind: specimen(model, 60) for kind, model in models.items()}


@pytest.fixture(scope="module")
def pair(models):
    return joined(one_task(models["film"], "sinusoid", 1), one_task(models["film"], "linear", 2))


@torch.no_grad()
def curves(model, support, tau=None, steps=5):
    """Before and after the steps on GRID: (2, tasks, grid)."""
    x = GRID.expand(len(support.x), -1)[..., None]
    return model.learner(support, x, tau=tau, steps=steps)[[0, -1], ..., 0].numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_bars_are_the_librarys_tau_in_a_fixed_order(slides, pair, kind):
    slide = slides[kind]
    view = microscope_view(slide, pair)
    tau = interventions.own(slide.model, pair)
    for block, order in slide.order.items():
        for row, places in enumerate(order):
            assert sorted(places.tolist()) == list(range(100))
            assert np.allclose(view.bars[block][row], tau[block][0, row, places])
            assert np.allclose(view.other[block][row], tau[block][1, row, places])
            assert (np.diff(view.mean[block][row]) >= 0).all()


def test_the_curves_are_the_learners(slides, pair):
    slide = slides["film"]
    assert np.allclose(microscope_view(slide, pair).curves, curves(slide.model, pair.support))
    view = microscope_view(slide, pair, "off", steps=3)
    assert np.allclose(view.curves, curves(slide.model, pair.support, {}, 3))
    view = microscope_view(slide, pair, "mean")
    everyone = {i: m.expand(2, -1, -1) for i, m in slide.mean.items()}
    assert np.allclose(view.curves, curves(slide.model, pair.support, everyone), atol=1e-5)


def test_maml_is_another_network(slides, pair, maml):
    view = microscope_view(slides["film"], pair, "maml", maml=maml)
    assert np.allclose(view.curves, curves(maml, pair.support))
    assert view.method == "maml" and set(view.bars.values()) == {None}


def test_a_swap_gives_each_the_tau_of_the_other(slides, pair):
    slide = slides["film"]
    tau = interventions.own(slide.model, pair)
    swapped = curves(slide.model, pair.support, {i: t.flip(0) for i, t in tau.items()})
    view = microscope_view(slide, pair, share=1.0)
    assert np.allclose(view.curves, swapped, atol=1e-4)
    assert all(np.allclose(view.bars[i], view.other[i], atol=1e-5) for i in tau)


@pytest.mark.parametrize("kind", KINDS)
def test_a_walk_begins_at_one_task_and_ends_at_the_other(slides, pair, kind):
    slide = slides[kind]
    first, last = (microscope_view(slide, pair, share=s).curves[0] for s in (0.0, 1.0))
    own = curves(slide.model, pair.support)[0]
    assert np.allclose(first, own, atol=1e-4) and np.allclose(last, own[::-1], atol=1e-4)
    middle = microscope_view(slide, pair, share=0.5).curves[0]
    assert np.allclose(middle[0], middle[1], atol=1e-4)  # half way, both have the same tau


def test_a_layer_that_is_off_is_not_modulated(slides, pair):
    slide = slides["film"]
    view = microscope_view(slide, pair, layers=(False, True, True))
    tau = interventions.own(slide.model, pair)
    assert np.allclose(view.curves, curves(slide.model, pair.support, {1: tau[1], 2: tau[2]}))
    assert view.bars[0] is None and view.bars[1] is not None
    assert "off in layer 1" in microscope_summary(view)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("film", {"kind": "maml"}),
        ("film", {"kind": "off"}),
        ("sigmoid", {"share": 0.3}),
        ("softmax", {"layers": (True, False, True), "steps": 20}),
    ],
)
def test_a_redrawn_figure_equals_a_fresh_one(slides, pair, maml, kind, change):
    other = microscope_view(slides[kind], pair, maml=maml, **change)
    fig = figures.microscope(microscope_view(slides["film"], pair))
    figures.redraw_microscope(fig, other)
    fresh = figures.microscope(other)
    for drawn, wanted in zip(fig.data, fresh.data, strict=True):
        assert drawn.line == wanted.line if drawn.type == "scatter" else True
        assert np.array_equal(drawn.y, wanted.y, equal_nan=True)
    assert fig.layout.annotations == fresh.layout.annotations
    shown = [fig.layout[f"yaxis{n}"].visible for n in (4, 6, 8)]  # those of the shifts
    assert shown == [kind == "film"] * 3


def test_diverged_curves_stay_drawable_and_the_numbers_say_so(slides, pair):
    view = microscope_view(slides["softmax"], pair, "off", steps=20)
    fig = figures.microscope(view)
    assert all(np.isfinite(np.asarray(t.y, float)).all() for t in fig.data[:5])
    assert "off the chart" in fig.layout.annotations[0].text


def test_the_explorer_follows_its_controls(models, maml):
    explorer = microscope_explorer(models, maml, start="film")
    explorer.set(family_a="quadratic", seed_a=4, family_b="sinusoid", share=1.0, steps=2)
    a, b = one_task(models["film"], "quadratic", 4), one_task(models["film"], "sinusoid", 0)
    tau = interventions.own(models["film"], joined(b, a))
    expected = curves(models["film"], joined(a, b).support, tau, 2)
    drawn = [t for t in explorer.screen.data if t.name == "after the steps"]
    assert np.allclose([t.y for t in drawn], expected[1], atol=1e-4)
    assert "swapped" in explorer.summary
    for gate in KINDS:
        for kind in ("own", "mean", "off", "maml"):
            explorer.set(gate=gate, kind=kind, share=0.5, steps=20, seed_b=7)
    assert explorer.problem.value == ""


def test_an_explorer_of_one_model_and_no_maml(models):
    explorer = microscope_explorer({"film": models["film"]})
    assert "maml" not in [value for _, value in explorer.controls["kind"].options]
    with pytest.raises(ValueError, match="no control"):
        explorer.set(colour="red")


def test_errors_of_a_callback_are_shown(models):
    explorer = first_look(models["film"])
    explorer._compute = lambda pad: 1 / 0
    explorer.controls["pad"].value = [[0.0, 0.0]]
    assert "ZeroDivisionError" in explorer.problem.value


def test_the_first_look_follows_the_points_without_learning(models):
    explorer = first_look(models["film"])
    explorer.set(pad=[[-3.0, 2.0], [1.0, -1.0], [4.0, 0.5]])
    x, y = torch.tensor(explorer.state["pad"]).T[..., None]
    support = Examples(x[None], y[None])
    with_tau = curves(models["film"], support, steps=0)[0]
    without = curves(models["film"], support, {}, steps=0)[0]
    lines = explorer.controls["pad"].lines
    assert np.allclose(lines[0]["y"], with_tau[0], atol=1e-5)
    assert np.allclose(lines[1]["y"], without[0], atol=1e-5)
    assert len(explorer.twin().data) == 3


@pytest.mark.parametrize("points", [[[1.0, 1.0]], [[2.0, 0.0]] * 5, [[-5.0, 6.0], [5.0, -6.0]]])
def test_strange_points_are_drawn_too(models, points):
    explorer = first_look(models["film"]).set(pad=points)
    assert "before any gradient step" in explorer.summary


def test_without_points_the_reader_is_told(models):
    explorer = first_look(models["film"])
    explorer.controls["pad"].value = []
    assert "did not work" not in explorer.problem.value
    assert "Place a point" in explorer.summary


def test_tasks_of_a_seed_stay_the_same(models):
    first, again = (one_task(models["film"], "quadratic", 5) for _ in range(2))
    assert torch.equal(first.support.y, again.support.y) and first.mode.tolist() == [2]
    other = one_task(models["film"], "quadratic", 6)
    assert not torch.equal(first.support.y, other.support.y)


# the interventions of the table


def test_everybody_gets_a_neighbours_tau():
    mode = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])
    within, across = interventions.neighbours(mode)
    assert torch.equal(mode[within], mode) and not (within == torch.arange(8)).any()
    assert mode[across].tolist() == [1, 1, 1, 2, 2, 0, 0, 0]


def test_the_table_lists_every_intervention(models):
    tasks = shared_tasks(models["film"].settings, 30)
    table = interventions.table(models["film"], tasks)
    assert torch.allclose(table["as trained"], errors(models["film"].learner, tasks), atol=1e-5)
    assert "only γ (β = 0)" in table and len(table) == 10
    assert all(e.shape == (6, 30) for e in table.values())
    assert "only γ (β = 0)" not in interventions.table(models["sigmoid"], tasks)


def test_only_gamma_keeps_the_scales_and_zeroes_the_shifts(models):
    tasks = shared_tasks(models["film"].settings, 6)
    tau = interventions.own(models["film"], tasks)
    listed = dict(interventions.listed(models["film"], tasks))
    gamma, beta = listed["only γ (β = 0)"][1], listed["only β (γ = 1)"][1]
    assert torch.equal(gamma[:, 0], tau[1][:, 0]) and not gamma[:, 1].any()
    assert torch.equal(beta[:, 1], tau[1][:, 1]) and (beta[:, 0] == 1).all()


def test_the_interval_of_a_median_covers_it_95_times_in_100():
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(1000, 200, generator=generator).exp()
    ends = [interventions.median_interval(row)[1:] for row in draws]
    covered = sum(low <= 1 <= high for low, high in ends) / len(ends)
    assert 0.93 < covered < 0.98
    assert interventions.median_interval(torch.tensor([2.0])) == (2.0, 2.0, 2.0)


def test_ablation_draws_medians_and_intervals():
    found = {"as trained": [(1.0, 0.8, 1.3), (0.5, 0.4, 0.6)], "other": [(2.0, 1, 3), (1, 1, 1)]}
    fig = figures.ablation(found, {"other": "maml"})
    assert list(fig.data[0].x) == [1, 2] and list(fig.data[1].x) == [0.5, 1]
    assert np.allclose(fig.data[0].error_x.array, [0.3, 1])
    assert list(fig.data[1].marker.symbol) == ["circle", "square"]
    assert "as trained: 1.00 to 0.50" in figures.alt(fig)
