"""Figure 1 of the paper as a diagram to click: every box says its equation, code and real shapes.

The shapes are read off tensors: a batch of tasks is passed through the model as it is used.
"""

import html
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ipywidgets as W
import plotly.graph_objects as go
import torch
from torch import Tensor

from mmaml_lite import algorithm, figures, lowrank, modulation, training, zoo
from mmaml_lite.methods import mixture_of
from mmaml_lite.tasks import Mixture, Tasks
from mmaml_lite.widgets.diagram import Diagram
from mmaml_lite.widgets.explorer import Explorer

NEUTRAL, MODULATION, TASK, LOOPS = "#f3f3f3", "#fbe3d0", "#d9ebf7", "#ffffff"


@dataclass(frozen=True)
class Part:
    """A box: what it is, its equation (HTML), the function that computes it, its tensors."""

    label: str
    says: str
    equation: str
    function: Callable
    tensors: Mapping[str, Tensor]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of its tensors, by their name and axes."""
        return {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}

    @property
    def where(self) -> str:
        """Name of its function, and the file that holds it."""
        path = Path(inspect.getsourcefile(self.function))
        return f"{self.function.__qualname__}, {path.parent.name}/{path.name}"


@torch.no_grad()
def parts(model: zoo.Model, tasks: Tasks) -> dict[str, Part]:
    """Every box of Figure 1 by its key, filled by passing a batch of tasks through the model."""
    learner, network, theta = model.learner, model.learner.network, dict(model.learner.theta)
    support = tasks.support
    upsilon = learner.embed(support)
    tau = learner.modulate(upsilon)
    layers = [
        lambda h, i=i: torch.nn.functional.linear(h, theta[f"weight{i}"], theta[f"bias{i}"])
        for i in range(network.layers)
    ]
    states = network.trace(layers, tasks.query.x, tau)
    stages = learner(support, tasks.query.x)
    encoder = {f"ω: {n}": w for n, w in list(learner.encoder.named_parameters())[:2]}
    weights = sum(w.numel() for w in learner.encoder.parameters())
    found = {
        "examples": Part(
            "examples\nx, y", f"K = {support.x.shape[1]} points of each task, noise included.",
            "D<sub>train</sub> = {(x<sub>k</sub>, y<sub>k</sub>)}", Mixture.sample,
            {"x (tasks, K, 1)": support.x, "y (tasks, K, 1)": support.y},
        ),
        "encoder": Part(
            "task encoder\nh", "Reads the points one after the other, in both directions "
            f"({weights:,} weights; the first two tensors are listed).",
            "υ = h({(x<sub>k</sub>, y<sub>k</sub>)}; ω<sub>h</sub>)", type(learner.encoder).forward,
            encoder,
        ),
        "upsilon": Part(
            "embedding\nυ", "All that the encoder has to say about a task: a short vector.",
            "υ = h(D<sub>train</sub>; ω<sub>h</sub>)", type(learner).embed,
            {"υ (tasks, d)": upsilon},
        ),
    }  # fmt: skip
    for i, head in learner.heads.items():
        n, block = int(i) + 1, int(i)
        found[f"g{n}"] = Part(
            f"g{_sub(n)}", f"A linear head: what the embedding asks of block {n}, still raw.",
            f"e<sub>{n}</sub> = g<sub>{n}</sub>(υ; ω<sub>g</sub>)", type(learner).modulate,
            {"weight (out, d)": head.weight, f"e{_sub(n)} (tasks, out)": head(upsilon)},
        )  # fmt: skip
        found[f"tau{n}"] = Part(
            f"τ{_sub(n)}", f"The modulation vector of block {n}: "
            f"{'a scale γ and a shift β' if tau[block].shape[1] == 2 else 'one gate'} "
            "for each unit.", _tau_equation(learner.modulation.name, n),
            learner.modulation.vector, {f"τ{_sub(n)} (tasks, rows, units)": tau[block]},
        )  # fmt: skip
    for i in range(network.layers):
        last = i == network.layers - 1
        inside = {"weight (out, in)": theta[f"weight{i}"], "bias (out)": theta[f"bias{i}"]}
        if last:
            key, label = "output", "output\nlayer"
            says, equation = "A plain linear layer: no modulation here.", "ŷ = W h + b"
        else:
            key, label = f"theta{i + 1}", f"block\nθ{_sub(i + 1)}"
            says = f"Layer, modulation, activation: block {i + 1} of the task network."
            equation = (
                f"h<sub>{i + 1}</sub> = relu(τ<sub>{i + 1}</sub> ⊙ (W<sub>{i + 1}</sub> "
                f"h<sub>{i}</sub> + b<sub>{i + 1}</sub>))"
            )
            inside["output (tasks, points, units)"] = states[i + 1]
        found[key] = Part(label, says, equation, modulation.modulate if not last
                          else type(network).trace, inside)  # fmt: skip
    found["prediction"] = Part(
        "prediction\nŷ", "One number for each query point; a stage for each gradient step, "
        "and one before them.", "ŷ = f(x; θ′, τ)", type(learner).forward,
        {"x (tasks, queries, 1)": tasks.query.x, "ŷ (stages, tasks, queries, 1)": stages},
    )  # fmt: skip
    fast = " This model runs lowrank.stages, its exact and faster twin." * (
        learner.engine is lowrank
    )
    adapted = {n: w for n, w in theta.items() if n in learner.step_sizes()[0]}
    found["inner"] = Part(
        "inner loop", f"Gradient steps on the K points change θ; τ is held fixed.{fast}",
        "θ′ = θ − α ∇<sub>θ</sub> L(f(x; θ, τ); D<sub>train</sub>)", algorithm.adapt, adapted,
    )  # fmt: skip
    found["outer"] = Part(
        "outer loop", "Training: one Adam step on the loss at the query points, after adapting, "
        "changes θ and ω together.",
        "(θ, ω) ← (θ, ω) − β ∇ Σ L(f(x; θ′, τ); D<sub>val</sub>)", training.outer_step,
        {"query y (tasks, queries, 1)": tasks.query.y},
    )  # fmt: skip
    return found


def _sub(n: int) -> str:
    """A number as a subscript, for labels that know no HTML."""
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(d)] for d in str(n))


def _tau_equation(name: str, n: int) -> str:
    return {
        "film": f"τ<sub>{n}</sub> = (γ, β) = (1 + e<sub>γ</sub>, e<sub>β</sub>)",
        "sigmoid": f"τ<sub>{n}</sub> = sigmoid(e<sub>{n}</sub>)",
        "softmax": f"τ<sub>{n}</sub> = softmax(e<sub>{n}</sub>)",
    }.get(name, f"τ<sub>{n}</sub> = {name}(e<sub>{n}</sub>)")


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
        {"key": key, "label": found[key].label, "x": x, "y": y, "width": w, "height": h,
         "color": _color(key)}
        for key, (x, y, w, h) in spots.items()
    ]  # fmt: skip
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
        {"path": [[380, 226], [columns[0], 226]], "color": inner, "dash": "dash",
         "label": "changes θ"},
        {"path": [[end, 318], [380, 318]], "color": outer, "dash": "dot"},
        {"path": [[315, 297], [315, 247]], "color": outer, "dash": "dot", "label": ""},
        {"path": [[250, 318], [210, 318], [210, 82]], "color": outer, "dash": "dot"},
    ]  # fmt: skip


def describe(part: Part) -> str:
    """A box in HTML: what it is, equation, function, shapes, and its source to unfold."""
    shapes = "".join(
        f"<tr><td style='padding:1px 14px 1px 0'>{html.escape(name)}</td>"
        f"<td><code>{' × '.join(map(str, shape))}</code></td></tr>"
        for name, shape in part.shapes.items()
    )
    name, file = part.where.split(", ")
    source = html.escape(inspect.getsource(part.function))
    return (
        "<div style='border-left:4px solid #D55E00;padding:4px 14px;max-width:930px;"
        f"line-height:1.5'><b>{html.escape(part.label.replace(chr(10), ' '))}</b>. {part.says}"
        f"<div style='font-size:17px;margin:6px 0'><i>{part.equation}</i></div>"
        f"<div>computed by <code>{name}</code> in <code>{file}</code></div>"
        f"<table style='margin:4px 0'>{shapes}</table>"
        f"<details><summary>show its code</summary><pre style='line-height:1.3'>{source}</pre>"
        "</details></div>"
    )


def overview_figure(view: Mapping[str, Any]) -> go.Figure:
    """The static twin: all boxes as rows of a table; the chosen one is set in bold."""
    rows = [
        [part.label.replace("\n", " "), part.equation, part.where.replace(", ", "<br>"),
         "<br>".join(f"{n}: {' × '.join(map(str, s))}" for n, s in part.shapes.items())]
        for part in view["parts"].values()
    ]  # fmt: skip
    chosen = list(view["parts"]).index(view["box"])
    rows[chosen] = [f"<b>{cell}</b>" for cell in rows[chosen]]
    fig = go.Figure(
        go.Table(
            columnwidth=[0.9, 2.4, 1.9, 2.6],
            header={"values": ["part", "equation", "computed by", "tensors"], "align": "left",
                    "fill": {"color": NEUTRAL}},
            cells={"values": list(zip(*rows, strict=True)), "align": "left", "height": 24,
                   "fill": {"color": "white"}},
        )
    )  # fmt: skip
    title = "Figure 1 of the paper, with the tensors of a shipped model"
    says = (
        "**What to see.** The upper path looks at the examples and writes τ; the lower path, the "
        "task network, is modulated by it and then learns by gradient steps. Orange: what "
        "modulation adds to MAML; blue: what MAML has as well. Every shape is read off a tensor of "
        "this model."
    )
    figures.style.finish(fig, 1150, title, says, f"{title}: {', '.join(r[0] for r in rows)}.")
    return fig.update_layout(margin={"t": 50, "l": 0, "r": 0, "b": 0}, width=960)


def overview_explorer(model: zoo.Model, tasks: int = 75, seed: int = 0) -> Explorer:
    """Figure 1, clickable, for a trained MuMoMAML and a batch of tasks of its own families."""
    batch = mixture_of(model.settings).sample(tasks, torch.Generator().manual_seed(seed))
    found = parts(model, batch)
    screen = W.HTML()
    diagram = Diagram(
        value="upsilon", heading="Figure 1: embed, modulate, adapt. Click a box.", **plan(found)
    )

    def show(screen: W.HTML, view: Mapping[str, Any]) -> None:
        screen.value = describe(view["parts"][view["box"]])

    def say(view: Mapping[str, Any]) -> str:
        part = view["parts"][view["box"]]
        shapes = ", ".join(" × ".join(map(str, s)) for s in part.shapes.values())
        return f"{part.label.replace(chr(10), ' ')}: {part.where}; tensors {shapes}."

    return Explorer(
        "overview", {"box": diagram}, lambda box: {"box": box, "parts": found}, overview_figure,
        show, say, screen=screen, arrange=lambda controls, screen: W.VBox([diagram, screen]),
    )  # fmt: skip
