"""The gate playground: softmax, sigmoid and FiLM on a layer small enough to see every unit.

The layer has six units and its weights were written by hand; everything that acts on it is the
library's: `MODULATIONS` make tau of the raw head outputs e, `modulate` applies it inside an `MLP`.
"""

import functools

import ipywidgets as W
import torch
from torch import Tensor

from mmaml_lite.core.modulation import MODULATIONS
from mmaml_lite.core.networks import MLP
from mmaml_lite.course import figures
from mmaml_lite.course.figures.gates import ROW, TOP, GatesView
from mmaml_lite.course.lesson import GRID
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets import panes as P
from mmaml_lite.course.widgets.explorer import Explorer

GATES = {"softmax": "softmax", "sigmoid": "sigmoid", "FiLM": "film"}
REACH = (4.0, 6.0)  # how far the faders go: scale, shift
UNITS = 6
NETWORK = MLP(1, (UNITS,), 1)
# Three ramps open to the left, three to the right; added up they make a wave.
THETA = {
    "weight0": torch.tensor([[-1.0], [-1.0], [-1.0], [1.0], [1.0], [1.0]]),
    "bias0": torch.tensor([-3.0, -1.0, 0.0, 0.0, -1.0, -3.0]),
    "weight1": torch.tensor([[-2.0, 2.0, -1.0, 1.0, -2.0, 2.0]]),
    "bias1": torch.zeros(1),
}


