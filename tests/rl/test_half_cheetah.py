"""The half-cheetah: one and many the same bit for bit, blow-ups caught, MuJoCo missing said."""

import math
import subprocess
import sys

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from mmaml_lite.rl import HalfCheetah, HalfCheetahVector, TargetLocation, TargetSpeed
from mmaml_lite.rl.simulation import CONTROL_STEP, FRAMES, STATE, Simulation, engine, model, quiet

WORLDS = [TargetLocation(), TargetSpeed()]
NAMES = ["HalfCheetahTargetLocation", "HalfCheetahTargetSpeed"]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_registered_and_passes_gymnasiums_checker(name, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    env = gymnasium.make(f"mmaml_lite/{name}-v0")
    assert isinstance(env.unwrapped, HalfCheetah)
    check_env(env.unwrapped, skip_render_check=True)
    many = gymnasium.make_vec(f"mmaml_lite/{name}-v0", num_envs=3)
    assert isinstance(many, HalfCheetahVector) and many.num_envs == 3
    assert many.settings == env.unwrapped.settings
    assert "deprecated" not in capfd.readouterr().err and not list(tmp_path.iterdir())


def test_the_body_is_gymnasiums():
    """Every number of the model, though its deprecated total mass is set in another way."""
    mujoco, path = engine(), f"{gymnasium.__path__[0]}/envs/mujoco/assets/half_cheetah.xml"
    with quiet():
        theirs, ours = mujoco.MjModel.from_xml_path(path), model()
    compared = 0
    for name in dir(theirs):
        value = getattr(theirs, name, None)
        if isinstance(value, np.ndarray) and value.dtype != object:
            np.testing.assert_array_equal(value, getattr(ours, name), err_msg=name)
            compared += 1
    assert compared > 100 and ours.body_mass.sum() == pytest.approx(14)
    assert ours.opt.timestep * FRAMES == CONTROL_STEP


def actions_for(count, steps, seed=0):
    """Hard enough to throw the animal about."""
    return np.random.default_rng(seed).normal(0, 0.8, (steps, count, 6)).astype(np.float32)


@pytest.mark.parametrize("world", WORLDS, ids=NAMES)
def test_many_at_once_equal_one_at_a_time_bit_for_bit(world):
    """150 steps, several environments, one to three threads: states, observations, rewards."""
    count, goals = 5, np.linspace(-7, 7, 5, dtype=np.float32)[:, None]
    crowds = [HalfCheetahVector(count, world, threads=threads) for threads in (1, 2, 3)]
    for many in crowds:
        many.reset(seed=3, options={"goal": goals})
    singles = [HalfCheetah(world) for _ in range(count)]
    for env, goal, state in zip(singles, goals, crowds[0]._states, strict=True):
        env.reset(options={"goal": goal})
        env._state = state.copy()
    for move in actions_for(count, 150):
        told = [many.step(move) for many in crowds]
        own = [env.step(a) for env, a in zip(singles, move, strict=True)]
        for many, (seen, reward, ended, late, info) in zip(crowds, told, strict=True):
            np.testing.assert_array_equal(many._states, [env._state for env in singles])
            np.testing.assert_array_equal(seen, [o[0] for o in own])
            np.testing.assert_array_equal(reward, np.float32([o[1] for o in own]))
            assert ended.tolist() == [o[2] for o in own] and late.tolist() == [o[3] for o in own]
            np.testing.assert_array_equal(info["goal"], [o[4]["goal"] for o in own])
    assert np.ptp(crowds[0]._states[:, 1]) > 0.1, "they went different ways"


def test_a_control_step_is_five_of_mujocos_own():
    mujoco, simulation = engine(), Simulation(1)
    data, state = mujoco.MjData(model()), np.zeros((1, STATE))
    for action in actions_for(1, 150)[:, 0]:
        state, stable = simulation.advance(state, action[None].astype(float))
        data.ctrl[:] = action
        mujoco.mj_step(model(), data, nstep=FRAMES)
        assert stable.all()
        np.testing.assert_array_equal(state[0], [data.time, *data.qpos, *data.qvel])


def test_rewards_by_hand():
    before, after = np.zeros((1, STATE)), np.zeros((1, STATE))
    after[0, 1], action, goal = 0.1, np.full((1, 6), 0.5), np.array([[3.0]])
    cost = 0.05 * 6 * 0.25
    place = TargetLocation().rewards(before, after, action, goal)
    speed = TargetSpeed().rewards(before, after, action, goal)  # 0.1 m in 0.05 s
    assert place.item() == pytest.approx(-2.9 - cost) and speed.item() == pytest.approx(-1.0 - cost)
    free = TargetLocation(control_cost=0.0).rewards(before, after, action, goal)
    assert free.item() == pytest.approx(-2.9)


@pytest.mark.parametrize("world", WORLDS, ids=NAMES)
def test_the_goal_is_hidden_and_the_place_shown_only_where_it_matters(world):
    env = HalfCheetah(world)
    first, info = env.reset(seed=0, options={"goal": [5.0]})
    other, _ = env.reset(seed=0, options={"goal": [-5.0]})
    np.testing.assert_array_equal(first, other)
    assert info["goal"] == [5.0] and first.shape == (world.observations,)
    seen = env.step(np.ones(6))[0]
    state = env._state
    np.testing.assert_array_equal(seen, np.float32(state[1 if world is WORLDS[0] else 2 :]))


def test_a_stronger_action_is_clipped_and_pays_for_what_was_done():
    strong, full = HalfCheetah(), HalfCheetah()
    for env in (strong, full):
        env.reset(seed=0, options={"goal": [0.0]})
    there, reward, *_ = strong.step(np.full(6, 30.0))
    np.testing.assert_array_equal(there, full.step(np.ones(6))[0])
    assert reward == pytest.approx(-abs(float(there[0])) - 0.3, rel=1e-5)


def test_the_horizon_ends_an_episode_and_then_nothing_moves():
    many = HalfCheetahVector(2, TargetSpeed(horizon=4))  # then none is left to simulate
    many.reset(seed=0)
    for move in actions_for(2, 4):
        *_, ended, late, _ = many.step(move)
    assert late.all() and not ended.any()
    states = many._states.copy()
    _, reward, *_ = many.step(np.ones((2, 6)))
    assert (reward == 0).all() and np.array_equal(many._states, states)


@pytest.mark.parametrize("broken", [1e11, math.nan])
@pytest.mark.parametrize("world", WORLDS, ids=NAMES)
def test_a_simulation_that_blows_up_ends_its_episode_alone(
    world, broken, capfd, tmp_path, monkeypatch
):
    """Its reward is finite and no gain, it is reported, and the others do not notice."""
    monkeypatch.chdir(tmp_path)
    goals, moves = np.full((4, 1), 2.0), actions_for(4, 6)
    many, calm = (HalfCheetahVector(4, world, threads=2) for _ in range(2))
    one = HalfCheetah(world)
    for env in (many, calm):
        env.reset(seed=0, options={"goal": goals})
    one.reset(options={"goal": [2.0]})
    one._state = many._states[2].copy()
    healthy, broke = Simulation.advance, {id(many._simulation): 2, id(one._simulation): 0}
    calls = dict.fromkeys(broke, 0)

    def advance(self, states, actions):
        """The third step of the chosen environment starts from an impossible velocity."""
        if id(self) in broke:
            calls[id(self)] += 1
            if calls[id(self)] == 3:
                torn, row = states.copy(), broke[id(self)]
                torn[row, 12] = broken
                after, stable = healthy(self, torn, actions)
                assert not stable[row]
                after[row] = states[row]
                return after, stable
        return healthy(self, states, actions)

    monkeypatch.setattr(Simulation, "advance", advance)
    for number, move in enumerate(moves, 1):
        seen, reward, ended, _, info = many.step(move)
        undisturbed = calm.step(move)
        rest = [0, 1, 3]
        assert torch.equal(seen[rest], undisturbed[0][rest])
        assert torch.equal(reward[rest], undisturbed[1][rest])
        assert torch.isfinite(reward).all() and torch.isfinite(seen).all()
        expected = [False, False, number >= 3, False]
        assert info["unstable"].tolist() == ended.tolist() == expected
        if number <= 3:
            own = one.step(move[2])
            np.testing.assert_array_equal(own[0], seen[2])
            assert np.float32(own[1]) == reward[2] and own[2] == own[4]["unstable"] == ended[2]
        if number == 3:
            assert reward[2] < 100 * undisturbed[1][2].abs() * -1, "to the horizon, all at once"
        if number > 3:
            assert reward[2] == 0
    assert many.reset()[1].keys() == {"goal"} and not many._unstable.any()
    assert capfd.readouterr().err == "" and not list(tmp_path.iterdir()), "MuJoCo is kept quiet"


@pytest.mark.parametrize("goal", [(math.nan,), (math.inf,), (1.0, 2.0), "there", None])
def test_a_bad_goal_is_refused_and_the_episode_goes_on(goal):
    env, many = HalfCheetah(), HalfCheetahVector(2)
    env.reset(seed=0), many.reset(seed=0)
    before = many._goal.clone()
    for one in (env, many):
        with pytest.raises(ValueError, match="expected a finite goal of shape"):
            one.reset(options={"goal": goal})
    env.step(np.zeros(6)), many.step(np.zeros((2, 6)))
    assert torch.equal(many._goal, before)


@pytest.mark.parametrize("action", [[0.1], [math.nan] * 6, "up", None])
def test_a_bad_action_is_refused(action):
    env, many = HalfCheetah(), HalfCheetahVector(2)
    env.reset(seed=0), many.reset(seed=0)
    with pytest.raises(ValueError, match="expected a finite action of shape"):
        env.step(action)
    with pytest.raises(ValueError, match=r"expected actions of shape|NaN or infinite"):
        many.step([action, action])
    assert many._steps.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"horizon": 0}, "at least one, got horizon 0"),
        ({"centres": ((1.0, 2.0),)}, "single numbers"),
        ({"centres": ((1.0,), (1.0, 2.0))}, "points alike"),
        ({"centres": ((math.inf,),)}, "finite"),
        ({"spread": -1.0}, "standard deviation"),
        ({"control_cost": -0.1}, "control_cost must be a number from 0"),
        ({"reset_noise": math.nan}, "reset_noise must be a number from 0"),
    ],
)
def test_settings_that_make_no_task_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        TargetLocation(**settings)


