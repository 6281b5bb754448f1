"""The outer loop: it learns, and stopping it anywhere changes nothing."""

import dataclasses
import errno
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from torch import nn

from mmaml_lite.core import checkpoint, runs, training, zoo
from mmaml_lite.core.checkpoint import CheckpointError
from mmaml_lite.core.descent import learning_rate, parameter_groups
from mmaml_lite.core.domain import DOMAINS, TrainingDiverged
from mmaml_lite.core.progress import Progress
from mmaml_lite.core.training import Callback, train
from mmaml_lite.regression import domain as outer
from mmaml_lite.regression import lowrank
from mmaml_lite.regression.domain import settings_for
from mmaml_lite.regression.learner import RegressionLearner, has_compiler
from mmaml_lite.regression.tasks import FAMILIES, Uniform, register_family

TWO = ("sinusoid", "linear")


def small(method="mumomaml-film", recipe="paper", **changes):
    defaults = {"inner_clip": None, "hidden": (16, 16), "encoder_hidden": 8, "tasks_per_mode": 3}
    return settings_for(method, TWO, recipe, **(defaults | {"iterations": 12} | changes))


def state(run):
    """Everything that decides how a run goes on."""
    moments = run.optimiser.state_dict()["state"]
    adam = [moments[i][name] for i in sorted(moments) for name in sorted(moments[i])]
    return [*run.learner.state_dict().values(), *adam, run.generator.get_state()], run.step, run.log


def assert_equal(a, b):
    (tensors_a, *rest_a), (tensors_b, *rest_b) = state(a), state(b)
    assert rest_a == rest_b
    assert all(torch.equal(x, y) for x, y in zip(tensors_a, tensors_b, strict=True))


def log_every(monkeypatch, steps):
    often = dataclasses.replace(DOMAINS["regression"], log_every=steps)
    monkeypatch.setitem(DOMAINS, "regression", often)


class StopAt(Callback):
    """Presses Ctrl-C after a given step."""

    def __init__(self, step):
        self.step = step

    def on_step(self, run, measured):
        if run.step == self.step:
            signal.raise_signal(signal.SIGINT)


def test_training_learns():
    """Three hundred steps on lines alone at least halve the error of the first ones."""
    losses = []

    class Keep(Callback):
        def on_step(self, run, measured):
            losses.append(measured["loss"])

    settings = small(iterations=300, tasks_per_mode=20).replace(families=("linear",))
    train(settings, device="cpu", callbacks=[Keep()])
    assert sum(losses[-20:]) < 0.5 * sum(losses[:20])


@pytest.mark.parametrize(
    "method, recipe", [("mumomaml-film", "paper"), ("tuned-multi-maml", "ours")]
)
def test_interrupted_and_resumed_equals_uninterrupted(tmp_path, monkeypatch, method, recipe):
    """Weights, Adam's state, generator and log are the same, bit for bit."""
    log_every(monkeypatch, 3)
    settings = small(method, recipe)
    whole = train(settings, device="cpu")
    path = tmp_path / "run.safetensors"
    for stop in (1, 5, 7):
        with pytest.raises(KeyboardInterrupt, match=f"stopped after step {stop}"):
            train(settings, path, "cpu", [StopAt(stop)])
    resumed = train(settings, path, "cpu")
    assert_equal(whole, resumed)
    assert [record["step"] for record in resumed.log] == [3, 6, 9, 12]


def test_killed_outright_resumes_from_the_last_save(tmp_path, monkeypatch):
    """Even without a chance to save, the steps since the last save are replayed exactly."""
    settings, path = small(), tmp_path / "run.safetensors"
    monkeypatch.setattr(training, "SAVE_SECONDS", 0.0)

    class Die(Callback):
        def on_step(self, run, measured):
            if run.step == 8:
                raise MemoryError  # stands for a kill in the middle of a step

    with pytest.raises(MemoryError):
        train(settings, path, "cpu", [Die()])
    assert checkpoint.load(path)[1]["step"] == 7
    assert_equal(train(settings, device="cpu"), train(settings, path, "cpu"))


def test_a_full_disk_does_not_lose_the_run(tmp_path, monkeypatch):
    """In the middle it costs a warning; at the end the error carries the trained run."""
    settings, path = small(), tmp_path / "run.safetensors"
    monkeypatch.setattr(training, "SAVE_SECONDS", 0.0)

    class Fill(Callback):
        def on_step(self, run, measured):
            if run.step == 10:

                def full(*args):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

                monkeypatch.setattr(os, "fsync", full)

    with (
        pytest.warns(RuntimeWarning, match="training goes on unsaved: could not write"),
        pytest.raises(CheckpointError, match="No space left") as caught,
    ):
        train(settings, path, "cpu", [Fill()])
    assert checkpoint.load(path)[1]["step"] == 9  # the last save that worked
    assert_equal(caught.value.run, train(settings, device="cpu"))