def played(gate: str, e: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What each unit adds to the curve `(..., units, grid)`, the curve `(..., grid)`, and tau.

    gate: name in MODULATIONS; e `(..., rows * units)`: raw head outputs.
    """
    tau = MODULATIONS[gate].vector(e)
    states = NETWORK.trace(NETWORK.linear(THETA), GRID[:, None], {0: tau})
    added = states[1].transpose(-1, -2) * THETA["weight1"].T
    return added, states[-1][..., 0], tau


def plain(x: Tensor = GRID) -> Tensor:
    """The curve of the network without modulation, at x `(points,)`."""
    return NETWORK(THETA, x[:, None], {})[:, 0]


TARGETS = {
    "none": None,
    "half as high": 0.5 * plain(),
    "a straight line": 0.5 * GRID,
    "moved right by 1": plain(GRID - 1),
    "upside down": -plain(),
}

# Settings found by thinking, which gradient descent misses where a unit falls silent on the way.
KNOWN = {
    ("film", "half as high"): [-0.5] * 6 + [0.0] * 6,
    ("film", "a straight line"): [-1.0, -1.0, -0.5, -0.5, -1.0, -1.0] + [0.0] * 6,
    ("film", "moved right by 1"): [0.0] * 6 + [1.0, 1.0, 1.0, -1.0, -1.0, -1.0],
    ("film", "upside down"): [-2.0] * 6 + [-6.0, -2.0, 0.0, 0.0, -2.0, -6.0],
}


def gate_view(gate: str, e: Tensor, target: str = "none") -> GatesView:
    """All that `figures.gates` draws; e `(rows * units,)`, target: a key of TARGETS."""
    added, curve, tau = played(gate, e)
    wanted = TARGETS[target]
    before = NETWORK.trace(NETWORK.linear(THETA), GRID[:, None], {})[1].T * THETA["weight1"].T
    return GatesView(
        gate=gate,
        x=GRID.numpy(),
        tau=tau.numpy(),
        added=added.numpy(),
        added_before=before.numpy(),
        curve=curve.numpy(),
        before=plain().numpy(),
        target=None if wanted is None else wanted.numpy(),
        off=None if wanted is None else (curve - wanted).square().mean().sqrt().item(),
    )


@functools.lru_cache
def closest(gate: str, target: str, tries: int = 32, rounds: int = 300) -> tuple[float, Tensor]:
    """How near a gate's faders can bring the curve to a target (root mean square), and their e.

    The best of gradient descent from `tries` random starts, every fader within its reach, and of
    what is KNOWN.
    """
    rows = MODULATIONS[gate].rows
    reach = torch.tensor(REACH)[:rows].repeat_interleave(UNITS)
    generator = torch.Generator().manual_seed(0)
    spread = torch.linspace(0, 0.6, tries)[:, None]  # the first starts at e = 0
    p = (spread * torch.randn(tries, rows * UNITS, generator=generator)).requires_grad_()
    optimiser = torch.optim.Adam([p])
    for step in range(rounds):
        optimiser.param_groups[0]["lr"] = 0.03 * (1 - step / rounds)
        off = (played(gate, reach * p.tanh())[1] - TARGETS[target]).square().mean(-1)
        optimiser.zero_grad()
        off.sum().backward()
        optimiser.step()
    e = (reach * p.tanh()).detach()
    if (gate, target) in KNOWN:
        e = torch.cat([e, torch.tensor([KNOWN[gate, target]])])
    off = (played(gate, e)[1] - TARGETS[target]).square().mean(-1).sqrt()
    return off.min().item(), e[off.argmin()]


def reachable() -> dict[str, dict[str, float]]:
    """For every target, by gate: the smallest distance its faders can reach."""
    return {
        target: {name: closest(gate, target)[0] for name, gate in GATES.items()}
        for target in TARGETS
        if target != "none"
    }


def gate_summary(view: GatesView) -> str:
    """What tau is at present, what binds it, and how far the curve is from its target."""
    scale = view.tau[0]
    told = {
        "softmax": f"The six gates share a sum of {scale.sum():.2f}, so one can only grow at the "
        f"others' cost; the largest is {scale.max():.2f}",
        "sigmoid": f"Every gate lies between 0 and 1 (here {scale.min():.2f} to {scale.max():.2f}):"
        " it can quieten a unit, never flip one, never move one",
        "film": f"γ from {scale.min():.2f} to {scale.max():.2f}, β from {view.tau[-1].min():.2f}"
        f" to {view.tau[-1].max():.2f}: no bounds. A negative γ turns a ramp to the other side, "
        "β moves the place where it starts",
    }[view.gate]
    if view.off is None:
        return f"{told}."
    mark = " <b>You have it.</b>" if view.off < 0.1 else ""
    return f"{told}. Distance from the target: <b>{view.off:.2f}</b>.{mark}"


def gate_explorer(gate: str = "softmax") -> Explorer:
    """Explorer of the three modulations: faders for the head outputs of six hand-made units."""
    scale, shift = REACH
    gates = C.choice("modulation", GATES, gate)
    faders = {f"scale{i}": _fader(f"scale {i}", scale) for i in range(1, UNITS + 1)}
    faders |= {f"shift{i}": _fader(f"shift {i}", shift) for i in range(1, UNITS + 1)}
    masters = {
        "scale": C.slider("all scales +", 0.0, -scale, scale, 0.1),
        "shift": C.slider("all shifts +", 0.0, -shift, shift, 0.1),
    }
    controls = {
        "gate": gates,
        "target": C.menu("target", list(TARGETS), "none"),
        **masters,
        **faders,
    }

    def compute(gate, target, scale, shift, **each):
        e = [scale + each[f"scale{i}"] for i in range(1, UNITS + 1)]
        if MODULATIONS[gate].rows == 2:
            e += [shift + each[f"shift{i}"] for i in range(1, UNITS + 1)]
        return gate_view(gate, torch.tensor(e), target)

    def put(values: Tensor) -> None:
        """Move the faders to these head outputs; those that are not named go to zero."""
        names = list(faders)[: len(values)]
        zero = dict.fromkeys([*masters, *faders], 0.0)
        explorer.set(**zero | dict(zip(names, values.tolist(), strict=True)))

    def solve(_):
        if controls["target"].value != "none":
            put(closest(gates.value, controls["target"].value)[1])

    def arrange(controls, screen):
        zero, best = W.Button(description="all e = 0"), W.Button(description="show the best known")
        zero.on_click(lambda _: put(torch.zeros(0)))
        best.on_click(solve)
        shifts = [faders[f"shift{i}"] for i in range(1, UNITS + 1)]
        rows = [
            W.VBox(
                [faders[f"scale{i + 1}"], shift],
                layout={"height": f"{ROW}px", "overflow": "hidden", "justify_content": "center"},
            )
            for i, shift in enumerate(shifts)
        ]
        for fader in (*faders.values(), *masters.values()):
            P.fitted(fader, 84)
        shifts.append(masters["shift"])
        high = {"height": f"{TOP}px", "overflow": "hidden", "justify_content": "flex-start"}
        desk = W.VBox([W.VBox(list(masters.values()), layout=high), *rows])

        def show(_=None):
            moved = None if MODULATIONS[gates.value].rows == 2 else "none"
            for shift in shifts:
                shift.layout.display = moved

        gates.observe(show, "value")
        show()
        zero.layout.width, best.layout.width = "80px", "160px"
        top = [P.column([gates], 84), P.column([controls["target"]], 50), W.HBox([zero, best])]
        choose = P.row(top)
        for box, pixels in zip(top, (335, 210, 250), strict=True):
            box.layout.flex = f"1 1 {pixels}px"
        return W.VBox([choose, P.beside([desk], screen)])

    explorer = Explorer(
        "gates",
        controls,
        compute,
        figures.gates,
        figures.redraw_gates,
        gate_summary,
        arrange=arrange,
    )
    return explorer


def _fader(label: str, reach: float) -> W.FloatSlider:
    """A slider of one of the head's raw outputs, beside the panel of its unit."""
    return W.FloatSlider(
        value=0.0,
        min=-reach,
        max=reach,
        step=0.1,
        description=label,
        readout_format=".1f",
    )
