"""The exercises of lesson 7: solutions pass, and each likely mistake is named."""

import math

import pytest
import torch

from mmaml_lite.course.checks import check_chance, check_normalise, check_numbers, check_prototypes


def prototypes(f, y, ways):
    return torch.stack([f[y == c].mean(0) for c in range(ways)])


def away(q, places):
    return (q[:, None] - places).square().sum(-1)


def per_class(f, y, q, ways, how):
    """`how` of the squared distances to the images of each class."""
    each = away(q, f)
    return torch.stack([how(each[:, y == c]) for c in range(ways)], 1)


def test_the_solution_of_the_prototypes_is_right():
    assert check_prototypes(lambda f, y, q, n: -away(q, prototypes(f, y, n))).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda f, y, q, n: away(q, prototypes(f, y, n)), "The sign"),
        (lambda f, y, q, n: -away(q, prototypes(f, y, n)).sqrt(), "leave the root out"),
        (lambda f, y, q, n: torch.cdist(q, prototypes(f, y, n)), "the distance itself"),
        (lambda f, y, q, n: -away(q, 3 * prototypes(f, y, n)), "sums"),
        (lambda f, y, q, n: -away(q, f.mean(0).expand(n, -1)), "mean of *all* images"),
        (
            lambda f, y, q, n: -away(q, torch.stack([f[y == c][0] for c in range(n)])),
            "one image of each class",
        ),
        (lambda f, y, q, n: -away(q, f.view(n, -1, 2).mean(1)), "labels play no part"),
        (lambda f, y, q, n: -away(q, f.view(-1, n, 2).mean(0)), "labels play no part"),
        (lambda f, y, q, n: -per_class(f, y, q, n, lambda d: d.amin(1)), "nearest *neighbour*"),
        (lambda f, y, q, n: -per_class(f, y, q, n, lambda d: d.mean(1)), "distance to the mean"),
        (lambda f, y, q, n: q @ prototypes(f, y, n).T, "Inner products"),
        (lambda f, y, q, n: -away(q, prototypes(f, y, n)) / 2, "mean over the features"),
        (
            lambda f, y, q, n: -(q[:, None] - prototypes(f, y, n)).abs().sum(-1),
            "absolute differences",
        ),
        (lambda f, y, q, n: (-away(q, prototypes(f, y, n))).softmax(-1), "probabilities"),
        (lambda f, y, q, n: (-away(q, prototypes(f, y, n))).log_softmax(-1), "log softmax"),
        (lambda f, y, q, n: -away(q, f), "for each support *image*"),
        (lambda f, y, q, n: -away(prototypes(f, y, n), q), "Turn it around"),
        (lambda f, y, q, n: None, "is a `return` there"),
        (lambda f, y, q, n: [1.0], "not list"),
        (lambda f, y, q, n: q, "a column for each character"),
        (lambda f, y, q, n: q @ f, "RuntimeError"),
        (lambda f, y, q, n: torch.zeros(len(q), n), "square; sum over the features"),
    ],
)
def test_wrong_prototypes_are_told_their_mistake(answer, says):
    reply = check_prototypes(answer)
    assert reply.right is False and says in reply.text


def by(values, x, axes, root=True):
    variance, mean = torch.var_mean(values, axes, correction=0, keepdim=True)
    return (x - mean) / ((variance + 1e-5).sqrt() if root else variance + 1e-5)


EVERY = (0, 2, 3)


def test_the_solution_of_the_normalisation_is_right_with_either_variance():
    assert check_normalise(lambda s, q: by(s, q, EVERY)).right
    mean, std = (lambda s: s.mean(EVERY, keepdim=True)), (lambda s: s.std(EVERY, keepdim=True))
    assert check_normalise(lambda s, q: (q - mean(s)) / std(s)).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda s, q: q, "as they were"),
        (lambda s, q: by(q, q, EVERY), "*transductive*"),
        (lambda s, q: by(torch.cat([s, q]), q, EVERY), "pool support and queries"),
        (lambda s, q: by(q, q, (2, 3)), "instance normalisation"),
        (lambda s, q: by(q, q, (1, 2, 3)), "all channels together"),
        (lambda s, q: by(s, q, (0, 1, 2, 3)), "One mean for all channels"),
        (lambda s, q: by(s, q, (0,)), "at *every* place"),
        (lambda s, q: by(s, q, EVERY, root=False), "the *root* of the variance"),
        (lambda s, q: q - s.mean(EVERY, keepdim=True), "The mean is off"),
        (lambda s, q: q / s.var(EVERY, correction=0, keepdim=True).sqrt(), "the mean is not"),
        (lambda s, q: by(s, s, EVERY), "The *support* images came back"),
        (lambda s, q: None, "is a `return` there"),
        (lambda s, q: q[:1], "as the queries"),
        (lambda s, q: q @ s, "RuntimeError"),
        (lambda s, q: 7 * q, "over the axes (0, 2, 3)"),
    ],
)
def test_a_wrong_normalisation_is_told_its_mistake(answer, says):
    reply = check_normalise(answer)
    assert reply.right is False and says in reply.text


def ranks(c):
    return c.unique(return_inverse=True)[1]


def dealt(c, generator):
    return torch.randperm(len(c.unique()), generator=generator)[ranks(c)]


def test_the_solution_of_the_numbers_is_right():
    assert check_numbers(dealt).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda c, g: c, "the characters' own numbers"),
        (lambda c, g: torch.randperm(len(c), generator=g), "several labels in one episode"),
        (lambda c, g: torch.randint(4, c.shape, generator=g), "several labels in one episode"),
        (lambda c, g: c % 4, "share a label"),
        (lambda c, g: dealt(c, g) + 1, "You count from 1"),
        (lambda c, g: 2 * dealt(c, g), "the labels are 0 to 3"),
        (lambda c, g: ranks(c), "nothing is dealt"),
        (
            lambda c, g: torch.randperm(4, generator=torch.Generator().manual_seed(1))[ranks(c)],
            "nothing is dealt",
        ),
        (
            lambda c, g: (ranks(c) + torch.randint(4, (1,), generator=g)) % 4,
            "in a ring",
        ),
        (lambda c, g: torch.randperm(4)[ranks(c)], "not repeatable"),
        (lambda c, g: None, "is a `return` there"),
        (lambda c, g: dealt(c, g).tolist(), "not list"),
        (lambda c, g: c.unique(), "a label for each drawing"),
        (lambda c, g: c @ g, "TypeError"),
    ],
)
def test_wrong_numbers_are_told_their_mistake(answer, says):
    reply = check_numbers(answer)
    assert reply.right is False and says in reply.text


@pytest.mark.parametrize(
    ("answer", "right", "says"),
    [
        (math.log(5), True, "ln 5 = 1.61"),
        (1.61, True, "has learned nothing"),
        (None, None, "Replace `None`"),
        (0.2, False, "the *accuracy* of guessing"),
        (0.8, False, "the share of *errors*"),
        (2.32, False, "In bits"),
        (0.7, False, "base ten"),
        (-1.61, False, "The sign"),
        (5 * math.log(5), False, "You sum over the characters"),
        (math.log(5) / 5, False, "You take the mean"),
        (5, False, "perplexity"),
        (0.223, False, "logarithm of the share of *errors*"),
        (0, False, "certain, and right"),
        (77, False, "minus the natural logarithm"),
        ("many", False, "A number is wanted"),
    ],
)
def test_the_cross_entropy_of_guessing(answer, right, says):
    reply = check_chance(answer)
    assert reply.right is right and says in reply.text
