"""The half-cheetah through the one training loop, zoo and report, on episodes of a few steps."""

import dataclasses
import json

import pytest
import torch

from mmaml_lite.__main__ import main
from mmaml_lite.core import zoo
from mmaml_lite.core.domain import DOMAINS, build, domain
from mmaml_lite.core.evaluation import evaluate_setting
from mmaml_lite.core.results import read_results
from mmaml_lite.core.training import train
from mmaml_lite.rl import TargetLocation, TargetSpeed, report
from mmaml_lite.rl.collect import collect
from mmaml_lite.rl.evaluation import returns, shared_goals
from mmaml_lite.rl.published import CURVES
from mmaml_lite.rl.report import markdown, score

SMALL = {
    "hidden": (8, 8),
    "encoder_hidden": 6,
    "tasks": 4,
    "trajectories": 3,
    "test_trajectories": 2,
    "horizon": 6,
    "iterations": 4,
}
KINDS = ["cheetah-location", "cheetah-speed"]


def small(kind, method="mumomaml-film", **changes):
    return domain(kind).named("2-modes", method, **(SMALL | changes))


@pytest.mark.parametrize("kind", KINDS)
def test_names_make_settings(kind):
    film, told = (zoo.zoo_settings(f"{kind}/2-modes/{m}") for m in ("mumomaml-film", "told"))
    assert film.domain == kind and film.modulation == "film" and not film.told
    assert (told.modulation, told.told, told.steps) == (None, True, 0)
    assert film.world() == (TargetLocation() if kind == KINDS[0] else TargetSpeed())
    assert zoo.zoo_settings(f"{kind}/1-mode/maml").world().goal_size == 1
    assert domain(kind).asked(film.replace(tasks=6)) == film
    for setting in ("2-modes-ends", "many"):
        with pytest.raises(ValueError, match="expected 1-mode, 2-modes"):
            zoo.zoo_settings(f"{kind}/{setting}/maml")
    with pytest.raises(ValueError, match="control_cost must be a number from 0"):
        film.replace(control_cost=-1.0)
    with pytest.raises(ValueError, match="told must be True or False"):
        film.replace(told="yes")
    assert main(["train", f"{kind}/2-modes/maml", "--set", "told=True"]) == 2


@pytest.mark.parametrize(
    ("kind", "method"), [(KINDS[0], "told"), (KINDS[0], "mumomaml-film"), (KINDS[1], "maml")]
)
def test_stopped_and_resumed_it_is_the_same_run(kind, method, tmp_path, monkeypatch, stop_at_three):
    """Where episodes start is drawn by the run's own generator, too."""
    monkeypatch.setitem(DOMAINS, kind, dataclasses.replace(domain(kind), log_every=2))
    settings, path = small(kind, method), tmp_path / "run.safetensors"

    whole = train(settings, device="cpu")
    with pytest.raises(KeyboardInterrupt):
        train(settings, path, "cpu", [stop_at_three])
    again = train(settings, path, "cpu")
    assert again.log == whole.log and len(whole.log) == 2
    for a, b in zip(whole.learner.parameters(), again.learner.parameters(), strict=True):
        assert torch.equal(a, b)
    assert whole.log[0]["return"] == whole.log[0]["step 0" if method == "told" else "step 1"] < 0


def test_policies_and_encoders_fit_their_world():
    for kind, seen in zip(KINDS, (18, 17), strict=True):
        film, told = (build(small(kind, m)) for m in ("mumomaml-film", "told"))
        assert film.theta["weight0"].shape == (8, seen) and film.encoder.gru.input_size == seen + 7
        assert told.theta["weight0"].shape == (8, seen + 1) and told.encoder is None


def test_only_the_told_policy_sees_the_goal():
    goals = torch.tensor([[5.0], [-5.0]])
    for method in ("maml", "told"):
        learner = build(small(KINDS[0], method))
        generator = torch.Generator().manual_seed(0)
        seen = collect(learner, goals, 0, generator).batch.stages[0].observations
        assert seen.shape == (2, 2, 6, 18 + (method == "told"))
        if method == "told":
            assert (seen[0, ..., -1] == 1).all() and (seen[1, ..., -1] == -1).all()


def test_evaluation_is_repeatable():
    learner = build(small(KINDS[1]))
    world = learner.settings.world()
    goals, mode = shared_goals(world, 6)
    assert goals.shape == (6, 1) and mode.tolist() == [0, 0, 0, 1, 1, 1]
    first, again = (returns(learner, goals, world, steps=2, chunk=4) for _ in range(2))
    assert torch.equal(first.stages, again.stages) and first.stages.shape == (3, 6)
    assert not torch.equal(first.stages, returns(learner, goals, world, steps=2, seed=1).stages)


@pytest.mark.parametrize("kind", KINDS)
def test_trained_named_evaluated_reported(stored_from, kind, monkeypatch, data):
    """The whole way: results with floors and scores, and a table beside the paper's curve."""
    stored_from(report, 4)
    quick = dataclasses.replace(domain(kind), zoo=lambda recipe: {"horizon": 6})
    monkeypatch.setitem(DOMAINS, kind, quick)
    for method in ("maml", "mumomaml-film", "told"):
        run = train(small(kind, method, iterations=1), device="cpu")
        zoo.export(run, f"{kind}/2-modes/{method}")
    model = zoo.load(f"{kind}/2-modes/told")
    assert model.provisional and model.label == "told the goal (provisional)"
    found = evaluate_setting(f"{kind}/2-modes", tell=lambda line: None)
    assert read_results(f"{kind}/2-modes") == json.loads(json.dumps(found))
    assert set(found["methods"]) == {"paper/maml", "paper/mumomaml-film"}
    assert found["told"]["paper/told"]["seeds"] == [0]
    floors = found["floors"]["6 steps"]
    assert set(floors) == {"still", "told"}
    for better in (True, False):  # than standing still, which one step of training does not teach
        floors["told"]["mean"] = floors["still"]["mean"] + (1 if better else -1)
        text = markdown(found)
        assert f"read off Figure {CURVES[kind][0]}" in text and "stands still" in text
        assert ("score, step 5" in text) == better and "told the goal, learned" in text
        rows = [line.count("|") for line in text.splitlines() if line.startswith("|")]
        assert len(rows) == 8 and len(set(rows)) == 1
    with pytest.raises(ValueError, match="two tasks for each mode, got 3"):
        evaluate_setting(f"{kind}/2-modes", 3)


def test_the_score_is_none_of_nothing_and_one_of_all():
    floors = {"still": {"mean": -300.0}, "told": {"mean": -50.0}}
    assert score({"mean": -300.0, "ci95": 25.0}, floors) == {"mean": 0.0, "ci95": 0.1}
    assert score({"mean": -50.0, "ci95": 0.0}, floors)["mean"] == 1.0
