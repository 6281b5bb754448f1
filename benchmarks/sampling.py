"""Environment steps per second: ours, many at once, beside gymnasium's vector environments.

Same environment, equal numbers of it, one run, in turns; with a 64-64 policy that acts for all at
once, and without (a fixed move). Run it as `python benchmarks/sampling.py`; about a minute.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv

from mmaml_lite.networks import MLP
from mmaml_lite.rl import Navigation2D, NavigationVector

HORIZON = 100


def episode(env: VectorEnv, act: Callable) -> float:
    """Seconds for one episode of all environments."""
    observation, _ = env.reset(seed=0)
    began = time.perf_counter()
    for _ in range(HORIZON):
        observation = env.step(act(observation))[0]
    return time.perf_counter() - began


def policies(count: int) -> dict[str, Callable]:
    """Named ways to act, each giving numpy or a tensor as the observation is."""
    network = MLP(2, (64, 64), 2, "tanh")
    theta = network.init("scaled")
    fixed = torch.full((count, 2), 0.01)

    @torch.no_grad()
    def policy(observation):
        if isinstance(observation, torch.Tensor):
            return network(theta, observation, {})
        return network(theta, torch.from_numpy(observation), {}).numpy()

    def still(observation):
        return fixed if isinstance(observation, torch.Tensor) else fixed.numpy()

    return {"without the policy": still, "with it": policy}


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[20, 400])
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print("| environments | acting | kind | steps/s | ours / this one |\n|---|---|---|---|---|")
    for count in args.counts:
        makers = {
            "ours": partial(NavigationVector, count),
            "SyncVectorEnv": partial(SyncVectorEnv, [Navigation2D] * count),
            "AsyncVectorEnv": partial(AsyncVectorEnv, [Navigation2D] * count),
        }
        if count > 64:  # one process for each environment: more than a machine should bear
            del makers["AsyncVectorEnv"]
        envs = {kind: make() for kind, make in makers.items()}
        for acting, act in policies(count).items():
            seconds = {kind: [] for kind in envs}
            for _ in range(args.rounds):  # in turns, so that a busy moment hits all
                for kind, env in envs.items():
                    seconds[kind].append(episode(env, act))
            for kind, spent in seconds.items():
                speed = count * HORIZON / statistics.median(spent)
                ratio = np.median(np.array(spent) / np.array(seconds["ours"]))
                print(f"| {count} | {acting} | {kind} | {speed:,.0f} | {ratio:.1f} |")
        for env in envs.values():
            env.close()


if __name__ == "__main__":
    main()
