"""Embed, modulate, adapt, predict: what the learners of all domains have in common.

A domain's learner says what its network is, what the support loss of one task is and how one task's
answers come about; all else is written here, once. Without an encoder it is MAML.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import vmap

from mmaml_lite.core import algorithm
from mmaml_lite.core.algorithm import StepSizes
from mmaml_lite.core.modulation import MODULATIONS
from mmaml_lite.core.networks import Tau, Theta


class Learner(nn.Module):
    """A network's theta and, with modulation, an encoder and its heads omega.

    settings: with `steps`; `first_order`, `inner_clip` and `inner_clip_norm` are heeded where they
    are among them.
    """

    def __init__(self, settings: Any, theta: Mapping[str, Tensor]):
        super().__init__()
        self.settings = settings
        self.theta = nn.ParameterDict({name: nn.Parameter(w) for name, w in theta.items()})
        self.encoder, self.heads = None, nn.ModuleDict()

    def read_by(self, encoder: nn.Module, modulation: str, units: Mapping[int, int]) -> None:
        """Let an encoder, of width `size`, modulate these blocks: index -> number of units."""
        self.modulation, self.encoder = MODULATIONS[modulation], encoder
        for i, count in units.items():
            self.heads[str(i)] = self.head(encoder.size, self.modulation.rows * count)

    def head(self, inputs: int, outputs: int) -> nn.Linear:
        """A fresh head, which reads tau_i off the embedding."""
        return nn.Linear(inputs, outputs)

    def loss(self, theta: Theta, tau: Tau, support: Any) -> Tensor:
        """The support loss of one task, a domain's own; tau_i `(rows, units)` -> a number."""
        raise NotImplementedError

    def answer(self, theta: Theta, tau: Tau, support: Any, x: Tensor, **how: Any) -> Tensor:
        """One task's answers at x `(Q, ...)`, a domain's own; support: where they depend on it.

        how: what else a domain lets one choose.
        """
        raise NotImplementedError

    def alpha(self, step: int) -> StepSizes:
        """Step sizes of an inner step, counted from 0, by parameter name."""
        return dict.fromkeys(self.start(), self.settings.step_size)

    def step_sizes(self, steps: int | None = None) -> Sequence[StepSizes]:
        """alpha of every inner step, by parameter name; by default as many as the settings say.

        Raises ValueError for a negative number of them.
        """
        steps = self.settings.steps if steps is None else steps
        if steps < 0:
            raise ValueError(f"the number of inner steps must be at least 0, got {steps}")
        return [self.alpha(t) for t in range(steps)]

    def start(self) -> Theta:
        """theta as every task starts from it."""
        return dict(self.theta)

    def embed(self, support: Any) -> Tensor | None:
        """Task embedding upsilon `(tasks, d)` of a meta-batch (eq. 1); None without encoder."""
        return None if self.encoder is None else self.encoder(support)

    def modulate(self, embedding: Tensor | None) -> Tau:
        """Modulation vectors tau_i `(tasks, rows, units)` of every modulated block (eq. 2)."""
        if embedding is None:
            return {}
        return {int(i): self.modulation.vector(head(embedding)) for i, head in self.heads.items()}

    def adapt(self, support: Any, tau: Tau, steps: int | None = None) -> list[Theta]:
        """The path of fast weights: theta, shared by all tasks, then `(tasks, ...)` a step."""
        s, theta, alphas = self.settings, self.start(), self.step_sizes(steps)
        limits = {
            "first_order": getattr(s, "first_order", False),
            "clip": getattr(s, "inner_clip", None),
            "clip_norm": getattr(s, "inner_clip_norm", None),
        }

        def one_task(tau: Tau, support: Any) -> list[Theta]:
            def loss(theta: Theta) -> Tensor:
                return self.loss(theta, tau, support)

            return algorithm.adapt(loss, theta, alphas, **limits)[1:]

        return [theta, *vmap(one_task)(tau, support)] if alphas else [theta]

    def predict(self, theta: Theta, tau: Tau, support: Any, x: Tensor, **how: Any) -> Tensor:
        """Answers `(tasks, Q, ...)` at x `(tasks, Q, ...)`; theta is shared, or of each task.

        how: as in `answer`.
        """
        name, shared = next(iter(self.start().items()))
        own = 0 if theta[name].ndim > shared.ndim else None
        answer = partial(self.answer, **how)
        return vmap(answer, in_dims=(own, 0, 0, 0))(theta, tau, support, x)

    def forward(
        self,
        support: Any,
        x: Tensor,
        tau: Tau | None = None,
        steps: int | None = None,
        only_last: bool = False,
        **how: Any,
    ) -> Tensor:
        """Answers at x before any gradient step (post modulation) and after each one.

        tau: use these modulation vectors instead of the encoder's ({} turns modulation off); how:
        as in `answer`. Returns `(stages, tasks, Q, ...)`, with stages = steps + 1, or with 1 of
        them if `only_last`.
        """
        tau = self.modulate(self.embed(support)) if tau is None else tau
        path = self.adapt(support, tau, steps)
        path = path[-1:] if only_last else path
        return torch.stack([self.predict(theta, tau, support, x, **how) for theta in path])
