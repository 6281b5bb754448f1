"""Whatever has a name can be added to: what is registered works in every command at once."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import nn

from mmaml_lite import Uniform, load, register_family, register_network, register_source
from mmaml_lite.characters.encoder import ENCODERS
from mmaml_lite.characters.sources import SOURCES, Drawn, source
from mmaml_lite.characters.tasks import Images
from mmaml_lite.core import zoo
from mmaml_lite.core.algorithm import adapt
from mmaml_lite.core.domain import DOMAINS, build, domain, known_domains
from mmaml_lite.core.evaluation import evaluate_setting, tabulated
from mmaml_lite.core.networks import NETWORKS
from mmaml_lite.core.settings import setting
from mmaml_lite.core.training import train
from mmaml_lite.regression.tasks import FAMILIES, mixture_of
from mmaml_lite.rl.domain import register_world
from mmaml_lite.rl.objective import SURROGATES
from mmaml_lite.rl.settings import NavigationSettings

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
QUIET = {"tell": lambda line: None}


@pytest.fixture(autouse=True)
def fresh(data):
    """A folder of its own; what a test registers is gone after it."""
    for name in known_domains():  # ours are registered when they are first named
        domain(name)
    registries = [FAMILIES, NETWORKS, SOURCES, ENCODERS, SURROGATES, DOMAINS]
    before = [dict(registry) for registry in registries]
    yield
    for registry, held in zip(registries, before, strict=True):
        for name in registry.keys() - held.keys():
            del registry[name]
    source.cache_clear()


def test_the_family_of_the_page_has_two_inputs_and_two_outputs():
    """Both engines agree on it, it trains, and its table has no floors."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(block, {})
    small = {"iterations": 3, "tasks_per_mode": 4, "hidden": (8, 8)}
    name = "regression/saddle/mumomaml-film"
    settings = zoo.zoo_settings(name, inner_clip_norm=None, **small)
    tasks = mixture_of(settings).sample(4, torch.Generator().manual_seed(0))
    assert tasks.support.x.shape == (4, 5, 2) and tasks.query.y.shape == (4, 5, 2)
    slow = settings.replace(engine="reference")
    fast, reference = (build(s).double() for s in (settings, slow))
    tasks = tasks.to(torch.float64)
    ours, theirs = (m(tasks.support, tasks.query.x) for m in (fast, reference))
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)
    tau = fast.modulate(fast.embed(tasks.support))
    path = fast.adapt(tasks.support, tau)
    assert len(path) == 6 and path[0]["weight0"].shape == (8, 2)
    again = fast.predict(path[-1], tau, tasks.support, tasks.query.x)
    torch.testing.assert_close(ours[-1], again, rtol=1e-9, atol=1e-12)
    load(name, **small)
    zoo.export(train(zoo.zoo_settings(name, **small), device="cpu"), name)
    found = evaluate_setting("regression/saddle", 10, **QUIET)
    assert found["floors"] == {} and "x_bayes" not in found["methods"]["paper/mumomaml-film"]
    assert "MuMoMAML FiLM (provisional)" in tabulated(found) and "Bayes-optimal" not in tabulated(
        found
    )


def test_families_of_one_mixture_are_alike():
    register_family("flat", inputs=2, a=Uniform(-1.0, 1.0))(lambda x, z, a: a * x)
    with pytest.raises(ValueError, match="equally many inputs and outputs"):
        build(zoo.zoo_settings("regression/flat+linear/maml"))


class Wave:
    """height sin(x + shift), as a pure function of theta; nothing in it can be modulated."""

    units = ()

    def init(self):
        return {"height": torch.ones(1), "shift": torch.zeros(1)}

    def __call__(self, theta, x, tau):
        return theta["height"] * torch.sin(x + theta["shift"])


def test_a_network_that_is_a_pure_function():
    register_network("wave")(lambda settings, inputs, outputs: Wave())
    settings = zoo.zoo_settings(
        "regression/1-mode/maml", network="wave", context=0, step_size=0.1, iterations=2, noise=0.0
    )
    run = train(settings, device="cpu")
    assert run.finished and set(run.learner.theta) == {"height", "shift"}
    tasks = mixture_of(settings).sample(3, torch.Generator().manual_seed(0))
    found = run.learner(tasks.support, tasks.query.x)
    one = adapt(
        lambda theta: (Wave()(theta, tasks.support.x[0], {}) - tasks.support.y[0]).square().mean(),
        {n: w.detach() for n, w in run.learner.theta.items()},
        run.learner.step_sizes(),
    )
    torch.testing.assert_close(found[-1, 0], Wave()(one[-1], tasks.query.x[0], {}))
    with pytest.raises(ValueError, match="fast engine back-propagates the mean squared error"):
        build(settings.replace(engine="fast"))
    learned = settings.replace(learn_step_size="layer")
    assert set(build(learned).log_step_sizes) == {"height", "shift"}


class Bars:
    """A class is a row of ink."""

    def draw(self, tasks, ways, shots, queries, generator):
        rows = torch.rand(tasks, 28, generator=generator).topk(ways).indices
        ink = torch.zeros(tasks, ways, shots + queries, 28, 28)
        ink.scatter_(3, rows[..., None, None, None].expand(-1, -1, shots + queries, 1, 28), 1.0)
        return Drawn(ink, rows)


class Mean(nn.Module):
    """An encoder that sees how much ink there is."""

    size = 1

    def forward(self, support: Images, ways: int):
        return support.x.flatten(1).mean(1, keepdim=True)


def test_a_source_of_drawings_and_an_encoder():
    register_source("bars2")(lambda part, kind, rotations, device: Bars())
    ENCODERS.add("mean", lambda settings: Mean())
    name = "characters/bars2+inverted_bars2-3way-1shot/mumomaml-film"
    small = {"filters": 4, "encoder": "mean", "tasks": 4, "iterations": 2}
    run = train(zoo.zoo_settings(name, **small), device="cpu")
    zoo.export(run, name)
    assert isinstance(load(name).learner.encoder, Mean)
    found = evaluate_setting("characters/bars2+inverted_bars2-3way-1shot", 4, **QUIET)
    kinds = found["methods"]["paper/mumomaml-film"]["normalisations"]
    assert set(kinds["support"]["modes"]) == {"bars2", "inverted_bars2"}
    assert len(kinds["support"]["best"]) == 4 and "bars2" in tabulated(found)
    with pytest.raises(ValueError, match="small letters, digits and _"):
        register_source("my-bars")


@dataclass(frozen=True)
class RingSettings(NavigationSettings):
    """Navigation under another name: a world for which no paper has a curve."""

    domain: ClassVar[str] = "rings"

    horizon: int = setting(4, "steps of an episode", least=1)
    tasks: int = setting(4, "tasks in a meta-batch", least=1)


def test_a_world_and_a_surrogate():
    register_world(RingSettings)
    SURROGATES.add(
        "plain",
        lambda log_prob, sampled, advantages, alive: (log_prob * advantages * alive).sum(-1),
    )
    name = "rings/2-modes/maml"
    run = train(zoo.zoo_settings(name, surrogate="plain", iterations=1), device="cpu")
    assert run.finished
    zoo.export(train(zoo.zoo_settings(name, iterations=1), device="cpu"), name)
    table = tabulated(evaluate_setting("rings/2-modes", 4, **QUIET))
    assert "read off Figure" not in table and "told the goal, walks straight there" in table
    with pytest.raises(ValueError, match="'rings' is taken"):
        register_world(RingSettings)