def test_targets_come_from_both_sides():
    for world, far, spread in ((TargetLocation(), 7, 2), (TargetSpeed(), 1.5, 0.5)):
        goals, mode = world.goals(2000, torch.Generator().manual_seed(0))
        assert goals.shape == (2000, 1) and torch.bincount(mode).tolist() == [1000, 1000]
        for i, centre in enumerate((-far, far)):
            assert goals[mode == i].mean().item() == pytest.approx(centre, abs=0.15 * spread)
            assert goals[mode == i].std().item() == pytest.approx(spread, rel=0.1)
        assert world.modes(2) == world and world.modes(1).centres == ((far,),)
        assert world.modes(3).centres == ((-far,), (0.0,), (far,))
    assert "-7, 7, spread 2; reward minus the distance of the torso's x" in TargetLocation().words


def test_starts_and_goals_are_the_seeds():
    one, other = HalfCheetahVector(4), HalfCheetahVector(4)
    first, again = one.reset(seed=5), other.reset(seed=5)
    assert torch.equal(first[0], again[0]) and torch.equal(first[1]["goal"], again[1]["goal"])
    assert not torch.equal(one.reset()[0], first[0]), "the next reset draws others"
    assert first[0].abs().max() < 0.6
    still = HalfCheetahVector(2, TargetLocation(reset_noise=0.0)).reset()[0]
    assert (still == 0).all()
    lent = [
        env.reset(options={"generator": torch.Generator().manual_seed(8)})[0]
        for env in (one, other)
    ]
    assert torch.equal(*lent), "another generator is used where one is given"


