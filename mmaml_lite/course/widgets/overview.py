"""Figure 1 of the paper as a diagram to click: every box says its equation, code and real shapes.

One line in a notebook of your own, with a model of your own:

    overview_explorer(zoo.load("regression/3-modes/mumomaml-film"))
"""

import html
import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

import ipywidgets as W
import plotly.graph_objects as go
import torch

from mmaml_lite.core import zoo
from mmaml_lite.course import figures
from mmaml_lite.course.figures.table import Html, table
from mmaml_lite.course.studies.overview import Part, parts
from mmaml_lite.course.widgets.diagram import Diagram
from mmaml_lite.course.widgets.explorer import Explorer
from mmaml_lite.regression.domain import mixture_of

NEUTRAL, MODULATION, TASK, LOOPS = "#f3f3f3", "#fbe3d0", "#d9ebf7", "#ffffff"


def plan(found: Mapping[str, Part]) -> dict[str, Any]:
    """Where the boxes and arrows stand: the keyword arguments of a `Diagram`."""
    blocks = sum(key.startswith("tau") for key in found)
    step, left = 150, 330
    spots = {"examples": (10, 26, 100, 56), "encoder": (150, 26, 120, 56)}
    spots["upsilon"] = (310, 26, 110, 56)
    columns = [left + 130 + step * i for i in range(blocks)]
    for n, x in enumerate(columns, start=1):
        spots |= {f"g{n}": (x, 26, 90, 42), f"tau{n}": (x, 106, 90, 42)}
        spots[f"theta{n}"] = (x, 196, 90, 60)
    end = columns[-1] + step
    spots |= {"output": (end, 196, 90, 60), "prediction": (end, 290, 90, 56)}
    spots |= {"inner": (250, 205, 130, 42), "outer": (250, 297, 130, 42)}
    boxes = [
        {
            "key": key,
            "label": found[key].label,
            "x": x,
            "y": y,
            "width": w,
            "height": h,
            "color": _color(key),
        }
        for key, (x, y, w, h) in spots.items()
    ]
    return {"boxes": boxes, "arrows": _arrows(columns, end), "size": [end + 110, 360]}


def _color(key: str) -> str:
    """Orange for what modulation adds, blue for the network that MAML has as well."""
    if key in ("inner", "outer"):
        return LOOPS
    if key in ("examples", "prediction"):
        return NEUTRAL
    return TASK if key.startswith(("theta", "output")) else MODULATION


def _arrows(columns: list[int], end: int) -> list[dict[str, Any]]:
    """The flow of Figure 1; dashed, what the inner loop changes; dotted, the outer loop."""
    flow = [[[110, 54], [150, 54]], [[270, 54], [310, 54]]]
    bus = 10
    for x in columns:
        flow.append([[420, 47], [436, 47], [436, bus], [x + 45, bus], [x + 45, 26]])
        flow += [[[x + 45, 68], [x + 45, 106]], [[x + 45, 148], [x + 45, 196]]]
    for x in columns:
        flow.append([[x + 90, 226], [x + 150, 226]])
    flow.append([[end + 45, 256], [end + 45, 290]])
    inner, outer = "#0072B2", "#7a4fa3"
    return [
        *({"path": path} for path in flow),
        {"path": [[60, 82], [60, 226], [250, 226]], "color": inner, "dash": "dash"},
        {
            "path": [[380, 226], [columns[0], 226]],
            "color": inner,
            "dash": "dash",
            "label": "changes θ",
        },
        {"path": [[end, 318], [380, 318]], "color": outer, "dash": "dot"},
        {"path": [[315, 297], [315, 247]], "color": outer, "dash": "dot", "label": ""},
        {"path": [[250, 318], [210, 318], [210, 82]], "color": outer, "dash": "dot"},
    ]


def describe(part: Part) -> str:
    """A box in HTML: what it is, equation, function, shapes, and its source to unfold."""
    shapes = [
        {"tensor": name, "shape": Html(f"<code>{' × '.join(map(str, shape))}</code>")}
        for name, shape in part.shapes.items()
    ]
    name, file = part.where.split(", ")
    source = html.escape(inspect.getsource(part.function))
    return (
        "<div style='border-left:4px solid #D55E00;padding:4px 14px;max-width:930px;"
        f"line-height:1.5'><b>{html.escape(part.label.replace(chr(10), ' '))}</b>. {part.says}"
        f"<div style='font-size:17px;margin:6px 0'><i>{part.equation}</i></div>"
        f"<div>computed by <code>{name}</code> in <code>{file}</code></div>"
        f"{table(shapes, {'tensor': '', 'shape': ''}, words=['shape'])}"
        f"<details><summary>show its code</summary><pre style='line-height:1.3'>{source}</pre>"
        "</details></div>"
    )


class Overview(NamedTuple):
    """Every part by its key, and the key of the box that is chosen."""

    parts: Mapping[str, Part]
    box: str


def overview_figure(view: Overview) -> go.Figure:
    """The static twin: all boxes as rows of a table; the chosen one is set in bold."""
    rows = {
        key: [
            part.label.replace("\n", " "),
            part.equation,
            part.where.replace(", ", "<br>"),
            "<br>".join(f"{n}: {' × '.join(map(str, s))}" for n, s in part.shapes.items()),
        ]
        for key, part in view.parts.items()
    }
    return figures.parts(rows, view.box)


def overview_explorer(model: zoo.Model, tasks: int = 75, seed: int = 0) -> Explorer:
    """Figure 1, clickable, for a trained MuMoMAML and a batch of tasks of its own families."""
    batch = mixture_of(model.settings).sample(tasks, torch.Generator().manual_seed(seed))
    found = parts(model.learner, batch)
    screen = W.HTML()
    diagram = Diagram(
        value="upsilon", heading="Figure 1: embed, modulate, adapt. Click a box.", **plan(found)
    )

    def show(screen: W.HTML, view: Overview) -> None:
        screen.value = describe(view.parts[view.box])

    def say(view: Overview) -> str:
        part = view.parts[view.box]
        shapes = ", ".join(" × ".join(map(str, s)) for s in part.shapes.values())
        return f"{part.label.replace(chr(10), ' ')}: {part.where}; tensors {shapes}."

    return Explorer(
        "overview",
        {"box": diagram},
        lambda box: Overview(found, box),
        overview_figure,
        show,
        say,
        screen=screen,
        arrange=lambda controls, screen: W.VBox([diagram, screen]),
    )
