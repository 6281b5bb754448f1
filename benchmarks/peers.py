"""What the engines are measured against: a loop over tasks in plain PyTorch, and `higher`.

Either replaces a learner's forward pass; weights, encoder and heads are the learner's own.
`gradient` is what all must agree on.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmaml_lite.core.runs import Run
from mmaml_lite.core.tasks import Examples
from mmaml_lite.regression.domain import mixture_of, query_loss
from mmaml_lite.regression.learner import RegressionLearner

try:
    import higher
except ImportError:
    higher = None


def per_task(
    learner: RegressionLearner,
    adapt: Callable,
    support: Examples,
    x: Tensor,
    mode: Tensor,
    steps: None,
    only_last: bool,
) -> Tensor:
    """Predictions `(1, tasks, Q, 1)` of a loop over tasks; `adapt` returns the adapted network.

    It knows training alone: the steps of the settings, and what is predicted after the last.
    """
    assert steps is None and only_last
    answers = []
    for task_x, task_y, query_x in zip(support.x, support.y, x, strict=True):
        embedding = learner.encoder(Examples(task_x[None], task_y[None]))[0]  # (size,)
        tau = [head(embedding).chunk(2) for head in learner.heads.values()]  # gamma - 1, beta
        adapted = adapt(task_x, task_y, tau)
        answers.append(adapted(query_x))
    return torch.stack(answers)[None]


def film_mlp(weights: Sequence[Tensor], x: Tensor, tau: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """The modulated network in plain PyTorch: `weights` are weight0, bias0, weight1, ..."""
    for i, (gamma, beta) in enumerate(tau):
        x = F.relu((1 + gamma) * F.linear(x, weights[2 * i], weights[2 * i + 1]) + beta)
    return F.linear(x, weights[-2], weights[-1])


def in_order(learner: RegressionLearner) -> list[Tensor]:
    return [learner.theta[f"{kind}{i}"] for i in range(4) for kind in ("weight", "bias")]


def loop(learner: RegressionLearner) -> Callable:
    """The authors' way: `torch.autograd.grad(create_graph=True)` for one task after another."""
    s = learner.settings

    def adapt(x: Tensor, y: Tensor, tau: Sequence) -> Callable:
        weights = in_order(learner)
        for _ in range(s.steps):
            loss = F.mse_loss(film_mlp(weights, x, tau), y)
            gradient = torch.autograd.grad(loss, weights, create_graph=True)
            weights = [
                w - s.step_size * g.clamp(-s.inner_clip, s.inner_clip)
                for w, g in zip(weights, gradient, strict=True)
            ]
        return lambda query: film_mlp(weights, query, tau)

    return partial(per_task, learner, adapt)


def higher_loop(learner: RegressionLearner) -> Callable:
    """The same with `higher`, which wants a module and an optimiser."""
    s = learner.settings

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.weights = nn.ParameterList(in_order(learner))

        def forward(self, x: Tensor, tau: Sequence) -> Tensor:
            return film_mlp(list(self.weights), x, tau)

    network = Network()
    sgd = torch.optim.SGD(network.parameters(), lr=s.step_size)

    def clip(gradient: Sequence[Tensor]) -> list[Tensor]:
        return [g.clamp(-s.inner_clip, s.inner_clip) for g in gradient]

    def adapt(x: Tensor, y: Tensor, tau: Sequence) -> Callable:
        with higher.innerloop_ctx(network, sgd, copy_initial_weights=False) as (fast, optimiser):
            for _ in range(s.steps):
                optimiser.step(F.mse_loss(fast(x, tau), y), grad_callback=clip)
        return lambda query: fast(query, tau)

    return partial(per_task, learner, adapt)


def gradient(run: Run) -> tuple[float, Tensor]:
    """Loss and whole meta-gradient at fixed weights and tasks where the inner clip does not bite.

    The weights are larger than the authors' initial ones, so that second-order terms count.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        for p in run.learner.parameters():
            p.data.copy_(0.6 * torch.randn(p.shape) / p.shape[-1] ** 0.5)
    tasks = mixture_of(run.settings).sample(50, torch.Generator().manual_seed(3))
    tasks = tasks.to(next(run.learner.parameters()))
    tasks.support.y.mul_(0.1), tasks.query.y.mul_(0.1)
    run.learner.zero_grad()
    loss = query_loss(run.learner, tasks)
    loss.backward()
    gradients = [p.grad.flatten().double().cpu() for p in run.learner.parameters()]
    return loss.item(), torch.cat(gradients)
