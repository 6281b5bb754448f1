"""Lesson 4's explorer: one task under two methods, Bayes, and the map."""

import numpy as np
import pytest
import torch

from mmaml_lite.core import zoo
from mmaml_lite.core.tasks import Examples
from mmaml_lite.course import figures
from mmaml_lite.course.lesson import GRID, embeddings
from mmaml_lite.course.studies import maps
from mmaml_lite.course.widgets import task_explorer
from mmaml_lite.course.widgets.task import Lineup, task_view
from mmaml_lite.regression.domain import mixture_of
from mmaml_lite.regression.evaluation import shared_tasks


@pytest.fixture(scope="module")
def models():
    methods = {"mumomaml": "mumomaml-film", "maml": "maml", "multi-maml": "multi-maml"}
    return {key: zoo.load(f"regression/3-modes/{name}") for key, name in methods.items()}


@pytest.fixture(scope="module")
def tasks(models):
    return shared_tasks(models["mumomaml"].settings, 60)


@pytest.fixture(scope="module")
def drawn(models, tasks):
    return maps.tsne(embeddings(models["mumomaml"], tasks).numpy())


@pytest.fixture
def explorer(models, tasks, drawn):
    return task_explorer(models, tasks, drawn)


def points_of(view):
    return Examples(
        torch.from_numpy(view.seen_x)[None, :, None],
        torch.from_numpy(view.seen_y)[None, :, None],
    )


def test_curves_are_the_learners_own(explorer, models):
    explorer.set(**{"sinusoid amplitude": 2.0, "steps": 3})
    x = GRID[None, :, None]
    for side, key in (("left", "mumomaml"), ("right", "maml")):
        y = models[key].learner(points_of(explorer.view), x, torch.tensor([0]), steps=3)
        drawn = getattr(explorer.view, side).curves
        assert drawn.shape == (4, len(GRID))
        np.testing.assert_allclose(drawn, y[:, 0, :, 0].detach(), atol=1e-4)


def test_the_three_withouts_are_three_things(explorer, models):
    learner = models["mumomaml"].learner
    ends = {}
    for tau in ("mumomaml", "tau-off", "tau-mean"):
        explorer.set(tau=tau)
        assert explorer.view.left.key == tau
        ends[tau] = explorer.view.left.curves
    explorer.set(right="maml")
    ends["maml"] = explorer.view.right.curves
    off = learner(points_of(explorer.view), GRID[None, :, None], tau={})
    np.testing.assert_allclose(ends["tau-off"], off[:, 0, :, 0].detach(), atol=1e-4)
    names = list(ends)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            assert np.abs(ends[one] - ends[other]).max() > 0.05, (one, other)


def test_redrawing_equals_drawing_anew(explorer):
    explorer.set(family="linear", shots=2, kind="PCA", right="tau-mean", steps=0)
    live, anew = explorer.screen, explorer.twin()
    for old, new in zip(live.data, anew.data, strict=True):
        for name in ("x", "y"):
            a, b = getattr(old, name), getattr(new, name)
            assert len(a) == len(b)
            if a is not None and len(a) and not isinstance(a[0], str):
                np.testing.assert_allclose(np.float64(a), np.float64(b))
        assert old.line.color == new.line.color if old.type == "scatter" else True
    live_notes, notes = live.layout.annotations, anew.layout.annotations
    assert [n.text for n in live_notes] == [n.text for n in notes]
    assert figures.alt(live) == figures.alt(anew)


def test_with_one_point_the_family_is_open_and_with_ten_it_is_known(explorer):
    explorer.set(shots=1)
    assert max(explorer.view.bayes.probability) < 0.9
    assert "leave the family open" in explorer.summary
    explorer.set(shots=10)
    assert max(explorer.view.bayes.probability) > 0.99
    assert "leave the family open" not in explorer.summary


def test_a_task_of_the_map_lands_where_it_lies(explorer, tasks, drawn):
    explorer.set(source="map", number=7, kind="PCA")
    np.testing.assert_allclose(explorer.view.place, explorer.view.map.points[7], atol=1e-3)
    np.testing.assert_allclose(explorer.view.seen_y, tasks.support.y[7, :, 0])
    explorer.set(kind="t-SNE")
    distance = np.linalg.norm(drawn.points - explorer.view.place, axis=1)
    assert (distance < distance[7]).sum() < 25, "the star lies among its task's neighbours"


