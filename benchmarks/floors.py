"""Floors of the paper's three mixtures: values with 95 % intervals, time, memory, accuracy.

python benchmarks/floors.py [tasks]          one thread; 10,000 tasks of each mixture by default
"""

import resource
import sys
import time
from dataclasses import replace

import torch
from torch import Generator

from mmaml_lite.regression.floors import EXACT, bayes, floors, live_posterior
from mmaml_lite.regression.tasks import PAPER_ORDER, Mixture

torch.set_num_threads(1)


def values(modes: int, tasks: int) -> None:
    """Print each floor of a mixture, its interval and the cost."""
    mixture = Mixture(PAPER_ORDER[:modes], queries=20)
    sample = mixture.sample(tasks, Generator().manual_seed(1))
    began, busy = time.perf_counter(), time.process_time()
    result = floors(mixture, sample)
    wall, cpu = time.perf_counter() - began, time.process_time() - busy
    print(f"{modes} modes, {tasks} tasks x 20 queries, 5 shots, noise {mixture.noise}")
    for name, each in result.items():
        print(f"  {name:18s} {each.mean():.4f} ± {1.96 * each.std() / tasks**0.5:.4f}", end="")
        print(f"   median {each.median():.4f}  sd of a task {each.std():.2f}")
    means = [result["bayes"][sample.mode == i].mean() for i in range(modes)]
    print("  bayes, per mode   ", " ".join(f"{mean:.3f}" for mean in means))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"  {wall:.0f} s ({cpu:.0f} s of CPU), {1000 * cpu / tasks:.1f} ms a task, "
        f"peak memory {memory:.2f} GiB",
        flush=True,
    )


def accuracy(modes: int, tasks: int = 300) -> None:
    """Print how far the values move with another seed and with eight times the sampling."""
    mixture = Mixture(PAPER_ORDER[:modes], queries=20)
    sample = mixture.sample(tasks, Generator().manual_seed(2))
    y = sample.query.y[..., 0].double()
    eightfold = replace(EXACT, first=32768, points=1280, target=2000.0)
    best = bayes(mixture, sample, budget=eightfold, seed=100)
    for seed in (0, 1):
        posterior = bayes(mixture, sample, seed=seed)
        likely = best.probability > 1e-4
        error = (posterior.log_evidence - best.log_evidence)[likely]
        print(f"accuracy, {modes} modes, {tasks} tasks, seed {seed} against 8 x:", end=" ")
        for name in ("mean", "mean_mode_known"):
            ours, exact = getattr(posterior, name), getattr(best, name)
            change = (ours - y).square().mean() - (exact - y).square().mean()
            print(
                f"{name} {(exact - y).square().mean():.4f}, change {change:+.5f}, "
                f"distance² {(ours - exact).square().mean():.5f};",
                end=" ",
            )
        print(
            f"log evidence sd {error.std():.3f} max {error.abs().max():.2f}; "
            f"least ESS {posterior.ess[likely].min():.0f}",
            flush=True,
        )


def live() -> None:
    """Print the time of the posterior for plots."""
    grid = torch.linspace(-5, 5, 200)
    for shots in (1, 5, 20):
        mixture = Mixture(PAPER_ORDER, shots=shots)
        sample = mixture.sample(50, Generator().manual_seed(3))
        spent = []
        for i in range(50):
            began = time.perf_counter()
            live_posterior(mixture, sample[i : i + 1].support, grid)
            spent.append(1000 * (time.perf_counter() - began))
        spent = sorted(spent[1:])
        print(
            f"live posterior, 5 modes, {shots} shots, 200 points: median {spent[24]:.1f} ms, "
            f"90 % {spent[44]:.1f} ms, worst {spent[-1]:.1f} ms",
            flush=True,
        )


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    live()
    for modes in (2, 3, 5):
        accuracy(modes)
        values(modes, count)
