"""Hunting a goal with one's own moves: what they earn, what the rewards say, what others earn.

The rules (where a step leads, what it earns, how it is clipped) are those of `Navigation2D`.
"""

import dataclasses
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from mmaml_lite.core import zoo
from mmaml_lite.rl.collect import collect
from mmaml_lite.rl.navigation import STEP, Navigation, Navigation2D, walk

RIVALS = {"maml": ("maml", 1), "mumomaml": ("mumomaml-film", 0)}  # key: method, gradient steps


class Rival(NamedTuple):
    """What a trained policy earns for one goal: rewards `(H,)`, the mean over its tries.

    walks: how many, of H steps each, it had seen before; provisional: whether its weights are.
    """

    rewards: np.ndarray
    walks: int
    provisional: bool


def hidden_goal(world: Navigation, seed: int, number: int) -> np.ndarray:
    """The `number`-th goal `(2,)`, from 1, of the sequence that belongs to `seed`."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(number):
        goals, _ = world.goals(1, generator)
    return goals[0].numpy()


def walked(
    world: Navigation, goal: np.ndarray, moves: Sequence[Sequence[float]]
) -> tuple[np.ndarray, np.ndarray]:
    """Where these moves lead from the origin `(n + 1, 2)`, and what each earns `(n,)`."""
    env = Navigation2D(world)
    positions, rewards = [env.reset(options={"goal": goal})[0]], []
    for move in moves:
        position, reward, *_ = env.step(np.array(move))
        positions.append(position)
        rewards.append(reward)
    return np.array(positions), np.array(rewards)


def crossing(places: np.ndarray, rewards: np.ndarray) -> np.ndarray | None:
    """The one place `(2,)` where the circles of these rewards cross; None if there may be two.

    places `(n, 2)`, after each step; rewards `(n,)`, minus the distances. The equation of the first
    circle, subtracted from the others, leaves linear ones: as many as needed, unless all places
    lie on one line.
    """
    places, rewards = places.astype(float), rewards.astype(float)
    apart = 2 * (places[1:] - places[:1])
    if len(places) < 3 or np.linalg.svd(apart, compute_uv=False)[-1] < 1e-3:
        return None
    power = (places**2).sum(1) - rewards**2
    return np.linalg.lstsq(apart, power[1:] - power[0], rcond=None)[0]


def pinned(places: np.ndarray, rewards: np.ndarray) -> int | None:
    """After how many steps the rewards left only one place for the goal; None if they never did."""
    tries = range(3, len(rewards) + 1)
    return next((n for n in tries if crossing(places[:n], rewards[:n]) is not None), None)


def seeker(world: Navigation, goal: np.ndarray, steps: int) -> list[list[float]]:
    """The moves of a script that is told nothing but rewards.

    Three steps with a corner are enough: it goes to where their circles cross, and stays there.
    """
    moves = [[STEP, 0.0], [0.0, STEP], [STEP, 0.0]][:steps]
    while len(moves) < steps:
        positions, rewards = walked(world, goal, moves)
        moves.append((crossing(positions[1:], rewards) - positions[-1]).tolist())
    return moves


def straight_way(world: Navigation, goal: np.ndarray) -> np.ndarray:
    """The shortest way to the goal, step by step `(k + 1, 2)`, from the origin on."""
    env = Navigation2D(world)
    positions = [env.reset(options={"goal": goal})[0]]
    while not np.allclose(positions[-1], goal, atol=1e-4):
        positions.append(env.step(goal - positions[-1])[0])
    return np.array(positions)


def told(world: Navigation, goal: np.ndarray, steps: int) -> float:
    """Return over the first `steps` steps when told the goal: straight there."""
    goals = torch.from_numpy(goal)[None]
    return walk(dataclasses.replace(world, horizon=steps), goals, goals).item()


def rivals(setting: str, goal: np.ndarray) -> dict[str, Rival]:
    """Trained policies of this setting ("2-modes") hunting this goal; those the zoo has, no others.

    MAML is measured after one gradient step, on all its trajectories; MuMoMAML after modulation,
    before any gradient step: it has seen what its encoder reads.
    """
    found = {}
    for key, (method, steps) in RIVALS.items():
        path = zoo.weights_path(f"navigation/{setting}/{method}")
        if not path.is_file():  # nothing is trained during a game
            continue
        model = _model(path)
        s, goals = model.settings, torch.from_numpy(goal)[None]
        stages = collect(model.learner, goals, steps, torch.Generator().manual_seed(0)).batch.stages
        walks = steps * s.test_trajectories + (0 if s.modulation is None else s.explore)
        rewards = stages[-1].rewards[0].mean(0).numpy()
        found[key] = Rival(rewards, walks, model.provisional)
    return found


@cache
def _model(path: Path) -> zoo.Model:
    return zoo.read(path)
