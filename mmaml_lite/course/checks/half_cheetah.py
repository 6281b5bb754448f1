"""Exercises of lesson 6, whose replies name the likely mistake."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mmaml_lite.course.checks.answers import Quiz, Reply, exercise, mistaken

QUIZ_PLACE = Quiz(
    "Target location shows the policy its own x. What if it did not (as target speed does not)?",
    {
        "A": "nothing: τ says where to stop",
        "B": "it could run the right way, but not know where to stop",
        "C": "the encoder could not tell targets apart any more",
    },
    {
        "A": "τ can hold the target, and stays the same from the first step to the last. To stop "
        "one must know where one *is*, and this policy has no memory to count its steps.",
        "B": "Its action depends on what it sees and on τ alone. Without x every place on the "
        "track looks the same, also the one where it should stop.",
        "C": "The rewards would still tell them apart, and the observed velocities say which way "
        "the torso moved. What is lost is the policy's own view, not the encoder's.",
    },
    right="B",
)
QUIZ_AFTER = Quiz(
    "What does training ask of the policy after modulation, before its first gradient step?",
    {
        "A": "a high return at that stage",
        "B": "that a gradient step on its trajectories leads to a high return",
        "C": "nothing: that stage is not part of training",
    },
    {
        "A": "No term of the outer loss is the return of that stage. It may even be lower than "
        "before the modulation, as in the paper's Figure 3c.",
        "B": "Only the return *after* the step counts. A start that moves about and learns from it "
        "is worth more to training than one that earns well and cannot be improved.",
        "C": "It is no *score* of training, but all gradients pass through it: the step starts "
        "there and on its trajectories.",
    },
    right="B",
)


@exercise("Write the rewards of target speed")
def check_speed_reward(reward: Callable[..., Tensor]) -> Reply:
    """Exercise: reward(x, actions, target, dt, cost), `(H + 1,)`, `(H, 6)`, numbers -> `(H,)`."""
    draw = torch.Generator().manual_seed(1)
    x = torch.tensor([0.0, 0.06, 0.02, -0.09, -0.05, 0.1], dtype=torch.float64)
    actions = 0.6 * torch.randn(5, 6, generator=draw, dtype=torch.float64).clamp(-1, 1)
    target, dt, cost = -1.1, 0.04, 0.07
    moved = x.diff()
    off, torque = (moved / dt - target).abs(), actions.square().sum(1)
    right = -off - cost * torque
    mistakes = [
        (
            -(moved - target).abs() - cost * torque,
            "That compares the *way* of a step with a speed: divide by `dt`.",
        ),
        (
            -(moved * dt - target).abs() - cost * torque,
            "You multiply by `dt`: a speed is a way *divided* by a time.",
        ),
        (
            -(x[1:] - target).abs() - cost * torque,
            "That is target *location*: here the speed "
            "counts, the difference of two places divided by `dt`.",
        ),
        (-off, "The torque costs something, too: `cost` times the squared length of the action."),
        (-off + cost * torque, "The cost is *added*: torque would be paid for. Subtract it."),
        (off - cost * torque, "The sign: being far off the target would be paid for."),
        (off + cost * torque, "The sign: this is what a step costs. A reward is minus that."),
        (
            -(moved / dt - target) - cost * torque,
            "The absolute value is missing: too slow would be paid for.",
        ),
        (
            -((moved / dt).abs() - target).abs() - cost * torque,
            "Speed has a sign here: backwards "
            "is negative. You take the absolute value before comparing.",
        ),
        (-off.square() - cost * torque, "The distance is squared; the reward takes it as it is."),
        (-off - cost * torque.sqrt(), "The torque enters as *squared* length: no square root."),
        (-off - cost * actions.abs().sum(1), "The torque enters *squared*, not in absolute value."),
        (
            -off - cost * torque / 6,
            "You take the mean over the motors: the squared length is their sum.",
        ),
        (
            -off - cost * torque.sum(),
            "The torque of *all* steps is charged to each: sum over the "
            "motors (the last axis) only.",
        ),
        (-off - torque, "The torque is there, but not times `cost`."),
    ]
    answer = reward(x.clone(), actions.clone(), target, dt, cost)
    if not isinstance(answer, Tensor):
        return Reply(False, f"Return a tensor, not {type(answer).__name__}: is a `return` there?")
    if answer.shape != right.shape:
        more = " `x` has one place more than there are steps: `x[1:] - x[:-1]`."
        return Reply(
            False,
            f"Expected a reward for each of {len(right)} steps; got the shape "
            f"{tuple(answer.shape)}.{more if answer.shape == x.shape else ''}",
        )
    if torch.allclose(answer.double(), right):
        return Reply(
            True,
            "Who trembles on the spot pays twice: for torque, and because |v - v*| "
            "of a speed that swings is more than that of its mean.",
        )
    return mistaken(answer, mistakes) or Reply(
        False,
        "Not the rewards. Speed of a step: its way by `dt`. Reward: minus its distance from "
        "the target, minus `cost` times the sum of the squared actions.",
    )


@exercise("Write the scale-free score")
def check_score(score: Callable[[Tensor, float, float], Tensor]) -> Reply:
    """Exercise: score(earned, still, told), 0 stands still, 1 is told the goal; any shape."""
    earned, still, told = torch.tensor([-1500.0, -700.0, -210.0]), -1400.0, -250.0
    right = (earned - still) / (told - still)
    mistakes = [
        (
            earned / told,
            "A ratio of returns: it has no zero at standing still, and for negative "
            "returns *more* of it is worse. Subtract the lower floor first.",
        ),
        (
            told / earned,
            "A ratio of returns has no zero at standing still. Subtract the lower floor first.",
        ),
        (
            (earned - still) / told,
            "The numerator is right. Divide by the whole span, from `still` to `told`.",
        ),
        (
            (earned - still) / still,
            "The numerator is right. Divide by the whole span, from `still` to `told`.",
        ),
        (
            (earned - still) / abs(still),
            "That is the gain relative to standing still. Divide by "
            "the span from `still` to `told`, or nobody reaches 1 exactly.",
        ),
        (earned - still, "That is the gain, in the return's own unit. Divide by the span."),
        (1 - right, "Upside down: told the goal gets 0, standing still 1."),
        (
            (earned - told) / (told - still),
            "You measure from the *upper* floor: told the goal gets 0. Start from `still`.",
        ),
        ((still - earned) / (told - still), "The sign: `earned - still`, so that more is better."),
        ((earned - still) / (still - told), "The sign of the span: `told - still` is positive."),
        (100 * right, "In per cent; the score goes from 0 to 1."),
        (
            right.clamp(0, 1),
            "You cut it off at 0 and 1. One can do worse than standing still, and "
            "better than a trained policy that is told the goal: let it be seen.",
        ),
        (
            right.clamp(min=0),
            "You cut it off at 0: worse than standing still is possible, and worth knowing.",
        ),
        (right.abs(), "The absolute value makes worse than standing still look like progress."),
    ]
    answer = score(earned.clone(), still, told)
    if answer is None:
        return Reply(False, "Nothing came back: is a `return` there?")
    answer = torch.as_tensor(answer)
    if answer.shape != earned.shape:
        return Reply(
            False,
            f"Expected a score for each return, shape {tuple(earned.shape)}; got "
            f"{tuple(answer.shape)}.",
        )
    if torch.allclose(answer.float(), right):
        return Reply(
            True,
            "Now location and speed stand on one scale, and a number says something without "
            "its unit. The price: it is only as good as its two floors.",
        )
    return mistaken(answer, mistakes) or Reply(
        False,
        f"It gives {answer[1]:.3g} for {earned[1]:g} between {still:g} and {told:g}; the "
        f"score is {right[1]:.3g}.",
    )


TRACKS = [  # where the torso was, and its hidden target: ahead, behind; walking there, walking away
    ([0.0, 0.1, 0.3, 0.4], 6.0),
    ([0.0, 0.2, 0.3, 0.5], -5.0),
    ([0.0, -0.1, -0.4, -0.6], -8.0),
    ([0.0, -0.2, -0.3, -0.7], 4.0),
    ([0.05, 0.0, -0.1, 0.02], -3.0),
]


@exercise("Find the target in one trajectory")
def check_target(target: Callable[[Tensor, Tensor], Any]) -> Reply:
    """Exercise: target(x, off), places and distances from the target `(H,)` each -> a number."""
    tracks = [(torch.tensor(x, dtype=torch.float64), goal) for x, goal in TRACKS]
    pairs = [(x, (x - goal).abs()) for x, goal in tracks]
    right = torch.tensor([goal for _, goal in tracks], dtype=torch.float64)
    found = []
    for x, off in pairs:
        answer = target(x.clone(), off.clone())
        if answer is None:
            return Reply(False, "Nothing came back: is a `return` there?")
        answer = torch.as_tensor(answer, dtype=torch.float64)
        if answer.numel() != 1:
            return Reply(
                False,
                f"One number is wanted, the target; {answer.numel()} came back. Two "
                "candidates for each step, `x - off` and `x + off`: which of them stays the same?",
            )
        found.append(answer.reshape(()))
    answer = torch.stack(found)
    if torch.allclose(answer, right, atol=0.05):
        return Reply(
            True,
            "So one trajectory holds the whole target, once the torso has moved a little. "
            "What an encoder makes of it is another matter: measured above.",
        )

    def everywhere(rule: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        return torch.stack([torch.as_tensor(rule(x, off)) for x, off in pairs])

    def choose(x: Tensor, off: Tensor, ahead: Any) -> Tensor:
        return x[0] + off[0] if ahead else x[0] - off[0]

    mistakes = [
        (
            everywhere(lambda x, off: (x + off).mean()),
            "That is always *ahead*: right for some, "
            "the mirror image for the others. What in the data tells the side?",
        ),
        (
            everywhere(lambda x, off: (x - off).mean()),
            "That is always *behind*: right for some, "
            "the mirror image for the others. What in the data tells the side?",
        ),
        (
            everywhere(lambda x, off: off.mean()),
            "That is a distance, never negative: it lacks the side, and where the torso was.",
        ),
        (
            everywhere(lambda x, off: off[0]),
            "That is the first distance: right but for the side. The rewards' *change* tells it.",
        ),
        (
            -right,
            "The mirror image each time: you choose the candidate that *moves*. The target "
            "stays where it is.",
        ),
        (
            everywhere(lambda x, off: choose(x, off, x[-1] > x[0])),
            "You take the side to which the "
            "torso moved. A blind policy may as well walk away from the target: did `off` shrink?",
        ),
        (
            everywhere(lambda x, off: choose(x, off, off[-1] < off[0])),
            "You look only whether `off` "
            "shrank. That means *ahead* only for a torso that moved ahead.",
        ),
        (
            everywhere(lambda x, off: x[-1]),
            "That is where the torso ended up, not where it should have gone.",
        ),
    ]
    if reply := mistaken(answer, mistakes, atol=0.05):
        return reply
    miss = (answer - right).abs()
    worst = int(miss.argmax())
    return Reply(
        False,
        f"For x = {TRACKS[worst][0]} and off = "
        f"{[round(v, 2) for v in pairs[worst][1].tolist()]} it gives {answer[worst]:.2f}; the "
        f"target is {right[worst]:g}.",
    )
