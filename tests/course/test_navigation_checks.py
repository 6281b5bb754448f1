"""The exercises of lesson 5: solutions pass, and each likely mistake is named."""

import pytest
import torch

from mmaml_lite.course.checks import check_surrogate, check_to_come, check_vote


def test_the_solution_of_the_surrogate_is_right():
    assert check_surrogate(lambda lp, old, adv: -((lp - old).exp() * adv).mean()).right


def without_gradient(lp, old, adv):
    with torch.no_grad():
        return -((lp - old).exp() * adv).mean()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda lp, old, adv: ((lp - old).exp() * adv).mean(), "The sign"),
        (lambda lp, old, adv: -(lp * adv).mean(), "REINFORCE: its first derivative"),
        (lambda lp, old, adv: (lp * adv).mean(), "REINFORCE, uphill"),
        (lambda lp, old, adv: -((lp - old) * adv).mean(), "`exp` is missing"),
        (lambda lp, old, adv: -(lp / old * adv).mean(), "divide the *logarithms*"),
        (lambda lp, old, adv: -((old - lp).exp() * adv).mean(), "upside down"),
        (lambda lp, old, adv: -(lp.exp() * adv).mean(), "not relative to"),
        (lambda lp, old, adv: adv.mean(), "Only the advantages"),
        (lambda lp, old, adv: -adv.mean(), "no policy in it"),
        (lambda lp, old, adv: -(lp - old).exp().mean(), "the advantages are not"),
        (lambda lp, old, adv: -((lp - old).exp() * adv).sum(), "sum over trajectories and steps"),
        (lambda lp, old, adv: -((lp - old).exp() * adv).sum(1).mean(), "sum over the steps of"),
        (lambda lp, old, adv: -((lp - old).exp() * adv).sum(0).mean(), "over the trajectories:"),
        (lambda lp, old, adv: -((lp.detach() - old).exp() * adv).mean(), "lost its way back"),
        (without_gradient, "lost its way back"),
        (lambda lp, old, adv: -((lp - old).exp() * adv), "shape (4, 5)"),
        (lambda lp, old, adv: -((lp - old).exp() * adv).mean().item(), "not float"),
        (lambda lp, old, adv: None, "is a `return` there"),
        (lambda lp, old, adv: lp @ adv, "RuntimeError"),
        (lambda lp, old, adv: lp.sum(), "differs from minus the mean"),
    ],
)
def test_a_wrong_surrogate_is_told_its_mistake(answer, says):
    reply = check_surrogate(answer)
    assert reply.right is False and says in reply.text


def to_come(rewards, gamma):
    out = rewards.clone()
    for t in reversed(range(rewards.shape[1] - 1)):
        out[:, t] += gamma * out[:, t + 1]
    return out


def shifted(values):
    return torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], 1)


def powers(rewards, gamma):
    return gamma ** torch.arange(rewards.shape[1], dtype=rewards.dtype)


def test_the_solution_of_what_is_to_come_is_right():
    assert check_to_come(to_come).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda r, g: r, "as they were"),
        (lambda r, g: to_come(r, 1.0), "gamma plays no part"),
        (lambda r, g: r.cumsum(1), "(and leave gamma out)"),
        (lambda r, g: to_come(r.flip(1), g).flip(1), "run through time backwards"),
        (lambda r, g: r.flip(1).cumsum(1), "(and gamma is missing)"),
        (lambda r, g: to_come(r, g).flip(1), "Turn the result around"),
        (lambda r, g: to_come(r * powers(r, g), 1.0), "from the start of the episode"),
        (lambda r, g: g * shifted(to_come(r, g)), "of the step itself is missing"),
        (lambda r, g: shifted(to_come(r, g)), "Off by one"),
        (lambda r, g: r.sum(1, keepdim=True).expand_as(r), "the whole return"),
        (lambda r, g: to_come(r, g)[:, :1].expand_as(r), "from the *start*"),
        (lambda r, g: r * powers(r, g), "now add up"),
        (lambda r, g: to_come(r, g).mean(0).expand_as(r), "keep each its own"),
        (lambda r, g: to_come(r.T, g).T, "*last* axis"),
        (lambda r, g: to_come(r, g)[:, 0], "a value for every step"),
        (lambda r, g: None, "is a `return` there"),
        (lambda r, g: r @ r, "RuntimeError"),
        (lambda r, g: 7 * r, "And so on, backwards"),
    ],
)
def test_a_wrong_sum_is_told_its_mistake(answer, says):
    reply = check_to_come(answer)
    assert reply.right is False and says in reply.text


def neighbours(upsilon):
    return torch.cdist(upsilon, upsilon).fill_diagonal_(torch.inf).argmin(1)


def test_the_solution_of_the_vote_is_right():
    assert check_vote(lambda u, m: (m[neighbours(u)] == m).float().mean()).right
    assert check_vote(lambda u, m: (m[neighbours(u)] == m).float().mean().item()).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda u, m: (m[torch.cdist(u, u).argmin(1)] == m).float().mean(), "leave the diagonal"),
        (lambda u, m: (m[torch.cdist(u, u).argmax(1)] == m).float().mean(), "the *furthest* task"),
        (lambda u, m: (m[neighbours(u)] == m).sum(), "That is a count"),
        (lambda u, m: (m[neighbours(u)] != m).float().mean(), "of *another* mode"),
        (
            lambda u, m: (m[(u @ u.T).fill_diagonal_(-9e9).argmax(1)] == m).float().mean(),
            "inner product",
        ),
        (lambda u, m: m[neighbours(u)] == m, "40 came back"),
        (lambda u, m: None, "Nothing came back"),
        (lambda u, m: (m[neighbours(u)] == m).mean(), "RuntimeError"),
        (lambda u, m: 0.123, "For these 40 tasks it gives 0.123"),
    ],
)
def test_a_wrong_vote_is_told_its_mistake(answer, says):
    reply = check_vote(answer)
    assert reply.right is False and says in reply.text
