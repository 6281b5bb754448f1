"""A training run that can be stopped: what it consists of, how it is saved and taken up again."""

import platform
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmaml_lite import __version__
from mmaml_lite.core import checkpoint
from mmaml_lite.core.checkpoint import CheckpointError
from mmaml_lite.core.domain import build, domain


@dataclass
class Run:
    """A training run: what a checkpoint keeps, so that going on equals never having stopped.

    sums: of what the steps since the last record measured. log: one record for every so many
    steps with the mean of what they measured; in regression the query loss of fresh tasks, an
    unbiased estimate of the test error. seconds: time spent training, over all slices. compiled:
    whether any slice ran in compiled kernels, which round differently.
    """

    settings: Any
    learner: nn.Module
    optimiser: torch.optim.Optimizer
    generator: torch.Generator
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    log: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    compiled: bool = False

    @property
    def finished(self) -> bool:
        """Whether all outer steps are done."""
        return self.step >= self.settings.iterations

    def count(self, measured: dict[str, float]) -> None:
        """Take an outer step into account."""
        self.step += 1
        for name, value in measured.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def note(self, steps: int) -> None:
        """Add a record, the mean of the last `steps` outer steps, to the log."""
        means = {name: total / steps for name, total in self.sums.items()}
        self.log.append({"step": self.step, **means})
        self.sums = {}

    def versions(self) -> dict[str, str]:
        """What the run was made with, for the record."""
        device = next(self.learner.parameters()).device
        return {
            "mmaml_lite": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            **({"inner loop": "compiled"} if self.compiled else {}),
        }


def start(settings: Any, device: torch.device) -> Run:
    """A run at step 0: weights and training tasks are decided by `settings.seed`."""
    learner = build(settings).to(device)
    optimiser = torch.optim.Adam(learner.parameters(), lr=settings.learning_rate, fused=True)
    generator = torch.Generator(device).manual_seed(settings.seed + 1)
    return Run(settings, learner, optimiser, generator)


def compile_run(run: Run) -> None:
    """Go on in compiled kernels; ValueError where the domain has none, or nothing compiles here."""
    compile_learner = domain(run.settings.domain).compile
    if compile_learner is None:
        raise ValueError(f"{run.settings.domain} has no inner loop to compile: train without")
    compile_learner(run.learner)
    run.compiled = True


def save(run: Run, path: Path) -> None:
    """Write everything the run needs to go on; raises CheckpointError when it cannot."""
    tensors = {f"learner/{name}": t for name, t in run.learner.state_dict().items()}
    for i, state in run.optimiser.state_dict()["state"].items():
        tensors |= {f"adam/{i}/{name}": t for name, t in state.items()}
    tensors["generator"] = run.generator.get_state()
    meta = {
        "kind": "run",
        "domain": run.settings.domain,
        "settings": run.settings.to_dict(),
        "step": run.step,
        "log": run.log,
        "sums": run.sums,
        "seconds": run.seconds,
        "versions": run.versions(),
        "compiled": run.compiled,
    }
    checkpoint.save(path, tensors, meta)


def stored_settings(meta: dict[str, Any], path: Path) -> Any:
    """Settings in a checkpoint's metadata; CheckpointError when this version cannot read them."""
    try:
        kind = meta.get("domain", "regression")  # the first weights do not say: there was no other
        return domain(kind).settings(**meta["settings"])
    except (KeyError, TypeError, ValueError) as error:
        made = meta.get("versions", {}).get("mmaml_lite", "an unknown version")
        raise CheckpointError(
            f"{path} was made by mmaml-lite {made}, its settings do not fit {__version__}: {error}"
        ) from error


def resume(settings: Any, path: Path, device: torch.device) -> Run:
    """Read a run back; CheckpointError when it is damaged or was made with other settings."""
    tensors, meta = checkpoint.load(path)
    if meta.get("kind") != "run":
        raise CheckpointError(f"{path} holds finished weights, not a run that can go on")
    if missing := {"step", "log", "sums", "seconds"} - set(meta):
        made = meta.get("versions", {}).get("mmaml_lite", "an unknown version")
        raise CheckpointError(
            f"{path} was made by mmaml-lite {made} and lacks {', '.join(sorted(missing))}: "
            "move it away and start anew"
        )
    stored, wanted = stored_settings(meta, path), settings
    if stored.domain != wanted.domain:
        raise CheckpointError(f"{path} is a run of {stored.domain}, not {wanted.domain}")
    if settings.may_be_longer:  # or shorter
        stored = stored.replace(iterations=settings.iterations)
    if stored != wanted:
        before, now = stored.to_dict(), wanted.to_dict()
        shown = ", ".join(
            f"{k}: {before[k]} there, {now[k]} here" for k in now if before[k] != now[k]
        )
        raise CheckpointError(
            f"{path} belongs to a run with other settings ({shown}): move it away"
        )
    run = start(settings, device)
    state = {n.removeprefix("learner/"): t for n, t in tensors.items() if n.startswith("learner/")}
    checkpoint.load_into(run.learner, state, path)
    adam: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("adam/"):
            _, i, key = name.split("/")
            adam.setdefault(int(i), {})[key] = tensor
    run.optimiser.load_state_dict(run.optimiser.state_dict() | {"state": adam})
    try:
        run.generator.set_state(tensors["generator"])
    except RuntimeError as error:
        raise CheckpointError(
            f"{path} was trained on {meta['versions']['device']}: go on there, or move it away "
            "(a generator's state does not travel between kinds of device)"
        ) from error
    run.step, run.log = meta["step"], meta["log"]
    run.sums, run.seconds = meta["sums"], meta["seconds"]
    run.compiled = meta.get("compiled", False)
    return run


def save_or_warn(run: Run, path: Path) -> None:
    """Save in the middle of a run; a full disk costs a warning and another try, not the run."""
    try:
        save(run, path)
    except CheckpointError as error:
        warnings.warn(f"training goes on unsaved: {error}", RuntimeWarning, stacklevel=3)


def save_at_the_end(run: Run, path: Path) -> None:
    """Save, or raise CheckpointError that carries the run as `error.run`: nothing is lost."""
    try:
        save(run, path)
    except CheckpointError as error:
        error.run = run
        raise
