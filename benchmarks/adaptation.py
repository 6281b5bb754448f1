"""How long a meta-iteration takes: a loop over tasks, `higher`, and the library's two engines.

One iteration is all that training does: sample 50 tasks of two modes, embed, modulate, five
second-order inner steps, query loss, backward, clip, Adam. Every variant runs the library's own
`outer.outer_step`; they differ in the learner's forward pass alone, and must agree on loss and
meta-gradient before they are timed. Timings are interleaved: every round gives each variant a
quarter of a second, in random order, so that other load hits all alike. Prints Markdown.

    python benchmarks/adaptation.py [--quick] [--tables eager compiled growth ...] [--device cuda]
"""

import argparse
import ctypes
import gc
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import torch
from peers import gradient, higher, higher_loop, loop

from mmaml_lite.core.device import pick_device, threads
from mmaml_lite.core.runs import Run, compile_run, start
from mmaml_lite.regression import lowrank
from mmaml_lite.regression.domain import outer_step, settings_for
from mmaml_lite.regression.learner import has_compiler

CLOCK = time.perf_counter
CPU_CLOCK = "cpu: the process's own time, for a shared machine (alone on it, both are equal)"
VARIANTS = {  # the settings in which they differ; the two loops always clip, as the authors do
    "loop": {"inner_clip": 10.0},
    "higher": {"inner_clip": 10.0},
    "reference, clip 10": {"engine": "reference", "inner_clip": 10.0},
    "reference": {"engine": "reference"},
    "fast, norm clip 10": {"engine": "fast", "inner_clip_norm": 10.0},
    "fast": {"engine": "fast"},
}


def make(name: str, device: torch.device, **changes) -> Run:
    """A training run of a variant; "compiled ..." as `train --compile` runs it."""
    families = changes.pop("families", ("sinusoid", "linear"))
    # Every iteration costs the same, but without any clip some seeds diverge at the authors' 0.001.
    settings = {"blocks": (0, 1, 2), "inner_clip": None, "learning_rate": 1e-6}
    changes = settings | VARIANTS[name.removeprefix("compiled ")] | changes
    run = start(settings_for("mumomaml-film", families, **changes), device)
    if name in ("loop", "higher"):
        run.learner.forward = (loop if name == "loop" else higher_loop)(run.learner)
    if name.startswith("compiled"):
        compile_run(run)
    return run


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


def timed(run: Run, iterations: int = 1, clock: Callable[[], float] | None = None) -> float:
    """Seconds of one meta-iteration."""
    clock = clock or CLOCK
    began = clock()
    for _ in range(iterations):
        outer_step(run)
    if next(run.learner.parameters()).is_cuda:
        torch.cuda.synchronize()
    return (clock() - began) / iterations


def interleave(calls: dict[str, Callable], seconds: float) -> dict[str, list[float]]:
    """Seconds of one iteration, round by round, for about `seconds`; at least 5 rounds.

    calls: name to a function of the number of iterations; a block of them lasts a quarter second.
    """
    block = {n: max(1, round(0.25 / min(call(1) for _ in range(3)))) for n, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    end, order, shuffle = time.monotonic() + seconds, list(calls), random.Random(0).shuffle
    while time.monotonic() < end or len(times[order[0]]) < 5:
        shuffle(order)
        for name in order:
            times[name].append(calls[name](block[name]))
    return times


def ratio(slow: Sequence[float], quick: Sequence[float]) -> str:
    """Median of the per-round ratios, with its 95 % interval (order statistics)."""
    r = sorted(a / b for a, b in zip(slow, quick, strict=True))
    half = 0.98 * len(r) ** 0.5
    low, high = max(0, int(len(r) / 2 - half)), min(len(r) - 1, int(len(r) / 2 + half))
    digits = 1 if r[low] > 3 else 2
    return f"{median(r):.{digits}f} ({r[low]:.{digits}f}-{r[high]:.{digits}f})"


def ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f}"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence]) -> None:
    print(f"\n### {title}\n\n| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    print(*(f"| {' | '.join(map(str, row))} |" for row in rows), sep="\n", flush=True)


def machine(device: torch.device) -> str:
    info = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", info.read_text()) if info.exists() else None
    gpu = f", {torch.cuda.get_device_name(device)}" if device.type == "cuda" else ""
    load = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{model[1] if model else platform.processor()}, {os.cpu_count()} cores, "
        f"{torch.backends.cpu.get_cpu_capability()}{gpu}{load}; {platform.system()}, Python "
        f"{platform.python_version()}, torch {torch.__version__}; one intra-op thread"
    )


def peak(run: Run) -> float:
    """MiB that a warm iteration adds: to the GPU's memory, or to the process's (Linux alone)."""
    timed(run, 2)
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
    command = [sys.executable, __file__, "--device", args.device]
    done = subprocess.run([*command, "--peak-of", name], capture_output=True, text=True)
    return f"{float(done.stdout.split()[-1]):.0f}" if done.returncode == 0 else "not measured"


