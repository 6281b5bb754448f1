"""Live training in a thread: started, paused, continued, and never lost."""

import time
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from mmaml_lite.core import zoo
from mmaml_lite.core.domain import TrainingDiverged
from mmaml_lite.core.training import train
from mmaml_lite.course import figures
from mmaml_lite.course.widgets import LivePolicyTraining, LiveTraining
from mmaml_lite.course.widgets import live_training as module
from mmaml_lite.course.widgets.policy_training import policy_view
from mmaml_lite.regression.domain import mixture_of
from mmaml_lite.rl.collect import collect

NAME = "regression/2-modes/mumomaml-film"
SMALL = {"tasks": 4, "trajectories": 6, "horizon": 12, "hidden": (8,)}  # policies in a second


@pytest.fixture
def examples():
    mixture = mixture_of(zoo.zoo_settings(NAME))
    return mixture.sample(2, torch.Generator().manual_seed(0))


def test_started_paused_continued_and_finished(examples, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.05)
    live = LiveTraining(NAME, examples, iterations=40, path=tmp_path / "run.safetensors")
    assert (live.run.step, live.button.description, live.going) == (0, "Start", False)
    live.start()
    assert live.button.description == "Pause"
    deadline = time.monotonic() + 60
    while live.run.step < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    live.pause()
    paused = live.run.step
    assert paused >= 3 and not live.going
    assert live.button.description in ("Continue", "Finished")
    live.start().wait()
    assert live.run.finished and live.button.description == "Finished"
    assert live.explorer.problem.value == ""
    assert "Step 40 of 40" in live.explorer.summary

    taken_up = LiveTraining(NAME, examples, iterations=40, path=tmp_path / "run.safetensors")
    assert taken_up.run.step == 40, "another kernel finds the run where it was"
    whole = train(live.settings, device="cpu")  # in one go
    for a, b in zip(live.run.learner.parameters(), whole.learner.parameters(), strict=True):
        assert torch.equal(a, b), "pausing changes nothing"
    live.again()
    assert live.run.step == 0 and live.button.description == "Start"


def test_what_goes_wrong_in_the_thread_is_shown(examples, tmp_path, monkeypatch):
    live = LiveTraining(NAME, examples, iterations=40, path=tmp_path / "run.safetensors")

    def diverge(*args, **kwargs):
        raise TrainingDiverged("step 7: loss <nan>")

    monkeypatch.setattr(module, "train", diverge)
    live.start().wait()
    assert "step 7: loss &lt;nan&gt;" in live.explorer.problem.value
    assert live.button.description == "Start"


def test_the_picture_is_of_the_weights_of_the_moment(examples, tmp_path):
    live = LiveTraining(NAME, examples, iterations=5, path=tmp_path / "run.safetensors")
    before = live.explorer.view.curves.copy()
    live.start().wait()
    after = live.explorer.view.curves
    assert abs(after - before).max() > 1e-6
    fig = live.explorer.twin()
    assert fig.layout.annotations[2].text == "<b>loss</b>, step 5"
    assert figures.alt(fig).startswith("After 5 outer steps; squared distance")


def test_a_method_without_embedding_is_refused(examples):
    with pytest.raises(ValueError, match="shows embeddings"):
        LiveTraining("regression/2-modes/maml", examples)


def test_running_the_cell_again_pauses_the_run_before(examples, tmp_path):
    path = tmp_path / "run.safetensors"
    first = LiveTraining(NAME, examples, iterations=100_000, path=path).start()
    again = LiveTraining(NAME, examples, iterations=100_000, path=path)
    assert not first.going and again.run.step == first.run.step
    first.pause()


def test_a_run_taken_up_shows_its_loss_so_far(examples, tmp_path):
    path = tmp_path / "run.safetensors"
    LiveTraining(NAME, examples, iterations=100, path=path).start().wait()
    view = LiveTraining(NAME, examples, iterations=100, path=path).explorer.view
    assert view.losses[0].tolist() == [100.0]


