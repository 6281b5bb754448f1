"""The outer loop: Adam on the query loss after adaptation, interruptible at any moment."""

import math
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmaml_lite.device import pick_device, threads
from mmaml_lite.methods import mixture_of
from mmaml_lite.recipes import Settings
from mmaml_lite.runs import Run, resume, save, save_at_the_end, save_or_warn, start
from mmaml_lite.tasks import Mixture, Tasks

LOG_EVERY = 100
SAVE_SECONDS = 30.0


class TrainingDiverged(RuntimeError):
    """The loss or its gradient is not finite any more."""


class Callback:
    """Watches a run without touching it, as progress bars and live plots do."""

    def on_start(self, run: Run) -> None:
        """Called once, before the first step of this slice."""

    def on_step(self, run: Run, loss: float) -> None:
        """Called after every outer step with its query loss."""

    def on_log(self, run: Run, record: dict[str, float]) -> None:
        """Called when a record was added to `run.log`."""

    def on_end(self, run: Run) -> None:
        """Called when the slice ends: finished, out of time, or interrupted."""


def query_loss(learner: nn.Module, tasks: Tasks) -> Tensor:
    """Mean squared error on the queries after adaptation: the outer objective (line 11)."""
    steps = learner.settings.train_steps  # None: as many as in test
    y = learner(tasks.support, tasks.query.x, tasks.mode, steps=steps, only_last=True)[-1]
    return F.mse_loss(y, tasks.query.y)


def parameter_groups(learner: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The task network's own parameters, and those of encoder and heads: clipped apart."""
    omega = [p for n, p in learner.named_parameters() if "encoder." in n or "heads." in n]
    known = {id(p) for p in omega}
    return [p for p in learner.parameters() if id(p) not in known], omega


def learning_rate(settings: Settings, step: int) -> float:
    """beta at an outer step; the cosine schedule warms up over the first hundredth of the run."""
    if settings.schedule == "constant":
        return settings.learning_rate
    warmup = max(1, settings.iterations // 100)
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    progress = (step - warmup) / max(1, settings.iterations - warmup)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def outer_step(run: Run, mixture: Mixture) -> float:
    """One meta-update on a fresh meta-batch; returns its query loss.

    Raises TrainingDiverged, before any weight has changed, when loss or gradient are not finite.
    """
    s = run.settings
    tasks = mixture.sample(s.tasks_per_mode * len(s.families), run.generator)
    for group in run.optimiser.param_groups:
        group["lr"] = learning_rate(s, run.step)
    run.optimiser.zero_grad()
    loss = query_loss(run.learner, tasks)
    loss.backward()
    norms = [nn.utils.clip_grad_norm_(g, s.outer_clip) for g in parameter_groups(run.learner) if g]
    value = loss.item()
    if not math.isfinite(value + sum(norm.item() for norm in norms)):
        broken = not all(torch.isfinite(part.y).all() for part in (tasks.support, tasks.query))
        advice = (
            "the tasks themselves hold NaN or infinite values: check your own family's function"
            if broken
            else "try a smaller step_size or learning_rate, or a smaller inner_clip_norm"
        )
        raise TrainingDiverged(f"step {run.step}: loss {value}, gradient not finite; {advice}")
    run.optimiser.step()
    run.step += 1
    run.loss_sum += value
    return value


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
    settings: Settings,
    path: Path | None = None,
    device: str = "auto",
    callbacks: Sequence[Callback] = (),
    seconds: float | None = None,
    thread_count: int = 1,
    stop: threading.Event | None = None,
) -> Run:
    """Train, or go on with the run at `path`, to the end, for about `seconds`, or until `stop`.

    The run is saved at the start, every half minute and at the end. Ctrl-C finishes the step at
    hand, saves and raises KeyboardInterrupt; calling again goes on, and the result is the same, bit
    for bit on a CPU. Raises TrainingDiverged (the last saved state stays) and CheckpointError (when
    nothing can be saved at the start, or at the end: then the run is in the error's `run`).
    """
    target, mixture = pick_device(device), mixture_of(settings)
    if path is not None and Path(path).exists():
        run = resume(settings, path, target)
    else:
        run = start(settings, target)
        if path is not None:
            save(run, path)  # better to fail now than after hours of training
    began = saved = time.monotonic()
    before = run.seconds
    with deferred_interrupts() as asked, threads(thread_count):
        for callback in callbacks:
            callback.on_start(run)
        try:
            while not (run.finished or asked.is_set()):
                loss = outer_step(run, mixture)
                now = time.monotonic()
                run.seconds = before + now - began
                for callback in callbacks:
                    callback.on_step(run, loss)
                if run.step % LOG_EVERY == 0:
                    run.log.append({"step": run.step, "loss": run.loss_sum / LOG_EVERY})
                    run.loss_sum = 0.0
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
