"""Many episodes at once, with hidden goals, behind gymnasium's vector interface."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from mmaml_lite.rl.tasks import checked


class GoalVector(VectorEnv):
    """Environments side by side, as tensors on a device, each step for step equal to `single`.

    An environment that has ended stays as it is, with reward 0, until the next `reset` (autoreset
    is disabled, as meta-learning wants whole trajectories). Options of `reset`: `goal` `(n, d)`,
    else goals are drawn in equal shares of the modes, in mode order; `reset_mask` `(n,)` resets
    some; `generator`, on the device, draws what is drawn, instead of the environment's own.

    A kind of environment says how its part starts and moves: `_start`, `_observation`, `_advance`.
    """

    metadata = {"autoreset_mode": AutoresetMode.DISABLED}  # noqa: RUF012 (gymnasium's own form)

    def __init__(self, num_envs: int, single: gymnasium.Env, device: torch.device | str):
        if num_envs < 1:
            raise ValueError(f"expected at least one environment, got {num_envs}")
        self.num_envs, self.settings = num_envs, single.settings
        self.device = torch.device(device)
        self.single_observation_space = single.observation_space
        self.single_action_space = single.action_space
        self.observation_space = batch_space(single.observation_space, num_envs)
        self.action_space = batch_space(single.action_space, num_envs)
        self._generator = torch.Generator(self.device)
        self._generator.seed()  # unseeded resets differ, as in every gymnasium environment
        self._goal = torch.zeros(num_envs, self.settings.goal_size, device=self.device)
        self._steps = torch.zeros(num_envs, dtype=torch.long, device=self.device)
        self._ended = torch.zeros(num_envs, dtype=torch.bool, device=self.device)

    def _start(self, mask: Tensor, generator: torch.Generator) -> None:
        """Put the environments of the mask `(n,)` to their start."""
        raise NotImplementedError

    def _observation(self) -> Tensor:
        """What is observed now `(n, do)`."""
        raise NotImplementedError

    def _advance(self, actions: Tensor, going: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Move those that are `going`: rewards, whether terminated `(n,)`, and more information."""
        raise NotImplementedError

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Begin new episodes; options: `goal`, `reset_mask`, `generator`."""
        options = options or {}
        if seed is not None:
            self._generator.manual_seed(seed)
        generator = options.get("generator", self._generator)
        if "goal" in options:
            goal = torch.from_numpy(checked(options["goal"], tuple(self._goal.shape), "goal"))
            goal = goal.to(self.device)
        else:
            goal, _ = self.settings.goals(self.num_envs, generator)
        mask = torch.as_tensor(options.get("reset_mask", True), device=self.device)
        if mask.dtype != torch.bool or mask.shape not in ((), (self.num_envs,)):
            raise ValueError(f"reset_mask must be {self.num_envs} truth values, got {mask}")
        mask = mask.expand(self.num_envs)
        self._goal = torch.where(mask[:, None], goal, self._goal)
        self._steps = torch.where(mask, 0, self._steps)
        self._ended = self._ended & ~mask
        self._start(mask, generator)
        return self._observation(), {"goal": self._goal}

    def step(
        self, actions: Tensor | np.ndarray | Sequence
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """Move all; observations `(n, do)`, rewards, terminated, truncated `(n,)`, and the goals.

        Raises ValueError for actions of another shape than `(n, da)` or not finite.
        """
        shape = self.action_space.shape
        try:
            moves = torch.as_tensor(actions, dtype=torch.float32, device=self.device)
        except (TypeError, ValueError) as error:
            raise ValueError(f"expected actions of shape {shape}, got {actions!r}") from error
        if moves.shape != shape:
            raise ValueError(f"expected actions of shape {shape}, got {tuple(moves.shape)}")
        if not torch.isfinite(moves).all():
            raise ValueError("the actions hold NaN or infinite values: did the policy diverge?")
        going = ~self._ended
        reward, terminated, more = self._advance(moves, going)
        self._steps = self._steps + going
        late = self._steps >= self.settings.horizon
        self._ended = terminated | late
        return self._observation(), reward * going, terminated, late, {"goal": self._goal} | more
