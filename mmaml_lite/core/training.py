"""The outer loop of every domain: step after step, interruptible at any moment."""

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from mmaml_lite.core.device import pick_device, threads
from mmaml_lite.core.domain import domain
from mmaml_lite.core.runs import (
    Run,
    compile_run,
    resume,
    save,
    save_at_the_end,
    save_or_warn,
    start,
)

SAVE_SECONDS = 30.0


class Callback:
    """Watches a run without touching it, as progress bars and live plots do."""

    def on_start(self, run: Run) -> None:
        """Called once, before the first step of this slice."""

    def on_step(self, run: Run, measured: dict[str, float]) -> None:
        """Called after every outer step with what it measured, such as its loss."""

    def on_log(self, run: Run, record: dict[str, float]) -> None:
        """Called when a record was added to `run.log`."""

    def on_end(self, run: Run) -> None:
        """Called when the slice ends: finished, out of time, or interrupted."""


@contextmanager
def deferred_interrupts() -> Iterator[threading.Event]:
    """Hold back Ctrl-C and SIGTERM until the outer step is done; a second goes through."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def note(number, frame):
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def train(
    settings: Any,
    path: Path | None = None,
    device: str = "auto",
    callbacks: Sequence[Callback] = (),
    seconds: float | None = None,
    thread_count: int | None = None,
    stop: threading.Event | None = None,
    compiled: bool = False,
) -> Run:
    """Train, or go on with the run at `path`, to the end, for about `seconds`, or until `stop`.

    settings: of any domain, such as `RegressionSettings`; thread_count: intra-op threads on the
    CPU, by default those that pay off in the domain; compiled: take the steps in compiled kernels
    (ValueError where that cannot be done).

    The run is saved at the start, every half minute and at the end. Ctrl-C finishes the step at
    hand, saves and raises KeyboardInterrupt; calling again goes on, and the result is the same, bit
    for bit on a CPU. Raises TrainingDiverged (the last saved state stays) and CheckpointError (when
    nothing can be saved at the start, or at the end: then the run is in the error's `run`).
    """
    target, kind = pick_device(device), domain(settings.domain)
    known = path is not None and Path(path).exists()
    run = resume(settings, path, target) if known else start(settings, target)
    if compiled and not run.finished:
        compile_run(run)
    if path is not None and not known:
        save(run, path)  # better to fail now than after hours of training
    began = saved = time.monotonic()
    before = run.seconds
    if thread_count is None:
        thread_count = kind.threads or torch.get_num_threads()
    with deferred_interrupts() as asked, threads(thread_count), torch.enable_grad():
        for callback in callbacks:
            callback.on_start(run)
        try:
            while not (run.finished or asked.is_set()):
                measured = kind.outer_step(run)
                run.count(measured)
                now = time.monotonic()
                run.seconds = before + now - began
                for callback in callbacks:
                    callback.on_step(run, measured)
                if run.step % kind.log_every == 0:
                    run.note(kind.log_every)
                    for callback in callbacks:
                        callback.on_log(run, run.log[-1])
                out_of_time = seconds is not None and now - began > seconds
                if out_of_time or (stop is not None and stop.is_set()):
                    break
                if path is not None and now - saved > SAVE_SECONDS:
                    save_or_warn(run, path)
                    saved = now
            if path is not None:
                save_at_the_end(run, path)
        finally:
            for callback in callbacks:
                callback.on_end(run)
    if asked.is_set():
        raise KeyboardInterrupt(f"stopped after step {run.step}; call again to go on")
    return run
