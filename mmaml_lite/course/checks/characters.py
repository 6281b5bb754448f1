"""Exercises of lesson 7, whose replies name the likely mistake."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from mmaml_lite.course.checks.answers import Quiz, Reply, exercise, mistaken, number_exercise

QUIZ_NUMBERS = Quiz(
    "Why can modulation alone not sort a single drawing, however good the encoder is?",
    {
        "A": "τ would need more than two numbers a channel",
        "B": "the numbers of the characters are dealt anew in every episode, and υ is a mean over "
        "the characters",
        "C": "the encoder was trained for too short a time",
    },
    {
        "A": "With ten numbers a channel it would be no better: the question is not how much τ can "
        "say, but what υ knows.",
        "B": "Exchange the numbers of two characters: the mean stays, so υ and τ stay, and the "
        "answers stay, while the right ones change places. Something has to read which number "
        "belongs to which drawing: a gradient step, or an output layer made of class means.",
        "C": "Untrained or perfect, its mean over the characters is the same after two of them "
        "exchanged their numbers.",
    },
    right="B",
)
QUIZ_COMPANY = Quiz(
    "A phone shall read one letter at a time. Which accuracy tells what its owner will see?",
    {
        "A": "the transductive one: it is what the literature reports",
        "B": "the one with the statistics of the examples alone",
        "C": "either: they differ by less than a per cent",
    },
    {
        "A": "There the other queries help: they show which drawings are likely. The phone has "
        "one, and alone it may be read worse than any table says.",
        "B": "It answers every query by itself, so the number holds for one letter as for a "
        "thousand. To compare with a table of the literature, the other one stands beside it.",
        "C": "On average over balanced queries, perhaps. You saw what a single one in bad company "
        "went through.",
    },
    right="B",
)


def _sizes(answer, right: Tensor, of: str) -> Reply | None:
    """What is wrong with an answer before its values count; None if nothing is."""
    if answer is None:
        return Reply(False, "Nothing came back: is a `return` there?")
    if not isinstance(answer, Tensor):
        return Reply(False, f"Return a tensor, not {type(answer).__name__}.")
    if answer.shape != right.shape:
        return Reply(
            False, f"Expected the shape {tuple(right.shape)}, {of}; got {tuple(answer.shape)}."
        )
    return None


@exercise("Write the prototypes")
def check_prototypes(logits: Callable[[Tensor, Tensor, Tensor, int], Tensor]) -> Reply:
    """Exercise: logits(features, labels, queries, ways), minus squared distances to class means.

    features `(images, d)`, labels `(images,)` in any order, queries `(q, d)` -> `(q, ways)`.
    """
    draw = torch.Generator().manual_seed(5)
    ways, shots = 4, 3
    labels = torch.arange(ways).repeat_interleave(shots)[torch.randperm(12, generator=draw)]
    features = torch.randn(12, 2, generator=draw) + torch.eye(ways)[labels] @ torch.randn(
        ways, 2, generator=draw
    )
    queries = torch.randn(5, 2, generator=draw)
    member = F.one_hot(labels, ways).float()
    total = member.T @ features
    means = total / shots
    first = torch.stack([features[labels == c][0] for c in range(ways)])
    blind, turned = features.view(ways, shots, 2).mean(1), features.view(shots, ways, 2).mean(0)

    def away(places: Tensor) -> Tensor:
        return (queries[:, None] - places).square().sum(-1)

    right = -away(means)
    each = (queries[:, None] - features).square().sum(-1)  # to every support image
    nearest = torch.stack([each[:, labels == c].amin(1) for c in range(ways)], 1)
    average = torch.stack([each[:, labels == c].mean(1) for c in range(ways)], 1)
    blinded = "The labels play no part: you count on the images standing class after class. Here "
    blinded += "they do not. Select with `labels == c`."
    mistakes = [
        (
            -right,
            "The sign: the *nearest* prototype is to have the largest logit. Put a minus in front.",
        ),
        (
            -(-right).sqrt(),
            "That is minus the distance: square it (leave the root out). The "
            "ranking is the same, the probabilities are not.",
        ),
        ((-right).sqrt(), "That is the distance itself: square it, and put a minus in front."),
        (-away(total), "The prototypes are sums: divide by the number of images of each class."),
        (
            -away(features.mean(0).expand(ways, -1)),
            "Every class has the same prototype, the mean of *all* images: use the labels.",
        ),
        (-away(first), "You keep one image of each class: a prototype is the mean of them all."),
        (-away(blind), blinded),
        (-away(turned), blinded),
        (
            -nearest,
            "That is the nearest *neighbour* among the images of a class. The prototype "
            "comes first: mean over the class, then the distance.",
        ),
        (
            -average,
            "The mean of the distances is not the distance to the mean: average the "
            "features first.",
        ),
        (
            queries @ means.T,
            "Inner products: long prototypes would win. Take minus the squared distance.",
        ),
        (
            -(queries[:, None] - means).square().mean(-1),
            "You take the mean over the features: a squared distance is their sum.",
        ),
        (-(queries[:, None] - means).abs().sum(-1), "Those are absolute differences: square them."),
        (
            right.softmax(-1),
            "Those are probabilities: return the logits, cross-entropy takes the softmax itself.",
        ),
        (
            right.log_softmax(-1),
            "That is already the log softmax. It does no harm to the loss, but "
            "logits are asked for.",
        ),
    ]
    answer = logits(features.clone(), labels.clone(), queries.clone(), ways)
    if isinstance(answer, Tensor) and answer.shape == (len(queries), len(labels)):
        return Reply(
            False,
            "One number for each support *image* came back: form a mean for each class first.",
        )
    if isinstance(answer, Tensor) and answer.shape == right.T.shape:
        return Reply(False, "Turn it around: a row for each query, a column for each character.")
    if wrong := _sizes(answer, right, "a row for each query, a column for each character"):
        return wrong
    if torch.allclose(answer, right, atol=1e-4):
        return Reply(
            True,
            "No gradient step, no encoder of tasks: the mean of a class *is* its output "
            "layer. Hard to beat where examples are few.",
        )
    return mistaken(answer, mistakes, atol=1e-4) or Reply(
        False,
        "Not minus the squared distances to the class means. Mean of the features of each "
        "class; difference to every query; square; sum over the features; minus.",
    )


@exercise("Normalise by the examples alone")
def check_normalise(normalise: Callable[[Tensor, Tensor], Tensor]) -> Reply:
    """Exercise: normalise(support, queries), both `(images, channels, h, w)` -> the queries'.

    Statistics of each channel over the support images; 1e-5 is added to the variance.
    """
    draw = torch.Generator().manual_seed(6)
    support = 1.5 * torch.randn(4, 3, 2, 2, generator=draw) + torch.arange(3.0)[:, None, None]
    queries = 2.5 * torch.randn(6, 3, 2, 2, generator=draw) - 1

    def by(values: Tensor, axes: tuple[int, ...], root: bool = True) -> Tensor:
        variance, mean = torch.var_mean(values, axes, correction=0, keepdim=True)
        scale = (variance + 1e-5).sqrt() if root else variance + 1e-5
        return (queries - mean) / scale

    every = (0, 2, 3)
    right, both = by(support, every), torch.cat([support, queries])
    own = "That is the *transductive* normalisation: the queries' own statistics, so every answer "
    own += "depends on who else is asked. Take mean and variance of `support`."
    mistakes = [
        (queries, "The queries come back as they were."),
        (by(queries, every), own),
        (
            by(both, every),
            "You pool support and queries: each query still moves all the others' "
            "answers. Take mean and variance of `support` alone.",
        ),
        (
            by(queries, (2, 3)),
            "Each query is normalised by itself (instance normalisation). That "
            "keeps queries apart too, but the examples play no part: take those of `support`.",
        ),
        (
            by(queries, (1, 2, 3)),
            "Each query is normalised by itself, all channels together. Take "
            "the statistics of `support`, channel by channel.",
        ),
        (
            by(support, (0, 1, 2, 3)),
            "One mean for all channels: each channel has its own, so leave axis 1 out.",
        ),
        (
            by(support, (0,)),
            "Over the images alone: a channel is one feature at *every* place, so "
            "the axes are (0, 2, 3).",
        ),
        (
            by(support, every, root=False),
            "Divide by the standard deviation: the *root* of the variance.",
        ),
        (
            queries - support.mean(every, keepdim=True),
            "The mean is off, the scale is not: divide by the standard deviation.",
        ),
        (
            queries / (support.var(every, correction=0, keepdim=True) + 1e-5).sqrt(),
            "The scale is there, the mean is not: subtract it first.",
        ),
    ]
    answer = normalise(support.clone(), queries.clone())
    if isinstance(answer, Tensor) and answer.shape == support.shape:
        return Reply(False, "The *support* images came back: the queries are wanted.")
    if wrong := _sizes(answer, right, "as the queries"):
        return wrong
    unbiased = (queries - support.mean(every, keepdim=True)) / support.std(every, keepdim=True)
    if any(torch.allclose(answer, good, atol=1e-3) for good in (right, unbiased)):
        return Reply(
            True,
            "Asked alone or in company, a query now comes out the same. (That is also "
            "what makes a game fair, in which drawings come one at a time.)",
        )
    return mistaken(answer, mistakes, atol=1e-4) or Reply(
        False,
        "Not (queries - mean) / sqrt(variance + 1e-5) with mean and variance of `support` "
        "over the axes (0, 2, 3).",
    )


@exercise("Deal the numbers of an episode")
def check_numbers(number: Callable[[Tensor, Generator], Tensor]) -> Reply:
    """Exercise: number(character, generator), labels 0 to N - 1 for the drawings of an episode.

    character `(images,)`: which character each drawing shows, any numbers. The same character has
    the same label within an episode, whichever is dealt anew in each.
    """
    episode = torch.tensor([407, 12, 407, 1500, 12, 63, 1500, 63, 12])
    known = episode.unique()
    ways = len(known)
    rounds = []
    for seed in range(60):
        answer = number(episode.clone(), torch.Generator().manual_seed(seed))
        if wrong := _sizes(answer, episode, "a label for each drawing"):
            return wrong
        rounds.append(answer.long())
    seen = torch.stack(rounds)  # (rounds, images)
    table = torch.stack([seen[:, episode == c].float().mean(1) for c in known], 1)
    spread = torch.stack(
        [(seen[:, episode == c] != seen[:, episode == c][:, :1]).any(1) for c in known], 1
    )
    if torch.equal(seen[0], episode):
        return Reply(
            False,
            "Those are the characters' own numbers: an output layer of N cannot use 1500, "
            "and a number must not tell which character it is.",
        )
    if spread.any():
        return Reply(
            False,
            "One character got several labels in one episode: deal a number to each "
            "*character*, and give it to all its drawings, examples and queries alike.",
        )
    if any(len(row.unique()) < ways for row in table):
        return Reply(
            False,
            "Two characters share a label (a remainder such as `% N` does that): count the "
            "different characters, e.g. with `unique(return_inverse=True)`.",
        )
    if seen.min() == 1 and seen.max() == ways:
        return Reply(False, "You count from 1: cross-entropy wants 0 to N - 1.")
    if seen.min() < 0 or seen.max() >= ways:
        return Reply(False, f"With {ways} characters the labels are 0 to {ways - 1}.")
    if (table == table[:1]).all():
        return Reply(
            False,
            "The labels fit the drawings, but nothing is dealt: the same characters get "
            "the same labels whenever they meet. A network can learn that by heart instead of "
            "learning to learn. Shuffle, anew for each episode (with `generator`).",
        )
    if len({tuple(row.tolist()) for row in table}) <= ways and ways > 3:
        return Reply(
            False,
            "You turn the labels around in a ring: neighbours stay neighbours. Use "
            "`torch.randperm`.",
        )
    again = number(episode.clone(), torch.Generator().manual_seed(0))
    if not torch.equal(again.long(), seen[0]):
        return Reply(
            False,
            "Right, but not repeatable: draw from the `generator` that you are given, so "
            "that a seed decides everything.",
        )
    return Reply(
        True,
        "A label now tells nothing but *the same as that example there*. So who knows the "
        "alphabet by heart gains nothing, and who reads the examples gains everything.",
    )


@number_exercise("The cross-entropy of one who knows nothing")
def check_chance(value: float, ways: int = 5) -> Reply:
    """Exercise: the cross-entropy (natural logarithm) of equal odds on all `ways` characters."""
    right = math.log(ways)
    close = {
        1 / ways: "That is the *accuracy* of guessing. The loss is minus the logarithm of the "
        "probability given to the right character.",
        1 - 1 / ways: "That is the share of *errors* of guessing. The loss is minus the logarithm "
        "of the probability given to the right character.",
        math.log2(ways): "In bits it is. The library, like PyTorch, takes the *natural* logarithm.",
        math.log10(ways): "A logarithm to base ten: take the natural one.",
        -right: "The sign: minus the logarithm of a probability is positive.",
        ways * right: "You sum over the characters: only the right one counts.",
        right / ways: "You take the mean over the characters: only the right one counts, with "
        "minus the logarithm of 1/N.",
        float(ways): "That is e to the power of the loss (the perplexity): take its logarithm.",
        -math.log(1 - 1 / ways): "That is the logarithm of the share of *errors*: take that of "
        "the probability of being right, 1/N.",
        0.0: "Zero is the loss of one who is certain, and right.",
    }
    if abs(value - right) < 0.006:
        return Reply(
            True,
            f"ln {ways} = {right:.2f}. A training loss that stays there has learned nothing; "
            "one far above it is certain, and wrong.",
        )
    for wrong, message in close.items():
        if abs(value - wrong) < 0.006:
            return Reply(False, message)
    return Reply(
        False,
        f"Give each of the {ways} characters the probability 1/{ways}. The loss is minus "
        "the natural logarithm of what the right one got.",
    )
