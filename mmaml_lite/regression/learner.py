"""The named methods, each a configuration of one learner: embed, modulate, adapt, predict.

MAML is MuMoMAML without an encoder, Multi-MAML is one MAML for each mode, the LSTM learner is
MuMoMAML trained with zero steps: so toggling the modulation is choosing another configuration.
"""

import shutil
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from mmaml_lite.core import algorithm
from mmaml_lite.core.algorithm import StepSizes
from mmaml_lite.core.modulation import MODULATIONS
from mmaml_lite.core.networks import MLP, Tau
from mmaml_lite.core.tasks import Examples
from mmaml_lite.regression import lowrank
from mmaml_lite.regression.encoder import ENCODERS
from mmaml_lite.regression.settings import Settings


class Learner(nn.Module):
    """MuMoMAML and, without an encoder, MAML: a network's theta, an encoder and its heads omega."""

    def __init__(self, settings: Settings):
        super().__init__()
        s = self.settings = settings
        self.network = MLP(1, s.hidden, 1, s.activation, s.context)
        theta = self.network.init(s.init, s.context_std)
        self.theta = nn.ParameterDict({name: nn.Parameter(w) for name, w in theta.items()})
        self.encoder, self.heads = None, nn.ModuleDict()
        if s.modulation is not None:
            self.modulation = MODULATIONS[s.modulation]
            self.encoder = ENCODERS[s.encoder](2, s.encoder_hidden, s.encoder_layers)
            for i in range(len(s.hidden)) if s.blocks is None else s.blocks:
                self.heads[str(i)] = nn.Linear(
                    self.encoder.size, self.modulation.rows * s.hidden[i]
                )
        self.log_step_sizes = self._learned_step_sizes()
        plain = s.inner_clip is None and s.learn_step_size != "weight"
        self.engine = lowrank if s.engine == "fast" or (s.engine == "auto" and plain) else algorithm
        if self.engine is lowrank:
            lowrank.check(self.step_sizes(), s.inner_clip)

    def _learned_step_sizes(self) -> nn.ParameterDict:
        """Logarithms of the learned step sizes: positive by construction, trained with the rest."""
        s, start = self.settings, torch.tensor(self.settings.step_size).log()
        if s.learn_step_size == "layer":
            shapes = {f"layer{i}": (s.steps,) for i in range(self.network.layers)}
        elif s.learn_step_size == "weight":
            shapes = {name: (s.steps, *w.shape) for name, w in self.theta.items()}
        else:
            return nn.ParameterDict()
        return nn.ParameterDict(
            {k: nn.Parameter(start.expand(v).clone()) for k, v in shapes.items()}
        )

    def step_sizes(self, steps: int | None = None) -> Sequence[StepSizes]:
        """alpha of every inner step, by parameter name; steps beyond training repeat the last."""
        s = self.settings
        steps = s.steps if steps is None else steps
        if steps < 0:
            raise ValueError(f"the number of inner steps must be at least 0, got {steps}")
        names = [n for n in self.theta if n != "context" or s.adapt_context]
        if s.learn_step_size is None or s.steps == 0:
            return [dict.fromkeys(names, s.step_size)] * steps
        key = (
            {n: n for n in names}
            if s.learn_step_size == "weight"
            else {n: f"layer{n.removeprefix('weight').removeprefix('bias')}" for n in names}
            | {"context": "layer0"}
        )
        alpha = {k: a.exp() for k, a in self.log_step_sizes.items()}
        return [{n: alpha[key[n]][min(t, s.steps - 1)] for n in names} for t in range(steps)]

    def embed(self, support: Examples, mode: Tensor | None = None) -> Tensor | None:
        """Task embedding upsilon `(tasks, d)` of a meta-batch (eq. 1); None without encoder."""
        return None if self.encoder is None else self.encoder(support)

    def modulate(self, embedding: Tensor | None) -> Tau:
        """Modulation vectors tau_i `(tasks, rows, units)` of every modulated block (eq. 2)."""
        if embedding is None:
            return {}
        return {int(i): self.modulation.vector(head(embedding)) for i, head in self.heads.items()}

    def forward(
        self,
        support: Examples,
        x: Tensor,
        mode: Tensor | None = None,
        tau: Tau | None = None,
        steps: int | None = None,
        only_last: bool = False,
        factor: float = 1.0,
    ) -> Tensor:
        """Predict at x before any gradient step and after each one.

        support: x and y `(tasks, K, 1)`; x `(tasks, Q, 1)`; mode `(tasks,)`, read by oracles alone;
        tau: use these modulation vectors instead of the encoder's ({} turns modulation off);
        factor: multiplies every inner step size. Returns `(stages, tasks, Q, 1)`, stages = steps +
        1, or 1 with `only_last`.
        """
        s = self.settings
        tau = self.modulate(self.embed(support)) if tau is None else tau
        alphas = self.step_sizes(steps)
        if factor != 1:
            alphas = [{name: factor * alpha for name, alpha in step.items()} for step in alphas]
        predictions = self.engine.stages(
            self.network,
            dict(self.theta),
            tau,
            support,
            x,
            alphas,
            s.first_order,
            s.inner_clip,
            s.inner_clip_norm,
            only_last,
        )
        return torch.stack(predictions)


