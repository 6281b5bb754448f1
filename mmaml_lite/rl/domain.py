"""Reinforcement learning as domains: names in the zoo, recipes and the outer step.

`navigation`, `cheetah-location` and `cheetah-speed`. A setting says how many modes the goals have
and, in navigation, whether an episode ends at the goal: "2-modes", "2-modes-ends". The recipe
`paper` keeps to the paper and, where that is silent, to what works (see `MetaSettings`);
`paper-2019` takes the forms and constants of the follow-up paper's released code for its point
mass, on our navigation.
"""

from collections.abc import Callable, Mapping
from typing import Any

from mmaml_lite.core.descent import set_learning_rate
from mmaml_lite.core.domain import (
    Domain,
    Method,
    Recipe,
    TrainingDiverged,
    numbered_modes,
    register_domain,
)
from mmaml_lite.core.registry import Registry
from mmaml_lite.core.runs import Run
from mmaml_lite.rl.collect import MetaBatch, collect
from mmaml_lite.rl.learner import PolicyLearner
from mmaml_lite.rl.navigation import ENDS_WITHIN
from mmaml_lite.rl.outer import ppo_steps, trpo_step
from mmaml_lite.rl.settings import LocationSettings, MetaSettings, NavigationSettings, SpeedSettings

METHODS: Registry[Method] = Registry("method")
METHODS.update(
    {
        "maml": Method("MAML", {"modulation": None}),
        "mumomaml-film": Method("MuMoMAML (FiLM)", {"modulation": "film"}),
        "mumomaml-scale": Method("MuMoMAML (scale only)", {"modulation": "scale"}),
        "mumomaml-sigmoid": Method("MuMoMAML (sigmoid)", {"modulation": "sigmoid"}),
        "mumomaml-softmax": Method("MuMoMAML (softmax)", {"modulation": "softmax"}),
        "told": Method("told the goal", {"modulation": None, "told": True, "steps": 0}),
    }
)


def paper(method: Mapping[str, Any], **told: Any) -> dict[str, Any]:
    """The settings' own values."""
    return {}


def paper_2019(method: Mapping[str, Any], **told: Any) -> dict[str, Any]:
    """The follow-up paper's; without modulation every step is one on the unmodulated network."""
    return {
        "tasks": 40,
        "trajectories": 20,
        "explore": 20,
        "first_step_plain": method["modulation"] is not None,
        "trace": 1.0,
        "steps": 2,
        "step_size": 0.01,
        "later_steps": 1.0,
        "learning_rate": 5e-5,
        "clip": 0.1,
        "schedule": "constant",
        "iterations": 401,
    }


RECIPES: Registry[Recipe] = Registry("recipe")
RECIPES.update({"paper": paper, "paper-2019": paper_2019})


def modes_of(setting: str) -> dict[str, Any]:
    """What the name of a setting says: its number of modes; ValueError for another name."""
    modes = numbered_modes(setting)
    if not modes:
        raise ValueError(f"unknown setting {setting!r}: expected 1-mode, 2-modes and so on")
    return {"modes": modes}


def modes_and_ending_of(setting: str) -> dict[str, Any]:
    """As `modes_of`; with -ends behind, episodes end at the goal."""
    count, ends, rest = setting.partition("-ends")
    if not numbered_modes(count) or rest:
        raise ValueError(
            f"unknown setting {setting!r}: expected 1-mode, 2-modes and so on, "
            "or with -ends behind, where episodes end at the goal"
        )
    return modes_of(count) | {"ends_within": ENDS_WITHIN if ends else None}


def stage_returns(batch: MetaBatch) -> dict[str, float]:
    """Mean return before modulation, and at every stage, of a meta-batch."""
    found = {f"step {i}": seen.returns().mean().item() for i, seen in enumerate(batch.stages)}
    if batch.explore is not None:
        found["before modulation"] = batch.explore.returns().mean().item()
    return found


def outer_step(run: Run) -> dict[str, float]:
    """One meta-update on fresh goals; returns per stage, gain, KL and share of the step taken.

    Raises TrainingDiverged when a policy's actions or the gradient are not finite.
    """
    s = run.settings
    goals, _ = s.world().goals(s.tasks, run.generator)
    try:
        stages = collect(run.learner, goals, s.steps, run.generator, trajectories=s.trajectories)
    except ValueError as error:  # the goals are ours, so it is the actions
        advice = "try a smaller step_size or learning_rate"
        raise TrainingDiverged(f"step {run.step}: {error}; {advice}") from error
    batch = stages.batch
    if s.outer == "trpo":
        taken = trpo_step(run.learner, batch)
    else:
        set_learning_rate(run)
        taken = ppo_steps(run.learner, batch, run.optimiser)
    found = stage_returns(batch)
    return found | {"return": found[f"step {s.steps}"]} | taken


def register_world(
    settings: type[MetaSettings],
    parse: Callable[[str], dict[str, Any]] = modes_of,
    spell: Callable[[Any], str] = lambda settings: f"{settings.modes}-modes",
) -> Domain:
    """Make a domain of a world of hidden goals, under the name that its settings have.

    parse, spell: where the name of a setting says more than the number of modes. Raises ValueError
    for a name that is taken.
    """
    return register_domain(
        Domain(
            settings=settings,
            methods=METHODS,
            recipes=RECIPES,
            parse=parse,
            spell=spell,
            learner=PolicyLearner,
            outer_step=outer_step,
            report="mmaml_lite.rl.report",
            headline="return",
            log_every=5,
            threads=None,  # navigation: 1.8 times as fast on two cores, large batches of states
        )
    )


register_world(
    NavigationSettings,
    modes_and_ending_of,
    lambda settings: f"{settings.modes}-modes{'-ends' if settings.ends_within else ''}",
)
register_world(LocationSettings)
register_world(SpeedSettings)
