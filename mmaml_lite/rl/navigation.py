"""2D navigation: walk from the origin to a goal that is not shown, only felt in the reward.

The tasks of the paper's Figures 3a, 3d and 10. Goals come from several distant modes; what the
paper leaves open is a setting: see `Navigation`. Dynamics and plain-distance reward are those of
MAML's point environment.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor

STEP = 0.1  # a move is clipped to this in each direction


@dataclass(frozen=True)
class Navigation:
    """What defines the tasks; stated beside every number.

    centres: of the goals' modes, which are equally likely. spread: standard deviation of a mode.
    horizon: steps of an episode. squared: reward is minus the squared distance (MAML's text)
    instead of minus the distance (MAML's code, and the default here). ends_within: an episode also
    ends when both coordinates are this near the goal (0.01 in MAML's code); None: never. Raises
    ValueError for settings that make no task.
    """

    centres: tuple[tuple[float, float], ...] = ((0.5, 0.5), (-0.5, -0.5))
    spread: float = 0.1
    horizon: int = 100
    squared: bool = False
    ends_within: float | None = None

    def __post_init__(self):
        if not self.centres or any(len(c) != 2 for c in self.centres):
            raise ValueError(f"centres must be pairs (x, y), at least one, got {self.centres}")
        if not np.isfinite(self.centres).all():
            raise ValueError(f"centres must be finite, got {self.centres}")
        if not (_is_number(self.spread) and 0 <= self.spread < math.inf):
            raise ValueError(f"spread is a standard deviation, expected >= 0, got {self.spread!r}")
        if type(self.horizon) is not int or self.horizon < 1:
            raise ValueError(
                f"an episode needs whole steps, and at least one, got horizon {self.horizon!r}"
            )
        if type(self.squared) is not bool:
            raise ValueError(f"squared must be True or False, got {self.squared!r}")
        if self.ends_within is not None and not (
            _is_number(self.ends_within) and self.ends_within > 0
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

    def goals(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw goals `(count, 2)` and their modes `(count,)`, in equal shares, in mode order.

        Fewer goals than modes have modes drawn at random.
        """
        modes, device = len(self.centres), generator.device
        mode = torch.arange(count, device=device) * modes // count
        if count < modes:
            mode = torch.randint(modes, (count,), generator=generator, device=device)
        noise = self.spread * torch.randn(count, 2, generator=generator, device=device)
        return torch.tensor(self.centres, device=device)[mode] + noise, mode


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def checked(value: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """A goal, goals or an action as float32 of this shape.

    Raises ValueError, which says `what` was expected, for any other shape, for what is no array of
    numbers, and for values that are not finite.
    """
    try:
        plain = value.detach().cpu() if isinstance(value, Tensor) else value
        array = np.asarray(plain, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected a finite {what} of shape {shape}, got {value!r}") from error
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"expected a finite {what} of shape {shape}, got {value!r}")
    return array


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
            s = self.settings
            centre = np.array(s.centres[self.np_random.integers(len(s.centres))])
            drawn = centre + s.spread * self.np_random.standard_normal(2)
            self._goal = drawn.astype(np.float32)
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


class NavigationVector(VectorEnv):
    """Many episodes at once, as tensors on a device, behind gymnasium's vector interface.

    Step for step equal to `Navigation2D`. An environment that has ended stays where it is, with
    reward 0, until the next `reset` (autoreset is disabled, as meta-learning wants whole
    trajectories); `reset(options={"reset_mask": (n,)})` resets some. `reset(options={"goal":
    (n, 2)})` sets the goals; else they are drawn in equal shares of the modes, in mode order.
    """

    metadata = {"autoreset_mode": AutoresetMode.DISABLED}  # noqa: RUF012 (gymnasium's own form)

    def __init__(self, num_envs: int = 1, settings: Navigation | None = None, device: str = "cpu"):
        if num_envs < 1:
            raise ValueError(f"expected at least one environment, got {num_envs}")
        self.num_envs, self.settings = num_envs, settings or Navigation()
        self.device = torch.device(device)
        single = Navigation2D(self.settings)
        self.single_observation_space = single.observation_space
        self.single_action_space = single.action_space
        self.observation_space = gymnasium.vector.utils.batch_space(
            single.observation_space, num_envs
        )
        self.action_space = gymnasium.vector.utils.batch_space(single.action_space, num_envs)
        self._generator = torch.Generator(self.device)
        self._generator.seed()  # unseeded resets differ, as in every gymnasium environment
        self._goal = torch.zeros(num_envs, 2, device=self.device)
        self._position = torch.zeros_like(self._goal)
        self._steps = torch.zeros(num_envs, dtype=torch.long, device=self.device)
        self._ended = torch.zeros(num_envs, dtype=torch.bool, device=self.device)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Go back to the origin, all or those of `reset_mask`; options: `goal`, `reset_mask`."""
        options = options or {}
        if seed is not None:
            self._generator.manual_seed(seed)
        if "goal" in options:
            goal = torch.from_numpy(checked(options["goal"], (self.num_envs, 2), "goal"))
            goal = goal.to(self.device)
        else:
            goal, _ = self.settings.goals(self.num_envs, self._generator)
        mask = torch.as_tensor(options.get("reset_mask", True), device=self.device)
        if mask.dtype != torch.bool or mask.shape not in ((), (self.num_envs,)):
            raise ValueError(f"reset_mask must be {self.num_envs} truth values, got {mask}")
        self._goal = torch.where(mask[..., None], goal, self._goal)
        self._position = torch.where(mask[..., None], 0.0, self._position)
        self._steps = torch.where(mask, 0, self._steps)
        self._ended = self._ended & ~mask
        return self._position, {"goal": self._goal}

    def step(
        self, actions: Tensor | np.ndarray | Sequence
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """Move all; observations `(n, 2)`, rewards, terminated, truncated `(n,)`, and the goals.

        Raises ValueError for actions of another shape than `(n, 2)` or not finite.
        """
        try:
            moves = torch.as_tensor(actions, dtype=torch.float32, device=self.device)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"expected actions of shape {tuple(self._goal.shape)}, got {actions!r}"
            ) from error
        if moves.shape != self._goal.shape:
            raise ValueError(
                f"expected actions of shape {tuple(self._goal.shape)}, got {tuple(moves.shape)}"
            )
        if not torch.isfinite(moves).all():
            raise ValueError("the actions hold NaN or infinite values: did the policy diverge?")
        going = ~self._ended
        moved = self._position + moves.clamp(-STEP, STEP)
        self._position = torch.where(going[:, None], moved, self._position)
        self._steps = self._steps + going
        off = self._position - self._goal
        square = off[:, 0] * off[:, 0] + off[:, 1] * off[:, 1]
        reward = -(square if self.settings.squared else square.sqrt()) * going
        within = self.settings.ends_within
        near = (off.abs() < (within or 0.0)).all(1)
        late = self._steps >= self.settings.horizon
        self._ended = near | late
        return self._position, reward, near, late, {"goal": self._goal}
