"""Lesson 6's runner: films of the inner loop, the body as line segments, the track, its words."""

import asyncio
import builtins
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import traitlets
from helpers import untrained

import mmaml_lite.course.widgets.cheetah  # noqa: F401 (found in sys.modules: the name is the function's)
from mmaml_lite.course import figures
from mmaml_lite.course.figures.cheetah import strip
from mmaml_lite.course.studies.cheetahs import TASKS, name
from mmaml_lite.course.studies.recording import Filmed, capsules, poses, record, thickness
from mmaml_lite.course.widgets import cheetah
from mmaml_lite.course.widgets.navigation import NAMES, STEPS
from mmaml_lite.rl.collect import collect
from mmaml_lite.rl.simulation import CONTROL_STEP, STATE, Simulation, X

module = sys.modules["mmaml_lite.course.widgets.cheetah"]
HORIZON = 12
SMALL = {"horizon": HORIZON, "test_trajectories": 2, "hidden": (8, 8), "encoder_hidden": 6}


def runner_of(task, key, **changes):
    return untrained(name(task, key), **(SMALL | changes))


@pytest.fixture(scope="module")
def casts():
    return {task: {key: runner_of(task, key) for key in ("maml", "mumomaml")} for task in TASKS}


@pytest.fixture
def runner(casts):
    return cheetah(casts)


# Films


@pytest.mark.parametrize("task", list(TASKS))
@pytest.mark.parametrize("key", ["maml", "mumomaml"])
def test_a_film_is_the_most_ordinary_episode_of_every_stage(casts, task, key):
    learner = casts[task][key].learner
    world = learner.settings.world()
    found = record(learner, -1.2, 2, 7, 3)
    generator = torch.Generator().manual_seed(7)
    batch = collect(learner, torch.tensor([[-1.2]]), 2, generator, trajectories=3).batch
    assert (found.before is None) == (key == "maml") and len(found.stages) == 3
    films, stages = list(found.stages), list(batch.stages)
    if found.before is not None:
        films, stages = [found.before, *films], [batch.explore, *stages]
    for film, seen in zip(films, stages, strict=True):
        assert film.states.shape == (HORIZON + 1, STATE) and film.blew_up is None
        returns, i = seen.returns()[0].numpy(), film.shown
        off = np.abs(returns - returns.mean())
        assert off[i] == off.min(), "nearest the mean"
        shown = world.shown(torch.from_numpy(world.observed(film.states[None, :-1])))
        torch.testing.assert_close(shown[0], seen.observations[0, i])
        np.testing.assert_array_equal(film.returns, returns)
        effort = world.control_cost * seen.actions[0, i].clamp(-1, 1).square().sum(-1)
        paid = -np.abs(film.reached + 1.2) - effort.numpy()
        np.testing.assert_allclose(paid, seen.rewards[0, i].numpy(), atol=1e-5)
        np.testing.assert_allclose(np.diff(film.states[:, 0]), CONTROL_STEP)


def test_equal_seeds_make_equal_films(casts):
    learner = casts["speed"]["mumomaml"].learner
    one, two, other = (record(learner, 1.0, 1, seed, 2).stages[-1] for seed in (3, 3, 4))
    assert np.array_equal(one.states, two.states) and not np.array_equal(one.states, other.states)


def test_where_the_first_step_is_plain_its_film_is_the_exploration():
    model = runner_of("location", "mumomaml", first_step_plain=True, explore=2, trajectories=2)
    found = record(model.learner, 3.0, 2, 0, 2)
    assert len(found.stages) == 3
    assert np.array_equal(found.before.states, found.stages[0].states)


def test_a_target_that_is_not_finite_is_refused(casts):
    with pytest.raises(ValueError, match="expected a finite goal"):
        record(casts["location"]["maml"].learner, float("nan"), 1, 0, 2)


