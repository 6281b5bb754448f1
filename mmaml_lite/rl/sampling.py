"""Trajectories of many tasks at once: one policy call for all of them at every step."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from mmaml_lite.core.networks import Tau, Theta
from mmaml_lite.rl.policy import LOG_STD_LEAST, GaussianPolicy, log_density
from mmaml_lite.rl.vector import GoalVector


class Trajectories(NamedTuple):
    """What happened: n trajectories of H steps for every task.

    observations `(tasks, n, H, do)`, as they were shown to the policy before each action; actions
    `(tasks, n, H, da)`, as the policy drew them, and their log densities log_probs `(tasks, n, H)`
    under it; rewards `(tasks, n, H)`; alive `(tasks, n, H)`, 1 until the episode has ended.
    """

    observations: Tensor
    actions: Tensor
    log_probs: Tensor
    rewards: Tensor
    alive: Tensor

    def returns(self) -> Tensor:
        """Undiscounted return of every trajectory `(tasks, n)`."""
        return self.rewards.sum(-1)


def per_task(theta: Mapping[str, Tensor], tasks: int) -> Theta:
    """The same theta for every task, `(tasks, ...)` in each entry, without a copy."""
    return {name: w.expand(tasks, *w.shape) for name, w in theta.items()}


@torch.no_grad()
def rollout(
    policy: GaussianPolicy,
    theta: Theta,
    tau: Tau,
    goals: Tensor,
    env: GoalVector,
    generator: torch.Generator,
) -> Trajectories:
    """Sample with every task's own theta `(tasks, ...)` and tau `(tasks, rows, units)`.

    goals `(tasks, d)`; env: has tasks x n environments, in task order; actions, and where episodes
    start, are drawn with `generator`, on the environment's device. Raises ValueError when the
    policy's actions are not finite, and when environments and tasks do not match.
    """
    tasks = len(goals)
    n, left = divmod(env.num_envs, tasks)
    if left or not n:
        raise ValueError(f"{env.num_envs} environments cannot serve {tasks} tasks in equal shares")
    std = theta["log_std"].clamp(min=LOG_STD_LEAST).exp()[:, None]
    told = goals if policy.told else None
    raw, _ = env.reset(options={"goal": goals.repeat_interleave(n, 0), "generator": generator})
    alive = torch.ones(tasks, n, device=raw.device)
    records = ([], [], [], [], [])
    for _ in range(env.settings.horizon):
        observation = env.settings.shown(raw.view(tasks, n, -1), told)
        mean = policy.means(theta, observation, tau)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device)
        action = mean + std * noise
        log_prob = log_density(action, mean, theta["log_std"][:, None])
        raw, reward, ended, late, _ = env.step(policy.scale * action.flatten(0, 1))
        step = (observation, action, log_prob, reward.view(tasks, n), alive)
        for record, value in zip(records, step, strict=True):
            record.append(value)
        alive = alive * (~(ended | late)).view(tasks, n)
    return Trajectories(*(torch.stack(record, dim=2) for record in records))
