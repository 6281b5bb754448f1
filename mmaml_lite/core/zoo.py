"""Load-or-train: the weights, settings, log and versions of every named experiment.

A name is domain/setting/method, such as "regression/2-modes/mumomaml-film". What is not in the zoo
is trained, after saying how long that takes.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mmaml_lite.core import checkpoint
from mmaml_lite.core.device import pick_device, threads
from mmaml_lite.core.domain import build, domain, known_domains
from mmaml_lite.core.runs import Run, start, stored_settings
from mmaml_lite.core.training import Callback, train


@dataclass(frozen=True)
class Model:
    """A trained learner with its record: settings, log, versions, seconds of training."""

    name: str
    learner: nn.Module
    settings: Any
    log: list[dict[str, float]]
    versions: dict[str, str]
    seconds: float

    @property
    def deviations(self) -> dict[str, tuple[Any, Any]]:
        """Settings that differ from the recipe's, as (here, in the recipe)."""
        asked = domain(self.settings.domain).asked(self.settings).to_dict()
        return {k: (v, asked[k]) for k, v in self.settings.to_dict().items() if v != asked[k]}

    @property
    def key(self) -> str:
        """Recipe and method, by which results are kept: "paper/maml"."""
        return f"{self.settings.recipe}/{self.settings.method}"

    @property
    def provisional(self) -> bool:
        """Whether it was trained for fewer iterations than its recipe asks for."""
        here, there = self.deviations.get("iterations", (0, 0))
        return here < there

    @property
    def label(self) -> str:
        """The method's label for tables and legends; provisional weights say so."""
        mark = " (provisional)" if self.provisional else ""
        return domain(self.settings.domain).label(self.settings.method) + mark


def data_folder() -> Path:
    """Where checkpoints and results live: $MMAML_LITE_DATA, or data/ of this repository."""
    here = Path(__file__).resolve().parents[2] / "data"
    return Path(os.environ.get("MMAML_LITE_DATA", here))


def parse(name: str) -> tuple[str, str, str]:
    """Split a name into domain, setting and method; raises ValueError that shows an example."""
    parts = name.split("/")
    if len(parts) != 3 or parts[0] not in known_domains():
        raise ValueError(
            f"unknown name {name!r}: expected <domain>/<setting>/<method>, such as "
            f"regression/2-modes/mumomaml-film; domains: {', '.join(known_domains())}"
        )
    return parts[0], parts[1], parts[2]


def zoo_settings(name: str, recipe: str = "paper", **changes: Any) -> Any:
    """Settings of a named experiment in the zoo, some of them changed.

    Raises ValueError for unknown names, and for changes that belong to the name (but the seed's).
    """
    kind, setting, method = parse(name)
    for told in domain(kind).settings.in_the_name() & changes.keys():
        raise ValueError(f"{told} is part of the name {name!r}: choose another name instead")
    return domain(kind).named(setting, method, recipe, **changes)


def weights_path(name: str, recipe: str = "paper", seed: int = 0) -> Path:
    """Where the zoo keeps the weights of an experiment."""
    return data_folder() / "checkpoints" / name / f"{recipe}-seed{seed}.safetensors"


def run_path(name: str, recipe: str = "paper", seed: int = 0, **changes: Any) -> Path:
    """Where an unfinished run of an experiment, or of a changed one, is kept (not committed)."""
    tag = "".join(f"-{k}={v}" for k, v in sorted(changes.items()))
    return data_folder() / "runs" / name / f"{recipe}-seed{seed}{tag}.safetensors"


SNAPSHOT_STEPS = (1, 30, 100, 300, 1_000, 3_000, 10_000, 30_000)


def snapshot_path(name: str, step: int, recipe: str = "paper", seed: int = 0) -> Path:
    """Where the weights of an experiment at an earlier outer step are kept."""
    return weights_path(name, recipe, seed).with_suffix("") / f"step{step}.safetensors"


class Snapshots(Callback):
    """Keeps the weights of a run at log-spaced outer steps, to show later how it came about."""

    def __init__(self, name: str):
        self.name = name

    def on_step(self, run: Run, measured: dict[str, float]) -> None:
        """Keep the weights when this step is one of the chosen."""
        if run.step in SNAPSHOT_STEPS:
            s = run.settings
            export(run, self.name, snapshot_path(self.name, run.step, s.recipe, s.seed))


def history(name: str, recipe: str = "paper", seed: int = 0) -> list[tuple[int, Model]]:
    """The snapshots of an experiment's training and, last, its final weights, as (step, model).

    Empty where the zoo keeps no snapshots.
    """
    paths = {step: snapshot_path(name, step, recipe, seed) for step in SNAPSHOT_STEPS}
    if not any(path.is_file() for path in paths.values()):
        return []
    last = load(name, recipe, seed)
    earlier = {step: path for step, path in paths.items() if step < last.settings.iterations}
    kept = [(step, read(path)) for step, path in earlier.items() if path.is_file()]
    return [*kept, (last.settings.iterations, last)]