def test_the_body_at_rest():
    parts = list(capsules())
    assert parts == ["torso", "head", "bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot"]
    (pose,) = poses(np.zeros((1, STATE)))
    np.testing.assert_allclose(sorted(pose[0, :, 0]), [-0.5, 0.5], atol=1e-6)
    np.testing.assert_allclose(pose[0, :, 1], 0.7, atol=1e-6)
    assert thickness() == pytest.approx(0.092)
    lowest = pose[..., 1].min() - thickness() / 2
    assert -0.05 < lowest < 0.12, "the feet stand near the ground"
    assert pose[1, 1, 1] > 0.7 + 0.1, "the far end of the head is up"


def test_moving_the_torso_moves_all_and_a_joint_only_what_hangs_on_it():
    states = np.zeros((3, STATE))
    states[1, X], states[2, X + 3] = 2.5, 0.4  # the back thigh
    rest, moved, bent = poses(states)
    np.testing.assert_allclose(moved - rest, np.broadcast_to([2.5, 0], rest.shape), atol=1e-6)
    changed = np.abs(bent - rest).max((1, 2)) > 1e-6
    assert changed.tolist() == [False, False, True, True, True, False, False, False]
    length = np.linalg.norm(rest[:, 1] - rest[:, 0], axis=1)
    np.testing.assert_allclose(np.linalg.norm(bent[:, 1] - bent[:, 0], axis=1), length, atol=1e-6)


def blow_up(monkeypatch, at):
    """Let every simulation blow up at this step of an episode."""
    advance = Simulation.advance

    def explode(self, states, actions):
        after, stable = advance(self, states, actions)
        burst = states[:, 0] > (at - 1.5) * CONTROL_STEP
        after[burst] = states[burst]
        return after, stable & ~burst

    monkeypatch.setattr(Simulation, "advance", explode)


def test_a_simulation_that_blows_up_is_shown_as_such(casts, monkeypatch):
    blow_up(monkeypatch, at=5)
    runner = cheetah(casts, stage=3)
    film = record(casts["location"]["maml"].learner, -6.5, 1, 0, 2).stages[0]
    assert film.blew_up == 5 and (film.states[5:] == film.states[4]).all()
    assert "its simulation blew up after 0.2 s" in runner.summary
    assert "blew up" in figures.alt(runner.twin())
    assert runner.track.lanes[0]["blown"] == [5] * len(NAMES)


# The explorer


def test_what_is_drawn_is_what_happened(runner, casts):
    runner.set(location=-4.0, stage=4, seed=2)
    film = record(casts["location"]["mumomaml"].learner, -4.0, STEPS, 2, 5).stages[3]
    lane = runner.view.lanes["mumomaml"]
    np.testing.assert_array_equal(lane.poses, poses(film.states))
    np.testing.assert_array_equal(lane.value, film.states[:, X])
    fig = runner.twin()
    assert next(t for t in fig.data if t.line.dash == "dot").y.tolist() == [-4.0, -4.0]
    course = [t for t in fig.data if t.line.width == 2.5 and t.line.color == "#D55E00"]
    np.testing.assert_array_equal(course[0].y, film.states[:, X])
    earns = f"{film.returns[film.shown]:.0f}".replace("-", "−")
    assert f"earns {earns} " in lane.head and f"earns {earns}, " in runner.summary
    track = runner.track
    stages, frames, parts = track.shape
    sent = np.frombuffer(track.poses, "<f4").reshape(2, stages, frames, parts, 2, 2)
    np.testing.assert_array_equal(sent[1, 4], poses(film.states))
    curves = np.frombuffer(track.curves, "<f4").reshape(2, stages, 3, frames)
    np.testing.assert_allclose(curves[1, 4, 0], film.states[:, X].astype(np.float32))
    assert (track.stage, track.target, track.kind) == (4, -4.0, "location")
    assert track.lanes[1]["heads"][4] == lane.head