def test_one_family_has_a_map_too(tmp_path):
    name = "regression/1-mode/mumomaml-film"
    one = mixture_of(zoo.zoo_settings(name)).sample(1, torch.Generator().manual_seed(0))
    fig = LiveTraining(name, one, iterations=5, path=tmp_path / "run.safetensors").explorer.twin()
    assert fig.data[-1].mode == "markers" and fig.data[-1].xaxis != fig.data[-2].xaxis


# --- policies -------------------------------------------------------------------------------------


def walking(path, method="maml", iterations=6, **changes):
    name = f"navigation/2-modes/{method}"
    return LivePolicyTraining(name, iterations=iterations, path=path, **SMALL | changes)


@pytest.mark.parametrize("method", ["maml", "mumomaml-film"])
def test_policies_are_paused_and_taken_up_as_if_never_stopped(method, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.0)
    live = walking(tmp_path / "run.safetensors", method)
    assert (live.run.step, live.button.description) == (0, "Start")
    live.start()
    deadline = time.monotonic() + 60
    while live.run.step < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    live.pause()
    assert live.run.step >= 2 and not live.going
    taken_up = walking(tmp_path / "run.safetensors", method)
    assert taken_up.run.step == live.run.step
    taken_up.start().wait()
    assert taken_up.run.finished and taken_up.explorer.problem.value == ""
    whole = train(live.settings, device="cpu")
    for a, b in zip(taken_up.run.learner.parameters(), whole.learner.parameters(), strict=True):
        assert torch.equal(a, b), "pausing changes nothing"
    assert "Step 6 of 6, return −" in taken_up.explorer.summary
    taken_up.again()
    assert taken_up.run.step == 0 and len(taken_up.explorer.view.curve) == 0


def test_walks_are_those_of_the_weights_of_the_moment(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.0)
    live = walking(tmp_path / "run.safetensors")
    first = live.explorer.view
    assert first.paths.shape == (2, 4, 5, 12, 2) and first.goals.shape == (4, 2)
    assert (np.sign(first.goals.sum(1)) == [1, 1, -1, -1]).all(), "two goals of each mode"
    same = policy_view(live.run.learner, torch.from_numpy(first.goals), first.curve, first.floors)
    np.testing.assert_array_equal(same.paths, first.paths)
    live.start().wait()
    last = live.explorer.view
    assert abs(last.paths - first.paths).max() > 1e-6
    assert last.curve[:, 0].tolist() == [1, 2, 3, 4, 5, 6]
    assert last.floors["goal"] > last.floors["mode"] > last.curve.min()
    stages = collect(
        live.run.learner, torch.from_numpy(last.goals), 1, torch.Generator().manual_seed(1)
    ).batch.stages
    np.testing.assert_allclose(last.returns[1], stages[1].returns().mean(1), rtol=1e-6)


def test_a_later_moment_fits_into_the_same_figure(tmp_path):
    live = walking(tmp_path / "run.safetensors")
    fig = live.explorer.twin()
    live.start().wait()
    figures.redraw_policy_training(fig, live.explorer.view)
    fresh = live.explorer.twin()
    assert fig == fresh and isinstance(fresh, go.Figure)
    heads = [note.text for note in fresh.layout.annotations]
    assert heads[4] == "<b>return of the meta-batches</b>, step 6"
    assert heads[5:] == ["told the goal", "told the mode"]
    assert "MAML" in fresh.layout.title.text
    assert figures.alt(fresh).startswith("After 6 outer steps; return before and after")


def test_returns_off_the_chart_are_drawn_at_its_end(tmp_path):
    live = walking(tmp_path / "run.safetensors")
    view = replace(live.explorer.view, curve=np.array([[1, -1e6, -50.0]]))
    *_, before, after = live.explorer._figure(view).data
    assert before.y[0] == -120 and after.y[0] == -50


def test_changed_settings_have_a_file_of_their_own(tmp_path, data):
    small = LivePolicyTraining(iterations=3, **SMALL)
    other = LivePolicyTraining(iterations=3, **SMALL | {"tasks": 6})
    assert small.path != other.path and tmp_path in small.path.parents
    with pytest.raises(ValueError, match="unknown"):
        LivePolicyTraining(iterations=3, velocity=1)
