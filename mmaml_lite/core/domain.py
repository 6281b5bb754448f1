"""Kinds of task, and what each brings to the training loop and the zoo, which serve them all.

A name in the zoo starts with its domain: "regression/2-modes/maml". A domain is read when it is
first named, so that training one needs nothing that only another one needs.
"""

import importlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mmaml_lite.core.registry import Registry


class TrainingDiverged(RuntimeError):
    """What is learned, or its gradient, is not finite any more."""


@dataclass(frozen=True)
class Method:
    """A method: its label in tables and figures, and the settings that define it."""

    label: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Domain:
    """What the one training loop has to know about a kind of task.

    settings: dataclass of its settings, with `domain`, `method`, `recipe`, `iterations`,
    `learning_rate` and `seed` among them, and `replace`; named: (setting, method, recipe,
    **changes) -> the zoo's settings; recipe: settings -> what the same experiment's recipe asks
    for; label: method -> its name in tables; build: settings -> a fresh learner, decided by the
    seed; outer_step: one meta-update of a Run in place -> what it measured, by name, or
    TrainingDiverged; headline: which of these a progress bar shows; log_every: outer steps whose
    mean makes one record of the log; threads: that pay off in training, None for all there are;
    report: module with `evaluate_setting` and `markdown`; compile: lets a learner train in compiled
    kernels, None where nothing of the kind is there; compact: a learner's weights -> what the zoo
    keeps of them, by default all.
    """

    settings: type
    named: Callable[..., Any]
    recipe: Callable[[Any], Any]
    label: Callable[[str], str]
    build: Callable[[Any], nn.Module]
    outer_step: Callable[[Any], dict[str, float]]
    headline: str
    log_every: int
    threads: int | None
    report: str
    compile: Callable[[nn.Module], None] | None = None
    compact: Callable[[dict[str, Tensor]], dict[str, Tensor]] = dict


DOMAINS: Registry[Domain] = Registry("domain")
HOMES = {
    "regression": "mmaml_lite.regression.domain",
    "navigation": "mmaml_lite.rl.domain",
    "cheetah-location": "mmaml_lite.rl.domain",
    "cheetah-speed": "mmaml_lite.rl.domain",
    "characters": "mmaml_lite.characters.domain",
}


def domain(name: str) -> Domain:
    """The domain of this name; raises ValueError that lists the known."""
    if name not in DOMAINS:
        if name not in HOMES:
            known = ", ".join(sorted(HOMES.keys() | DOMAINS.keys()))
            raise ValueError(f"unknown domain {name!r}: known are {known}")
        importlib.import_module(HOMES[name])
    return DOMAINS[name]


def build(settings: Any) -> nn.Module:
    """A fresh learner of any domain, its initial weights decided by `settings.seed` alone."""
    return domain(settings.domain).build(settings)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from torch's global generator as this seed decides, and leave it as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def numbered_modes(setting: str) -> int | None:
    """The number in a setting named "1-mode", "2-modes" and so on; None for another name."""
    numbered = re.fullmatch(r"(\d+)-modes?", setting)
    return int(numbered[1]) if numbered else None
