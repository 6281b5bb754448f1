"""Exercises of lesson 3, whose replies name the likely mistake."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mmaml_lite.course.checks.answers import Quiz, Reply, exercise, mistaken, number_exercise

QUIZ_MIX = Quiz(
    "Which of these can FiLM on one layer not do, whatever γ and β are?",
    {
        "A": "switch a unit off",
        "B": "turn a unit's ramp to the other side",
        "C": "let unit 3 use what unit 7 of the same layer has computed",
        "D": "move every ramp, each by a different amount",
    },
    {
        "A": "It can: γ = 0 and β = 0, and the unit is silent everywhere.",
        "B": "It can: a negative γ does it. The two gates are the ones that cannot.",
        "C": "FiLM has one γ and one β for each unit, and sees that unit alone. To mix units takes "
        "weights between them, and those FiLM never touches: it is a diagonal matrix and a shift.",
        "D": "It can: that is β, of which every unit has its own.",
    },
    right="C",
)
QUIZ_SOFTMAX = Quiz(
    "All 100 raw outputs of a softmax head grow by 5. What happens to the layer?",
    {
        "A": "every unit gets louder",
        "B": "nothing at all",
        "C": "the largest unit takes everything",
    },
    {
        "A": "They would, with a sigmoid. But softmax shares out a fixed sum of one. Move `all "
        "scales +` in the playground under softmax.",
        "B": "Only differences between the outputs count: e⁵ stands in every numerator and in the "
        "sum below it. So a softmax head cannot make a layer louder.",
        "C": "That happens when the *differences* grow, say all outputs times 5. A common shift "
        "leaves them as they are.",
    },
    right="B",
)


def _judge(
    answer: object, right: Tensor, mistakes: Sequence[tuple[Tensor, str]], well: str, axes: str
) -> Reply:
    """Compare an answer with the right tensor and with what likely mistakes would give."""
    if not isinstance(answer, Tensor):
        return Reply(False, f"Return a tensor, not {type(answer).__name__}: is a `return` there?")
    if reply := mistaken(answer, mistakes, atol=1e-6):
        return reply
    if answer.shape != right.shape:
        return Reply(
            False, f"Expected the shape {tuple(right.shape)}, {axes}; got {tuple(answer.shape)}."
        )
    if torch.allclose(answer, right, atol=1e-6):
        return Reply(True, well)
    return Reply(False, "The shape is right, the numbers are not: go through it unit by unit.")


@exercise("Write a FiLM block")
def check_block(block: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> Reply:
    """Exercise: block(h, weight, bias, e) for h `(points, 3)`, weight `(3, 3)`, e `(6,)`."""
    h = torch.tensor([[1.0, -2.0, 0.5], [0.3, 1.5, -1.0], [-0.7, 0.2, 2.0], [1.1, 0.9, 0.4]])
    weight = torch.tensor([[0.5, -1.0, 0.3], [1.2, 0.4, -0.6], [-0.8, 0.9, 0.7]])
    bias = torch.tensor([0.2, -0.4, 0.6])
    e = torch.tensor([0.5, -1.7, 0.3, -0.6, 0.9, 0.35])
    (first, second), z = e.chunk(2), h @ weight.T + bias
    gamma, relu = 1 + first, torch.relu
    right = relu(gamma * z + second)
    mistakes = [
        (relu(z), "The block works, but e plays no part in it: scale and shift z first."),
        (
            relu(first * z + second),
            "You forgot the `1 +`: with e = 0 your block is silent, and should be the plain one.",
        ),
        (
            gamma * z + second,
            "The activation is missing: without a ReLU after it, three modulated "
            "layers are one straight line.",
        ),
        (
            gamma * relu(z) + second,
            "You modulate *after* the activation. FiLM acts on z, then "
            "comes the ReLU: only so can a negative γ turn a ramp and β move its start.",
        ),
        (
            relu(gamma * relu(z) + second),
            "There is one ReLU too many: scale z itself, before any activation.",
        ),
        (relu(gamma * z), "The shift is missing: the second half of e is β."),
        (relu((1 + second) * z + first), "The halves of e have changed places: γ comes first."),
        (relu(gamma * z + 1 + second), "The `1 +` belongs to γ alone: with e = 0, β must be 0."),
        (
            relu((gamma * h) @ weight.T + bias + second),
            "You scale what goes *into* the layer. γ scales what each unit puts out, z = h Wᵀ + b.",
        ),
        (
            relu(gamma * (h @ weight.T) + bias + second),
            "γ scales all of z, the bias of the layer included.",
        ),
        (relu(gamma * (z + second)), "You shift first, so γ scales β as well: multiply, then add."),
        (
            relu((1 + torch.tanh(first)) * z + torch.tanh(second)),
            "No tanh here: FiLM leaves the head's output free, any size and sign.",
        ),
        (
            relu((1 + torch.sigmoid(first)) * z + second),
            "No sigmoid here: FiLM leaves the head's output free, so that γ can be negative.",
        ),
        (
            relu(gamma * (h @ weight + bias) + second),
            "The weights have shape (out, in): h meets them as `h @ weight.T`.",
        ),
    ]
    answer = block(h.clone(), weight.clone(), bias.clone(), e.clone())
    well = "Layer, modulation, activation: this is a block, and with e = 0 it is an ordinary one."
    return _judge(answer, right, mistakes, well, "(points, units)")


@exercise("Write the two gates")
def check_gates(
    sigmoid_gate: Callable[[Tensor, Tensor], Tensor],
    softmax_gate: Callable[[Tensor, Tensor], Tensor],
) -> Reply:
    """Exercise: gate(z, e) for z `(tasks, points, units)`, e `(tasks, units)`."""
    # as many tasks as points: a forgotten axis then broadcasts without an error
    z = torch.tensor([1.0, -2.0, 0.5, 3.0, 0.7, -0.4, -1.5, 2.2, 0.9, 1.3, -0.8, 0.6]).reshape(
        1, 3, 4
    ) * torch.tensor([1.0, -0.5, 2.0]).reshape(3, 1, 1)
    e = torch.tensor([[0.5, -1.0, 2.0, 0.1], [-0.3, 0.8, 0.2, -2.0], [1.5, 0.4, -0.6, 0.9]])
    for name, function in (("sigmoid_gate", sigmoid_gate), ("softmax_gate", softmax_gate)):
        soft = name == "softmax_gate"
        answer = function(z.clone(), e.clone())
        gate = e.softmax(-1) if soft else e.sigmoid()
        mistakes = _gate_mistakes(z, e, gate, soft)
        reply = _judge(answer, gate[:, None] * z, mistakes, "", "(tasks, points, units)")
        if not reply.right:
            return Reply(False, f"`{name}`: {reply.text}")
    return Reply(
        True,
        "One keeps every unit for itself, the other makes them share. Neither can flip a "
        "sign, neither can shift.",
    )


def _gate_mistakes(z: Tensor, e: Tensor, gate: Tensor, soft: bool) -> list[tuple[Tensor, str]]:
    """What likely mistakes give, with what to say about them."""
    wide, name = e[:, None], "softmax" if soft else "sigmoid"
    other = e.sigmoid() if soft else e.softmax(-1)
    mistakes = [
        (
            z,
            "z comes back as it was: multiply it by the gate. (If you did, every gate was 1: a "
            "softmax over an axis of length one gives that; the units share, so `dim=-1`.)",
        ),
        (gate, "That is the gate itself: now multiply z by it."),
        (
            gate * z,
            "The gate fell on the points instead of the tasks (it broadcast only because "
            "here are as many points as tasks). Insert the missing axis: `gate[:, None]`.",
        ),
        (wide * z, f"e is still raw: take the {name} of it first."),
        (
            wide.tanh() * z,
            "tanh gives numbers from −1 to 1, and a negative one flips the unit: a gate is wanted.",
        ),
        ((1 + gate[:, None]) * z, "No `1 +` in a gate: only FiLM starts from one."),
        (
            gate[:, None] * z.relu(),
            "Leave the ReLU out: the activation is the block's next step. "
            "(With a positive gate the order would not even matter. Why?)",
        ),
        (gate[:, None] + z, "A gate multiplies; you add."),
        (other[:, None] * z, f"This is the other gate: {name} is asked for here."),
    ]
    if soft:
        mistakes += [
            (
                e.softmax(0)[:, None] * z,
                "Your softmax runs over the *tasks*: they would compete "
                "with each other. The units of one task share: `dim=-1`.",
            ),
            (
                (wide * z).softmax(-1),
                "You softmax the product. The gate comes from e alone, then multiplies z.",
            ),
            (z.softmax(-1) * wide, "You softmax z. The gate comes from e alone."),
            ((wide * z).softmax(1), "The softmax runs over the points, and over the product."),
            (
                (wide + 0 * z).softmax(1) * z,
                "Your softmax runs over the *points*, where all "
                "entries are the same. The units share: `dim=-1`.",
            ),
        ]
    else:
        mistakes += [
            (
                (wide * z).sigmoid(),
                "You squash the product. The gate comes from e alone, then multiplies z.",
            ),
            (z.sigmoid() * wide, "You squash z. The gate comes from e alone."),
        ]
    return mistakes


@number_exercise("How many numbers does tau hold?")
def check_count(value: float, hidden: Sequence[int], rows: int, weights: int) -> Reply:
    """Exercise: entries of tau for a modulation of `rows` rows on blocks of these sizes.

    weights: how many the task network holds, for those who counted them.
    """
    units, blocks = sum(hidden), len(hidden)
    right = rows * units
    if value == right:
        return Reply(
            True,
            f"{rows} × {units} = {right}: all that tells a task apart before any learning. The "
            f"network itself holds {weights:,} weights, {weights / right:.0f} times as many.",
        )
    known = {
        float(units): "One number for each unit: you forgot β. FiLM scales *and* shifts.",
        float(rows * (units + 1)): "You counted the output layer too: it is not modulated.",
        float(units + 1): "You forgot β, and counted the output layer, which is not modulated.",
        float(rows * hidden[0]): f"That is one block; there are {blocks}.",
        float(rows * blocks): "You counted γ and β once for a layer: each *unit* has its own.",
        float(rows): "You counted the rows: each *unit* of each layer has its own γ and β.",
        float(weights): "Those are the weights of the network: FiLM touches none of them.",
        float(
            sum(a * b for a, b in zip([1, *hidden], hidden, strict=False))
        ): "You counted the weights between the units. FiLM acts on what the units put out.",
    }
    message = known.get(value, "Count units, layers, and numbers for each unit; multiply.")
    return Reply(False, message)
