"""The mode-mix dial: its measurement, its figure and its explorer."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import untrained

from mmaml_lite.__main__ import main
from mmaml_lite.core import zoo
from mmaml_lite.core.results import results_path
from mmaml_lite.core.statistics import interval, ratio
from mmaml_lite.course import figures
from mmaml_lite.course.figures.dial import DialView
from mmaml_lite.course.studies import dial
from mmaml_lite.course.widgets import dial as widget
from mmaml_lite.course.widgets import dial_explorer
from mmaml_lite.regression.evaluation import errors
from mmaml_lite.regression.tasks import PAPER_ORDER, Mixture

GRID = torch.linspace(-5, 5, 41)


def seven_steps(name, seed=0):
    return untrained(name, iterations=7, seed=seed)


@pytest.fixture
def small_zoo(monkeypatch, tmp_path):
    """A zoo of untrained models, one missing, and floors that cost nothing."""
    monkeypatch.setattr(zoo, "weights_path", lambda name, *_: tmp_path / name.replace("/", "-"))
    monkeypatch.setattr(zoo, "data_folder", lambda: tmp_path)
    methods = dial.DIAL_METHODS.values()
    names = [f"{dial.setting_of(number)}/{m}" for number in range(1, 6) for m in methods]
    for name in names[:-1]:
        zoo.weights_path(name).touch()
    models = {zoo.weights_path(name): seven_steps(name) for name in names}
    monkeypatch.setattr(zoo, "read", models.__getitem__)

    def floor_errors(setting, tasks, tell):
        value = torch.linspace(1, 2, len(tasks))
        return {"bayes": value, "label_linear": 2 * value, "mode_right": torch.ones(len(tasks))}

    monkeypatch.setattr(dial, "floor_errors", floor_errors)
    return models


@pytest.fixture
def view():
    rng = np.random.default_rng(0)
    x = np.linspace(-5, 5, 31)
    error = {
        "bayes": np.array([0.1, 0.2, 0.2]),
        "maml": np.array([0.2, 1.0, 3.0]),
        "mumomaml": np.array([0.3, 0.5, np.nan]),
    }
    return DialView(
        names=["sinusoid", "linear", "quadratic"],
        number=2,
        x=x,
        tasks=40,
        error=error,
        half={k: 0.1 * v for k, v in error.items()},
        ratio={k: error[k] / error["bayes"] for k in ("maml", "mumomaml")},
        ratio_half={k: 0.1 * error[k] for k in ("maml", "mumomaml")},
        priors=rng.normal(size=(3, 31)),
        means=rng.normal(size=(3, 31)),
        truth=np.sin(x),
        seen_x=x[:5],
        seen_y=np.cos(x[:5]),
        curves={k: rng.normal(size=(2, 31)) for k in ("maml", "mumomaml")},
        miss={k: np.array([3.0, 0.5]) for k in ("maml", "mumomaml")},
        note="a note",
    )


def test_settings_are_named_as_in_the_zoo():
    assert dial.setting_of(1) == "regression/1-mode"
    assert dial.setting_of(5) == "regression/5-modes"
    with pytest.raises(ValueError, match="6-modes"):
        dial.setting_of(6)


def test_the_tasks_are_sinusoids_and_the_same_every_time():
    tasks = dial.dial_tasks(12)
    assert tasks.mode.tolist() == [0] * 12 and tasks.query.x.shape == (12, 20, 1)
    assert torch.equal(tasks.support.y, dial.dial_tasks(12).support.y)


@pytest.mark.parametrize("number", [1, 2, 5])
def test_the_mean_of_a_mixture_is_the_sinusoids_mean_divided_by_the_families(number):
    mean = dial.mean_curve(Mixture(PAPER_ORDER[:number]), GRID)
    assert torch.allclose(mean, -2.55 * 2 / math.pi * GRID.cos() / number, atol=0.01)


def test_a_ratio_has_the_interval_that_resampling_finds():
    g = torch.Generator().manual_seed(0)
    floor = 1 + torch.rand(400, generator=g)
    error = 3 * floor + torch.randn(400, generator=g)
    found = ratio(error, floor)
    picks = torch.randint(400, (4000, 400), generator=g)
    resampled = error[picks].mean(1) / floor[picks].mean(1)
    assert found["mean"] == pytest.approx((error.mean() / floor.mean()).item())
    assert found["ci95"] == pytest.approx(1.96 * resampled.std().item(), rel=0.06)


def test_every_number_is_measured_and_says_which_weights_it_belongs_to(small_zoo):
    told = []
    results = dial.measure(8, told.append)
    assert len(results["mixtures"]) == 5 and results["tasks"] == 8
    assert "regression/5-modes/mumomaml-film: not in the zoo, left out" in told
    last = results["mixtures"][4]
    assert last["families"] == list(PAPER_ORDER) and set(last["methods"]) == {"maml"}
    record = results["mixtures"][1]["methods"]["maml"]
    model = small_zoo[zoo.weights_path("regression/2-modes/maml")]
    found = errors(model.learner, dial.dial_tasks(8))
    assert record["stages"][-1] == interval(found[-1])
    assert record["x_bayes"] == ratio(found[-1], torch.linspace(1, 2, 8))
    assert record["iterations"] == 7 and record["provisional"]


def test_only_enough_tasks_are_stored(small_zoo, monkeypatch):
    told = []
    assert main(["dial", "--tasks", "5"]) == 0
    assert not results_path(dial.DIAL).exists()
    with pytest.raises(ValueError, match="python -m mmaml_lite dial"):
        dial.read_dial()
    monkeypatch.setattr(dial, "DIAL_TASKS", 5)
    results = dial.measure_and_store(5, told.append)
    assert dial.read_dial() == json.loads(json.dumps(results)) and told[-1] == "wrote dial.json"


def test_a_missing_model_leaves_a_gap(small_zoo):
    results = dial.measure(6, lambda _: None)
    arrays = widget.measured(results)
    assert np.isnan(arrays.error["mumomaml"][4]) and np.isfinite(arrays.error["maml"]).all()
    note = widget.weights_note(results)
    assert "Provisional" in note and "7, 7, 7" in note


def test_the_shipped_dial_belongs_to_the_shipped_weights():
    for number, point in enumerate(dial.read_dial()["mixtures"], start=1):
        for key, record in point["methods"].items():
            name = f"{dial.setting_of(number)}/{dial.DIAL_METHODS[key]}"
            held = zoo.load(name).settings.iterations
            assert record["iterations"] == held, f"{name} was trained on: run the dial again"


def test_another_position_makes_the_same_figure_as_starting_there(view):
    moved = figures.dial(replace(view, number=3, truth=view.truth + 1))
    figures.redraw_dial(moved, view)
    assert moved.to_dict() == figures.dial(view).to_dict()
    assert "MAML 5.0 ×" in figures.alt(moved)
    assert "linear" in figures.alt(moved) and "quadratic" not in figures.alt(moved)


def test_the_dial_draws_what_it_is_given(view):
    fig = figures.dial(view)
    here, _, maml, mumomaml, fewer, mean, now, *tasks = fig.data
    assert list(here.x) == [2, 2]
    assert np.array_equal(maml.y, view.error["maml"])
    assert np.array_equal(mumomaml.y, view.error["mumomaml"], equal_nan=True)
    assert np.array_equal(np.asarray(fewer.y)[:31], view.priors[0])
    assert np.array_equal(now.y, view.priors[1]) and np.array_equal(mean.y, view.means[1])
    assert np.array_equal(tasks[2].y, view.curves["maml"][1])
    assert np.array_equal(tasks[6].y, view.curves["mumomaml"][1])
    assert maml.text == ("2.0 ×", "5.0 ×", "15.0 ×") and mumomaml.text[2] == ""


@pytest.fixture(scope="module")
def explorer():
    return dial_explorer()


@pytest.mark.parametrize("live", [True, False])
def test_the_explorer_draws_what_the_library_computes(explorer, live):
    explorer.set(number=4, amplitude=2.0, phase=0.5, seed=3)
    fig = explorer.screen if live else explorer.twin()
    model = zoo.load("regression/4-modes/maml")
    view = explorer.view
    points = view.seen_x, view.seen_y
    support = [torch.tensor(p, dtype=torch.float32)[None, :, None] for p in points]
    from mmaml_lite.core.tasks import Examples
    from mmaml_lite.course.lesson import GRID

    with torch.no_grad():
        y = model.learner(Examples(*support), GRID[None, :, None])[:, 0, :, 0]
    assert np.allclose(fig.data[8].y, y[0], atol=1e-5)
    assert np.allclose(fig.data[9].y, y[-1], atol=1e-5)
    assert np.allclose(fig.data[6].y, y[0], atol=1e-5)  # the prior is that very curve
    assert "sinusoid, linear, quadratic, tanh" in explorer.summary


@pytest.mark.parametrize("number", [1, 5])
@pytest.mark.parametrize("amplitude", [0.1, 5.0])
def test_the_ends_of_all_sliders(explorer, number, amplitude):
    explorer.set(number=number, amplitude=amplitude, phase=3.14 if number == 1 else 0.0)
    assert explorer.problem.value == "" and "times Bayes" in explorer.summary
    assert explorer.seconds < 0.5  # 10 ms on an idle machine


def test_the_explorer_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(widget, "dial_models", lambda: [{}, {}, {}, {}, {}])
    with pytest.raises(ValueError, match="lacks MAML for regression/1-mode"):
        dial_explorer()


def test_it_opens_on_the_ordinary_task():
    from mmaml_lite.course.widgets.dial import OPENING, opening_seed

    assert opening_seed() == OPENING