@pytest.mark.skipif(not has_compiler(), reason="no C++ compiler here")
@pytest.mark.filterwarnings("ignore:The .grad attribute")  # torch looks at it and says nothing
@pytest.mark.parametrize("method", ["mumomaml-film", "multi-maml"])
def test_compiled_kernels_give_the_same_training(tmp_path, method):
    """Up to rounding; a run goes on with or without them, and its record tells which."""
    settings = small(method, hidden=(8,), steps=1, iterations=6)
    path = tmp_path / "run.safetensors"
    train(settings, path, "cpu", seconds=0.0)
    compiled, plain = train(settings, path, "cpu", compiled=True), train(settings, device="cpu")
    assert compiled.step == plain.step == 6
    assert compiled.versions()["inner loop"] == "compiled" and "inner loop" not in plain.versions()
    assert compiled.sums == pytest.approx(plain.sums, rel=1e-4)  # of all six losses
    learners = [m for m in compiled.learner.modules() if isinstance(m, RegressionLearner)]
    assert learners and all(m.engine is not lowrank for m in learners)
    for a, b in zip(state(compiled)[0], state(plain)[0], strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-5)


def test_a_run_that_was_compiled_for_a_while_says_so_to_its_end(tmp_path):
    run = runs.start(small(), torch.device("cpu"))
    run.compiled = True
    runs.save(run, tmp_path / "run.safetensors")
    resumed = train(small(), tmp_path / "run.safetensors", "cpu")
    assert resumed.versions()["inner loop"] == "compiled"


def test_what_cannot_be_compiled_is_said_before_anything_is_written(tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ValueError, match=r"needs a C\+\+ compiler"):
        train(small(), path, "cpu", compiled=True)
    walks = zoo.zoo_settings("navigation/2-modes/maml", iterations=1)
    with pytest.raises(ValueError, match="navigation has no inner loop to compile"):
        train(walks, path, "cpu", compiled=True)
    assert not path.exists()


def test_a_folder_that_cannot_be_written_is_found_before_training(tmp_path):
    (tmp_path / "file").write_text("in the way")
    seen = []

    class Count(Callback):
        def on_step(self, run, measured):
            seen.append(run.step)

    with pytest.raises(CheckpointError, match="could not write"):
        train(small(), tmp_path / "file" / "run.safetensors", "cpu", [Count()])
    assert not seen


def test_bad_settings_leave_no_run_behind(tmp_path):
    """Otherwise the corrected command would stumble over the file of the wrong one."""
    path = tmp_path / "run.safetensors"
    with pytest.raises(ValueError, match="unknown family"):
        train(small().replace(families=("sine",)), path, "cpu")
    assert not path.exists()


def test_a_run_of_another_version_or_device_is_explained(tmp_path):
    path = tmp_path / "run.safetensors"
    train(small(iterations=1), path, "cpu")
    tensors, meta = checkpoint.load(path)
    checkpoint.save(path, tensors | {"generator": torch.zeros(16, dtype=torch.uint8)}, meta)
    with pytest.raises(CheckpointError, match="was trained on cpu: go on there"):
        train(small(iterations=1), path, "cpu")
    strange = meta | {"settings": meta["settings"] | {"warp": 9}}
    checkpoint.save(path, tensors, strange)
    with pytest.raises(CheckpointError, match="settings do not fit"):
        train(small(iterations=1), path, "cpu")
    checkpoint.save(path, tensors, {k: v for k, v in meta.items() if k != "sums"})
    with pytest.raises(CheckpointError, match="lacks sums: move it away"):
        train(small(iterations=1), path, "cpu")


def test_a_slice_of_time_ends_between_steps(tmp_path):
    settings, path = small(iterations=10_000), tmp_path / "run.safetensors"
    run = train(settings, path, "cpu", seconds=0.2)
    assert 0 < run.step < 10_000 and not run.finished
    again = train(settings, path, "cpu", seconds=0.2)
    assert again.step > run.step and again.seconds > run.seconds


def test_sigterm_saves_before_it_stops(tmp_path):
    """A scheduler's polite kill loses nothing: the command saves and exits with 130."""
    command = [
        sys.executable,
        "-m",
        "mmaml_lite",
        "train",
        "regression/2-modes/maml",
        "--device",
        "cpu",
    ]
    process = subprocess.Popen(
        command,
        env={**os.environ, "MMAML_LITE_DATA": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("runs/**/[!.]*.safetensors")):  # saved at the start
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1)
    process.terminate()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130 and "stopped after step" in stderr
    assert checkpoint.load(next(tmp_path.glob("runs/**/*.safetensors")))[1]["step"] > 0


