"""How long a meta-iteration takes: a loop over tasks, `higher`, and the library's two engines.

One iteration is everything training does: sample 50 tasks of two modes, embed, modulate, five
second-order inner steps, query loss, backward, clip, Adam. All variants run the library's own
`training.outer_step`; they differ in the learner's forward pass alone, and must agree on loss and
meta-gradient before they are timed. Timings are interleaved: every round runs each variant once, so
that the load of the machine hits all alike. Prints Markdown.

    python benchmarks/adaptation.py [--quick] [--compile] [--sweeps] [--threads 1 2] [--device cuda]
"""

import argparse
import ctypes
import gc
import os
import platform
import random
import re
import shutil
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmaml_lite import lowrank
from mmaml_lite.methods import Learner, mixture_of, settings_for
from mmaml_lite.training import Run, outer_step, query_loss, start

try:
    import higher
except ImportError:
    higher = None

VARIANTS = {  # name: engine, inner clip
    "loop": ("reference", 10.0),
    "higher": ("reference", 10.0),
    "reference, clip 10": ("reference", 10.0),
    "reference": ("reference", None),
    "fast": ("fast", None),
}


def per_task(learner: Learner, adapt: Callable, support, x: Tensor, mode, only_last: bool) -> Tensor:
    """Predictions `(1, tasks, Q, 1)` of a loop over tasks; `adapt` returns the adapted network."""
    answers = []
    for task_x, task_y, query_x in zip(support.x, support.y, x, strict=True):
        pairs = torch.cat([task_x, task_y], dim=-1)[None]  # (1, K, 2): one task at a time
        states = learner.encoder.lstm(pairs)[0].chunk(2, dim=-1)
        embedding = torch.cat([states[0][0, -1], states[1][0, 0]])
        tau = [head(embedding).chunk(2) for head in learner.heads.values()]
        adapted = adapt(task_x, task_y, tau)
        answers.append(adapted(query_x))
    return torch.stack(answers)[None]


