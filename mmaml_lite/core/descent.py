"""What the outer steps by Adam share: a learning rate's schedule, and a step that is finite."""

import math
from collections.abc import Callable
from typing import Any

from torch import nn

from mmaml_lite.core.domain import TrainingDiverged
from mmaml_lite.core.runs import Run


def parameter_groups(learner: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The task network's own parameters, and those of encoder and heads: clipped apart."""
    omega = [p for n, p in learner.named_parameters() if "encoder." in n or "heads." in n]
    known = {id(p) for p in omega}
    return [p for p in learner.parameters() if id(p) not in known], omega


def learning_rate(settings: Any, step: int) -> float:
    """beta at an outer step: constant, linear (to 0), or cosine after a warm-up of 1 %."""
    if settings.schedule == "constant":
        return settings.learning_rate
    if settings.schedule == "linear":
        return settings.learning_rate * (1 - step / settings.iterations)
    warmup = max(1, settings.iterations // 100)
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    progress = (step - warmup) / max(1, settings.iterations - warmup)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def set_learning_rate(run: Run) -> None:
    """Give Adam the learning rate of the run's present outer step."""
    for group in run.optimiser.param_groups:
        group["lr"] = learning_rate(run.settings, run.step)


def descend(run: Run, loss: float, advice: Callable[[], str]) -> None:
    """Clip the gradients that are there, task network and encoder apart, and let Adam step.

    Raises TrainingDiverged with the advice, before any weight has changed, when the loss or a
    gradient is not finite.
    """
    bound = run.settings.outer_clip
    norms = [nn.utils.clip_grad_norm_(g, bound) for g in parameter_groups(run.learner) if g]
    if not math.isfinite(loss + sum(norm.item() for norm in norms)):
        raise TrainingDiverged(f"step {run.step}: loss {loss}, gradient not finite; {advice()}")
    run.optimiser.step()
