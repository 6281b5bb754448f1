"""Environment steps per second: ours, many at once, beside gymnasium's vector environments.

Same environment, equal numbers of it, one run, in turns; with a 64-64 policy that acts for all at
once (in the plain loop: for each alone), and without (moves drawn before). For the half-cheetah
also MuJoCo's `mj_step` alone, on as many cores: the bound of any way to sample. Run it as
`python benchmarks/sampling.py`; a few minutes.
"""

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

from mmaml_lite.core.networks import MLP
from mmaml_lite.rl import HalfCheetah, HalfCheetahVector, Navigation2D, NavigationVector
from mmaml_lite.rl.simulation import FRAMES, engine, model

WORLDS = {
    "navigation": (Navigation2D, NavigationVector),
    "cheetah": (HalfCheetah, HalfCheetahVector),
}
STEPS = 100
MOST_PROCESSES = 64  # one for each environment: more than a machine should bear


class PlainLoop:
    """One environment after another, and for each its own call of the policy."""

    def __init__(self, makers: list[Callable[[], gymnasium.Env]]):
        self.envs = [make() for make in makers]

    def reset(self, seed: int) -> tuple[np.ndarray, dict]:
        return np.stack([env.reset(seed=seed + i)[0] for i, env in enumerate(self.envs)]), {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray]:
        return (np.stack([env.step(a)[0] for env, a in zip(self.envs, actions, strict=True)]),)

    def close(self) -> None:
        pass


def episode(env, act: Callable) -> float:
    """Seconds for STEPS steps of all environments."""
    observation, _ = env.reset(seed=0)
    alone = isinstance(env, PlainLoop)
    began = time.perf_counter()
    for _ in range(STEPS):
        if alone:
            moves = np.concatenate([act(row[None]) for row in observation])
        else:
            moves = act(observation)
        observation = env.step(moves)[0]
    return time.perf_counter() - began


def drawn(count: int, size: int) -> torch.Tensor:
    """Moves for all environments at every step, much as a fresh policy's."""
    return 0.5 * torch.randn(STEPS, count, size, generator=torch.Generator().manual_seed(1))


def policies(count: int, seen: int, size: int) -> dict[str, Callable]:
    """Named ways to act, each giving numpy or a tensor as the observation is."""
    network = MLP(seen, (64, 64), size, "tanh")
    theta = network.init()

    @torch.no_grad()
    def policy(observation):
        if isinstance(observation, torch.Tensor):
            return network(theta, observation, {})
        return network(theta, torch.from_numpy(observation), {}).numpy()

    moves = drawn(count, size)
    tensors, arrays = itertools.cycle(moves), itertools.cycle(moves.numpy())
    alone = itertools.cycle(moves.numpy().reshape(-1, 1, size))

    def before(observation):
        if isinstance(observation, torch.Tensor):
            return next(tensors)
        return next(arrays if len(observation) == count else alone)

    return {"without the policy": before, "with it": policy}


def share(first: int, count: int, cores: int) -> float:
    """Seconds for one core's environments, of `count`, by `mj_step` alone: the same steps."""
    mujoco, moves = engine(), drawn(count, 6).double().numpy()
    data = mujoco.MjData(model())
    began = time.perf_counter()
    for i in range(first, count, cores):
        mujoco.mj_resetData(model(), data)
        for move in moves[:, i]:
            data.ctrl[:] = move
            mujoco.mj_step(model(), data, nstep=FRAMES)
    return time.perf_counter() - began


def bare(count: int, cores: int, pool: Executor) -> float:
    """Seconds until all cores are done, each in a process of its own."""
    return max(pool.map(partial(share, count=count, cores=cores), range(cores)))


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", choices=WORLDS, nargs="+", default=list(WORLDS))
    parser.add_argument("--counts", type=int, nargs="+", default=[20, 400])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    pool = ProcessPoolExecutor(args.threads, get_context("spawn"))
    bare(args.threads, args.threads, pool)  # starts the processes
    print(f"half-cheetah on {args.threads} thread(s); medians of {args.rounds} rounds\n")
    print("| world | environments | acting | kind | steps/s | ours / this one |")
    print("|---|---|---|---|---|---|")
    for world, count in itertools.product(args.world, args.counts):
        single, many = WORLDS[world]
        if world == "cheetah":
            many = partial(many, threads=args.threads)
        envs = {
            "ours": many(count),
            "SyncVectorEnv": SyncVectorEnv([single] * count),
            "plain loop": PlainLoop([single] * count),
        }
        if count <= MOST_PROCESSES:
            envs["AsyncVectorEnv"] = AsyncVectorEnv([single] * count)
        shapes = envs["ours"].single_observation_space.shape, envs["ours"].single_action_space.shape
        for acting, act in policies(count, *(shape[0] for shape in shapes)).items():
            runs = {kind: partial(episode, env, act) for kind, env in envs.items()}
            if world == "cheetah" and acting == "without the policy":
                runs[f"mj_step alone, {args.threads} core(s)"] = partial(
                    bare, count, args.threads, pool
                )
            seconds = {kind: [] for kind in runs}
            for _ in range(args.rounds):  # in turns, so that a busy moment hits all
                for kind, run in runs.items():
                    seconds[kind].append(run())
            for kind, spent in seconds.items():
                speed = count * STEPS / statistics.median(spent)
                ratio = np.median(np.array(spent) / np.array(seconds["ours"]))
                print(f"| {world} | {count} | {acting} | {kind} | {speed:,.0f} | {ratio:.2f} |")
        for env in envs.values():
            env.close()
    pool.shutdown()


if __name__ == "__main__":
    main()
