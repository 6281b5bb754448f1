"""The half-cheetah with a hidden target: a place to be at, or a speed to run at.

The tasks of the paper's Figures 3b, 3c and 4. A target lies before the animal or behind it, which
is felt in the reward alone; what the paper leaves open is a setting: see `HalfCheetahWorld`.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from mmaml_lite.rl.simulation import CONTROL_STEP, JOINTS, LIMIT, MOTORS, STATE, Simulation, X
from mmaml_lite.rl.tasks import World, checked, is_number
from mmaml_lite.rl.vector import GoalVector


@dataclass(frozen=True)
class HalfCheetahWorld(World):
    """What defines the tasks; stated beside every number.

    centres, spread, horizon: see `World`; a goal is one number. control_cost: the reward is minus
    the distance from the target, minus this times the squared length of the action. reset_noise: an
    episode starts at rest but for uniform noise this far either way in every position and normal
    noise of this deviation in every velocity.
    """

    control_cost: float = 0.05
    reset_noise: float = 0.1

    actions: ClassVar[int] = MOTORS
    FAR: ClassVar[float]  # from the origin to the outer modes
    WHAT: ClassVar[str]
    UNIT: ClassVar[str]
    FLOORS: ClassVar[dict[str, str]] = {"still": "stands still"}

    def __post_init__(self):
        super().__post_init__()
        if self.goal_size != 1:
            raise ValueError(f"centres must be single numbers (x,), got {self.centres}")
        for name in ("control_cost", "reset_noise"):
            value = getattr(self, name)
            if not (is_number(value) and 0 <= value < math.inf):
                raise ValueError(f"{name} must be a number from 0, got {value!r}")

    @classmethod
    def modes(cls, count: int, **settings: Any) -> "HalfCheetahWorld":
        """The paper's two modes, one behind and one ahead, or `count` evenly spaced; 1: ahead."""
        if count < 1:
            raise ValueError(f"expected at least one mode, got {count}")
        places = np.linspace(-cls.FAR, cls.FAR, count) if count > 1 else [cls.FAR]
        return cls(centres=tuple((float(x),) for x in places), **settings)

    @property
    def words(self) -> str:
        """Place and spread of the modes and the form of the reward, as stated beside numbers."""
        places = ", ".join(f"{x:g}" for (x,) in self.centres)
        modes = f"{len(self.centres)} mode{'s' if len(self.centres) > 1 else ''}"
        return (
            f"goals from {modes} at {places}, spread {self.spread:g}; reward minus the distance of "
            f"{self.WHAT} from the goal, minus {self.control_cost:g} x the squared action; "
            f"reset noise {self.reset_noise:g}"
        )

    def vector(self, num_envs: int, device: torch.device | str = "cpu") -> "HalfCheetahVector":
        """Many runs at once."""
        return HalfCheetahVector(num_envs, self, device)

    def floors(self, goals: Tensor, mode: Tensor) -> dict[str, Tensor]:
        """What standing still earns."""
        env, still = self.vector(len(goals)), torch.zeros(len(goals), MOTORS)
        env.reset(seed=0, options={"goal": goals})
        return {"still": sum(env.step(still)[1] for _ in range(self.horizon))}

    def observed(self, states: np.ndarray) -> np.ndarray:
        """What an environment shows of states `(..., STATE)`: `(..., observations)` float32."""
        return states[..., STATE - self.observations :].astype(np.float32)

    def reached(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """What the target is compared with after a control step, states -> `(...)`."""
        raise NotImplementedError

    def rewards(
        self, before: np.ndarray, after: np.ndarray, actions: np.ndarray, goals: np.ndarray
    ) -> np.ndarray:
        """Of a control step: states `(n, STATE)`, actions `(n, 6)`, goals `(n, 1)` -> `(n,)`."""
        off = np.abs(self.reached(before, after) - goals[:, 0])
        return -off - self.control_cost * np.square(actions).sum(1)


JOINT_UNITS = (0.5,) * 6  # radians
SPEED_UNITS = (2.0, 1.0, 3.0, *(10.0,) * 6)  # of x, height, angle and the joints


@dataclass(frozen=True)
class TargetLocation(HalfCheetahWorld):
    """Be at a place, in metres: the observation shows the torso's x as well."""

    centres: tuple[tuple[float], ...] = ((-7.0,), (7.0,))
    spread: float = 2.0
    horizon: int = 200

    FAR: ClassVar[float] = 7.0
    WHAT: ClassVar[str] = "the torso's x"
    UNIT: ClassVar[str] = "m"
    observations: ClassVar[int] = 2 * JOINTS
    units: ClassVar[tuple[float, ...]] = (5.0, 0.2, 0.5, *JOINT_UNITS, *SPEED_UNITS)
    goal_unit: ClassVar[float] = 5.0

    def reached(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """The torso's x."""
        return after[..., X]


@dataclass(frozen=True)
class TargetSpeed(HalfCheetahWorld):
    """Run at a speed, in metres per second, negative backwards; where does not matter."""

    centres: tuple[tuple[float], ...] = ((-1.5,), (1.5,))
    spread: float = 0.5
    horizon: int = 200

    FAR: ClassVar[float] = 1.5
    WHAT: ClassVar[str] = "the torso's speed"
    UNIT: ClassVar[str] = "m/s"
    observations: ClassVar[int] = 2 * JOINTS - 1
    units: ClassVar[tuple[float, ...]] = TargetLocation.units[1:]
    goal_unit: ClassVar[float] = 2.0

    def reached(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """The torso's mean speed during the step."""
        return (after[..., X] - before[..., X]) / CONTROL_STEP


def outcome(
    world: HalfCheetahWorld,
    simulation: Simulation,
    states: np.ndarray,
    actions: np.ndarray,
    goals: np.ndarray,
    left: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A control step of n environments: states `(n, STATE)`, rewards and whether stable `(n,)`.

    actions `(n, 6)` are clipped to -1..1. left `(n,)`: steps to the horizon, this one included; one
    that blows up is charged for all of them as if it lay still, so that it never pays.
    """
    moves = np.clip(actions.astype(np.float64), -1, 1)
    after, stable = simulation.advance(states, moves)
    return after, world.rewards(states, after, moves, goals) * np.where(stable, 1, left), stable


class HalfCheetah(gymnasium.Env):
    """One episode at a time, registered as `mmaml_lite/HalfCheetahTargetLocation-v0` and `Speed`.

    observation: the torso's x (with a target location only), height and angle, six joints, then
    the velocities of all nine; action: torques (6,), clipped to -1..1; info: the goal, and whether
    the simulation is `unstable`, which ends the episode. `reset(options={"goal": (x,)})` sets the
    goal, else one is drawn and stays until the next reset. Raises ValueError for a goal or an
    action of wrong shape or not finite, ImportError without MuJoCo.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 (gymnasium's own form)

    def __init__(self, settings: HalfCheetahWorld | None = None, render_mode: str | None = None):
        self.settings, self.render_mode = settings or TargetLocation(), render_mode
        self.observation_space = spaces.Box(
            -LIMIT, LIMIT, (self.settings.observations,), np.float32
        )
        self.action_space = spaces.Box(-1, 1, (MOTORS,), np.float32)
        self._simulation = Simulation(1, threads=1)
        self._goal, self._state, self._steps = np.zeros(1, np.float32), np.zeros(STATE), 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Lie down at the origin, but for some noise; options: `goal`."""
        super().reset(seed=seed)
        if options and "goal" in options:
            self._goal = checked(options["goal"], (1,), "goal")
        else:
            self._goal = self.settings.goal(self.np_random)
        noise, self._steps = self.settings.reset_noise, 0
        positions = self.np_random.uniform(-noise, noise, JOINTS)
        velocities = noise * self.np_random.standard_normal(JOINTS)
        self._state = np.concatenate([[0.0], positions, velocities])
        return self.settings.observed(self._state), {"goal": self._goal.copy(), "unstable": False}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Move for 0.05 s."""
        move = checked(action, (MOTORS,), "action")
        left = np.array([self.settings.horizon - self._steps])
        (self._state,), (reward,), (stable,) = outcome(
            self.settings, self._simulation, self._state[None], move[None], self._goal[None], left
        )
        self._steps += 1
        late = self._steps >= self.settings.horizon
        info = {"goal": self._goal.copy(), "unstable": not stable}
        return self.settings.observed(self._state), float(reward), not stable, late, info


class HalfCheetahVector(GoalVector):
    """Many runs at once, simulated on as many threads as torch has; see `GoalVector`.

    info: `unstable` `(n,)` besides the goals. threads: another number of them; the result is the
    same, bit for bit, with any.
    """

    def __init__(
        self,
        num_envs: int = 1,
        settings: HalfCheetahWorld | None = None,
        device: torch.device | str = "cpu",
        threads: int | None = None,
    ):
        super().__init__(num_envs, HalfCheetah(settings), device)
        self._simulation = Simulation(num_envs, threads)
        self._states = np.zeros((num_envs, STATE))
        self._goals = np.zeros((num_envs, 1))
        self._unstable = np.zeros(num_envs, bool)

    def _start(self, mask: Tensor, generator: torch.Generator) -> None:
        size = self.num_envs, JOINTS
        positions = 2 * torch.rand(size, generator=generator, device=self.device) - 1
        velocities = torch.randn(size, generator=generator, device=self.device)
        noise = self.settings.reset_noise * torch.cat([positions, velocities], 1).cpu().numpy()
        some = mask.cpu().numpy()
        self._states[some] = np.pad(noise, ((0, 0), (1, 0)))[some]  # time 0 before them
        self._goals, self._unstable = self._goal.cpu().numpy(), self._unstable & ~some

    def _observation(self) -> Tensor:
        return torch.from_numpy(self.settings.observed(self._states)).to(self.device)

    def _advance(self, actions: Tensor, going: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        on, rewards = going.cpu().numpy(), np.zeros(self.num_envs)
        left = self.settings.horizon - self._steps.cpu().numpy()
        self._states[on], rewards[on], stable = outcome(
            self.settings,
            self._simulation,
            self._states[on],
            actions.cpu().numpy()[on],
            self._goals[on],
            left[on],
        )
        self._unstable[on] = ~stable
        unstable = torch.from_numpy(self._unstable.copy()).to(self.device)
        reward = torch.from_numpy(rewards.astype(np.float32)).to(self.device)
        return reward, unstable, {"unstable": unstable}