def test_bayes_takes_the_noise_of_the_map_from_the_training_not_from_a_hidden_slider(explorer):
    explorer.set(source="map", number=3)
    before = explorer.view.bayes.low
    np.testing.assert_array_equal(explorer.set(noise=0.0).view.bayes.low, before)


def test_a_task_has_no_vote_on_itself(explorer, models, tasks):
    explorer.set(source="map", number=3)
    v = embeddings(models["mumomaml"], tasks)
    nearest = (v - v[3]).norm(dim=1).argsort()[1:26]
    votes = torch.bincount(tasks.mode[nearest], minlength=3) / 25
    np.testing.assert_allclose(explorer.view.vote, votes)


def test_a_click_on_the_map_opens_that_task(explorer):
    from plotly.callbacks import InputDeviceState, Points

    trace = next(t for t in explorer.screen.data if t.name == "linear")
    for handler in trace._click_callbacks:
        handler(trace, Points(point_inds=[3]), InputDeviceState())
    assert explorer.state["source"] == "map"
    assert explorer.state["number"] == trace.customdata[3]
    assert "linear" in explorer.view.map.hover[explorer.state["number"]]


def test_own_points_have_no_true_function_and_odd_ones_do_no_harm(explorer):
    explorer.set(source="own", pad=[[1.0, 1.0]] * 5)
    assert explorer.view.truth is None and explorer.view.left.miss is None
    explorer.set(pad=[[-5.0, 9.0], [5.0, -9.0]], steps=20)
    assert "Bayes names" in explorer.summary
    with pytest.raises(ValueError, match="at least one example"):
        explorer.set(pad=[])


def test_a_family_never_trained_is_on_offer(explorer):
    explorer.set(family="l1", **{"l1 slope": 2.0})
    assert explorer.view.truth.max() > 3
    assert len(explorer.view.bayes.probability) == 3  # Bayes knows the trained ones only
    explorer.set(
        right="multi-maml"
    )  # the oracle can only be told a mode that it knows, and says so
    assert "Multi-MAML, told: quadratic" in explorer.twin().layout.annotations[1].text


def test_a_wrong_state_is_refused(explorer):
    with pytest.raises(ValueError, match="no control 'speed': known are source, family"):
        explorer.set(speed=3)


def test_bad_points_are_refused(models, tasks, drawn):
    bad = Examples(torch.tensor([[[float("nan")]]]), torch.zeros(1, 1, 1))
    with pytest.raises(ValueError, match="NaN or infinite"):
        task_view(Lineup(models, tasks, drawn), bad)


def test_the_map_that_forms_ends_with_the_final_weights():
    from mmaml_lite.course import lesson

    history = zoo.history("regression/3-modes/mumomaml-film")
    steps = [step for step, _ in history]
    assert len(steps) >= 8 and steps == sorted(steps)
    tasks = shared_tasks(history[-1][1].settings, 90)
    view = lesson.forming(history, tasks)
    assert view.agree[-1] > view.agree[0]
    fig = figures.forming(view)
    assert len(fig.frames) == len(steps) == len(fig.layout.sliders[0].steps)
    last = maps.pca(embeddings(history[-1][1], tasks).numpy()).points
    np.testing.assert_allclose(view.maps[-1], last, atol=1e-3)
    assert zoo.history("regression/2-modes/mumomaml-film") == []


def test_the_gallery_shows_the_first_tasks_drawn(models):
    from mmaml_lite.course import lesson

    before, after = lesson.gallery(models, 2, seed=3)
    assert before.truth.shape == (3, 2, len(GRID))
    assert np.abs(before.curves["maml"] - before.curves["maml"][0, 0]).max() < 1e-4
    mixture = mixture_of(models["maml"].settings)
    own = mixture.sample(6, torch.Generator().manual_seed(2003))
    np.testing.assert_allclose(after.seen_y.reshape(6, -1), own.support.y[..., 0])
    fig = figures.gallery(after, title="After")
    assert "Median squared distance: MuMoMAML" in figures.alt(fig)
