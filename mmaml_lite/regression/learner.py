"""One learner of functions: MAML, MuMoMAML and the LSTM learner are configurations of it.

Its inner loop runs in one of two engines that give the same numbers: the reference, or the fast one
with low-rank fast weights, which never forms the fast weights that `adapt` returns.
"""

import re
import shutil
from collections.abc import Callable
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmaml_lite.core import algorithm, learner
from mmaml_lite.core.algorithm import StepSizes
from mmaml_lite.core.networks import MLP, NETWORKS, Tau, Theta
from mmaml_lite.core.tasks import Examples
from mmaml_lite.regression import lowrank
from mmaml_lite.regression.encoder import ENCODERS
from mmaml_lite.regression.settings import RegressionSettings
from mmaml_lite.regression.tasks import mixture_of


class RegressionLearner(learner.Learner):
    """A task network's theta and, with modulation, an encoder of examples and its heads omega."""

    def __init__(self, settings: RegressionSettings):
        s, mixture = settings, mixture_of(settings)
        inputs, outputs = mixture.inputs, mixture.outputs
        network = NETWORKS[s.network](s, inputs, outputs)
        super().__init__(settings, network.init())
        self.network = network
        if s.modulation is not None:
            encoder = ENCODERS[s.encoder](inputs + outputs, s.encoder_hidden, s.encoder_layers)
            blocks = range(len(self.network.units)) if s.blocks is None else s.blocks
            self.read_by(encoder, s.modulation, {i: self.network.units[i] for i in blocks})
        self.log_step_sizes = self._learned_step_sizes()
        plain = s.inner_clip is None and s.learn_step_size != "weight"
        plain = plain and isinstance(self.network, MLP)
        self.engine = lowrank if s.engine == "fast" or (s.engine == "auto" and plain) else algorithm
        if self.engine is lowrank:
            lowrank.check(self.step_sizes(), s.inner_clip, self.network, F.mse_loss)

    def _learned_step_sizes(self) -> nn.ParameterDict:
        """Logarithms of the learned step sizes: positive by construction, trained with the rest."""
        s, start = self.settings, torch.tensor(self.settings.step_size).log()
        if s.learn_step_size is None:
            return nn.ParameterDict()
        by_weight = s.learn_step_size == "weight"
        shapes = {layer_of(n): () for n in self.theta if n != "context"}
        if by_weight:
            shapes = {n: w.shape for n, w in self.theta.items()}
        return nn.ParameterDict(
            {k: nn.Parameter(start.expand(s.steps, *v).clone()) for k, v in shapes.items()}
        )

    def alpha(self, step: int) -> StepSizes:
        """Of every parameter that is adapted; learned ones repeat the last beyond training."""
        s = self.settings
        names = [n for n in self.theta if n != "context" or s.adapt_context]
        if s.learn_step_size is None or s.steps == 0:
            return dict.fromkeys(names, s.step_size)
        learned = {k: a.exp()[min(step, s.steps - 1)] for k, a in self.log_step_sizes.items()}
        return {n: learned[n if s.learn_step_size == "weight" else layer_of(n)] for n in names}

    def embed(self, support: Examples, mode: Tensor | None = None) -> Tensor | None:
        """Task embedding upsilon `(tasks, d)` of a meta-batch (eq. 1); None without encoder."""
        return super().embed(support)

    def loss(self, theta: Theta, tau: Tau, support: Examples) -> Tensor:
        """Mean squared error of one task."""
        return F.mse_loss(self.network(theta, support.x, tau), support.y)

    def answer(self, theta: Theta, tau: Tau, support: Examples, x: Tensor) -> Tensor:
        """The network's output at x `(Q, dx)` -> `(Q, dy)`."""
        return self.network(theta, x, tau)

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

        support: x `(tasks, K, dx)` and y `(tasks, K, dy)`; x `(tasks, Q, dx)`; mode `(tasks,)`,
        read by oracles alone; tau: use these modulation vectors instead of the encoder's ({} turns
        modulation off); factor: multiplies every inner step size. Returns `(stages, tasks, Q, dy)`,
        stages = steps + 1, or 1 with `only_last`.
        """
        s = self.settings
        tau = self.modulate(self.embed(support)) if tau is None else tau
        alphas = self.step_sizes(steps)
        if factor != 1:
            alphas = [{name: factor * alpha for name, alpha in step.items()} for step in alphas]
        predictions = self.engine.stages(
            self.network,
            F.mse_loss,
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


def layer_of(name: str) -> str:
    """The layer that a parameter belongs to: of "weight2" and "bias2" it is "layer2".

    The bias transformation is the first one's; any other name is a layer of its own.
    """
    numbered = re.fullmatch(r"(?:weight|bias)(\d+)", name)
    return f"layer{numbered[1]}" if numbered else "layer0" if name == "context" else name


class PerMode(nn.Module):
    """Separate learners, one for each mode, and the true mode decides who answers: an oracle."""

    def __init__(self, settings: RegressionSettings):
        super().__init__()
        self.settings = settings
        self.learners = nn.ModuleList(RegressionLearner(settings) for _ in settings.families)

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
        """As `RegressionLearner.forward`; raises ValueError without `mode`."""

        def answer(learner: RegressionLearner, p: Tensor) -> Tensor:
            mine = None if tau is None else {i: t[p] for i, t in tau.items()}
            examples = Examples(support.x[p], support.y[p])
            return learner(examples, x[p], None, mine, steps, only_last, factor)

        return self._route(mode, answer, axis=1)


def has_compiler() -> bool:
    """Whether there is a C++ compiler, which compiled kernels need on the CPU."""
    return any(map(shutil.which, ("c++", "g++", "clang++", "cl")))


def compile_inner_loop(learner: RegressionLearner | PerMode) -> None:
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
    parts = [m for m in learner.modules() if isinstance(m, RegressionLearner)]
    # Calling the kernels from C++ spares Python's share of each step; all modes share one program.
    stages = torch.compile(
        parts[0].engine.stages, dynamic=False, options={"cpp_wrapper": True} if on_cpu else None
    )
    for part in parts:
        part.engine = SimpleNamespace(stages=stages)
