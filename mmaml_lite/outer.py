"""The outer step of regression: Adam on the query loss after adaptation (Algorithm 1, line 11)."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmaml_lite.descent import descend, set_learning_rate
from mmaml_lite.domains import DOMAINS, Domain
from mmaml_lite.methods import (
    METHODS,
    build,
    compact,
    compile_inner_loop,
    mixture_of,
    settings_for,
)
from mmaml_lite.recipes import INNER_CLIP_NORM, Settings, families_of
from mmaml_lite.runs import Run
from mmaml_lite.tasks import Tasks


def query_loss(learner: nn.Module, tasks: Tasks, steps: int | None = None) -> Tensor:
    """Mean squared error on the queries after adaptation: the outer objective (line 11).

    steps: of the inner loop; None takes as many as the settings train with.
    """
    if steps is None:
        steps = learner.settings.train_steps  # None: as many as in test
    y = learner(tasks.support, tasks.query.x, tasks.mode, steps=steps, only_last=True)[-1]
    return F.mse_loss(y, tasks.query.y)


def advice(tasks: Tasks) -> str:
    """What may help when training on these tasks has diverged."""
    if all(torch.isfinite(part.y).all() for part in (tasks.support, tasks.query)):
        return "try a smaller step_size or learning_rate, or a smaller inner_clip_norm"
    return "the tasks themselves hold NaN or infinite values: check your own family's function"


def outer_step(run: Run) -> dict[str, float]:
    """One meta-update on a fresh meta-batch; returns its query loss.

    Raises TrainingDiverged, before any weight has changed, when loss or gradient are not finite.
    """
    s = run.settings
    tasks = mixture_of(s).sample(s.tasks_per_mode * len(s.families), run.generator)
    set_learning_rate(run)
    run.optimiser.zero_grad()
    modulation_alone = run.step < s.modulation_first * s.iterations
    loss = query_loss(run.learner, tasks, 0 if modulation_alone else None)
    loss.backward()
    value = loss.item()
    descend(run, value, lambda: advice(tasks))
    return {"loss": value}


def named(setting: str, method: str, recipe: str = "paper", **changes: Any) -> Settings:
    """Settings of an experiment in the zoo, which clips the inner gradient by its norm.

    The fast engine cannot clip entry by entry, as the paper does for modulated networks.
    """
    clipping = {"inner_clip": None, "inner_clip_norm": INNER_CLIP_NORM} if recipe == "paper" else {}
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
    compile=compile_inner_loop,
    compact=compact,
))  # fmt: skip