def test_speed_is_what_the_reward_compares(runner, casts):
    runner.set(task="speed", speed=-1.0, stage=2)
    film = record(casts["speed"]["maml"].learner, -1.0, STEPS, 0, 5).stages[1]
    lane = runner.view.lanes["maml"]
    np.testing.assert_array_equal(lane.value[1:], film.reached)
    assert lane.mean.shape == (HORIZON + 1,) and np.isfinite(lane.mean).all()
    middle = lane.value[1:11].mean()  # ten steps around the sixth
    np.testing.assert_allclose(lane.mean[6], middle)
    assert "m/s" in runner.summary and runner.track.unit == "m/s"


def test_maml_has_nothing_to_modulate(runner):
    runner.set(stage=0)
    first = runner.view.lanes["maml"]
    assert "nothing to modulate" in first.head
    assert "before modulation: earns" in runner.view.lanes["mumomaml"].head
    np.testing.assert_array_equal(first.poses, runner.set(stage=1).view.lanes["maml"].poses)


def same_figure(one, other):
    for left, right in zip(one.data, other.data, strict=True):
        for axis in ("x", "y"):
            np.testing.assert_array_equal(
                np.asarray(left[axis], float), np.asarray(right[axis], float)
            )
        assert left.text == right.text
    assert one.layout == other.layout


def test_redrawn_is_drawn_anew(runner):
    before = runner.set(task="speed", stage=2).view
    after = runner.set(task="location", location=3.0, stage=6).view
    fig = figures.cheetah(before)
    figures.redraw_cheetah(fig, after)
    same_figure(fig, figures.cheetah(after))


def test_a_strip_shows_both_ends():
    assert strip(np.zeros(201)).tolist() == [0, 40, 80, 120, 160, 200]
    assert strip(np.zeros(1)).tolist() == [0] * 6


def test_targets_are_kept_and_known_ones_answer_at_once(runner, monkeypatch):
    runner.set(location=2.0).set(task="speed", speed=0.5)
    found = []
    monkeypatch.setattr(module, "reels", lambda *args: found.append(args))
    films = runner.track.film
    for stage in range(len(NAMES)):
        runner.set(stage=stage)
        assert runner.seconds < 0.2
    assert runner.track.film == films, "stages are sent once"
    runner.set(task="location")
    assert runner.state["location"] == runner.view.target == 2.0
    assert runner.state["speed"] == 0.5 and not found
    shown = {t: slider.layout.display for t, slider in runner.sliders.items()}
    assert shown == {"location": None, "speed": "none"}


def test_a_new_target_is_looked_for_in_the_background(runner, monkeypatch):
    go, look = threading.Event(), module.reels
    asked = []

    def slow(cast, key):
        asked.append(key[1])
        assert go.wait(30)
        return look(cast, key)

    monkeypatch.setattr(module, "reels", slow)
    before = runner.track.poses
    for target in (1.0, 2.0, 3.0):
        runner.controls["location"].value = target
    assert "adapting to 3.0 m" in runner.track.busy and "Adapting to 3.0 m" in runner.summary
    assert runner.track.poses == before and runner.view.target == -6.5, "the last film goes on"
    runner.controls["stage"].value = 5  # answers meanwhile
    assert runner.view.stage == runner.track.stage == 5
    go.set()
    runner.wait()
    assert runner.view.target == 3.0 and not runner.track.busy
    assert runner.track.poses != before
    assert 2.0 not in asked, "a target passed over is not adapted to"


def test_in_a_notebook_the_film_comes_by_itself(casts):
    async def notebook():
        runner = cheetah(casts)
        runner.controls["location"].value = -3.0
        for _ in range(300):
            if runner.view.target == -3.0:
                return runner
            await asyncio.sleep(0.1)
        raise AssertionError("no film came")

    with ThreadPoolExecutor(1) as elsewhere:  # a browser test may have left a loop running here
        runner = elsewhere.submit(lambda: asyncio.run(notebook())).result()
    assert not runner.track.busy