class PerMode(nn.Module):
    """Separate learners, one for each mode, and the true mode decides who answers: an oracle."""

    def __init__(self, settings: Settings):
        super().__init__()
        self.settings = settings
        self.learners = nn.ModuleList(Learner(settings) for _ in settings.families)

    def _route(self, mode: Tensor | None, answer: Callable, *, axis: int) -> Tensor | None:
        if mode is None:
            raise ValueError(
                f"{self.settings.method} is an oracle: it needs the true mode of every task (mode=)"
            )
        if not len(mode) or mode.min() < 0 or mode.max() >= len(self.learners):
            raise ValueError(
                f"mode must hold an index below {len(self.learners)} for every task, got {mode}"
            )
        picks = [torch.nonzero(mode == i).squeeze(1) for i in range(len(self.learners))]
        parts = [answer(m, p) for m, p in zip(self.learners, picks, strict=True) if len(p)]
        if parts[0] is None:
            return None
        order = torch.cat(picks).argsort()
        return torch.cat(parts, dim=axis).index_select(axis, order)

    def embed(self, support: Examples, mode: Tensor | None = None) -> Tensor | None:
        """Embeddings `(tasks, d)`, each from the encoder of the task's own mode."""
        return self._route(mode, lambda m, p: m.embed(Examples(support.x[p], support.y[p])), axis=0)

    def forward(
        self,
        support: Examples,
        x: Tensor,
        mode: Tensor | None = None,
        tau: Tau | None = None,
        steps: int | None = None,
        only_last: bool = False,
        factor: float = 1.0,
    ) -> Tensor:
        """As `Learner.forward`; raises ValueError without `mode`."""

        def answer(learner: Learner, p: Tensor) -> Tensor:
            mine = None if tau is None else {i: t[p] for i, t in tau.items()}
            examples = Examples(support.x[p], support.y[p])
            return learner(examples, x[p], None, mine, steps, only_last, factor)

        return self._route(mode, answer, axis=1)


def has_compiler() -> bool:
    """Whether there is a C++ compiler, which compiled kernels need on the CPU."""
    return any(map(shutil.which, ("c++", "g++", "clang++", "cl")))


def compile_inner_loop(learner: Learner | PerMode) -> None:
    """Let a learner take its inner steps in compiled kernels, from now on: equal up to rounding.

    The first outer step then takes up to a minute (and so does the first with inner steps, where
    modulation is trained first), the others half to four fifths of their time
    (`benchmarks/adaptation.py`). Raises ValueError without a C++ compiler, on the CPU.
    """
    on_cpu = next(learner.parameters()).device.type == "cpu"
    if on_cpu and not has_compiler():
        raise ValueError(
            "compiling the inner loop needs a C++ compiler (g++ or clang++): install one, or train "
            "without compiling"
        )
    parts = [m for m in learner.modules() if isinstance(m, Learner)]
    # Calling the kernels from C++ spares Python's share of each step; all modes share one program.
    stages = torch.compile(
        parts[0].engine.stages, dynamic=False, options={"cpp_wrapper": True} if on_cpu else None
    )
    for part in parts:
        part.engine = SimpleNamespace(stages=stages)