def test_same_seed_same_curve_other_seed_another():
    a, b, c = (train(small(seed=s), device="cpu") for s in (3, 3, 4))
    assert_equal(a, b)
    assert a.sums != c.sums


def test_a_run_without_a_schedule_can_be_made_longer(tmp_path):
    path = tmp_path / "run.safetensors"
    train(small(iterations=5), path, "cpu")
    assert_equal(train(small(iterations=9), path, "cpu"), train(small(iterations=9), device="cpu"))


def test_other_settings_do_not_continue_a_run(tmp_path):
    path = tmp_path / "run.safetensors"
    train(small(), path, "cpu")
    with pytest.raises(CheckpointError, match=r"step_size: 0.001 there, 0.01 here"):
        train(small(step_size=0.01), path, "cpu")


def test_a_diverging_run_stops_and_keeps_the_last_good_state(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "SAVE_SECONDS", 0.0)
    settings, path = small(), tmp_path / "run.safetensors"
    honest, calls = outer.query_loss, []

    def explode(learner, tasks, steps):
        calls.append(1)
        return honest(learner, tasks, steps) * (torch.inf if len(calls) == 7 else 1.0)

    monkeypatch.setattr(outer, "query_loss", explode)
    with pytest.raises(TrainingDiverged, match=r"step 6: loss inf.*try a smaller step_size"):
        train(settings, path, "cpu")
    tensors, meta = checkpoint.load(path)
    assert meta["step"] == 6
    assert all(torch.isfinite(t).all() for n, t in tensors.items() if n.startswith("learner/"))
    assert_equal(train(settings, path, "cpu"), train(settings, device="cpu"))  # the bad step redone


def test_modulation_first_trains_without_inner_steps_then_with_them():
    settings = small(modulation_first=0.5, learn_step_size="layer", iterations=8)
    assert not settings.may_be_longer
    run = runs.start(settings, torch.device("cpu"))
    sizes = {n: p for n, p in run.learner.named_parameters() if "step_sizes" in n}
    for expected in (False, True):  # only an inner loop has step sizes that can be learned
        before = {n: p.detach().clone() for n, p in sizes.items()}
        for _ in range(4):
            run.count(outer.outer_step(run))
        assert all(torch.equal(p, before[n]) is not expected for n, p in sizes.items())


def test_nan_in_a_familys_function_is_named():
    """A hole that registration did not hit stops training with the right advice."""

    @register_family("broken", a=Uniform(-1.0, 1.0))
    def broken(x, a):
        return torch.where((x - 4.5).abs() < 0.4, torch.nan, a * x)

    try:
        with pytest.raises(TrainingDiverged, match="check your own family's function"):
            train(settings_for("maml", ("broken",), iterations=50), device="cpu")
    finally:
        del FAMILIES["broken"]


def test_clipping_groups_keep_encoder_and_network_apart():
    network, omega = parameter_groups(train(small(iterations=1), device="cpu").learner)
    assert sum(p.numel() for p in network) == 16 + 16 + 16 * 16 + 16 + 16 + 1
    assert len(omega) == 16 + 2  # two LSTM layers, two directions, four tensors each; one head


def test_cosine_schedule_warms_up_and_ends_near_zero():
    settings = small(schedule="cosine", iterations=1000)
    rates = [learning_rate(settings, step) for step in range(1000)]
    assert rates[0] < rates[9] == max(rates) == settings.learning_rate
    assert rates[-1] < 1e-5 and rates == sorted(rates[:10]) + sorted(rates[10:], reverse=True)
    assert learning_rate(small(), 11) == 0.001


def test_callbacks_see_the_run_in_order():
    seen = []

    class Spy(Callback):
        def on_start(self, run):
            seen.append("start")

        def on_step(self, run, measured):
            assert isinstance(measured["loss"], float) and isinstance(run.learner, nn.Module)
            seen.append(run.step)

        def on_end(self, run):
            seen.append("end")

    train(small(iterations=3), device="cpu", callbacks=[Spy()])
    assert seen == ["start", 1, 2, 3, "end"]


def test_progress_prints_plain_lines_where_nobody_watches(capsys, monkeypatch):
    log_every(monkeypatch, 2)
    train(small(iterations=4), device="cpu", callbacks=[Progress("film", every=0.0)])
    out = capsys.readouterr().out
    assert "film step 4/4  loss" in out and "done" in out and "\r" not in out


def test_threads_are_given_back():
    before = torch.get_num_threads()
    train(small(iterations=1), device="cpu", thread_count=2)
    assert torch.get_num_threads() == before