def test_what_goes_wrong_is_told_and_the_last_film_stays(runner, monkeypatch):
    def fails(cast, key):
        raise ValueError("the actions hold NaN or infinite values: did the policy diverge?")

    with monkeypatch.context() as broken:
        broken.setattr(module, "reels", fails)
        with pytest.raises(ValueError, match="did the policy diverge"):
            runner.set(location=1.0)
        assert runner.state["location"] == -6.5
        runner.controls["location"].value = 1.0
        runner._working.submit(lambda: None).result()  # it is over
        runner._on_change(None)
        assert "did the policy diverge" in runner.problem.value and not runner.track.busy
        assert runner.view.target == -6.5
    runner.set(location=1.0)  # and may be tried again
    assert runner.view.target == 1.0 and not runner.problem.value


@pytest.mark.parametrize("task", list(TASKS))
def test_the_ends_of_all_sliders(runner, task):
    low, high, _ = module.RANGES[task]
    for target in (low, 0.0, high):
        for stage in (0, len(NAMES) - 1):
            runner.set(task=task, stage=stage, **{task: target})
            assert f"Target {target:.1f}".replace("-", "−") in runner.summary
            assert len(runner.twin().to_json()) < 100_000
    runner.set(task="location", location=0.0)
    assert "such targets were hardly ever trained" in runner.summary


def test_a_method_without_weights_leaves_its_lane_empty(casts):
    alone = {"location": {"mumomaml": casts["location"]["mumomaml"]}}
    runner = cheetah(alone)
    note = "no trained weights yet (cheetah-location/2-modes/maml)"
    assert runner.track.lanes[0]["note"] == note
    assert note in figures.alt(runner.twin()) and "MAML</b>, no trained" in str(
        runner.twin().layout
    )
    assert list(runner.sliders) == ["location"], "a task without weights cannot be chosen"
    assert runner.set(location=-2.0).track.shape == [len(NAMES), HORIZON + 1, 8]
    missing = cheetah(alone, task="speed")
    assert "no weights for `cheetah-speed/2-modes/maml`" in missing.summary
    assert missing._repr_markdown_() == missing.summary


def test_without_any_weights_one_line_stands_there(data):
    assert "Skipped: there are no weights" in cheetah().summary


def test_without_mujoco_one_line_says_what_to_install(casts, monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name.startswith("mujoco"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    line = cheetah(casts).summary
    assert 'pip install "gymnasium[mujoco]"' in line and "\n" not in line


def test_wrong_beginnings_are_refused(casts):
    with pytest.raises(ValueError, match="unknown task 'flying': expected one of location, speed"):
        cheetah(casts, "flying")
    with pytest.raises(ValueError, match=r"target 11 lies beyond -10..10 m"):
        cheetah(casts, "location", 11)
    with pytest.raises(ValueError, match=r"target nan lies beyond -2.5..2.5 m/s"):
        cheetah(casts, "speed", float("nan"))
    with pytest.raises(ValueError, match=f"stage 7 is none of 0..{len(NAMES) - 1}"):
        cheetah(casts, stage=7)
    with pytest.raises(traitlets.TraitError):
        cheetah(casts).track.kind = "flying"


def test_filmed_environments_simulate_as_all_do(casts):
    world = casts["location"]["maml"].settings.world()
    actions = torch.randn(4, 3, 6, generator=torch.Generator().manual_seed(1))
    ends = []
    for env in (world.vector(3), Filmed(3, world, threads=1)):
        env.reset(seed=5)
        ends.append([env.step(a)[0] for a in actions][-1])
    assert torch.equal(*ends) and len(env.frames) == 5


def test_static_it_has_a_twin(casts, monkeypatch):
    monkeypatch.setenv("MMAML_LITE_STATIC", "1")
    still = cheetah(casts, "speed", stage=6)
    assert still.box is None and "MuMoMAML" in figures.alt(still.twin())
    assert "nearest their mean" in figures.caption(still.twin())
