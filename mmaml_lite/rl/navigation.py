"""2D navigation: walk from the origin to a goal that is not shown, only felt in the reward.

The tasks of the paper's Figures 3a, 3d and 10. Goals come from several distant modes; what the
paper leaves open is a setting: see `Navigation`. Dynamics and plain-distance reward are those of
MAML's point environment.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from mmaml_lite.rl.tasks import World, checked, is_number
from mmaml_lite.rl.vector import GoalVector

STEP = 0.1  # a move is clipped to this in each direction
ENDS_WITHIN = 0.01  # of the goal, in both coordinates: MAML's code


@dataclass(frozen=True)
class Navigation(World):
    """What defines the tasks; stated beside every number.

    centres, spread, horizon: see `World`; a goal is a place (x, y). squared: reward is minus the
    squared distance (MAML's text) instead of minus the distance (MAML's code, and the default
    here). ends_within: an episode also ends when both coordinates are this near the goal (0.01 in
    MAML's code); None: never. Raises ValueError for settings that make no task.
    """

    centres: tuple[tuple[float, float], ...] = ((0.5, 0.5), (-0.5, -0.5))
    spread: float = 0.1
    horizon: int = 100
    squared: bool = False
    ends_within: float | None = None

    observations: ClassVar[int] = 2
    actions: ClassVar[int] = 2
    FLOORS: ClassVar[dict[str, str]] = {
        "goal": "told the goal, walks straight there",
        "mode": "told its mode, walks to its centre",
    }

    def __post_init__(self):
        super().__post_init__()
        if self.goal_size != 2:
            raise ValueError(f"centres must be pairs (x, y), got {self.centres}")
        if type(self.squared) is not bool:
            raise ValueError(f"squared must be True or False, got {self.squared!r}")
        if self.ends_within is not None and not (
            is_number(self.ends_within) and self.ends_within > 0
        ):
            raise ValueError(f"ends_within must be positive or None, got {self.ends_within!r}")

    @classmethod
    def modes(cls, count: int, **settings: Any) -> "Navigation":
        """The paper's two modes, or `count` on the circle through them, evenly spaced."""
        if count < 1:
            raise ValueError(f"expected at least one mode, got {count}")
        turns = [math.pi / 4 + 2 * math.pi * i / count for i in range(count)]
        radius = math.sqrt(0.5)
        centres = tuple((radius * math.cos(t), radius * math.sin(t)) for t in turns)
        return cls(tuple((round(x, 6), round(y, 6)) for x, y in centres), **settings)

    @property
    def words(self) -> str:
        """Place and spread of the modes and the form of the reward, as stated beside numbers."""
        places = ", ".join(f"({x:.3g}, {y:.3g})" for x, y in self.centres)
        modes = f"{len(self.centres)} mode{'s' if len(self.centres) > 1 else ''}"
        reward = "squared distance" if self.squared else "distance"
        return f"goals from {modes} at {places}, spread {self.spread:g}; reward minus the {reward}"

    def vector(self, num_envs: int, device: torch.device | str = "cpu") -> "NavigationVector":
        """Many walks at once."""
        return NavigationVector(num_envs, self, device)

    def endings(self) -> dict[str, "Navigation"]:
        """After the horizon only, and within reach of the goal."""
        return terminations(self, ENDS_WITHIN)

    def floors(self, goals: Tensor, mode: Tensor) -> dict[str, Tensor]:
        """Best possible when told the goal, and when told only its mode: walk to its centre.

        Where episodes end at the goal, searching around the centre could earn a little more than
        the second.
        """
        centres = torch.tensor(self.centres, device=goals.device)[mode]
        return {"goal": walk(self, goals, goals), "mode": walk(self, goals, centres)}


def walk(world: Navigation, goals: Tensor, towards: Tensor) -> Tensor:
    """Return of walking straight to the points `towards` `(tasks, 2)` and staying: `(tasks,)`."""
    env = world.vector(len(goals), goals.device)
    position, _ = env.reset(options={"goal": goals})
    total = torch.zeros(len(goals), device=goals.device)
    for _ in range(world.horizon):
        position, reward, *_ = env.step(towards - position)
        total = total + reward
    return total


def terminations(world: Navigation, within: float) -> dict[str, Navigation]:
    """The same tasks with both endings: after the horizon only, and within reach of the goal."""
    return {
        f"{world.horizon} steps": dataclasses.replace(world, ends_within=None),
        f"ends within {within}": dataclasses.replace(world, ends_within=within),
    }


class Navigation2D(gymnasium.Env):
    """One episode at a time, registered as `mmaml_lite/Navigation2D-v0`.

    observation: position (2,); action: move (2,), clipped to STEP in each direction; info: the
    goal. `reset(options={"goal": (x, y)})` sets the goal, else one is drawn and stays until the
    next reset. Raises ValueError for a goal or an action of wrong shape or not finite.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 (gymnasium's own form)

    def __init__(self, settings: Navigation | None = None, render_mode: str | None = None):
        self.settings, self.render_mode = settings or Navigation(), render_mode
        limit = STEP * (self.settings.horizon + 1)  # one more: rounding adds up
        self.observation_space = spaces.Box(-limit, limit, (2,), np.float32)
        self.action_space = spaces.Box(-STEP, STEP, (2,), np.float32)
        self._goal = self._position = np.zeros(2, np.float32)
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Go back to the origin; options: `goal`."""
        super().reset(seed=seed)
        if options and "goal" in options:
            self._goal = checked(options["goal"], (2,), "goal")
        else:
            self._goal = self.settings.goal(self.np_random)
        self._position, self._steps = np.zeros(2, np.float32), 0
        return self._position.copy(), {"goal": self._goal.copy()}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Move; the reward is minus the distance from the goal after the move."""
        move = checked(action, (2,), "action")
        self._position = self._position + np.clip(move, -STEP, STEP)
        self._steps += 1
        off = self._position - self._goal
        square = off[0] * off[0] + off[1] * off[1]
        reward = -float(square if self.settings.squared else np.sqrt(square))
        within = self.settings.ends_within
        there = within is not None and bool((np.abs(off) < within).all())
        late = self._steps >= self.settings.horizon
        return self._position.copy(), reward, there, late, {"goal": self._goal.copy()}


class NavigationVector(GoalVector):
    """Many walks at once, as tensors on a device; see `GoalVector`."""

    def __init__(
        self,
        num_envs: int = 1,
        settings: Navigation | None = None,
        device: torch.device | str = "cpu",
    ):
        super().__init__(num_envs, Navigation2D(settings), device)
        self._position = torch.zeros(num_envs, 2, device=self.device)

    def _start(self, mask: Tensor, generator: torch.Generator) -> None:
        self._position = torch.where(mask[:, None], 0.0, self._position)

    def _observation(self) -> Tensor:
        return self._position

    def _advance(self, actions: Tensor, going: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        moved = self._position + actions.clamp(-STEP, STEP)
        self._position = torch.where(going[:, None], moved, self._position)
        off = self._position - self._goal
        square = off[:, 0] * off[:, 0] + off[:, 1] * off[:, 1]
        reward = -(square if self.settings.squared else square.sqrt())
        near = (off.abs() < (self.settings.ends_within or 0.0)).all(1)
        return reward, near, {}
