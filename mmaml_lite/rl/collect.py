"""Act, learn, act again: the trajectories of the inner loop, stage by stage."""

from typing import NamedTuple

import torch
from torch import Tensor

from mmaml_lite.core.networks import Tau, Theta
from mmaml_lite.rl.learner import PolicyLearner
from mmaml_lite.rl.sampling import Trajectories, per_task, rollout
from mmaml_lite.rl.tasks import World


class MetaBatch(NamedTuple):
    """All that was sampled for some tasks: what the encoder read, then stage after stage.

    stages: before each inner step, and last the post-adaptation data.
    """

    explore: Trajectories | None
    stages: list[Trajectories]

    def few(self, n: int) -> "MetaBatch":
        """The same tasks with the first n trajectories of every stage."""
        return MetaBatch(
            self.explore, [Trajectories(*(t[:, :n] for t in seen)) for seen in self.stages]
        )


class Stages(NamedTuple):
    """Some tasks' way through the inner loop: trajectories, and the policies that made them.

    thetas: of every stage, `(tasks, ...)` in each entry; tau: of all of them.
    """

    batch: MetaBatch
    thetas: list[Theta]
    tau: Tau


@torch.no_grad()
def collect(
    learner: PolicyLearner,
    goals: Tensor,
    steps: int,
    generator: torch.Generator,
    world: World | None = None,
    tau: Tau | None = None,
    trajectories: int | None = None,
) -> Stages:
    """Run the inner loop on tasks with these goals `(tasks, d)`, with fresh trajectories each time.

    First the prior alone, for the encoder; then, modulated, before each of `steps` gradient steps
    and after the last. world: another horizon, reward or termination than in training. tau:
    modulation vectors to use instead of the encoder's, with the same random numbers.
    trajectories: of every task at every stage, by default as many as in the test.
    """
    s, tasks = learner.settings, len(goals)
    n = trajectories or s.test_trajectories
    world = world or s.world()

    def act(theta: Theta, tau: Tau, n: int) -> Trajectories:
        env = world.vector(tasks * n, goals.device)
        return rollout(learner.policy, theta, tau, goals, env, generator)

    theta = per_task(dict(learner.theta), tasks)
    explore = None if learner.encoder is None else act(theta, {}, s.explore)
    if tau is None:
        tau = learner.modulate(learner.embed(explore))
    thetas, stages = [theta], [explore if s.first_step_plain else act(theta, tau, n)]
    for i in range(steps):
        theta = learner.step(theta, tau, stages[-1], i)
        thetas.append(theta)
        stages.append(act(theta, tau, n))
    return Stages(MetaBatch(explore, stages), thetas, tau)
