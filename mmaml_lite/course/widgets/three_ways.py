"""Three ways to learn to learn, as one picture whose boxes explain themselves when clicked."""

from typing import Any

import ipywidgets as W

from mmaml_lite.course.figures import METHOD_STYLES
from mmaml_lite.course.figures.style import SOFT
from mmaml_lite.course.figures.table import Html, table
from mmaml_lite.course.figures.three_ways import diagram
from mmaml_lite.course.widgets.diagram import Diagram
from mmaml_lite.course.widgets.explorer import Explorer, is_live

TITLE = "Three ways to learn to learn"
SIZE = [950, 322]
TOPS = {"gradient": 12, "model": 112, "hybrid": 212}
COLUMNS = {"encoder": (350, 120), "modulate": (510, 120), "steps": (670, 125), "out": (835, 110)}
GREY, PALE_BLUE, PALE_ORANGE, HIGH = "#f0f0f0", "#d9ecf7", "#fbe3d3", 78
WAYS = {
    "gradient": ("gradient-based\nMAML", PALE_BLUE, ["steps"]),
    "model": ("model-based\nLSTM learner", PALE_ORANGE, ["encoder", "modulate"]),
    "hybrid": ("hybrid\nMuMoMAML", "#e3ddeb", ["encoder", "modulate", "steps"]),
}
LABELS = {
    "encoder": "look\nencoder → υ",
    "modulate": "modulate\nυ → τ",
    "steps": "gradient steps\nθ → θ′",
    "out": "predict\nquery set",
}
TEXTS = {
    "gradient": (
        "Gradient-based: learn a good start",
        "The task's examples act through <b>gradient steps</b> alone. What is learned beforehand "
        "is where to begin, θ, so that a few steps go far.",
        "θ′<sub>i</sub> = θ − α ∇<sub>θ</sub> L(f<sub>θ</sub>; support set of task i)",
        "MAML: this lesson and the next.",
        "It keeps improving with more steps, and obeys the data; but all tasks begin at one place.",
    ),
    "model": (
        "Model-based: learn to read examples",
        "A second network <b>reads the examples</b> and tells the first one, in one go, what to "
        "do. No gradient is taken when a new task comes.",
        "υ = h(support set), prediction f(x; θ, τ(υ))",
        "The LSTM learner of this library: MuMoMAML trained with zero gradient steps.",
        "It can tell kinds of tasks apart at a glance; but what it has misread nothing corrects.",
    ),
    "hybrid": (
        "Hybrid: look first, then learn",
        "An encoder reads the examples and <b>moves the start</b> to suit the task; from there "
        "<b>gradient steps</b> do the fine work.",
        "θ′<sub>i</sub> = θ − α ∇<sub>θ</sub> L(f<sub>θ,τ</sub>; support set of task i), τ = g(υ)",
        "MuMoMAML: lessons 3 and 4.",
        "One start for each kind of task, found without being told the kind.",
    ),
    "support": (
        "The support set",
        "K labelled examples of a new task: all that any learner here is given. Its other points, "
        "the query set, only judge the result.",
        "D<sub>i</sub> = {(x<sub>k</sub>, y<sub>k</sub>)}, k = 1 … K",
        "The crosses in the first picture of this lesson.",
        "",
    ),
    "encoder": (
        "Look: the encoder",
        "A network that reads all K examples and writes down a short vector υ: the embedding.",
        "υ = h({(x<sub>k</sub>, y<sub>k</sub>)}; ω<sub>h</sub>)",
        "An LSTM (the paper's) or a network that ignores the order of the points.",
        "",
    ),
    "modulate": (
        "Modulate: make room for the task",
        "Small heads turn υ into a vector τ for each block of the network: it scales and shifts "
        "what the units put out.",
        "τ<sub>i</sub> = g<sub>i</sub>(υ; ω<sub>g</sub>)",
        "FiLM, sigmoid or softmax modulation: lesson 3.",
        "",
    ),
    "steps": (
        "Gradient steps: the inner loop",
        "Ordinary gradient descent on the K examples, a few steps of size α, from a start that was "
        "trained for exactly that.",
        "θ′ = θ − α ∇<sub>θ</sub> L, repeated n times",
        "mmaml_lite.core.algorithm.adapt, printed further down.",
        "",
    ),
    "out": (
        "Predict: the query set",
        "The adapted network answers at new points of the same task. That error is what the "
        "<b>outer loop</b> makes small, by changing everything that all tasks share.",
        "min Σ<sub>i</sub> L(f<sub>θ′<sub>i</sub></sub>; query set of task i)",
        "The distance between a curve and the black line.",
        "",
    ),
}
HEADS = ("How", "In a formula", "For example", "Good and bad")


def picture() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The boxes and arrows of the diagram; keys are `way` or `way-part`."""
    tall = TOPS["hybrid"] + HIGH - TOPS["gradient"]
    boxes = [_box("support", "support set\nK examples", 200, TOPS["gradient"], 110, tall, GREY)]
    arrows = []
    for way, (label, color, parts) in WAYS.items():
        top, x = TOPS[way], 310
        boxes.append(_box(way, label, 8, top, 150, HIGH, color))
        for part in [*parts, "out"]:
            left, width = COLUMNS[part]
            boxes.append(_box(f"{way}-{part}", LABELS[part], left, top, width, HIGH, color))
            arrows.append({"path": [[x, top + HIGH / 2], [left, top + HIGH / 2]]})
            x = left + width
    base = TOPS["hybrid"] + HIGH
    arrows.append({"path": [[255, base], [255, base + 22], [732, base + 22], [732, base]]})
    return boxes, arrows


def _box(key: str, label: str, x: float, y: float, width: float, height: float, color: str):
    return {
        "key": key,
        "label": label,
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "color": color,
    }


def part_of(key: str) -> str:
    """What a box shows, whichever way it belongs to: its key in TEXTS."""
    return key.rpartition("-")[2]


def explain(key: str) -> str:
    """What a box stands for, as HTML."""
    title, *texts = TEXTS[part_of(key)]
    rows = [
        {"head": Html(f"<b style='white-space:nowrap'>{head}</b>"), "text": Html(text)}
        for head, text in zip(HEADS, texts, strict=True)
        if text
    ]
    colors = {"gradient": METHOD_STYLES["maml"].color, "hybrid": METHOD_STYLES["mumomaml"].color}
    color = colors.get(key.partition("-")[0], SOFT)
    return (
        f"<div role='status' aria-live='polite' style='border-left:4px solid {color};"
        "padding:2px 12px;max-width:900px;line-height:1.5'>"
        f"<b>{title}</b>{table(rows, {'head': '', 'text': ''}, words=['text'])}</div>"
    )


def three_ways() -> Explorer:
    """The picture: a click on a box, or Enter, says what it does; a table where it is static."""
    boxes, arrows = picture()
    control = Diagram(heading=TITLE, boxes=boxes, arrows=arrows, size=SIZE, value="gradient")
    panel = W.HTML()
    says = "**What to see.** Follow the arrows of each row. Who is it that reads the examples?"
    if not is_live():
        says += "\n\n" + "\n\n".join(explain(key) for key in TEXTS)

    def figure(box):
        return diagram(boxes, arrows, SIZE, box, TITLE, says)

    def redraw(screen, box):
        screen.value = explain(box)

    explorer = Explorer(
        "three-ways",
        {"box": control},
        lambda box: box,
        figure,
        redraw,
        lambda box: TEXTS[part_of(box)][0] + ".",
        screen=panel,
        arrange=lambda controls, screen: W.VBox([control, screen]),
    )
    explorer.message.layout.display = "none"  # the panel says it all
    return explorer
