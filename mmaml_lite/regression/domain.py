"""Regression as a domain: its methods, its names in the zoo and its outer step.

A method is a configuration of one learner: MAML is MuMoMAML without an encoder, Multi-MAML is one
MAML for each mode, the LSTM learner is MuMoMAML trained with zero steps. So toggling the modulation
is choosing another configuration.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmaml_lite.core.descent import descend, set_learning_rate
from mmaml_lite.core.domain import Domain, Method, register_domain
from mmaml_lite.core.registry import Registry
from mmaml_lite.core.runs import Run
from mmaml_lite.core.tasks import Tasks
from mmaml_lite.regression.learner import PerMode, RegressionLearner, compile_inner_loop
from mmaml_lite.regression.recipes import INNER_CLIP_NORM, RECIPES, families_of
from mmaml_lite.regression.settings import RegressionSettings
from mmaml_lite.regression.tasks import mixture_of

METHODS: Registry[Method] = Registry("method", " (a method of your own: register_method)")


def register_method(name: str, label: str, **settings: Any) -> None:
    """Register a method as the settings that define it; every recipe and tool then knows it.

    Raises ValueError for a name that is taken and for unknown or wrong settings.
    """
    RegressionSettings().replace(**settings)
    METHODS.add(name, Method(label, settings))


register_method("pretrained", "pretrained network", train_steps=0)  # no look-ahead: not MAML
register_method("maml", "MAML")
register_method("tuned-maml", "tuned MAML", learn_step_size="layer")
register_method("multi-maml", "Multi-MAML", per_mode=True)
register_method("tuned-multi-maml", "tuned Multi-MAML", per_mode=True, learn_step_size="layer")
register_method("lstm-learner", "LSTM learner", modulation="film", steps=0)
register_method("mumomaml-softmax", "MuMoMAML softmax", modulation="softmax")
register_method("mumomaml-sigmoid", "MuMoMAML sigmoid", modulation="sigmoid")
register_method("mumomaml-film", "MuMoMAML FiLM", modulation="film")
register_method("mumomaml-small", "MuMoMAML, small encoder", modulation="film", encoder_hidden=40)
register_method("multi-mumomaml", "MuMoMAML per mode", modulation="film", per_mode=True)


def settings_for(
    method: str, families: Sequence[str], recipe: str = "paper", **changes: Any
) -> RegressionSettings:
    """Settings of a method on a mixture of families under a recipe, some of them changed."""
    return DOMAIN.composed(method, recipe, families=tuple(families)).replace(**changes)


def learner_of(settings: RegressionSettings) -> RegressionLearner | PerMode:
    """A fresh learner; raises ValueError for unknown families."""
    return PerMode(settings) if settings.per_mode else RegressionLearner(settings)


def compact(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights as the zoo keeps them: encoder and heads, their matrices, in half precision.

    That moves the error of no method with 2, 3 or 5 modes by more than 0.0005
    (`benchmarks/rounding.py`). theta keeps all its digits: the inner steps amplify what is rounded
    there.
    """
    reader = {"encoder", "heads"}
    return {
        name: t.half() if t.ndim > 1 and reader & set(name.split(".")) else t
        for name, t in state.items()
    }


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


def clipped_by_norm(recipe: str) -> dict[str, Any]:
    """What the zoo changes: its "paper" clips the inner gradient by its norm.

    The fast engine cannot clip entry by entry, as the paper does for modulated networks.
    """
    return {"inner_clip": None, "inner_clip_norm": INNER_CLIP_NORM} if recipe == "paper" else {}


DOMAIN = register_domain(
    Domain(
        settings=RegressionSettings,
        methods=METHODS,
        recipes=RECIPES,
        parse=lambda setting: {"families": families_of(setting)},
        spell=lambda settings: "+".join(settings.families),
        learner=learner_of,
        outer_step=outer_step,
        report="mmaml_lite.regression.report",
        zoo=clipped_by_norm,
        compile=compile_inner_loop,
        compact=compact,
    )
)
