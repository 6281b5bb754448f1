"""Every constant of meta-reinforcement learning in one place, explained field by field.

What the paper leaves open is our choice: the baseline, gamma and most of TRPO are those of the
MAML-RL reference implementations, the rest is what was found to learn well. One class holds what
all worlds share, with navigation's values; each world adds its own and sets what it needs
otherwise. See `Navigation` and `HalfCheetahWorld` for the tasks, and `RECIPES` for the forms of the
follow-up paper's released code.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

from mmaml_lite.core.modulation import MODULATIONS
from mmaml_lite.core.settings import replaced, setting
from mmaml_lite.rl.half_cheetah import HalfCheetahWorld, TargetLocation, TargetSpeed
from mmaml_lite.rl.navigation import Navigation
from mmaml_lite.rl.objective import SURROGATES
from mmaml_lite.rl.tasks import World


def _whole(value: Any, least: int) -> bool:
    return type(value) is int and value >= least


def _finite(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


@dataclass(frozen=True)
class MetaSettings:
    """Everything that decides a meta-RL run; the same settings and seed give the same curve.

    domain: whose settings they are; task_fields: which of them, besides the modes, define its
    tasks.
    """

    domain: ClassVar[str]
    task_fields: ClassVar[tuple[str, ...]]

    method: str = setting("mumomaml-film", "name under which the method is registered")
    recipe: str = setting("paper", "recipe these settings started from")
    modulation: str | None = setting("film", "film, scale, sigmoid or softmax; None: MAML")
    modes: int = setting(2, "modes of the goals")
    spread: float = setting(0.1, "standard deviation of a mode")
    horizon: int = setting(100, "steps of an episode")
    told: bool = setting(False, "the policy sees the goal: not meta-learning, but best possible")

    hidden: tuple[int, ...] = setting((64, 64), "units of the policy's blocks (tanh)")
    init_std: float = setting(0.5, "the policy's initial standard deviation")
    action_scale: float = setting(0.1, "the environment is given the policy's action times this")
    encoder_hidden: int = setting(64, "width of the trajectory encoder")
    encoder_scales: tuple[float, float, float] = setting(
        (3.0, 3.0, 1.0), "the encoder reads a x observation, action, b x (reward + c): a, b, c"
    )
    encoder_both_ways: bool = setting(False, "the encoder reads from the end to the start as well")
    explore: int = setting(1, "trajectories the encoder reads, sampled with the unmodulated prior")
    first_step_plain: bool = setting(False, "first gradient step on the unmodulated network (2019)")

    tasks: int = setting(80, "tasks in a meta-batch")
    trajectories: int = setting(5, "trajectories per task at every stage, in training")
    test_trajectories: int = setting(20, "trajectories per task at every stage, in the test")
    steps: int = setting(1, "inner gradient steps in training")
    step_size: float = setting(0.001, "inner step size alpha")
    later_steps: float = setting(0.25, "inner steps after the first are this times as long")
    discount: float = setting(0.99, "discount gamma")
    trace: float = setting(0.8, "lambda of the generalised advantage estimates")
    surrogate: str = setting("ratio", "inner surrogate: ratio or dice")

    outer: str = setting("ppo", "outer step: trpo or ppo")
    max_kl: float = setting(0.01, "TRPO: bound on the mean KL on post-adaptation data")
    cg_iterations: int = setting(10, "TRPO: conjugate gradient iterations")
    fisher_trajectories: int = setting(4, "TRPO: trajectories per task that show the curvature")
    damping: float = setting(1e-3, "TRPO: added to the Fisher matrix")
    line_search: int = setting(15, "TRPO: tries, each 0.8 times as long")
    learning_rate: float = setting(1e-3, "PPO: step size of Adam")
    epochs: int = setting(5, "PPO: passes over a meta-batch")
    clip: float = setting(0.2, "PPO: bound on the likelihood ratio")
    target_kl: float = setting(0.01, "PPO: no more passes beyond this mean KL")
    outer_clip: float = setting(0.5, "PPO: bound on the norm of the outer gradient")
    schedule: str = setting("linear", "PPO: learning rate constant, or linear (to 0)")
    iterations: int = setting(1000, "outer steps")
    seed: int = setting(0, "seed of weights, goals and actions")

    def __post_init__(self):
        for name in ("hidden", "encoder_scales"):
            if isinstance(getattr(self, name), list):  # where JSON was read
                object.__setattr__(self, name, tuple(getattr(self, name)))
        counts = [f.name for f in dataclasses.fields(self) if f.type is int]
        for name in counts:
            value, least = getattr(self, name), 0 if name in ("steps", "seed") else 1
            if not _whole(value, least):
                raise ValueError(f"{name} must be a whole number from {least}, got {value!r}")
        hidden, scales = self.hidden, self.encoder_scales
        if type(hidden) is not tuple or not hidden or not all(_whole(n, 1) for n in hidden):
            raise ValueError(f"hidden must be whole numbers above 0, got {hidden!r}")
        if type(scales) is not tuple or len(scales) != 3 or not all(map(_finite, scales)):
            raise ValueError(f"encoder_scales must be three finite numbers, got {scales!r}")
        for name in (
            "init_std",
            "action_scale",
            "step_size",
            "later_steps",
            "max_kl",
            "damping",
            "learning_rate",
            "clip",
            "target_kl",
            "outer_clip",
        ):
            value = getattr(self, name)
            if not (_finite(value) and value > 0):
                raise ValueError(f"{name} must be positive and finite, got {value!r}")
        for name in ("discount", "trace"):
            value = getattr(self, name)
            if not (_finite(value) and 0 <= value <= 1):
                raise ValueError(f"{name} must lie in 0..1, got {value!r}")
        if self.modulation is not None:
            MODULATIONS[self.modulation]
        SURROGATES[self.surrogate]
        if self.outer not in ("trpo", "ppo"):
            raise ValueError(f"outer must be trpo or ppo, got {self.outer!r}")
        if self.schedule not in ("constant", "linear"):
            raise ValueError(f"schedule must be constant or linear, got {self.schedule!r}")
        for name in ("first_step_plain", "told", "encoder_both_ways"):
            if type(getattr(self, name)) is not bool:
                raise ValueError(f"{name} must be True or False, got {getattr(self, name)!r}")
        if self.first_step_plain and (self.modulation is None or self.explore != self.trajectories):
            raise ValueError(
                "first_step_plain steps on the trajectories that the encoder reads: it needs a "
                f"modulation and explore = trajectories, got {self.explore}, {self.trajectories}"
            )
        if self.tasks < self.modes:
            raise ValueError(f"{self.tasks} tasks cannot hold {self.modes} modes in equal shares")
        self.world()

    def world(self) -> World:
        """The task distribution of these settings."""
        raise NotImplementedError

    def replace(self, **changes: Any) -> "MetaSettings":
        """A copy with changes; raises ValueError for unknown names or wrong values."""
        return replaced(self, **changes)

    @property
    def may_be_longer(self) -> bool:
        """Whether a run may go on after its last step: its learning rate has no schedule."""
        return self.outer == "trpo" or self.schedule == "constant"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they are stored beside the weights."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class NavigationSettings(MetaSettings):
    """2D navigation's."""

    domain: ClassVar[str] = "navigation"
    task_fields: ClassVar[tuple[str, ...]] = ("spread", "squared", "horizon")

    squared: bool = setting(False, "reward minus the squared distance, not the distance")
    ends_within: float | None = setting(None, "an episode ends this near the goal; None: never")

    def world(self) -> Navigation:
        """Goals on the plane."""
        return Navigation.modes(
            self.modes,
            spread=self.spread,
            horizon=self.horizon,
            squared=self.squared,
            ends_within=self.ends_within,
        )


