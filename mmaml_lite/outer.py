"""The outer step of regression: Adam on the query loss after adaptation (Algorithm 1, line 11)."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmaml_lite.domains import DOMAINS, Domain, TrainingDiverged
from mmaml_lite.methods import METHODS, build, mixture_of, settings_for
from mmaml_lite.recipes import INNER_CLIP_NORM, Settings, families_of
from mmaml_lite.runs import Run
from mmaml_lite.tasks import Tasks


def query_loss(learner: nn.Module, tasks: Tasks) -> Tensor:
    """Mean squared error on the queries after adaptation: the outer objective (line 11)."""
    steps = learner.settings.train_steps  # None: as many as in test
    y = learner(tasks.support, tasks.query.x, tasks.mode, steps=steps, only_last=True)[-1]
    return F.mse_loss(y, tasks.query.y)


def parameter_groups(learner: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The task network's own parameters, and those of encoder and heads: clipped apart."""
    omega = [p for n, p in learner.named_parameters() if "encoder." in n or "heads." in n]
    known = {id(p) for p in omega}
    return [p for p in learner.parameters() if id(p) not in known], omega


def learning_rate(settings: Settings, step: int) -> float:
    """beta at an outer step; the cosine schedule warms up over the first hundredth of the run."""
    if settings.schedule == "constant":
        return settings.learning_rate
    warmup = max(1, settings.iterations // 100)
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    progress = (step - warmup) / max(1, settings.iterations - warmup)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def outer_step(run: Run) -> dict[str, float]:
    """One meta-update on a fresh meta-batch; returns its query loss.

    Raises TrainingDiverged, before any weight has changed, when loss or gradient are not finite.
    """
    s = run.settings
    tasks = mixture_of(s).sample(s.tasks_per_mode * len(s.families), run.generator)
    for group in run.optimiser.param_groups:
        group["lr"] = learning_rate(s, run.step)
    run.optimiser.zero_grad()
    loss = query_loss(run.learner, tasks)
    loss.backward()
    norms = [nn.utils.clip_grad_norm_(g, s.outer_clip) for g in parameter_groups(run.learner) if g]
    value = loss.item()
    if not math.isfinite(value + sum(norm.item() for norm in norms)):
        broken = not all(torch.isfinite(part.y).all() for part in (tasks.support, tasks.query))
        advice = (
            "the tasks themselves hold NaN or infinite values: check your own family's function"
            if broken
            else "try a smaller step_size or learning_rate, or a smaller inner_clip_norm"
        )
        raise TrainingDiverged(f"step {run.step}: loss {value}, gradient not finite; {advice}")
    run.optimiser.step()
    return {"loss": value}


def named(setting: str, method: str, recipe: str = "paper", **changes: Any) -> Settings:
    """Settings of an experiment in the zoo, which clips the inner gradient by its norm.

    The fast engine cannot clip entry by entry, as the paper does for modulated networks.
    """
    clipping = {"inner_clip": None, "inner_clip_norm": INNER_CLIP_NORM}
    return settings_for(method, families_of(setting), recipe, **(clipping | changes))


DOMAINS.add("regression", Domain(
    settings=Settings,
    named=named,
    recipe=lambda s: settings_for(s.method, s.families, s.recipe, seed=s.seed),
    label=lambda method: METHODS[method].label,
    build=build,
    outer_step=outer_step,
    headline="loss",
    log_every=100,
    threads=1,
    report="mmaml_lite.report",
))  # fmt: skip
