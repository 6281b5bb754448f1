"""The exercises of lesson 3: solutions pass, and each likely mistake is named."""

import pytest
import torch

from mmaml_lite.course.checks import check_block, check_count, check_gates

relu = torch.relu


def block(act):
    """A block whose modulation and activation are `act(z, first half of e, second half)`."""
    return lambda h, weight, bias, e: act(h @ weight.T + bias, *e.chunk(2))


def test_the_solution_of_the_block_is_right():
    assert check_block(block(lambda z, g, b: relu((1 + g) * z + b))).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (block(lambda z, g, b: relu(z)), "e plays no part"),
        (block(lambda z, g, b: relu(g * z + b)), "forgot the `1 +`"),
        (block(lambda z, g, b: (1 + g) * z + b), "activation is missing"),
        (block(lambda z, g, b: (1 + g) * relu(z) + b), "*after* the activation"),
        (block(lambda z, g, b: relu((1 + g) * relu(z) + b)), "one ReLU too many"),
        (block(lambda z, g, b: relu((1 + g) * z)), "shift is missing"),
        (block(lambda z, g, b: relu((1 + b) * z + g)), "changed places"),
        (block(lambda z, g, b: relu((1 + g) * z + 1 + b)), "belongs to γ alone"),
        (block(lambda z, g, b: relu((1 + g) * (z + b))), "shift first"),
        (block(lambda z, g, b: relu((1 + g.tanh()) * z + b.tanh())), "No tanh"),
        (block(lambda z, g, b: relu((1 + g.sigmoid()) * z + b)), "No sigmoid"),
        (
            lambda h, w, c, e: relu((h * (1 + e[:3])) @ w.T + c + e[3:]),
            "what goes *into* the layer",
        ),
        (lambda h, w, c, e: relu((1 + e[:3]) * (h @ w.T) + c + e[3:]), "bias of the layer"),
        (lambda h, w, c, e: relu((1 + e[:3]) * (h @ w + c) + e[3:]), "(out, in)"),
        (lambda h, w, c, e: relu(e * (h @ w.T + c)), "RuntimeError"),
        (lambda h, w, c, e: None, "is a `return` there"),
        (lambda h, w, c, e: h.T, "Expected the shape (4, 3)"),
        (lambda h, w, c, e: 7 * h, "unit by unit"),
    ],
)
def test_a_wrong_block_is_told_its_mistake(answer, says):
    reply = check_block(answer)
    assert reply.right is False and says in reply.text


def sigmoid_gate(z, e):
    return e.sigmoid()[:, None] * z


def softmax_gate(z, e):
    return e.softmax(-1)[:, None] * z


def test_the_solution_of_the_gates_is_right():
    assert check_gates(sigmoid_gate, softmax_gate).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda z, e: z, "as it was"),
        (lambda z, e: e.sigmoid(), "the gate itself"),
        (lambda z, e: e.sigmoid() * z, "fell on the points"),
        (lambda z, e: e[:, None] * z, "still raw"),
        (lambda z, e: e.tanh()[:, None] * z, "tanh"),
        (lambda z, e: (1 + e.sigmoid())[:, None] * z, "No `1 +`"),
        (lambda z, e: e.sigmoid()[:, None] * z.relu(), "Leave the ReLU out"),
        (lambda z, e: e.sigmoid()[:, None] + z, "you add"),
        (softmax_gate, "the other gate"),
        (lambda z, e: (e[:, None] * z).sigmoid(), "squash the product"),
        (lambda z, e: z.sigmoid() * e[:, None], "squash z"),
        (lambda z, e: None, "is a `return` there"),
    ],
)
def test_a_wrong_sigmoid_gate_is_told_its_mistake(answer, says):
    reply = check_gates(answer, softmax_gate)
    assert reply.right is False and says in reply.text and "`sigmoid_gate`" in reply.text


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda z, e: z, "as it was"),
        (sigmoid_gate, "the other gate"),
        (lambda z, e: e.softmax(-1) * z, "fell on the points"),
        (lambda z, e: e.softmax(0)[:, None] * z, "over the *tasks*"),
        (lambda z, e: e[:, None].expand(z.shape).softmax(1) * z, "over the *points*"),
        (lambda z, e: (e[:, None] * z).softmax(-1), "softmax the product"),
        (lambda z, e: z.softmax(-1) * e[:, None], "softmax z"),
        (lambda z, e: e.softmax(-1)[:, None] * z.relu(), "Leave the ReLU out"),
    ],
)
def test_a_wrong_softmax_gate_is_told_its_mistake(answer, says):
    reply = check_gates(sigmoid_gate, answer)
    assert reply.right is False and says in reply.text and "`softmax_gate`" in reply.text


@pytest.mark.parametrize(
    ("answer", "right", "says"),
    [
        (600, True, "34 times as many"),
        (None, None, "Replace `None`"),
        (300, False, "forgot β"),
        (602, False, "output layer too"),
        (301, False, "forgot β, and"),
        (200, False, "there are 3"),
        (6, False, "each *unit*"),
        (2, False, "each *unit*"),
        (20_501, False, "FiLM touches none"),
        (20_100, False, "weights between"),
        (77, False, "multiply"),
        ("many", False, "A number is wanted"),
    ],
)
def test_the_count_of_tau(answer, right, says):
    reply = check_count(answer, (100, 100, 100), 2, 20_501)
    assert reply.right is right and says in reply.text