def film_mlp(weights: Sequence[Tensor], x: Tensor, tau: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """The modulated network in plain PyTorch: `weights` are weight0, bias0, weight1, ..."""
    for i, (gamma, beta) in enumerate(tau):
        x = F.relu((1 + gamma) * F.linear(x, weights[2 * i], weights[2 * i + 1]) + beta)
    return F.linear(x, weights[-2], weights[-1])


def in_order(learner: Learner) -> list[Tensor]:
    return [learner.theta[f"{kind}{i}"] for i in range(4) for kind in ("weight", "bias")]


def loop(learner: Learner) -> Callable:
    """The authors' way: `torch.autograd.grad(create_graph=True)` for one task after another."""
    s = learner.settings

    def adapt(x: Tensor, y: Tensor, tau: Sequence) -> Callable:
        weights = in_order(learner)
        for _ in range(s.steps):
            loss = F.mse_loss(film_mlp(weights, x, tau), y)
            gradient = torch.autograd.grad(loss, weights, create_graph=True)
            weights = [
                w - s.step_size * g.clamp(-s.inner_clip, s.inner_clip)
                for w, g in zip(weights, gradient, strict=True)
            ]
        return lambda query: film_mlp(weights, query, tau)

    return partial(per_task, learner, adapt)


def higher_loop(learner: Learner) -> Callable:
    """The same with `higher`, which wants a module and an optimiser."""
    s = learner.settings

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.weights = nn.ParameterList(in_order(learner))

        def forward(self, x: Tensor, tau: Sequence) -> Tensor:
            return film_mlp(list(self.weights), x, tau)

    network = Network()
    sgd = torch.optim.SGD(network.parameters(), lr=s.step_size)

    def clip(gradient: Sequence[Tensor]) -> list[Tensor]:
        return [g.clamp(-s.inner_clip, s.inner_clip) for g in gradient]

    def adapt(x: Tensor, y: Tensor, tau: Sequence) -> Callable:
        with higher.innerloop_ctx(network, sgd, copy_initial_weights=False) as (fast, optimiser):
            for _ in range(s.steps):
                optimiser.step(F.mse_loss(fast(x, tau), y), grad_callback=clip)
        return lambda query: fast(query, tau)

    return partial(per_task, learner, adapt)


def make(name: str, device: torch.device, mode: str = "default", **changes) -> Run:
    """A training run of a variant; "compiled ..." compiles its inner loop."""
    engine, clip = VARIANTS[name.removeprefix("compiled ")]
    changes = {"blocks": (0, 1, 2), "engine": engine, "inner_clip": clip} | changes
    changes |= {"learning_rate": 1e-6}  # same cost; without the clip some seeds diverge at 0.001
    run = start(settings_for("mumomaml-film", ("sinusoid", "linear"), **changes), device)
    if name in ("loop", "higher"):
        run.learner.forward = (loop if name == "loop" else higher_loop)(run.learner)
    if name.startswith("compiled"):
        stages = torch.compile(run.learner.engine.stages, dynamic=False, mode=mode)
        run.learner.engine = SimpleNamespace(stages=stages)
    return run


def gradient(run: Run) -> tuple[float, Tensor]:
    """Loss and whole meta-gradient at fixed weights and tasks where the inner clip does not bite.

    The weights are larger than the authors' initial ones, so that second-order terms count.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        for p in run.learner.parameters():
            p.data.copy_(0.7 * torch.randn(p.shape) / p.shape[-1] ** 0.5)
    tasks = mixture_of(run.settings).sample(50, torch.Generator().manual_seed(3))
    tasks = tasks.to(next(run.learner.parameters()))
    tasks.support.y.mul_(0.1), tasks.query.y.mul_(0.1)
    run.learner.zero_grad()
    loss = query_loss(run.learner, tasks)
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten().double().cpu() for p in run.learner.parameters()])


def agree(runs: dict[str, Run], device: torch.device) -> dict[str, float]:
    """Each variant's relative error of the meta-gradient against the loop in float64; asserts."""
    truth = make("loop", device)
    truth.learner.double()
    loss, exact = gradient(truth)
    errors = {}
    for name, run in runs.items():
        value, g = gradient(run)
        errors[name] = ((g - exact).norm() / exact.norm()).item()
        assert abs(value / loss - 1) < 1e-5, f"{name}: loss {value}, the loop's is {loss}"
        assert abs(g.norm() / exact.norm() - 1) < 1e-5, f"{name}: another gradient norm"
        assert errors[name] < 1e-4, f"{name}: gradient differs by {errors[name]:.1e}"
    return errors


def timed(run: Run) -> float:
    """Seconds of one meta-iteration."""
    on_gpu = next(run.learner.parameters()).is_cuda
    mixture = mixture_of(run.settings)
    began = time.perf_counter()
    outer_step(run, mixture)
    if on_gpu:
        torch.cuda.synchronize()
    return time.perf_counter() - began


def interleave(calls: dict[str, Callable[[], float]], seconds: float) -> dict[str, list[float]]:
    """Rounds of one call each, in random order, for about so many seconds (at least 5 rounds)."""
    for call in calls.values():  # warm up
        call(), call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    end, names, rng = time.monotonic() + seconds, list(calls), random.Random(0)
    while time.monotonic() < end or len(times[names[0]]) < 5:
        rng.shuffle(names)
        for name in names:
            times[name].append(calls[name]())
    return times


def ratio(slow: Sequence[float], quick: Sequence[float]) -> str:
    """Median of the per-round ratios, with its 95 % interval (order statistics)."""
    r = sorted(a / b for a, b in zip(slow, quick, strict=True))
    half = 0.98 * len(r) ** 0.5
    low, high = max(0, int(len(r) / 2 - half)), min(len(r) - 1, int(len(r) / 2 + half))
    return f"{statistics.median(r):.1f} ({r[low]:.1f}-{r[high]:.1f})"


def ms(times: Sequence[float]) -> str:
    return f"{1000 * statistics.median(times):.1f}"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print(f"\n### {title}\n\n| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |", flush=True)


def machine(device: torch.device) -> str:
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists() and (model := re.search(r"model name\s*: (.*)", info.read_text())):
        name = model[1]
    gpu = f", {torch.cuda.get_device_name(device)}" if device.type == "cuda" else ""
    load = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{name}, {os.cpu_count()} cores ({torch.backends.cpu.get_cpu_capability()}){gpu}, "
        f"{platform.system()}, Python {platform.python_version()}, torch {torch.__version__}{load}"
    )


