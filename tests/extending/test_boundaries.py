"""A domain of one's own: registered from a module, known to every command, nothing else edited."""

import sys
from pathlib import Path

import pytest
import torch

from mmaml_lite.__main__ import main
from mmaml_lite.core import zoo
from mmaml_lite.core.checkpoint import CheckpointError
from mmaml_lite.core.domain import DOMAINS, build
from mmaml_lite.core.results import read_results
from mmaml_lite.core.training import train

HERE = Path(__file__).parent
NAME = "boundaries/2-modes"


@pytest.fixture(autouse=True)
def imported(monkeypatch, data):
    """A folder of its own, and the module where Python finds it, as a user would have it."""
    monkeypatch.syspath_prepend(HERE)
    yield
    DOMAINS.pop("boundaries", None)
    sys.modules.pop("boundaries", None)


def run(*words):
    return main(["--import", "boundaries", *words])


def test_it_is_small():
    assert len((HERE / "boundaries.py").read_text().splitlines()) <= 350


def test_trained_evaluated_reported_and_loaded_by_name(capsys):
    """The whole way on the command line; a short training already teaches something."""
    for method in ("maml", "mumomaml-film", "reader"):
        words = ["train", f"{NAME}/{method}", "--set", "iterations=120", "--device", "cpu"]
        assert run(*words) == 0
    assert run("evaluate", NAME) == 0
    found = read_results(NAME)
    stages = {key: r["variants"][""]["stages"] for key, r in found["methods"].items()}
    assert stages["paper/maml"][-1]["mean"] > stages["paper/maml"][0]["mean"] + 0.1
    assert stages["paper/reader"][0]["mean"] > stages["paper/maml"][0]["mean"] + 0.05
    assert len(stages["paper/reader"]) == 1 and len(stages["paper/maml"]) == 4
    pair = found["paired"]["paper/maml - paper/mumomaml-film"]
    assert len(pair["stages"]) == 4 and pair["stages"][-1]["mean"] == pair["mean"]
    film = found["methods"]["paper/mumomaml-film"]["variants"][""]
    assert len(film["best"]) == len(film["worst"]) == 5 and set(film["modes"]) == {"line", "circle"}
    capsys.readouterr()
    assert run("report", NAME) == 0
    table = capsys.readouterr().out
    assert "MuMoMAML FiLM (provisional)" in table and "| nearest shown point | floor |" in table
    model = zoo.load(f"{NAME}/mumomaml-film")
    assert model.settings.domain == "boundaries" and model.log[-1]["step"] == 100


def test_help_and_settings_show_what_it_has(capsys):
    assert run("settings", f"{NAME}/reader") == 0
    assert "outer step size beta of Adam [a number above 0]" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run("train", f"{NAME}/maml", "-h")
    assert "methods: maml, mumomaml-film, reader" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "boundaries/3-modes/maml"], "expected 1-mode or 2-modes"),
        (["train", f"{NAME}/multi-maml"], "unknown method 'multi-maml': known are maml"),
        (["train", f"{NAME}/maml", "--set", "modes=1"], "modes is part of the name"),
        (["train", f"{NAME}/maml", "--set", "step_size=x"], "step_size must be a number above 0"),
        (["train", f"{NAME}/maml", "--compile"], "boundaries has no inner loop to compile"),
        (["evaluate", NAME], "the zoo holds nothing for boundaries/2-modes"),
    ],
)
def test_bad_input_ends_with_one_line(words, says, capsys):
    assert run(*words) == 2
    assert says in capsys.readouterr().err


def test_interrupted_training_goes_on_bit_for_bit(tmp_path, stop_at_three):
    import boundaries  # noqa: F401

    settings = zoo.zoo_settings(f"{NAME}/mumomaml-film", iterations=6)
    whole = train(settings, device="cpu")
    with pytest.raises(KeyboardInterrupt):
        train(settings, tmp_path / "run.safetensors", "cpu", [stop_at_three])
    again = train(settings, tmp_path / "run.safetensors", "cpu")
    for a, b in zip(whole.learner.parameters(), again.learner.parameters(), strict=True):
        assert torch.equal(a, b)


def test_weights_of_a_domain_that_was_not_imported_say_so(tmp_path):
    assert run("train", f"{NAME}/maml", "--set", "iterations=1", "--device", "cpu") == 0
    path = zoo.weights_path(f"{NAME}/maml")
    DOMAINS.pop("boundaries")
    with pytest.raises(CheckpointError, match="unknown domain 'boundaries': known are regression"):
        zoo.read(path)
    with pytest.raises(ValueError, match="unknown name"):
        zoo.load(f"{NAME}/maml")


def test_its_gradients_are_those_of_a_loop_over_tasks():
    """Embed, modulate, adapt, predict of the library against plain autograd, task by task."""
    from boundaries import BoundarySettings, sample

    settings = BoundarySettings(modulation="film", steps=2, step_size=0.2, hidden=(8, 8))
    learner = build(settings).double()
    batch = sample(settings, 4, 5, torch.Generator().manual_seed(0)).to(torch.float64)
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    found = learner(batch.support, batch.query.x)
    tau = learner.modulate(learner.embed(batch.support))
    for task in range(4):
        theta = dict(learner.theta)
        own = {i: t[task] for i, t in tau.items()}
        x, y = batch.support.x[task], batch.support.y[task]
        for stage in range(3):
            expected = learner.network(theta, batch.query.x[task], own)
            torch.testing.assert_close(found[stage, task], expected)
            loss = bce(learner.network(theta, x, own), y)
            gradients = torch.autograd.grad(loss, list(theta.values()), create_graph=True)
            theta = {n: w - 0.2 * g for (n, w), g in zip(theta.items(), gradients, strict=True)}
