"""Every part of MuMoMAML (Figure 1 of the paper): its equation, its code and its real tensors.

The shapes are read off tensors: a batch of tasks is passed through the model as it is used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mmaml_lite.core import algorithm, modulation
from mmaml_lite.core.networks import Tau
from mmaml_lite.core.tasks import Tasks
from mmaml_lite.course.display import file_of
from mmaml_lite.regression import lowrank
from mmaml_lite.regression.domain import outer_step
from mmaml_lite.regression.learner import RegressionLearner
from mmaml_lite.regression.tasks import Mixture


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
        return f"{self.function.__qualname__}, {file_of(self.function)}"


@torch.no_grad()
def parts(learner: RegressionLearner, tasks: Tasks) -> dict[str, Part]:
    """Every box of Figure 1 by its key, filled by passing a batch of tasks through the learner."""
    upsilon = learner.embed(tasks.support)
    tau = learner.modulate(upsilon)
    return {
        **_looking(learner, tasks, upsilon),
        **_modulating(learner, upsilon, tau),
        **_network(learner, tasks, tau),
        **_loops(learner, tasks),
    }


def _looking(learner: RegressionLearner, tasks: Tasks, upsilon: Tensor) -> dict[str, Part]:
    """From the examples to the embedding."""
    support, weights = tasks.support, dict(learner.encoder.named_parameters())
    count = sum(w.numel() for w in weights.values())
    return {
        "examples": Part(
            "examples\nx, y",
            f"K = {support.x.shape[1]} points of each task, noise included.",
            "D<sub>train</sub> = {(x<sub>k</sub>, y<sub>k</sub>)}",
            Mixture.sample,
            {"x (tasks, K, 1)": support.x, "y (tasks, K, 1)": support.y},
        ),
        "encoder": Part(
            "task encoder\nh",
            "Reads the points and writes a vector; an LSTM reads them one after "
            f"the other, in both directions. {count:,} weights, the first two tensors listed.",
            "υ = h({(x<sub>k</sub>, y<sub>k</sub>)}; ω<sub>h</sub>)",
            type(learner.encoder).forward,
            {f"ω: {name}": w for name, w in list(weights.items())[:2]},
        ),
        "upsilon": Part(
            "embedding\nυ",
            "All that the encoder has to say about a task: a short vector.",
            "υ = h(D<sub>train</sub>; ω<sub>h</sub>)",
            type(learner).embed,
            {"υ (tasks, d)": upsilon},
        ),
    }


def _modulating(learner: RegressionLearner, upsilon: Tensor, tau: Tau) -> dict[str, Part]:
    """A head and a modulation vector for every block."""
    found = {}
    for i, t in tau.items():
        n, head = i + 1, learner.heads[str(i)]
        rows = "a scale γ and a shift β" if t.shape[1] == 2 else "one gate"
        found[f"g{n}"] = Part(
            f"g{subscript(n)}",
            f"A linear head: what the embedding asks of block {n}, still raw.",
            f"e<sub>{n}</sub> = g<sub>{n}</sub>(υ; ω<sub>g</sub>)",
            type(learner).modulate,
            {"weight (out, d)": head.weight, f"e{subscript(n)} (tasks, out)": head(upsilon)},
        )
        found[f"tau{n}"] = Part(
            f"τ{subscript(n)}",
            f"The modulation vector of block {n}: {rows} for each unit.",
            _tau_equation(learner.modulation.name, n),
            learner.modulation.vector,
            {f"τ{subscript(n)} (tasks, rows, units)": t},
        )
    return found


def _network(learner: RegressionLearner, tasks: Tasks, tau: Tau) -> dict[str, Part]:
    """The blocks, the output layer and the prediction."""
    network, theta, x = learner.network, dict(learner.theta), tasks.query.x
    states = network.trace(network.linear(theta), x, tau)
    found = {}
    for i in range(network.layers):
        inside = {"weight (out, in)": theta[f"weight{i}"], "bias (out)": theta[f"bias{i}"]}
        n = i + 1
        if n == network.layers:
            found["output"] = Part(
                "output\nlayer",
                "A plain linear layer: no modulation here.",
                "ŷ = W h + b",
                type(network).trace,
                inside,
            )
            continue
        inside["output (tasks, points, units)"] = states[n]
        found[f"theta{n}"] = Part(
            f"block\nθ{subscript(n)}",
            "Layer, modulation, activation: "
            f"block {n} of the task network. ⊙ means: τ acts unit by unit.",
            f"h<sub>{n}</sub> = relu(τ<sub>{n}</sub> ⊙ (W<sub>{n}</sub> h<sub>{i}</sub> + "
            f"b<sub>{n}</sub>))",
            modulation.modulate,
            inside,
        )
    found["prediction"] = Part(
        "prediction\nŷ",
        "One number for each query point; a stage for each gradient step, and one before them.",
        "ŷ = f(x; θ′, τ)",
        type(learner).forward,
        {"x (tasks, queries, 1)": x, "ŷ (stages, tasks, queries, 1)": learner(tasks.support, x)},
    )
    return found


def _loops(learner: RegressionLearner, tasks: Tasks) -> dict[str, Part]:
    """The inner loop, which changes theta for a task, and the outer one, which trains."""
    fast = " This model runs lowrank.stages, its exact and faster twin."
    adapted = {name: learner.theta[name] for name in learner.step_sizes(1)[0]}
    return {
        "inner": Part(
            "inner loop",
            "Gradient steps on the K points change θ; τ is held fixed."
            + fast * (learner.engine is lowrank),
            "θ′ = θ − α ∇<sub>θ</sub> L(f(x; θ, τ); D<sub>train</sub>)",
            algorithm.adapt,
            adapted,
        ),
        "outer": Part(
            "outer loop",
            "Training: one Adam step on the loss at the query points, after "
            "adapting, changes θ and ω together.",
            "(θ, ω) ← (θ, ω) − β ∇ Σ L(f(x; θ′, τ); D<sub>val</sub>)",
            outer_step,
            {"query y (tasks, queries, 1)": tasks.query.y},
        ),
    }


def subscript(n: int) -> str:
    """A number as a subscript, for labels that know no HTML."""
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(d)] for d in str(n))


def _tau_equation(name: str, n: int) -> str:
    return {
        "film": f"τ<sub>{n}</sub> = (γ, β) = (1 + e<sub>γ</sub>, e<sub>β</sub>)",
        "sigmoid": f"τ<sub>{n}</sub> = sigmoid(e<sub>{n}</sub>)",
        "softmax": f"τ<sub>{n}</sub> = softmax(e<sub>{n}</sub>)",
    }.get(name, f"τ<sub>{n}</sub> = {name}(e<sub>{n}</sub>)")
