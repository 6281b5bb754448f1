"""Exercises of lesson 5, whose replies name the likely mistake."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmaml_lite.course.checks.answers import Quiz, Reply, exercise, mistaken
from mmaml_lite.rl.advantages import discounted

QUIZ_WALK = Quiz(
    "The exploratory walk is the same whatever the goal. What makes two tasks' τ differ?",
    {
        "A": "the rewards along the walk",
        "B": "the places that the walk visits",
        "C": "the gradient steps after it",
    },
    {
        "A": "Places and actions are the same; the reward of each step is the one thing that "
        "depends on the goal.",
        "B": "The unmodulated policy sees the position only, and knows no goal: with the same luck "
        "it visits the same places in every task.",
        "C": "τ is computed before any gradient step, and stays fixed during all of them.",
    },
    right="A",
)
QUIZ_TEACH = Quiz(
    "Suppose a wider exploratory walk would tell the encoder more. Does training widen it?",
    {
        "A": "yes: whatever raises the return after adapting is learned",
        "B": "no gradient says so: how the walk depends on θ is not differentiated",
        "C": "yes, through the encoder's own weights ω",
    },
    {
        "A": "Only along paths that carry a gradient. The walk is data, a constant; θ is moved by "
        "what it does *after* the modulation, and its walk before it changes as a side effect.",
        "B": "The walk enters as a constant. The encoder learns to read the walks that it is "
        "given; nobody teaches θ to walk so that they are worth reading.",
        "C": "ω learns to read the walk, with a gradient of its own. It does not walk.",
    },
    right="B",
)


def _surrogate(log_prob: Tensor, sampled: Tensor, advantages: Tensor) -> Tensor:
    """The loss of one policy-gradient step: minus the mean of likelihood ratio x advantage."""
    return -((log_prob - sampled).exp() * advantages).mean()


@exercise("Write the loss of a policy-gradient step")
def check_surrogate(loss: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Reply:
    """Exercise: loss(log_prob, sampled, advantages), each `(trajectories, steps)` -> a number.

    log_prob: under the policy that is differentiated; sampled: under the one that drew the actions.
    """
    draw = torch.Generator().manual_seed(3)
    sampled, advantages = torch.randn(2, 4, 5, generator=draw, dtype=torch.float64)
    log_prob = sampled + 0.3 * torch.randn(4, 5, generator=draw, dtype=torch.float64)
    log_prob.requires_grad_(True)
    ratio = (log_prob - sampled).exp()
    right = _surrogate(log_prob, sampled, advantages)
    mistakes = [
        (
            -right,
            "The sign: `adapt` *descends* the loss, and the return is to rise. Put a minus in "
            "front.",
        ),
        (
            -(log_prob * advantages).mean(),
            "That is REINFORCE: its first derivative is right where "
            "the two policies are equal, its value and second derivative are not, and the outer "
            "loop differentiates twice. Weigh by the *ratio* of the likelihoods.",
        ),
        (
            (log_prob * advantages).mean(),
            "That is REINFORCE, uphill: weigh by the *ratio* of the "
            "likelihoods, and put a minus in front.",
        ),
        (
            -((log_prob - sampled) * advantages).mean(),
            "The difference of the logarithms is there, "
            "`exp` is missing: a ratio is exp(log_prob - sampled).",
        ),
        (
            -((log_prob / sampled) * advantages).mean(),
            "You divide the *logarithms*. The ratio of the likelihoods is exp(log_prob - sampled).",
        ),
        (
            -((sampled - log_prob).exp() * advantages).mean(),
            "The ratio is upside down: new over old, exp(log_prob - sampled).",
        ),
        (
            -(log_prob.exp() * advantages).mean(),
            "The likelihood is there, but not relative to the "
            "policy that drew the actions: divide by it (subtract `sampled` inside `exp`).",
        ),
        (
            advantages.mean(),
            "Only the advantages are in it: nothing for a gradient to follow. The "
            "policy enters through `log_prob`.",
        ),
        (-advantages.mean(), "There is no policy in it: nothing for a gradient to follow."),
        (
            -ratio.mean(),
            "The ratio is there, the advantages are not: good and bad actions would "
            "count the same.",
        ),
        (
            20 * right,
            "You sum over trajectories and steps: take the mean, or α means something "
            "else for every number of them.",
        ),
        (5 * right, "You sum over the steps of a trajectory: take the mean over all."),
        (4 * right, "You sum over the trajectories: take the mean over all."),
    ]
    answer = loss(log_prob, sampled.clone(), advantages.clone())
    if answer is None:
        return Reply(False, "Nothing came back: is a `return` there?")
    if not isinstance(answer, Tensor):
        return Reply(False, f"Return a tensor, not {type(answer).__name__}: it is differentiated.")
    if answer.shape != ():
        return Reply(
            False,
            f"One number is wanted; a tensor of shape {tuple(answer.shape)} came back: "
            "take the mean over trajectories and steps.",
        )
    if not torch.allclose(answer.double(), right):
        return mistaken(answer, mistakes) or Reply(
            False, "The number differs from minus the mean of ratio times advantage."
        )
    return _slope(answer, right, log_prob)


def _slope(answer: Tensor, right: Tensor, log_prob: Tensor) -> Reply:
    """Judge the derivative of a loss whose value is right."""
    (exact,) = torch.autograd.grad(right, log_prob)
    lost = "The value is right, but it has lost its way back to the policy: no `.detach()` or "
    if not answer.requires_grad:
        return Reply(False, f"{lost}`.item()` on `log_prob`.")
    (found,) = torch.autograd.grad(answer, log_prob, allow_unused=True)
    if found is None or not torch.allclose(found, exact):
        return Reply(False, f"{lost}`torch.no_grad()` on the path from `log_prob` to the result.")
    return Reply(
        True,
        "Where the two policies are equal the ratio is one, and what remains is its derivative: "
        "the log likelihood's, times the advantage. That is the policy gradient.",
    )


@exercise("Write what is still to come")
def check_to_come(to_come: Callable[[Tensor, float], Tensor]) -> Reply:
    """Exercise: to_come(rewards, gamma), discounted sums from each step on `(n, H) -> (n, H)`."""
    rewards = torch.tensor([[1.0, 2.0, -4.0, 8.0], [0.5, -1.0, 3.0, 2.0]], dtype=torch.float64)
    gamma, steps = 0.5, rewards.shape[1]
    right = discounted(rewards, gamma)
    powers = gamma ** torch.arange(steps, dtype=torch.float64)
    past = discounted(rewards.flip(-1), gamma).flip(-1)
    mistakes = [
        (rewards, "The rewards come back as they were: each step also gets what follows it."),
        (
            discounted(rewards, 1.0),
            "gamma plays no part: a reward one step later counts gamma "
            "times, two steps later gamma squared times.",
        ),
        (
            rewards.cumsum(-1),
            "You add up the *past* (and leave gamma out). An action is answered "
            "by what comes after it.",
        ),
        (past, "You add up the *past*: run through time backwards."),
        (
            rewards.flip(-1).cumsum(-1),
            "Turn the result around again: it runs from the last step to "
            "the first (and gamma is missing).",
        ),
        (right.flip(-1), "Turn the result around again: it runs from the last step to the first."),
        (
            discounted(rewards * powers, 1.0),
            "You discount from the start of the episode: the "
            "reward *of this very step* counts fully, at every step.",
        ),
        (
            gamma * torch.cat([right[:, 1:], torch.zeros(2, 1).double()], 1),
            "The reward of the step itself is missing: it answers this step's action, too.",
        ),
        (
            torch.cat([right[:, 1:], torch.zeros(2, 1).double()], 1),
            "Off by one: the reward of the step itself belongs to it, too.",
        ),
        (
            rewards.sum(-1, keepdim=True).expand_as(rewards),
            "Every step gets the whole return: an "
            "action cannot change what was before it, and that only adds noise.",
        ),
        (
            right[:, :1].expand_as(rewards),
            "Every step gets the return from the *start*: an action "
            "cannot change what was before it, and that only adds noise.",
        ),
        (rewards * powers, "The rewards are discounted; now add up, from each step to the end."),
        (
            right.mean(0, keepdim=True).expand_as(right),
            "The trajectories are averaged: keep each its own.",
        ),
        (
            discounted(rewards.T, gamma).T,
            "You run along the trajectories: time is the *last* axis.",
        ),
    ]
    answer = to_come(rewards.clone(), gamma)
    if not isinstance(answer, Tensor):
        return Reply(False, f"Return a tensor, not {type(answer).__name__}: is a `return` there?")
    if answer.shape != rewards.shape:
        return Reply(
            False,
            f"Expected the shape of the rewards, {tuple(rewards.shape)}, a value for every "
            f"step; got {tuple(answer.shape)}.",
        )
    if torch.allclose(answer.double(), right):
        return Reply(
            True,
            "With gamma = 0.99 a step hardly feels what comes a few hundred steps later; "
            "our episodes have 100.",
        )
    return mistaken(answer, mistakes) or Reply(
        False,
        "Not the discounted sum from each step on. Last step: its own reward. One before: its own "
        "plus gamma times that. And so on, backwards.",
    )


@exercise("Write the vote of the nearest neighbour")
def check_vote(vote: Callable[[Tensor, Tensor], float]) -> Reply:
    """Exercise: vote(upsilon, mode), the share of tasks whose nearest neighbour has their mode."""
    draw = torch.Generator().manual_seed(8)
    mode = torch.arange(40) * 2 // 40
    upsilon = torch.randn(40, 3, generator=draw) + 1.3 * mode[:, None] + torch.tensor([2.0, -1, 0])
    distance = torch.cdist(upsilon, upsilon)
    others = distance.clone().fill_diagonal_(torch.inf)
    same = mode[others.argmin(1)] == mode
    right = same.float().mean().item()
    gram = upsilon @ upsilon.mT
    known = [
        (
            1.0,
            "Everybody is their own nearest neighbour, at distance zero: leave the diagonal out, "
            "e.g. with `.fill_diagonal_(torch.inf)`.",
        ),
        (
            (mode[distance.argmax(1)] == mode).float().mean().item(),
            "That asks the *furthest* task: `argmin`, not `argmax`.",
        ),
        (same.sum().item(), "That is a count: divide by the number of tasks."),
        (1 - right, "That is the share whose neighbour is of *another* mode."),
        (
            (mode[gram.fill_diagonal_(-torch.inf).argmax(1)] == mode).float().mean().item(),
            "The largest inner product is not the smallest distance: long vectors win it against "
            "everybody. Use `torch.cdist`.",
        ),
    ]
    answer = vote(upsilon.clone(), mode.clone())
    if answer is None:
        return Reply(False, "Nothing came back: is a `return` there?")
    if isinstance(answer, Tensor) and answer.numel() > 1:
        return Reply(
            False,
            f"One number is wanted; {answer.numel()} came back: take their mean (`.float()` "
            "first, where they are true or false).",
        )
    value = float(answer)
    if abs(value - right) < 1e-6:
        return Reply(True, "The map plays no part in it: the vote is taken in the full embedding.")
    for wrong, message in known:
        if abs(value - wrong) < 1e-6:
            return Reply(False, message)
    return Reply(
        False,
        f"For these 40 tasks it gives {value:.3g}; the nearest *other* task has the same mode in "
        f"{right:.3g} of them.",
    )
