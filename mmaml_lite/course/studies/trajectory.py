"""What trajectories of a half-cheetah hold: how far off, why, and what that tells of the target.

The state of the animal does not depend on the target; rewards do, and through nothing else. So one
blind trajectory answers for every target: see `Blind`.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmaml_lite.course.studies.navigation import explore
from mmaml_lite.rl.collect import collect
from mmaml_lite.rl.half_cheetah import HalfCheetahWorld, TargetSpeed
from mmaml_lite.rl.learner import PolicyLearner
from mmaml_lite.rl.sampling import Trajectories
from mmaml_lite.rl.simulation import JOINTS

BEYOND = 64.0  # a target that no animal reaches: then every reward says where it is


def torque_cost(world: HalfCheetahWorld, seen: Trajectories, scale: float) -> Tensor:
    """What the rewards were lowered by for the actions, `(tasks, n, H)`."""
    return world.control_cost * (scale * seen.actions).clamp(-1, 1).square().sum(-1)


def observed(world: HalfCheetahWorld, seen: Trajectories) -> Tensor:
    """The torso's x, or its speed, as observed before each action `(tasks, n, H)`."""
    place = JOINTS - 1 if isinstance(world, TargetSpeed) else 0
    return seen.observations[..., place] * world.units[place]


def reached(
    world: HalfCheetahWorld, seen: Trajectories, goals: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """What the target `(tasks, 1)` was compared with, and the torque's cost, `(tasks, n, H)` each.

    The distance is exact, read off the rewards; which side it lies on is read off the observation
    after the step, so that within a distance that one step can change it may be the other one.
    """
    cost = torque_cost(world, seen, scale)
    off = (-seen.rewards - cost).clamp(min=0)
    now = observed(world, seen)
    after = torch.cat([now[..., 1:], now[..., -1:]], -1)
    if isinstance(world, TargetSpeed):  # the mean speed of a step lies between
        after = (now + after) / 2
    target = goals[:, None]
    return target + off * torch.where(after < target, -1.0, 1.0), cost


class Losses(NamedTuple):
    """Where a return went, positive numbers of tasks `(tasks,)`; minus their sum is the return.

    aside: being on one side of the target, on average over the episode; around: changing sides, or
    more exactly what its swinging to and fro adds; torque: the actions' own cost. settled
    `(tasks,)`: mean of what is compared with the target over the second half of the episode.
    """

    aside: Tensor
    around: Tensor
    torque: Tensor
    settled: Tensor

    @property
    def returns(self) -> Tensor:
        """Mean return of every task `(tasks,)`."""
        return -(self.aside + self.around + self.torque)


def losses(
    world: HalfCheetahWorld, seen: Trajectories, goals: Tensor, scale: float = 1.0
) -> Losses:
    """Split the returns of trajectories `(tasks, n, H)` with these goals `(tasks, 1)`."""
    here, cost = reached(world, seen, goals, scale)
    off = here - goals[:, None]
    aside = off.sum(-1).abs()
    around = off.abs().sum(-1) - aside
    settled = here[..., here.shape[-1] // 2 :].mean(-1)
    return Losses(aside.mean(1), around.mean(1), cost.sum(-1).mean(1), settled.mean(1))


def stage_losses(
    learner: PolicyLearner,
    goals: Tensor,
    steps: int,
    seed: int,
    trajectories: int | None = None,
    modulated: bool = True,
) -> dict[str, Losses]:
    """Where the returns of these tasks `(tasks, 1)` go, by the name of the stage.

    trajectories: of every task at every stage, by default as many as in the test. Without
    modulation the random numbers are the same, tau aside.
    """
    generator, world = torch.Generator().manual_seed(seed), learner.settings.world()
    tau = None if modulated else {}
    batch = collect(learner, goals, steps, generator, tau=tau, trajectories=trajectories).batch
    seen = {} if batch.explore is None else {"before modulation": batch.explore}
    seen["after modulation" if seen else "initial"] = batch.stages[0]
    seen |= {f"after step {i}": stage for i, stage in enumerate(batch.stages[1:], 1)}
    scale = learner.policy.scale
    return {name: losses(world, stage, goals, scale) for name, stage in seen.items()}


def first(seen: Trajectories, steps: int) -> Trajectories:
    """The same trajectories as if they ended after so many steps."""
    alive = seen.alive.clone()
    alive[..., steps:] = 0
    return seen._replace(alive=alive)


class Blind(NamedTuple):
    """One trajectory of the unmodulated policy, which knows no target.

    seen: `(1, 1, H)`; reached, torque `(H,)`: what a target is compared with, and the actions'
    cost. Another target changes nothing but the rewards.
    """

    seen: Trajectories
    reached: Tensor
    torque: Tensor

    def rewards(self, target: float) -> Tensor:
        """What every step would have earned with this target `(H,)`."""
        return -(self.reached - target).abs() - self.torque

    def told(self, target: float, steps: int | None = None) -> Trajectories:
        """What the encoder reads for a target; steps: of the first ones only."""
        told = self.seen._replace(rewards=self.rewards(target)[None, None])
        whole = told._replace(alive=torch.ones_like(told.alive))
        return first(whole, len(self.reached) if steps is None else steps)


def blind(learner: PolicyLearner, seed: int) -> Blind:
    """Run the unmodulated policy once; the same seed, the same trajectory."""
    world = learner.settings.world()
    seen = explore(learner, torch.tensor([[BEYOND]]), seed)
    seen = Trajectories(*(part[:, :1] for part in seen))
    cost = torque_cost(world, seen, learner.policy.scale)
    return Blind(seen, (BEYOND + seen.rewards + cost)[0, 0], cost[0, 0])


def candidates(blind: Blind, target: float) -> np.ndarray:
    """Targets that each step's reward allows, one below and one above, `(2, H)`.

    The true one is among both of every step, so that two steps at different places decide.
    """
    off = (-blind.rewards(target) - blind.torque).numpy()
    return np.stack([blind.reached.numpy() - off, blind.reached.numpy() + off])


@torch.no_grad()
def by_steps(learner: PolicyLearner, seen: Trajectories, steps: list[int]) -> list[Tensor]:
    """Embeddings `(tasks, d)` of the trajectories' first steps, for each number of them."""
    return [learner.embed(first(seen, count)) for count in steps]
