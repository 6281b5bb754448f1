"""The exercises of lesson 6: solutions pass, and each likely mistake is named."""

import pytest
import torch

from mmaml_lite.course.checks import check_score, check_speed_reward, check_target
from mmaml_lite.rl import TargetSpeed
from mmaml_lite.rl.simulation import CONTROL_STEP, STATE, X


def speed_reward(x, actions, target, dt, cost):
    return -(x.diff() / dt - target).abs() - cost * actions.square().sum(1)


def test_the_solution_of_the_reward_is_right():
    assert check_speed_reward(speed_reward).right


def test_the_solution_of_the_reward_is_what_the_world_pays():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(4, generator=draw, dtype=torch.float64)
    actions = torch.rand(3, 6, generator=draw, dtype=torch.float64)
    states = torch.zeros(4, STATE, dtype=torch.float64).numpy()
    states[:, X] = x
    world, goals = TargetSpeed(), torch.full((3, 1), 1.3).double().numpy()
    paid = world.rewards(states[:-1], states[1:], actions.numpy(), goals)
    mine = speed_reward(x, actions, goals[0, 0], CONTROL_STEP, world.control_cost)
    torch.testing.assert_close(torch.from_numpy(paid), mine)


def wrong_reward(off=None, torque=None):
    """The solution with one of its two parts exchanged."""

    def reward(x, a, t, dt, c):
        first = (x.diff() / dt - t).abs() if off is None else off(x, t, dt)
        return -first - c * (a.square().sum(1) if torque is None else torque(a))

    return reward


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (wrong_reward(lambda x, t, dt: (x.diff() - t).abs()), "divide by `dt`"),
        (wrong_reward(lambda x, t, dt: (x.diff() * dt - t).abs()), "You multiply by `dt`"),
        (wrong_reward(lambda x, t, dt: (x[1:] - t).abs()), "target *location*"),
        (wrong_reward(torque=lambda a: 0), "The torque costs something"),
        (wrong_reward(torque=lambda a: -a.square().sum(1)), "is *added*"),
        (
            lambda *given: -wrong_reward(torque=lambda a: -a.square().sum(1))(*given),
            "would be paid",
        ),
        (lambda *given: -speed_reward(*given), "what a step costs"),
        (wrong_reward(lambda x, t, dt: x.diff() / dt - t), "absolute value is missing"),
        (wrong_reward(lambda x, t, dt: ((x.diff() / dt).abs() - t).abs()), "has a sign here"),
        (wrong_reward(lambda x, t, dt: (x.diff() / dt - t) ** 2), "distance is squared"),
        (wrong_reward(torque=lambda a: a.norm(dim=1)), "no square root"),
        (wrong_reward(torque=lambda a: a.abs().sum(1)), "not in absolute value"),
        (wrong_reward(torque=lambda a: a.square().mean(1)), "mean over the motors"),
        (wrong_reward(torque=lambda a: a.square().sum()), "*all* steps"),
        (
            lambda x, a, t, dt, c: -(x.diff() / dt - t).abs() - a.square().sum(1),
            "not times `cost`",
        ),
        (lambda x, a, t, dt, c: -(x - t).abs(), "one place more"),
        (lambda *given: speed_reward(*given).sum(), "a reward for each of 5 steps"),
        (lambda *given: None, "is a `return` there"),
        (lambda x, a, t, dt, c: x @ a, "RuntimeError"),
        (lambda x, a, t, dt, c: 7 * x[1:], "Not the rewards"),
    ],
)
def test_a_wrong_reward_is_told_its_mistake(answer, says):
    reply = check_speed_reward(answer)
    assert reply.right is False and says in reply.text


def score(earned, still, told):
    return (earned - still) / (told - still)


def test_the_solution_of_the_score_is_right():
    assert check_score(score).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda e, s, t: e / t, "*more* of it is worse"),
        (lambda e, s, t: t / e, "no zero at standing still"),
        (lambda e, s, t: (e - s) / t, "The numerator is right"),
        (lambda e, s, t: (e - s) / s, "The numerator is right"),
        (lambda e, s, t: (e - s) / abs(s), "relative to standing still"),
        (lambda e, s, t: e - s, "in the return's own unit"),
        (lambda e, s, t: 1 - score(e, s, t), "Upside down"),
        (lambda e, s, t: (e - t) / (t - s), "from the *upper* floor"),
        (lambda e, s, t: (s - e) / (t - s), "The sign"),
        (lambda e, s, t: 100 * score(e, s, t), "In per cent"),
        (lambda e, s, t: score(e, s, t).clamp(0, 1), "cut it off at 0 and 1"),
        (lambda e, s, t: score(e, s, t).clamp(min=0), "cut it off at 0:"),
        (lambda e, s, t: score(e, s, t).abs(), "look like progress"),
        (lambda e, s, t: score(e, s, t).mean(), "a score for each return"),
        (lambda e, s, t: None, "is a `return` there"),
        (lambda e, s, t: 0.5 * e, "the score is"),
    ],
)
def test_a_wrong_score_is_told_its_mistake(answer, says):
    reply = check_score(answer)
    assert reply.right is False and says in reply.text


def target(x, off):
    behind, ahead = x - off, x + off
    return behind.mean() if behind.std() < ahead.std() else ahead.mean()


def test_the_solution_of_the_target_is_right():
    assert check_target(target).right
    assert check_target(lambda x, off: float(target(x, off))).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda x, off: (x + off).mean(), "always *ahead*"),
        (lambda x, off: (x - off).mean(), "always *behind*"),
        (lambda x, off: off.mean(), "never negative"),
        (lambda x, off: off[0], "the first distance"),
        (lambda x, off: -target(x, off), "the candidate that *moves*"),
        (lambda x, off: x[0] + (x[-1] - x[0]).sign() * off[0], "the side to which the torso moved"),
        (lambda x, off: x[0] + (off[0] - off[-1]).sign() * off[0], "whether `off` shrank"),
        (lambda x, off: x[-1], "where the torso ended up"),
        (lambda x, off: x + off, "which of them stays the same"),
        (lambda x, off: None, "is a `return` there"),
        (lambda x, off: x @ off[:, None][:2], "RuntimeError"),
        (lambda x, off: 0.0, "the target is"),
    ],
)
def test_a_wrong_target_is_told_its_mistake(answer, says):
    reply = check_target(answer)
    assert reply.right is False and says in reply.text
