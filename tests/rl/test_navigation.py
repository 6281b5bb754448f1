"""2D navigation: one environment and many, step by step the same, and clear about bad input."""

import math

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from mmaml_lite.rl import Navigation, Navigation2D, NavigationVector

NAME = "mmaml_lite/Navigation2D-v0"


def test_it_is_registered_and_passes_gymnasiums_checker():
    env = gymnasium.make(NAME)
    assert isinstance(env.unwrapped, Navigation2D)
    check_env(env.unwrapped, skip_render_check=True)
    many = gymnasium.make_vec(NAME, num_envs=3)
    assert isinstance(many, NavigationVector) and many.num_envs == 3


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("ends_within", [None, 0.05])
def test_many_at_once_equal_one_at_a_time(squared, ends_within):
    settings = Navigation(horizon=40, squared=squared, ends_within=ends_within)
    many = NavigationVector(8, settings)
    rng = np.random.default_rng(0)
    goals = rng.normal(size=(8, 2)).astype(np.float32)
    moves = (goals[None] / 20 + 0.08 * rng.normal(size=(40, 8, 2))).astype(np.float32)
    many.reset(options={"goal": goals})
    singles = [Navigation2D(settings) for _ in range(8)]
    for env, goal in zip(singles, goals, strict=True):
        env.reset(options={"goal": goal})
    ended = np.zeros(8, bool)
    for move in moves:
        position, reward, near, late, info = many.step(move)
        for i, env in enumerate(singles):
            if ended[i]:
                assert reward[i] == 0, "one that has ended earns nothing"
                continue
            own = env.step(move[i])
            np.testing.assert_array_equal(own[0], position[i])
            assert own[1] == pytest.approx(float(reward[i]), rel=3e-7)  # rounding
            assert (own[2], own[3]) == (bool(near[i]), bool(late[i]))
            np.testing.assert_array_equal(own[4]["goal"], info["goal"][i])
            ended[i] = own[2] or own[3]
    assert ended.all()
    if ends_within:
        assert many._steps.min() < 40, "some reached the goal early"


def test_the_goal_is_hidden_and_reaching_it_pays():
    env = Navigation2D()
    position, info = env.reset(seed=3)
    assert position.shape == (2,) and not np.allclose(info["goal"], 0)
    total = 0.0
    for _ in range(100):
        position, reward, near, late, info = env.step(info["goal"] - position)
        total += reward
    assert late and not near
    assert -3 < total < -1  # about -1.6: told the goal, a few steps to walk, then nothing to lose


def test_goals_come_in_equal_shares_of_the_modes():
    goals, mode = Navigation.modes(4).goals(400, torch.Generator().manual_seed(0))
    assert torch.bincount(mode).tolist() == [100] * 4
    for i, centre in enumerate(Navigation.modes(4).centres):
        spread, mean = goals[mode == i].std(0), goals[mode == i].mean(0)
        assert torch.allclose(mean, torch.tensor(centre), atol=0.05)
        assert torch.allclose(spread, torch.tensor(0.1), atol=0.03)
    assert Navigation.modes(2).centres == Navigation().centres
    radii = {round(math.hypot(*c), 4) for c in Navigation.modes(6).centres}
    assert radii == {round(math.sqrt(0.5), 4)}


def test_the_tasks_are_put_in_words():
    told = Navigation.modes(4, spread=0.2, squared=True).words
    assert told.startswith("goals from 4 modes at (0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5)")
    assert "spread 0.2; reward minus the squared distance" in told
    assert Navigation().words.endswith("spread 0.1; reward minus the distance")


def test_the_same_seed_gives_the_same_goals():
    one, other = NavigationVector(6), NavigationVector(6)
    first, again = one.reset(seed=5)[1]["goal"], other.reset(seed=5)[1]["goal"]
    assert torch.equal(first, again)
    assert not torch.equal(one.reset()[1]["goal"], first), "the next reset draws others"
    single = Navigation2D()
    np.testing.assert_array_equal(single.reset(seed=2)[1]["goal"], single.reset(seed=2)[1]["goal"])


def test_unseeded_resets_differ_and_one_environment_sees_every_mode():
    first, other = (NavigationVector(4).reset()[1]["goal"] for _ in range(2))
    assert not torch.equal(first, other)
    one = NavigationVector(1)
    one.reset(seed=0)
    assert {bool(one.reset()[1]["goal"][0, 0] > 0) for _ in range(20)} == {True, False}


def test_the_farthest_walk_stays_in_the_observation_space():
    env = Navigation2D()
    env.reset(seed=0)
    for _ in range(100):
        position = env.step([0.1, 0.1])[0]
    assert env.observation_space.contains(position)


def test_some_can_be_reset_alone():
    many = NavigationVector(3)
    many.reset(seed=0)
    many.step(np.full((3, 2), 0.1))
    position, _ = many.reset(options={"reset_mask": np.array([True, False, False])})
    assert position.tolist()[0] == [0, 0] and position[1:].min() > 0.09
    assert many._steps.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"horizon": 0}, "at least one, got horizon 0"),
        ({"horizon": 2.5}, "whole steps"),
        ({"spread": "wide"}, "standard deviation"),
        ({"squared": "no"}, "True or False"),
        ({"ends_within": "soon"}, "positive or None"),
        ({"spread": -1.0}, "standard deviation"),
        ({"centres": ()}, "at least one"),
        ({"centres": ((0.0, math.nan),)}, "finite"),
        ({"ends_within": 0.0}, "positive or None"),
    ],
)
def test_settings_that_make_no_task_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        Navigation(**settings)


@pytest.mark.parametrize(
    "goal", [(1.0,), (math.nan, 0.0), [[0.5, 0.5]], (math.inf, 1.0), "there", None]
)
def test_a_bad_goal_is_refused_and_the_episode_goes_on(goal):
    env, many = Navigation2D(), NavigationVector(2)
    env.reset(seed=0), many.reset(seed=0)
    before = many._goal.clone()
    for one in (env, many):
        with pytest.raises(ValueError, match="expected a finite goal of shape"):
            one.reset(options={"goal": goal})
    env.step([0.0, 0.0]), many.step(np.zeros((2, 2)))
    assert torch.equal(many._goal, before)


@pytest.mark.parametrize("action", [[0.1], [math.nan, 0.0], [0.0, math.inf], "up", None])
def test_a_bad_action_is_refused(action):
    env, many = Navigation2D(), NavigationVector(2)
    env.reset(seed=0), many.reset(seed=0)
    with pytest.raises(ValueError, match="expected a finite action of shape"):
        env.step(action)
    with pytest.raises(ValueError, match=r"expected actions of shape|NaN or infinite"):
        many.step([action, action])
    assert many._steps.tolist() == [0, 0]


def test_a_longer_move_is_clipped():
    env = Navigation2D()
    env.reset(seed=0)
    np.testing.assert_allclose(env.step([5.0, -0.05])[0], [0.1, -0.05])