def test_some_can_be_reset_alone():
    many = HalfCheetahVector(3)
    many.reset(seed=0)
    many.step(np.ones((3, 6)))
    before = many._states.copy()
    many.reset(options={"reset_mask": np.array([True, False, False])})
    assert many._states[0, 0] == 0 and np.array_equal(many._states[1:], before[1:])
    assert many._steps.tolist() == [0, 1, 1]


def test_standing_still_earns_the_distance():
    goals = torch.tensor([[-7.0], [7.0], [0.0]])
    found = TargetLocation().floors(goals, torch.tensor([0, 1, 0]))["still"]
    assert found[:2].tolist() == pytest.approx([-1400, -1400], rel=0.1) and found[2] > -150
    slow = TargetSpeed().floors(goals[:2] / 7 * 1.5, torch.tensor([0, 1]))["still"]
    assert slow.tolist() == pytest.approx([-300, -300], rel=0.1)


def test_a_policy_sees_an_observation_in_its_units_and_the_goal_only_when_told():
    world = TargetLocation()
    states = torch.tensor([world.units]).expand(6, -1).view(2, 3, -1)
    goals = torch.tensor([[5.0], [-10.0]])
    assert torch.equal(world.shown(states), torch.ones(2, 3, 18))
    told = world.shown(states, goals)
    assert told.shape == (2, 3, 19)
    assert told[0, :, -1].tolist() == [1.0] * 3 and told[1, :, -1].tolist() == [-2.0] * 3
    assert len(TargetSpeed().units) == 17


def test_without_mujoco_everything_else_works(tmp_path):
    """And what needs it says what to install."""
    code = f"""
import os, sys
sys.modules["mujoco"] = None
import mmaml_lite.rl as rl
from mmaml_lite.core import zoo
zoo.zoo_settings("cheetah-speed/2-modes/maml"), zoo.load("navigation/2-modes/maml")
rl.NavigationVector(2).reset()
for make in (rl.HalfCheetah, rl.HalfCheetahVector):
    try:
        make()
    except ImportError as error:
        print(error)
from mmaml_lite.__main__ import main
os.environ["MMAML_LITE_DATA"] = {str(tmp_path)!r}
print(main(["train", "cheetah-location/2-modes/maml", "--set", "iterations=1"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('pip install "gymnasium[mujoco]"') == 2
    assert done.stdout.endswith("2\n") and "error: the half-cheetah runs in MuJoCo" in done.stderr
