"""Reinforcement learning as domains: names in the zoo, recipes and the outer step.

`navigation`, `cheetah-location` and `cheetah-speed`. A setting says how many modes the goals have
and, in navigation, whether an episode ends at the goal: "2-modes", "2-modes-ends". The recipe
`paper` keeps to the paper and, where that is silent, to what works (see `MetaSettings`);
`paper-2019` takes the forms and constants of the follow-up paper's released code for its point
mass, on our navigation.
"""

from typing import Any

from mmaml_lite.core.descent import set_learning_rate
from mmaml_lite.core.domain import DOMAINS, Domain, Method, TrainingDiverged, numbered_modes, seeded
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

RECIPES: Registry[dict[str, Any]] = Registry("recipe")
RECIPES.update(
    {
        "paper": {},
        "paper-2019": {
            "tasks": 40,
            "trajectories": 20,
            "explore": 20,
            "first_step_plain": True,
            "trace": 1.0,
            "steps": 2,
            "step_size": 0.01,
            "later_steps": 1.0,
            "learning_rate": 5e-5,
            "clip": 0.1,
            "schedule": "constant",
            "iterations": 401,
        },
    }
)


def _settings(kind: type[MetaSettings], method: str, recipe: str, **named: Any) -> MetaSettings:
    """What a recipe, a method and the name of a setting make, in this order."""
    found = {"method": method, "recipe": recipe, **RECIPES[recipe], **METHODS[method].settings}
    if found["modulation"] is None:  # every step is one on the unmodulated network
        found["first_step_plain"] = False
    return kind(**found, **named)


def named(setting: str, method: str, recipe: str = "paper", **changes: Any) -> NavigationSettings:
    """Navigation's settings of an experiment in the zoo; raises ValueError for unknown names."""
    count, ends, rest = setting.partition("-ends")
    modes = numbered_modes(count)
    if not modes or rest:
        raise ValueError(
            f"unknown setting {setting!r}: expected 1-mode, 2-modes and so on, "
            "or with -ends behind, where episodes end at the goal"
        )
    within = ENDS_WITHIN if ends else None
    settings = _settings(NavigationSettings, method, recipe, modes=modes, ends_within=within)
    return settings.replace(**changes)


def recipe_of(settings: NavigationSettings) -> NavigationSettings:
    """What the recipe asks for in the experiment of these settings."""
    ends = "-ends" if settings.ends_within else ""
    return named(f"{settings.modes}-modes{ends}", settings.method, settings.recipe).replace(
        seed=settings.seed
    )


def build(settings: MetaSettings) -> PolicyLearner:
    """A fresh learner, its initial weights decided by `settings.seed` alone."""
    with seeded(settings.seed):
        return PolicyLearner(settings)


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


def _domain(settings: type[MetaSettings], named: Any, recipe: Any) -> Domain:
    """What all worlds share."""
    return Domain(
        settings=settings,
        named=named,
        recipe=recipe,
        label=lambda method: METHODS[method].label,
        build=build,
        outer_step=outer_step,
        headline="return",
        log_every=5,
        threads=None,  # navigation: 1.8 times as fast on two cores, large batches of states
        report="mmaml_lite.rl.report",
    )


def _cheetah(kind: type[MetaSettings]) -> Domain:
    """A half-cheetah's: only its modes are in the name of a setting."""

    def named(setting: str, method: str, recipe: str = "paper", **changes: Any) -> MetaSettings:
        modes = numbered_modes(setting)
        if not modes:
            raise ValueError(f"unknown setting {setting!r}: expected 1-mode, 2-modes and so on")
        return _settings(kind, method, recipe, modes=modes).replace(**changes)

    def recipe_of(settings: MetaSettings) -> MetaSettings:
        asked = named(f"{settings.modes}-modes", settings.method, settings.recipe)
        return asked.replace(seed=settings.seed)

    return _domain(kind, named, recipe_of)


DOMAINS.add("navigation", _domain(NavigationSettings, named, recipe_of))
for kind in (LocationSettings, SpeedSettings):
    DOMAINS.add(kind.domain, _cheetah(kind))
