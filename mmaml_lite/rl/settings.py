"""Every constant of meta-reinforcement learning in one place, explained field by field.

What the paper leaves open is our choice: the baseline, gamma and most of TRPO are those of the
MAML-RL reference implementations, the rest is what was found to learn well. One class holds what
all worlds share, with navigation's values; each world adds its own and sets what it needs
otherwise. See `Navigation` and `HalfCheetahWorld` for the tasks, and `RECIPES` for the forms of the
follow-up paper's released code.
"""

from dataclasses import dataclass
from typing import ClassVar

from mmaml_lite.core.modulation import MODULATIONS
from mmaml_lite.core.settings import Settings, setting
from mmaml_lite.rl.encoder import ENCODERS
from mmaml_lite.rl.half_cheetah import HalfCheetahWorld, TargetLocation, TargetSpeed
from mmaml_lite.rl.navigation import Navigation
from mmaml_lite.rl.objective import SURROGATES
from mmaml_lite.rl.tasks import World


@dataclass(frozen=True)
class MetaSettings(Settings):
    """Everything that decides a meta-RL run; the same settings and seed give the same curve.

    task_fields: which of them, besides the modes, define its tasks.
    """

    task_fields: ClassVar[tuple[str, ...]]

    method: str = setting("mumomaml-film", "name under which the method is registered", named=True)
    recipe: str = setting("paper", "recipe these settings started from", named=True)
    modulation: str | None = setting(
        "film", "modulation of every block; None: MAML", among=MODULATIONS, named=True
    )
    modes: int = setting(2, "modes of the goals", least=1, named=True)
    spread: float = setting(0.1, "standard deviation of a mode", least=0)
    horizon: int = setting(100, "steps of an episode", least=1)
    told: bool = setting(
        False, "the policy sees the goal: not meta-learning, but best possible", named=True
    )

    hidden: tuple[int, ...] = setting((64, 64), "units of the policy's blocks (tanh)", least=1)
    init_std: float = setting(0.5, "the policy's initial standard deviation", above=0)
    action_scale: float = setting(
        0.1, "the environment is given the policy's action times this", above=0
    )
    encoder: str = setting("gru", "encoder of trajectories", among=ENCODERS)
    encoder_hidden: int = setting(64, "width of the trajectory encoder", least=1)
    encoder_scales: tuple[float, float, float] = setting(
        (3.0, 3.0, 1.0), "the encoder reads a x observation, action, b x (reward + c): a, b, c"
    )
    encoder_both_ways: bool = setting(False, "the encoder reads from the end to the start as well")
    explore: int = setting(
        1, "trajectories the encoder reads, sampled with the unmodulated prior", least=1
    )
    first_step_plain: bool = setting(False, "first gradient step on the unmodulated network (2019)")

    tasks: int = setting(80, "tasks in a meta-batch", least=1)
    trajectories: int = setting(5, "trajectories per task at every stage, in training", least=1)
    test_trajectories: int = setting(
        20, "trajectories per task at every stage, in the test", least=1
    )
    steps: int = setting(1, "inner gradient steps in training", least=0)
    step_size: float = setting(0.001, "inner step size alpha", above=0)
    later_steps: float = setting(
        0.25, "inner steps after the first are this times as long", above=0
    )
    discount: float = setting(0.99, "discount gamma", least=0, most=1)
    trace: float = setting(0.8, "lambda of the generalised advantage estimates", least=0, most=1)
    surrogate: str = setting("ratio", "inner surrogate", among=SURROGATES)

    outer: str = setting("ppo", "outer step", among=("trpo", "ppo"))
    max_kl: float = setting(0.01, "TRPO: bound on the mean KL on post-adaptation data", above=0)
    cg_iterations: int = setting(10, "TRPO: conjugate gradient iterations", least=1)
    fisher_trajectories: int = setting(
        4, "TRPO: trajectories per task that show the curvature", least=1
    )
    damping: float = setting(1e-3, "TRPO: added to the Fisher matrix", above=0)
    line_search: int = setting(15, "TRPO: tries, each 0.8 times as long", least=1)
    learning_rate: float = setting(1e-3, "PPO: step size of Adam", above=0)
    epochs: int = setting(5, "PPO: passes over a meta-batch", least=1)
    clip: float = setting(0.2, "PPO: bound on the likelihood ratio", above=0)
    target_kl: float = setting(0.01, "PPO: no more passes beyond this mean KL", above=0)
    outer_clip: float = setting(0.5, "PPO: bound on the norm of the outer gradient", above=0)
    schedule: str = setting(
        "linear", "PPO: learning rate; linear ends at 0", among=("constant", "linear")
    )
    iterations: int = setting(1000, "outer steps", least=1)
    seed: int = setting(0, "seed of weights, goals and actions", least=0)

    def check(self) -> None:
        """Enough blocks and tasks, and trajectories that fit the form of the first step."""
        if not self.hidden:
            raise ValueError("hidden must be whole numbers from 1, at least one, got ()")
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

    @property
    def may_be_longer(self) -> bool:
        """Whether a run may go on after its last step: its learning rate has no schedule."""
        return self.outer == "trpo" or super().may_be_longer


@dataclass(frozen=True)
class NavigationSettings(MetaSettings):
    """2D navigation's."""

    domain: ClassVar[str] = "navigation"
    task_fields: ClassVar[tuple[str, ...]] = ("spread", "squared", "horizon")

    squared: bool = setting(False, "reward minus the squared distance, not the distance")
    ends_within: float | None = setting(
        None, "an episode ends this near the goal; None: never", above=0, named=True
    )

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

    horizon: int = setting(200, "steps of an episode, of 0.05 s", least=1)
    control_cost: float = setting(
        0.05, "the reward is minus this times the squared action, too", least=0
    )
    reset_noise: float = setting(0.1, "positions and velocities at the start vary by this", least=0)

    init_std: float = setting(0.5, "the policy's initial standard deviation", above=0)
    action_scale: float = setting(
        1.0, "the environment is given the policy's action times this", above=0
    )
    encoder_both_ways: bool = setting(True, "the encoder reads from the end to the start as well")
    tasks: int = setting(40, "tasks in a meta-batch", least=1)
    trajectories: int = setting(5, "trajectories per task at every stage, in training", least=1)
    test_trajectories: int = setting(
        10, "trajectories per task at every stage, in the test", least=1
    )
    step_size: float = setting(
        0.1, "inner step size alpha", above=0
    )  # 0.5 is most that helps a fresh one
    learning_rate: float = setting(5e-4, "PPO: step size of Adam", above=0)
    target_kl: float = setting(0.02, "PPO: no more passes beyond this mean KL", above=0)
    iterations: int = setting(500, "outer steps", least=1)

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

    spread: float = setting(
        TargetLocation.spread, "standard deviation of a mode, in metres", least=0
    )
    trace: float = setting(0.97, "lambda of the generalised advantage estimates", least=0, most=1)
    encoder_scales: tuple[float, float, float] = setting(
        (1.0, 0.2, 7.0), "the encoder reads a x observation, action, b x (reward + c): a, b, c"
    )


@dataclass(frozen=True)
class SpeedSettings(CheetahSettings):
    """The half-cheetah's that runs at a speed."""

    domain: ClassVar[str] = "cheetah-speed"
    kind: ClassVar[type[HalfCheetahWorld]] = TargetSpeed

    spread: float = setting(TargetSpeed.spread, "standard deviation of a mode, in m/s", least=0)
    encoder_scales: tuple[float, float, float] = setting(
        (1.0, 1.0, 1.5), "the encoder reads a x observation, action, b x (reward + c): a, b, c"
    )