def peak(run: Run) -> float:
    """MiB that one warm iteration adds to the process (Linux: peak resident set) or to the GPU."""
    timed(run), timed(run)
    gc.collect()
    if next(run.learner.parameters()).is_cuda:
        torch.cuda.reset_peak_memory_stats()
        base = torch.cuda.memory_allocated()
        timed(run)
        return (torch.cuda.max_memory_allocated() - base) / 2**20

    def status(key: str) -> float:
        return int(re.search(rf"{key}:\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1024

    ctypes.CDLL(None).malloc_trim(0)  # hand freed pages back, then forget the peak so far
    Path("/proc/self/clear_refs").write_text("5")
    base = status("VmRSS")
    timed(run)
    return status("VmHWM") - base


def peak_apart(name: str, args: argparse.Namespace) -> str:
    """`peak` in a process of its own."""
    command = [sys.executable, __file__, "--peak-of", name, "--device", args.device]
    done = subprocess.run([*command, "--mode", args.mode], capture_output=True, text=True)
    return f"{float(done.stdout.split()[-1]):.0f}" if done.returncode == 0 else "not measured"


def compare(args: argparse.Namespace, device: torch.device) -> None:
    """The main comparison; the compiled variants join the same rounds and get their own table."""
    names = [n for n in VARIANTS if n != "higher" or higher]
    if not higher:
        print("\n`higher` is not installed (pip install higher): left out.")
    if args.compile and not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
        print("\nNo C++ compiler here: the compiled variants are left out.")
        args.compile = False
    compiled = ["compiled reference", "compiled fast"] if args.compile else []
    runs, compile_seconds = {}, {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name in [*names, *compiled]:
            runs[name] = make(name, device, args.mode)
            first = timed(runs[name])
            compile_seconds[name] = first - timed(runs[name])
        errors = agree(runs, device)
    for message in {str(w.message).splitlines()[0] for w in caught if higher and "higher" in w.filename}:
        print(f"\n`higher` warns: {message}")
    times = interleave({n: partial(timed, r) for n, r in runs.items()}, args.seconds)
    rounds = len(times["loop"])
    head = ["variant", "median ms", "min ms", "iterations/s", "times the loop", "peak MiB", "gradient error"]
    for title, some in (("Eager", names), ("Compiled", compiled)):
        rows = [
            [n, ms(times[n]), f"{1000 * min(times[n]):.1f}", f"{1 / statistics.median(times[n]):.1f}",
             ratio(times["loop"], times[n]), peak_apart(n, args), f"{errors[n]:.0e}"]
            + ([f"{compile_seconds[n]:.0f}"] if some is compiled else [])
            for n in some
        ]  # fmt: skip
        if rows:
            more = ["compile s"] if some is compiled else []
            table(f"{title} ({rounds} rounds)", head + more, rows)


def growth(args: argparse.Namespace, device: torch.device) -> None:
    """Reference and fast while one of steps, tasks, shots, width grows."""
    axes = {
        "steps": [1, 2, 5, 10], "tasks": [25, 50, 100, 200],
        "shots": [1, 5, 10, 20], "width": [40, 100, 200, 400],
    }  # fmt: skip
    rows = []
    for axis, values in axes.items():
        for value in values[1:3] if args.quick else values:
            changes = {
                "steps": {"steps": value},
                "tasks": {"families": ("sinusoid",), "tasks_per_mode": value},
                "shots": {"shots": value},
                "width": {"hidden": (value,) * 3},
            }[axis]
            calls = {n: partial(timed, make(n, device, **changes)) for n in ("reference", "fast")}
            t = interleave(calls, args.seconds / 10)
            rows.append([axis, value, ms(t["reference"]), ms(t["fast"]), ratio(*t.values())])
    table("Growth", ["what grows", "to", "reference ms", "fast ms", "times"], rows)


def forced(kind: str, theta, tasks: int, rank: int) -> list:
    """`lowrank.layers_of` with the square layers of one kind, whatever the rank."""
    layers = ORIGINAL_LAYERS(theta, tasks, 10**9)  # all dense
    for i in range(len(layers)):
        weight = theta[f"weight{i}"]
        if kind == "low rank" and weight.shape[0] == weight.shape[1]:
            layers[i] = lowrank.LowRank(weight, theta[f"bias{i}"])
    return layers


ORIGINAL_LAYERS = lowrank.layers_of


def break_even(args: argparse.Namespace, device: torch.device) -> None:
    """Square layers dense or low-rank: from which K t on is a copy of the weights cheaper?"""

    def run_forced(kind: str, run: Run) -> float:
        lowrank.layers_of = partial(forced, kind)
        try:
            return timed(run)
        finally:
            lowrank.layers_of = ORIGINAL_LAYERS

    rows = []
    for width in [100] if args.quick else [40, 100, 200]:
        for share in [0.5, 1, 2] if args.quick else [0.25, 0.5, 1, 1.5, 2, 3]:
            shots = max(1, round(share * width / 2 / 5))
            run = make("fast", device, shots=shots, hidden=(width,) * 3)
            calls = {k: partial(run_forced, k, run) for k in ("dense", "low rank")}
            t = interleave(calls, args.seconds / 10)
            rows.append([width, shots * 5, width // 2, ms(t["dense"]), ms(t["low rank"]), ratio(*t.values())])
    head = ["width", "K t", "rule: below", "dense ms", "low rank ms", "dense / low rank"]
    table("Break-even of low rank (5 steps)", head, rows)


def thread_counts(args: argparse.Namespace, device: torch.device) -> None:
    """The same iteration with several intra-op thread counts."""

    def with_threads(count: int, run: Run) -> float:
        torch.set_num_threads(count)
        seconds = timed(run)
        torch.set_num_threads(args.threads[0])
        return seconds

    rows = []
    for name in ("reference", "fast"):
        run = make(name, device)
        t = interleave({c: partial(with_threads, c, run) for c in args.threads}, args.seconds / 5)
        rows += [[name, c, ms(t[c]), f"{1000 * min(t[c]):.1f}", f"{1000 * max(t[c]):.0f}"] for c in t]
    table("Intra-op threads", ["engine", "threads", "median ms", "min ms", "max ms"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rounds, short sweeps")
    parser.add_argument("--compile", action="store_true", help="compiled variants too (C++ compiler)")
    parser.add_argument("--mode", default="default", help="mode of torch.compile")
    parser.add_argument("--sweeps", action="store_true", help="growth and break-even tables too")
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="intra-op threads")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--seconds", type=float, help="time for the main rounds (60; quick: 8)")
    parser.add_argument("--peak-of", help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.seconds = args.seconds or (8 if args.quick else 60)
    device = torch.device(args.device)
    torch.set_num_threads(args.threads[0])
    if args.peak_of:
        print(peak(make(args.peak_of, device, args.mode)))
        return
    print(f"{machine(device)}; {args.threads[0]} thread(s).")
    compare(args, device)
    if args.sweeps:
        growth(args, device)
        break_even(args, device)
    if len(args.threads) > 1:
        thread_counts(args, device)


if __name__ == "__main__":
    main()
