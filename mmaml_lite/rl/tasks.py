"""What all worlds of hidden goals share: where goals come from, and what a policy is shown."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor


@dataclass(frozen=True)
class World:
    """What defines the tasks of a world; stated beside every number.

    centres: of the goals' modes, which are equally likely, each a tuple of as many numbers as a
    goal has. spread: standard deviation of a mode. horizon: steps of an episode. Raises ValueError
    for settings that make no task.

    A kind of world also says how many numbers an observation and an action have, in what `units`
    an observation is shown to a policy (fixed, so that all of it varies by about one; () leaves it
    as it is) and a goal to one that is told, and which `FLOORS` it knows, with their labels.
    """

    centres: tuple[tuple[float, ...], ...]
    spread: float
    horizon: int

    observations: ClassVar[int]
    actions: ClassVar[int]
    units: ClassVar[tuple[float, ...]] = ()
    goal_unit: ClassVar[float] = 1.0
    FLOORS: ClassVar[dict[str, str]]

    def __post_init__(self):
        if not self.centres or len({len(c) for c in self.centres}) != 1:
            raise ValueError(f"centres must be points alike, at least one, got {self.centres}")
        if not np.isfinite(self.centres).all():
            raise ValueError(f"centres must be finite, got {self.centres}")
        if not (is_number(self.spread) and 0 <= self.spread < math.inf):
            raise ValueError(f"spread is a standard deviation, expected >= 0, got {self.spread!r}")
        if type(self.horizon) is not int or self.horizon < 1:
            raise ValueError(
                f"an episode needs whole steps, and at least one, got horizon {self.horizon!r}"
            )

    @property
    def goal_size(self) -> int:
        """Numbers in a goal."""
        return len(self.centres[0])

    @property
    def words(self) -> str:
        """Place and spread of the modes and the form of the reward, as stated beside numbers."""
        raise NotImplementedError

    def vector(self, num_envs: int, device: torch.device | str = "cpu") -> VectorEnv:
        """Many environments of this world at once, a `GoalVector`."""
        raise NotImplementedError

    def endings(self) -> dict[str, "World"]:
        """The same tasks with each ending of an episode that the test knows, by its name."""
        return {f"{self.horizon} steps": self}

    def floors(self, goals: Tensor, mode: Tensor) -> dict[str, Tensor]:
        """What could be earned without learning, by names of FLOORS `(tasks,)` each."""
        raise NotImplementedError

    def goals(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw goals `(count, d)` and their modes `(count,)`, in equal shares, in mode order.

        Fewer goals than modes have modes drawn at random.
        """
        modes, device = len(self.centres), generator.device
        mode = torch.arange(count, device=device) * modes // count
        if count < modes:
            mode = torch.randint(modes, (count,), generator=generator, device=device)
        noise = torch.randn(count, self.goal_size, generator=generator, device=device)
        return torch.tensor(self.centres, device=device)[mode] + self.spread * noise, mode

    def goal(self, random: np.random.Generator) -> np.ndarray:
        """Draw one goal `(d,)` of any mode."""
        centre = np.array(self.centres[random.integers(len(self.centres))])
        drawn = centre + self.spread * random.standard_normal(self.goal_size)
        return drawn.astype(np.float32)

    def shown(self, observations: Tensor, goals: Tensor | None = None) -> Tensor:
        """What a policy sees of observations `(tasks, n, do)`: in `units`, and told any goals.

        goals `(tasks, d)` -> `(tasks, n, do + d)`; without, `(tasks, n, do)`.
        """
        if self.units:
            observations = observations / observations.new_tensor(self.units)
        if goals is None:
            return observations
        told = (goals / self.goal_unit)[:, None].expand(-1, observations.shape[1], -1)
        return torch.cat([observations, told], dim=-1)


def is_number(value: Any) -> bool:
    """Whether it is a plain whole or real number, and no truth value."""
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