@dataclass(frozen=True)
class CheetahSettings(MetaSettings):
    """What both tasks of the half-cheetah share; kind: which of them."""

    kind: ClassVar[type[HalfCheetahWorld]]
    task_fields: ClassVar[tuple[str, ...]] = ("spread", "horizon", "control_cost", "reset_noise")

    horizon: int = setting(200, "steps of an episode, of 0.05 s")
    control_cost: float = setting(0.05, "the reward is minus this times the squared action, too")
    reset_noise: float = setting(0.1, "positions and velocities at the start vary by this")

    init_std: float = setting(0.5, "the policy's initial standard deviation")
    action_scale: float = setting(1.0, "the environment is given the policy's action times this")
    encoder_both_ways: bool = setting(True, "the encoder reads from the end to the start as well")
    tasks: int = setting(40, "tasks in a meta-batch")
    trajectories: int = setting(5, "trajectories per task at every stage, in training")
    test_trajectories: int = setting(10, "trajectories per task at every stage, in the test")
    step_size: float = setting(0.1, "inner step size alpha")  # 0.5 is most that helps a fresh one
    learning_rate: float = setting(5e-4, "PPO: step size of Adam")
    target_kl: float = setting(0.02, "PPO: no more passes beyond this mean KL")
    iterations: int = setting(500, "outer steps")

    def world(self) -> HalfCheetahWorld:
        """Targets behind and ahead."""
        return self.kind.modes(
            self.modes, **{name: getattr(self, name) for name in self.task_fields}
        )


@dataclass(frozen=True)
class LocationSettings(CheetahSettings):
    """The half-cheetah's that runs to a place."""

    domain: ClassVar[str] = "cheetah-location"
    kind: ClassVar[type[HalfCheetahWorld]] = TargetLocation

    spread: float = setting(TargetLocation.spread, "standard deviation of a mode, in metres")
    trace: float = setting(0.97, "lambda of the generalised advantage estimates")
    encoder_scales: tuple[float, float, float] = setting(
        (1.0, 0.2, 7.0), "the encoder reads a x observation, action, b x (reward + c): a, b, c"
    )


@dataclass(frozen=True)
class SpeedSettings(CheetahSettings):
    """The half-cheetah's that runs at a speed."""

    domain: ClassVar[str] = "cheetah-speed"
    kind: ClassVar[type[HalfCheetahWorld]] = TargetSpeed

    spread: float = setting(TargetSpeed.spread, "standard deviation of a mode, in m/s")
    encoder_scales: tuple[float, float, float] = setting(
        (1.0, 1.0, 1.5), "the encoder reads a x observation, action, b x (reward + c): a, b, c"
    )
