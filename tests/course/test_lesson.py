"""What the regression lessons have in common, on untrained models."""

import inspect
import json

import numpy as np
import pytest
import torch
from helpers import untrained

from mmaml_lite.core import algorithm
from mmaml_lite.core.results import read_results
from mmaml_lite.core.statistics import neighbour_vote
from mmaml_lite.course import display, figures, lesson
from mmaml_lite.course.studies import comparison, maps
from mmaml_lite.regression.evaluation import errors, shared_tasks
from mmaml_lite.regression.report import rows


@pytest.fixture(scope="module")
def cast():
    made = {}
    for key, method in [
        ("mumomaml", "mumomaml-film"),
        ("maml", "maml"),
        ("multi-maml", "multi-maml"),
    ]:
        made[key] = untrained(f"regression/3-modes/{method}", iterations=1)
    return made


@pytest.mark.parametrize("spread", [True, False])
def test_the_showcase_has_one_clear_task_of_each_mode(cast, spread):
    tasks = lesson.showcase(cast, seed=4, spread=spread)
    assert tasks.mode.tolist() == [0, 1, 2]
    x = tasks.support.x[..., 0]
    one_half = (x < 0).all(1) | (x > 0).all(1)
    assert one_half.tolist() == [not spread] * 3
    assert torch.equal(tasks.support.x, lesson.showcase(cast, 4, spread).support.x)


def test_arrays_for_fits_make_a_figure(cast):
    tasks = lesson.showcase(cast)
    predictions = {key: lesson.curves(model, tasks) for key, model in cast.items()}
    view = lesson.fits(predictions, cast, tasks)
    assert view.truth.shape == (3, len(lesson.GRID)) == view.bayes.low.shape
    assert (view.bayes.low <= view.bayes.high).all()
    assert all(y.shape == (2, 3, len(lesson.GRID)) for y in view.curves.values())
    assert "% likely" in view.headings[0]
    figures.fits(view)


def test_one_tau_serves_all_tasks_and_none_is_modulation_off(cast):
    model, tasks = cast["mumomaml"], shared_tasks(cast["mumomaml"].settings, 6)
    tau = model.learner.modulate(model.learner.embed(tasks.support))
    assert torch.allclose(errors(model.learner, tasks, tau=tau), errors(model.learner, tasks))
    first = {i: t[:1] for i, t in tau.items()}
    given = errors(model.learner, tasks, tau=first)
    assert given.shape == (6, 6) and torch.allclose(given[:, 0], errors(model.learner, tasks)[:, 0])
    assert np.isfinite(lesson.curves(model, tasks, tau=first, steps=2)).all()
    assert not torch.allclose(errors(model.learner, tasks, tau={}), given)


def test_neighbours_agree_counts_the_nearest_other_task():
    v = torch.tensor([[0.0], [0.1], [5.0], [5.1]])
    assert neighbour_vote(v, torch.tensor([0, 0, 1, 1])) == 1
    assert neighbour_vote(v, torch.tensor([0, 1, 0, 1])) == 0


def test_the_map_places_the_tasks_and_the_marked_ones(cast):
    tasks = shared_tasks(cast["mumomaml"].settings, 30)
    drawn = maps.pca(lesson.embeddings(cast["mumomaml"], tasks).numpy())
    view = lesson.embedding_map(cast["mumomaml"], tasks, lesson.showcase(cast), drawn)
    assert view.points.shape == (30, 2) and len(view.hover) == 30
    assert view.hover[0].startswith("<b>sinusoid</b><br>amplitude ")
    assert list(view.marked) == ["sinusoid", "linear", "quadratic"]
    figures.embedding_map(view)


def test_metrics_are_written_where_asked_and_only_there(tmp_path):
    found = {"maml": torch.tensor([[4.0, 2.0], [1.0, 3.0]])}
    values = lesson.metrics(found, {"Bayes": 0.5})
    assert values["maml"]["post_adaptation"]["mean"] == 2 and values["maml"]["x_bayes"] == 4
    display.write_metrics("", values)
    display.write_metrics(str(tmp_path), values)
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.json"]
    assert json.loads((tmp_path / "metrics.json").read_text())["tasks"] == 2


def test_provisional_weights_say_so(cast):
    text = lesson.weights_shown(cast)
    assert "MuMoMAML FiLM (provisional) 1" in text and "70,000" in text


def test_the_code_shown_is_the_code_that_runs(monkeypatch):
    said = []
    monkeypatch.setattr(display, "say", said.append)
    display.source(algorithm.adapt)
    assert (
        inspect.getsource(algorithm.adapt) in said[0] and "mmaml_lite/core/algorithm.py" in said[0]
    )


def test_retraining_is_asked_for_and_told(capsys, data):
    cast = lesson.load_cast(2, seed=1, iterations=1)
    assert {m.settings.seed for m in cast.values()} == {1}
    assert capsys.readouterr().out.count("training 1 steps") == 3


def test_the_table_tells_our_recipe_from_the_papers():
    rows = [line for line in comparison.scoreboard(2).split("<tr") if "FiLM" in line]
    notes = ["clipped as the authors do", "our recipe"]
    found = [[note in row for note in notes] for row in rows]
    assert found == [[False, False], [True, False], [False, True]]  # paper, exact, ours
    assert ["0.3125" in row for row in rows] == [True, True, False]


@pytest.mark.parametrize("modes", [2, 3])
def test_five_rows_of_the_table_stand_open(modes):
    open_rows, folded = comparison.scoreboard(modes).split("<details>")
    assert open_rows.count("scope='row'") == 5 and "Bayes-optimal, mode unknown" in open_rows
    assert folded.count("scope='row'") == len(rows(read_results(f"regression/{modes}-modes"))) - 5
