"""Live training in a thread: started, paused, continued, and never lost."""

import time

import pytest
import torch

from mmaml_lite import figures, zoo
from mmaml_lite.domains import TrainingDiverged
from mmaml_lite.methods import mixture_of
from mmaml_lite.training import train
from mmaml_lite.widgets import LiveTraining
from mmaml_lite.widgets import training as module

NAME = "regression/2-modes/mumomaml-film"


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
    before = live.explorer.view["curves"].copy()
    live.start().wait()
    after = live.explorer.view["curves"]
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
    assert view["losses"][0].tolist() == [100.0]


def test_one_family_has_a_map_too(tmp_path):
    name = "regression/1-mode/mumomaml-film"
    one = mixture_of(zoo.zoo_settings(name)).sample(1, torch.Generator().manual_seed(0))
    fig = LiveTraining(name, one, iterations=5, path=tmp_path / "run.safetensors").explorer.twin()
    assert fig.data[-1].mode == "markers" and fig.data[-1].xaxis != fig.data[-2].xaxis