def available(setting: str = "") -> list[tuple[str, str, int]]:
    """What the zoo holds, as (name, recipe, seed), for one setting or all."""
    root = data_folder() / "checkpoints"
    found = []
    for path in sorted(root.glob("*/*/*/*-seed*.safetensors")):
        recipe, _, seed = path.stem.rpartition("-seed")
        name = path.parent.relative_to(root).as_posix()
        if not setting or name.startswith(f"{setting}/"):
            found.append((name, recipe, int(seed)))
    return found


def untrained(names: Sequence[str], takes: str = "", recipe: str = "paper") -> str:
    """One line of Markdown: which weights a section waits for, how to get them; "" for none.

    takes: how long the training of one lasts.
    """
    if not names:
        return ""
    wanted = " and ".join(f"`{name}`" for name in names)
    option = "" if recipe == "paper" else f" --recipe {recipe}"
    makes = f"makes them, in {takes}" if takes else "makes them"
    return (
        f"*Skipped: there are no weights for {wanted} yet "
        f"(`python -m mmaml_lite train {names[0]}{option}` {makes}).*"
    )


def check_replace(settings: Any, name: str) -> None:
    """Raise ValueError when training with these settings would replace a better trained entry."""
    path = weights_path(name, settings.recipe, settings.seed)
    if path.is_file() and (held := read(path).settings.iterations) > settings.iterations:
        raise ValueError(
            f"the zoo holds {name} trained for {held} iterations, this run asks for "
            f"{settings.iterations}: take more, or --replace it"
        )


def is_variant(changes: dict[str, Any]) -> bool:
    """Whether changed settings make it another experiment, more than a shorter or longer one."""
    return bool(set(changes) - {"iterations"})


def export(run: Run, name: str, path: Path | None = None) -> Path:
    """Put a run's weights into the zoo or `path`, with settings, log and versions."""
    path = path or weights_path(name, run.settings.recipe, run.settings.seed)
    settings = run.settings.replace(iterations=run.step)  # what was trained, not what was planned
    meta = {
        "kind": "weights",
        "name": name,
        "domain": settings.domain,
        "settings": settings.to_dict(),
        "log": run.log,
        "versions": run.versions(),
        "seconds": run.seconds,
    }
    checkpoint.save(path, domain(settings.domain).compact(run.learner.state_dict()), meta)
    return path


def read(path: Path, device: str = "cpu") -> Model:
    """Read a model from a file; raises CheckpointError when it is not one."""
    tensors, meta = checkpoint.load(path)
    if meta.get("kind") != "weights":
        raise checkpoint.CheckpointError(f"{path} holds an unfinished run, not finished weights")
    settings = stored_settings(meta, path)
    learner = build(settings)
    checkpoint.load_into(learner, tensors, path)
    learner = learner.to(pick_device(device)).eval()
    return Model(meta["name"], learner, settings, meta["log"], meta["versions"], meta["seconds"])


@torch.enable_grad()
def seconds_per_step(settings: Any, device: str = "auto") -> float:
    """Measure an outer step: the mean of five from all parts of the run, after two that warm up."""
    run, outer_step = start(settings, pick_device(device)), domain(settings.domain).outer_step
    with threads(domain(settings.domain).threads or torch.get_num_threads()):
        for i, part in enumerate((0.0, 0.99, 0.1, 0.3, 0.5, 0.7, 0.95)):
            if i == 2:
                began = time.perf_counter()
            run.step = int(part * settings.iterations)  # a recipe may learn otherwise later on
            outer_step(run)
    return (time.perf_counter() - began) / 5


def load(
    name: str,
    recipe: str = "paper",
    seed: int = 0,
    device: str = "cpu",
    callbacks: tuple[Callback, ...] = (),
    **changes: Any,
) -> Model:
    """A ready model; trained here, resumably, when the zoo lacks it or `changes` ask for another.

    changes: settings to change, such as iterations=2000: then the model is trained, not looked up.
    Raises ValueError for unknown names and settings, CheckpointError for a damaged file.
    """
    path = weights_path(name, recipe, seed)
    settings = zoo_settings(name, recipe, seed=seed, **changes)
    if path.is_file() and not changes:
        return read(path, device)
    minutes = seconds_per_step(settings, device) * settings.iterations / 60
    print(
        f"{name} ({recipe}, seed {seed}): training {settings.iterations} steps, "
        f"about {minutes:.1f} minutes on {pick_device(device)}; "
        "it can be interrupted and goes on where it stopped",
        flush=True,
    )
    run = train(settings, run_path(name, recipe, seed, **changes), device, callbacks)
    if not changes:
        return read(export(run, name), device)
    return Model(name, run.learner.eval(), settings, run.log, run.versions(), run.seconds)