def compare(args: argparse.Namespace, device: torch.device) -> None:
    """Eager and compiled variants in the same rounds; each kind gets its own table."""
    names = [n for n in VARIANTS if n != "higher" or higher]
    if not higher:
        print("\n`higher` is not installed (pip install higher): left out.")
    compiled = ["compiled reference", "compiled fast"] if "compiled" in args.tables else []
    if compiled and not has_compiler():
        print("\nNo C++ compiler here: the compiled variants are left out.")
        compiled = []
    runs, first = {}, {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name in [*names, *compiled]:
            runs[name] = make(name, device)
            first[name] = timed(runs[name], 1, time.perf_counter)
        errors = agree(runs, device)
    for text in {str(w.message).splitlines()[0] for w in caught if "higher" in w.filename}:
        print(f"\n`higher` warns: {text}")
    times = interleave({n: partial(timed, r) for n, r in runs.items()}, args.seconds)
    head = ["variant", "median ms", "min ms", "iterations/s", "times the loop", "peak MiB"]
    for title, some in (("Eager", names), ("Compiled", compiled)):
        rows = []
        for n in some:
            t = times[n]
            row = [n, ms(median(t)), ms(min(t)), f"{1 / median(t):.1f}", ratio(times["loop"], t)]
            row += [
                "-" if args.quick else peak_apart(n, args),
                f"{errors[n]:.0e}",
                f"{first[n] - median(t):.0f}",
            ]
            rows.append(row if some is compiled else row[:-1])
        if rows:
            more = ["gradient error", "compile s"][: len(rows[0]) - len(head)]
            table(f"{title} ({len(times['loop'])} rounds)", head + more, rows)


def growth(args: argparse.Namespace, device: torch.device) -> None:
    """Reference and fast while one of steps, tasks, shots, width grows."""
    axes = {
        "steps": (lambda v: {"steps": v}, [1, 2, 5, 10]),
        "tasks": (lambda v: {"families": ("sinusoid",), "tasks_per_mode": v}, [25, 50, 100, 200]),
        "shots": (lambda v: {"shots": v}, [1, 5, 10, 20]),
        "width": (lambda v: {"hidden": (v,) * 3}, [40, 100, 200, 400]),
    }
    rows = []
    for axis, (changes, values) in axes.items():
        for value in values[:2] if args.quick else values:
            runs = {n: make(n, device, **changes(value)) for n in ("reference", "fast")}
            t = interleave({n: partial(timed, r) for n, r in runs.items()}, args.seconds / 15)
            slow, fast = t.values()
            rows.append([axis, value, ms(median(slow)), ms(median(fast)), ratio(slow, fast)])
    table("Growth", ["what grows", "to", "reference ms", "fast ms", "times"], rows)


def break_even(args: argparse.Namespace, device: torch.device) -> None:
    """Square layers low-rank or dense: from which K t on is a copy of the weights cheaper?"""
    original = lowrank.layers_of

    def forced(low_rank: bool, run: Run, iterations: int) -> float:
        """Time with the square layers of one kind, whatever the rank; the thin ones stay dense."""
        rank = run.settings.hidden[0] / 2 if low_rank else 10**9  # n x n low-rank, 1 x n dense
        lowrank.layers_of = lambda theta, tasks, _: original(theta, tasks, rank)
        try:
            return timed(run, iterations)
        finally:
            lowrank.layers_of = original

    rows = []
    for width in [100] if args.quick else [40, 100, 200]:
        for share in [0.5, 1, 2] if args.quick else [0.25, 0.5, 1, 1.5, 2, 3]:
            run = make("fast", device, shots=max(1, round(share * width / 10)), hidden=(width,) * 3)
            calls = {low_rank: partial(forced, low_rank, run) for low_rank in (False, True)}
            dense, low = interleave(calls, args.seconds / 15).values()
            rank = 5 * run.settings.shots
            rule = type(original(dict(run.learner.theta), 1, rank)[1]).__name__
            rows.append([width, rank, ms(median(dense)), ms(median(low)), ratio(dense, low), rule])
    head = ["width", "K t", "dense ms", "low rank ms", "dense / low rank", "the rule chooses"]
    table("Break-even of low rank (5 steps)", head, rows)


def thread_counts(args: argparse.Namespace, device: torch.device) -> None:
    """The same iteration with several intra-op thread counts, in the same rounds."""

    def with_threads(count: int, run: Run, iterations: int) -> float:
        with threads(count):
            return timed(run, iterations, time.perf_counter)

    rows = []
    for name in ("reference", "fast"):
        run = make(name, device)
        calls = {count: partial(with_threads, count, run) for count in args.threads}
        for count, t in interleave(calls, args.seconds / 3).items():
            rows.append([name, count, ms(median(t)), ms(min(t)), ms(max(t))])
    table("Intra-op threads", ["engine", "threads", "median ms", "min ms", "max ms"], rows)


def main() -> None:
    global CLOCK
    known = ["eager", "compiled", "growth", "break-even", "threads"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="few rounds and sizes, no memory, no compilation"
    )
    parser.add_argument("--tables", nargs="+", choices=known, help="tables to print; default: all")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="for the last table")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", help=CPU_CLOCK)
    parser.add_argument("--seconds", type=float, help="of the main rounds: 60; quick: 6")
    parser.add_argument("--peak-of", help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.seconds = args.seconds or (6 if args.quick else 60)
    args.tables = args.tables or [t for t in known if not (args.quick and t == "compiled")]
    device = pick_device(args.device)
    CLOCK = time.process_time if args.clock == "cpu" else time.perf_counter
    torch.set_num_threads(1)
    if args.peak_of:
        print(peak(make(args.peak_of, device)))
        return
    with tempfile.TemporaryDirectory() as empty:  # compile times without a warm cache
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = empty
        print(f"{machine(device)}, {args.clock} clock")
        if {"eager", "compiled"} & set(args.tables):
            compare(args, device)
    for name, show in (("growth", growth), ("break-even", break_even), ("threads", thread_counts)):
        if name in args.tables:
            show(args, device)


if __name__ == "__main__":
    main()
