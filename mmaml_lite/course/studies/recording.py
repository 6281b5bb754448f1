"""Runs of the half-cheetah to look at: an episode of every stage, and the body as line segments."""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch

from mmaml_lite.rl.collect import collect
from mmaml_lite.rl.half_cheetah import HalfCheetahVector, HalfCheetahWorld
from mmaml_lite.rl.learner import PolicyLearner
from mmaml_lite.rl.simulation import JOINTS, STATE, X, engine, model


class Film(NamedTuple):
    """A stage's most ordinary episode, frame by frame, and what all its episodes earned.

    states `(H + 1, STATE)`; reached `(H,)`: what the target is compared with at every step;
    blew_up: the step at which the simulation did, None if never; returns `(n,)`; shown: which of
    them was filmed, the one whose return is nearest the mean.
    """

    states: np.ndarray
    reached: np.ndarray
    blew_up: int | None
    returns: np.ndarray
    shown: int


class Recording(NamedTuple):
    """One method on one target; before: of the unmodulated prior, None without an encoder."""

    before: Film | None
    stages: list[Film]


class Filmed(HalfCheetahVector):
    """Environments that are filmed: frames, and when each simulation blew up (-1: never)."""

    def _start(self, mask, generator) -> None:
        super()._start(mask, generator)
        self.frames, self.blew_up = [self._states.copy()], np.full(self.num_envs, -1)

    def _advance(self, actions, going):
        found = super()._advance(actions, going)
        self.frames.append(self._states.copy())
        self.blew_up[self._unstable & (self.blew_up < 0)] = len(self.frames) - 1
        return found


class Camera:
    """A world that keeps all environments made of it, in order; simulated on one thread."""

    def __init__(self, world: HalfCheetahWorld):
        self.world, self.filmed = world, []

    def vector(self, num_envs: int, device: torch.device | str = "cpu") -> Filmed:
        """Many runs at once, all of them filmed."""
        self.filmed.append(Filmed(num_envs, self.world, device, threads=1))
        return self.filmed[-1]


def record(
    learner: PolicyLearner, goal: float, steps: int, seed: int, trajectories: int
) -> Recording:
    """Film the inner loop on one target, `trajectories` episodes a stage; equal seeds, equal films.

    Of every stage one episode is kept. Raises ImportError without MuJoCo, ValueError for a target
    or actions that are not finite.
    """
    camera = Camera(learner.settings.world())
    generator = torch.Generator().manual_seed(seed)
    goals = torch.tensor([[float(goal)]])
    batch = collect(learner, goals, steps, generator, world=camera, trajectories=trajectories).batch
    seen = batch.stages
    if batch.explore is not None and seen[0] is not batch.explore:
        seen = [batch.explore, *seen]
    films = [
        _film(camera.world, env, found.returns()[0].numpy())
        for env, found in zip(camera.filmed, seen, strict=True)
    ]
    if batch.explore is None:
        return Recording(None, films)
    return Recording(films[0], films[-len(batch.stages) :])


def _film(world: HalfCheetahWorld, env: Filmed, returns: np.ndarray) -> Film:
    shown = int(np.abs(returns - returns.mean()).argmin())
    states, blew_up = np.array([frame[shown] for frame in env.frames]), int(env.blew_up[shown])
    reached = world.reached(states[:-1], states[1:])
    return Film(states, reached, blew_up if blew_up >= 0 else None, returns, shown)


@cache
def capsules() -> dict[str, int]:
    """The body's parts by name, each a capsule: torso, head, then both legs downwards."""
    mujoco, body = engine(), model()
    kinds = body.geom_type == mujoco.mjtGeom.mjGEOM_CAPSULE
    return {body.geom(int(i)).name: int(i) for i in np.flatnonzero(kinds)}


def thickness() -> float:
    """Of the parts, in metres."""
    return 2 * float(model().geom_size[list(capsules().values()), 0].max())


def poses(states: np.ndarray) -> np.ndarray:
    """Both ends of every part in states `(T, STATE)`: x and height `(T, parts, 2, 2)`, in metres.

    Of positions alone: no step is simulated.
    """
    mujoco, body = engine(), model()
    data, parts = mujoco.MjData(body), list(capsules().values())
    half = body.geom_size[parts, 1:2]
    found = np.empty((len(states), len(parts), 2, 2), np.float32)
    for frame, state in zip(found, states, strict=True):
        data.qpos[:] = state[X : STATE - JOINTS]
        mujoco.mj_kinematics(body, data)
        along = half * data.geom_xmat[parts].reshape(-1, 3, 3)[:, ::2, 2]
        middle = data.geom_xpos[parts][:, ::2]
        frame[:, 0], frame[:, 1] = middle - along, middle + along
    return found
