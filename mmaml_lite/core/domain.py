"""Kinds of task, and what each brings to the training loop and the zoo, which serve them all.

A name in the zoo starts with its domain: "regression/2-modes/maml". A domain of ours is read when
it is first named, so that training one needs nothing that only another one needs; a domain of the
user's is there as soon as the module that registers it was imported.
"""

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mmaml_lite.core.registry import Registry
from mmaml_lite.core.settings import Settings


class TrainingDiverged(RuntimeError):
    """What is learned, or its gradient, is not finite any more."""


@dataclass(frozen=True)
class Method:
    """A method: its label in tables and figures, and the settings that define it."""

    label: str
    settings: Mapping[str, Any]


# (settings that define the method, **settings that the name of a setting says) -> settings
Recipe = Callable[..., Mapping[str, Any]]


@dataclass(frozen=True)
class Domain:
    """What the one training loop, the zoo and the evaluation have to know about a kind of task.

    settings: the class of its settings; methods, recipes: by name; parse: what the name of a
    setting says, as settings, or ValueError; spell: settings -> that name; learner: settings -> a
    fresh learner; outer_step: one meta-update of a Run in place -> what it measured, by name, or
    TrainingDiverged; headline: which of these a progress bar shows; log_every: outer steps whose
    mean makes one record of the log; threads: that pay off in training, None for all there are;
    report: the module that holds its `TEST` and, maybe, `markdown` (see `evaluation`); zoo: recipe
    -> what the zoo changes in it; compile: lets a learner train in compiled kernels, None where
    nothing of the kind is there; compact: a learner's weights -> what the zoo keeps of them.
    """

    settings: type[Settings]
    methods: Registry[Method]
    recipes: Registry[Recipe]
    parse: Callable[[str], Mapping[str, Any]]
    spell: Callable[[Any], str]
    learner: Callable[[Any], nn.Module]
    outer_step: Callable[[Any], dict[str, float]]
    report: str
    headline: str = "loss"
    log_every: int = 100
    threads: int | None = 1
    zoo: Callable[[str], Mapping[str, Any]] = lambda recipe: {}
    compile: Callable[[nn.Module], None] | None = None
    compact: Callable[[dict[str, Tensor]], dict[str, Tensor]] = dict

    def label(self, method: str) -> str:
        """A method's name in tables and figures."""
        return self.methods[method].label

    def composed(self, method: str, recipe: str, **told: Any) -> Any:
        """Settings of a method by a recipe, for the tasks that `told` names.

        Raises ValueError for unknown names.
        """
        asked = self.methods[method].settings
        made = self.recipes[recipe](asked, **told)
        return self.settings(**{**told, **made, **asked, "method": method, "recipe": recipe})

    def named(self, setting: str, method: str, recipe: str = "paper", **changes: Any) -> Any:
        """Settings of an experiment in the zoo, some changed; ValueError for unknown names."""
        settings = self.composed(method, recipe, **self.parse(setting))
        return settings.replace(**{**self.zoo(recipe), **changes})

    def asked(self, settings: Any) -> Any:
        """What the recipe of these settings asks for in their experiment."""
        told = self.parse(self.spell(settings))
        return self.composed(settings.method, settings.recipe, **told).replace(seed=settings.seed)


DOMAINS: Registry[Domain] = Registry("domain", " (a domain of your own: register_domain)")
HOMES = {
    "regression": "mmaml_lite.regression.domain",
    "navigation": "mmaml_lite.rl.domain",
    "cheetah-location": "mmaml_lite.rl.domain",
    "cheetah-speed": "mmaml_lite.rl.domain",
    "characters": "mmaml_lite.characters.domain",
}


def register_domain(kind: Domain) -> Domain:
    """Register a domain under its settings' `domain`; every command then knows it.

    Raises ValueError for a name that is taken or that would not fit the zoo's.
    """
    name = kind.settings.domain
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise ValueError(f"a domain's name has small letters, digits and -, not {name!r}")
    return DOMAINS.add(name, kind)


def known_domains() -> list[str]:
    """The names of all domains, read or not."""
    return list(dict.fromkeys([*HOMES, *DOMAINS]))


def domain(name: str) -> Domain:
    """The domain of this name; raises ValueError that lists the known."""
    if name in HOMES:
        importlib.import_module(HOMES[name])
    elif name not in DOMAINS:
        raise ValueError(
            f"unknown domain {name!r}: known are {', '.join(known_domains())}{DOMAINS.hint}"
        )
    return DOMAINS[name]


def build(settings: Any) -> nn.Module:
    """A fresh learner of any domain, its initial weights decided by `settings.seed` alone."""
    with seeded(settings.seed):
        return domain(settings.domain).learner(settings)


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
