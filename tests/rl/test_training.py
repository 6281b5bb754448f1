"""Meta-RL through the one training loop and zoo: named, resumable, measured, told apart."""

import dataclasses
import json
import math

import pytest
import torch

from mmaml_lite.__main__ import main
from mmaml_lite.core import zoo
from mmaml_lite.core.checkpoint import CheckpointError
from mmaml_lite.core.domain import DOMAINS, TrainingDiverged, build, domain
from mmaml_lite.core.evaluation import evaluate_setting
from mmaml_lite.core.results import read_results
from mmaml_lite.core.runs import start
from mmaml_lite.core.statistics import neighbour_vote
from mmaml_lite.core.training import Callback, train
from mmaml_lite.rl import Navigation, NavigationVector, report
from mmaml_lite.rl.collect import collect
from mmaml_lite.rl.domain import METHODS
from mmaml_lite.rl.evaluation import returns, shared_goals
from mmaml_lite.rl.navigation import terminations
from mmaml_lite.rl.published import NAVIGATION
from mmaml_lite.rl.report import markdown

SMALL = {
    "hidden": (8, 8),
    "encoder_hidden": 6,
    "tasks": 4,
    "trajectories": 3,
    "test_trajectories": 3,
    "horizon": 6,
    "iterations": 6,
}


def small(method="mumomaml-film", setting="2-modes", **changes):
    return domain("navigation").named(setting, method, **(SMALL | changes))


def state(run):
    adam = run.optimiser.state_dict()["state"]
    moments = [adam[i][name] for i in sorted(adam) for name in sorted(adam[i])]
    return [*run.learner.state_dict().values(), *moments, run.generator.get_state()], run.log


def assert_equal(a, b):
    (tensors_a, log_a), (tensors_b, log_b) = state(a), state(b)
    assert log_a == log_b
    assert all(torch.equal(x, y) for x, y in zip(tensors_a, tensors_b, strict=True))


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setitem(
        DOMAINS, "navigation", dataclasses.replace(domain("navigation"), log_every=2)
    )


@pytest.mark.parametrize("method", ["maml", "mumomaml-film"])
@pytest.mark.parametrize("outer", ["ppo", "trpo"])
def test_stopped_anywhere_and_resumed_it_is_the_same_run(tmp_path, method, outer, stop_at_three):
    """Half a run's file, taken up again, ends where the whole run ends, with the same curve."""
    settings, path = small(method, outer=outer), tmp_path / "run.safetensors"

    whole = train(settings, device="cpu")
    with pytest.raises(KeyboardInterrupt):
        train(settings, path, "cpu", [stop_at_three])
    assert_equal(train(settings, path, "cpu"), whole)
    record = whole.log[-1]
    assert [r["step"] for r in whole.log] == [2, 4, 6]
    assert {"step 0", "step 1", "return", "gain", "kl", "share"} <= set(record)
    assert ("before modulation" in record) == (method != "maml")
    assert record["return"] == record["step 1"] < 0


def test_sampling_interrupted_half_way_loses_nothing(tmp_path, monkeypatch):
    settings, path = small(), tmp_path / "run.safetensors"
    whole = train(settings, device="cpu")
    train(settings, path, "cpu", seconds=0.0)  # one step, then saved
    honest, calls = NavigationVector.step, []

    def interrupted(self, actions):
        calls.append(1)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return honest(self, actions)

    monkeypatch.setattr(NavigationVector, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(settings, path, "cpu")
    monkeypatch.setattr(NavigationVector, "step", honest)
    assert_equal(train(settings, path, "cpu"), whole)


def test_ppos_learning_rate_falls_to_nothing_and_such_a_run_cannot_be_longer(tmp_path):
    rates = []

    class Keep(Callback):
        def on_step(self, run, measured):
            rates.append(run.optimiser.param_groups[0]["lr"])

    train(small(), tmp_path / "run.safetensors", "cpu", [Keep()])
    assert rates == pytest.approx([0.001 * (1 - i / 6) for i in range(6)])
    assert not small().may_be_longer and small(schedule="constant").may_be_longer
    assert small(outer="trpo").may_be_longer


def test_names_make_settings():
    maml, film = (
        domain("navigation").named("4-modes", "maml"),
        domain("navigation").named("2-modes-ends", "mumomaml-film"),
    )
    assert (maml.modes, maml.modulation, maml.ends_within) == (4, None, None)
    assert (film.modes, film.modulation, film.ends_within) == (2, "film", 0.01)
    later = domain("navigation").named("2-modes", "mumomaml-scale", "paper-2019")
    assert later.modulation == "scale" and later.first_step_plain
    assert later.explore == later.trajectories == 20
    plain = domain("navigation").named("2-modes", "maml", "paper-2019")
    assert (plain.trajectories, plain.first_step_plain) == (20, False)
    for method in METHODS:
        assert domain("navigation").label(method)
    with pytest.raises(ValueError, match="expected 1-mode, 2-modes"):
        domain("navigation").named("two-modes", "maml")
    with pytest.raises(ValueError, match="expected 1-mode, 2-modes"):
        domain("navigation").named("2-modes-endless", "maml")
    with pytest.raises(ValueError, match="unknown method"):
        domain("navigation").named("2-modes", "multi-maml")


def test_a_run_that_diverges_says_so(monkeypatch):
    class Break(Callback):
        def on_start(self, run):
            next(iter(run.learner.encoder.parameters())).data.fill_(torch.nan)

    with pytest.raises(TrainingDiverged, match=r"step 0: .*NaN.*smaller step_size"):
        train(small(), device="cpu", callbacks=[Break()])


def test_the_floors_are_what_walking_straight_earns():
    world = Navigation(horizon=100)
    goals, mode = shared_goals(world, 1000)
    found = world.floors(goals, mode)
    assert found["goal"].mean().item() == pytest.approx(-1.6, abs=0.1)  # design: about -1.6
    assert found["mode"].mean().item() == pytest.approx(-13.7, abs=0.5)  # design: about -13.7
    goal = torch.tensor([[0.25, -0.1]])  # three steps: 0.1, 0.1, 0.05 and 0.1
    by_hand = -(math.hypot(0.15, 0.0) + 0.05)
    assert world.floors(goal, torch.tensor([0]))["goal"].item() == pytest.approx(by_hand, abs=1e-5)


def test_a_vote_of_the_nearest_neighbour():
    mode = torch.tensor([0, 0, 1, 1])
    apart = torch.tensor([[0.0], [0.1], [5.0], [5.1]])
    assert neighbour_vote(apart, mode) == 1.0
    assert neighbour_vote(torch.tensor([[0.0], [5.0], [0.1], [5.1]]), mode) == 0.0


def test_evaluation_draws_fresh_trajectories_and_is_repeatable():
    learner, world = build(small()), small().world()
    goals, _ = shared_goals(world, 6)
    first, again = (returns(learner, goals, world, steps=2, chunk=4) for _ in range(2))
    other = returns(learner, goals, world, steps=2, seed=1)
    assert first.stages.shape == (3, 6) and first.before.shape == (6,)
    assert first.embedding.shape == (6, 6)
    assert torch.equal(first.stages, again.stages) and not torch.equal(first.stages, other.stages)
    assert returns(build(small("maml")), goals, world).before is None


def test_the_return_is_that_of_the_asked_ending():
    learner, world = build(small()), small().world()
    goals, _ = shared_goals(world, 6)
    full, cut = (
        returns(learner, goals, dataclasses.replace(world, ends_within=within), steps=1).stages
        for within in (None, 5.0)  # the first step ends it
    )
    assert (cut > full).all() and cut.mean() > 0.5 * full.mean()


def test_an_outer_step_samples_as_many_walks_as_are_set():
    settings = small(trajectories=2, test_trajectories=5)
    run, again = (start(settings, torch.device("cpu")) for _ in range(2))
    measured = domain("navigation").outer_step(run)
    goals, _ = settings.world().goals(settings.tasks, again.generator)
    stages = collect(again.learner, goals, 1, again.generator, trajectories=2).batch.stages
    assert measured["step 0"] == pytest.approx(stages[0].returns().mean().item())
    assert measured["return"] == pytest.approx(stages[1].returns().mean().item())


def test_both_endings_of_the_same_tasks():
    worlds = terminations(Navigation(horizon=7), 0.01)
    assert list(worlds) == ["7 steps", "ends within 0.01"]
    assert [w.ends_within for w in worlds.values()] == [None, 0.01]


def test_trained_named_evaluated_reported(stored_from, capsys, data):
    """The whole way by commands: two methods, two seeds, results with both endings, a table."""
    changes = {k: v for k, v in SMALL.items() if k not in ("horizon", "iterations")}
    for method, seed in (("maml", 0), ("mumomaml-film", 0), ("mumomaml-film", 1)):
        name = f"navigation/2-modes/{method}"
        settings = zoo.zoo_settings(name, seed=seed, iterations=2, **changes)
        zoo.export(train(settings, device="cpu"), name)
    model = zoo.load("navigation/2-modes/mumomaml-film", seed=1)
    assert model.provisional and model.label == "MuMoMAML (FiLM) (provisional)"
    assert model.deviations["hidden"] == ((8, 8), (64, 64))
    stored_from(report, 8)
    found = evaluate_setting("navigation/2-modes", tell=lambda line: None)
    assert read_results("navigation/2-modes") == json.loads(json.dumps(found))
    film = found["methods"]["paper/mumomaml-film"]
    assert set(film["votes"]) == {"0", "1"} and len(film["endings"]["100 steps"]["seeds"]) == 2
    each = [seed[0]["mean"] for seed in film["endings"]["100 steps"]["seeds"].values()]
    mean = film["endings"]["100 steps"]["stages"][0]["mean"]
    assert mean == pytest.approx(sum(each) / 2, rel=1e-5)
    pair = found["paired"]["100 steps"]["paper/maml - paper/mumomaml-film"]
    maml = found["methods"]["paper/maml"]["endings"]["100 steps"]["stages"]
    assert pair[1]["mean"] == pytest.approx(
        maml[1]["mean"] - film["endings"]["100 steps"]["stages"][1]["mean"], rel=1e-4
    )
    text = markdown(found)
    assert "2 modes at (0.5, 0.5), (-0.5, -0.5), spread 0.1; reward minus the distance" in text
    last = ", ".join(
        f"{seed[-1]['mean']:.1f}" for seed in film["endings"]["100 steps"]["seeds"].values()
    )
    assert f"2 outer steps, step 5 seed by seed {last} (100 steps)" in text
    assert "-18.1" in text and "told the goal" in text and "(provisional)" in text
    assert main(["report", "navigation/2-modes"]) == 0
    assert capsys.readouterr().out.strip() == text.strip()


def test_nothing_to_evaluate_is_said(data):
    with pytest.raises(ValueError, match="train something first"):
        evaluate_setting("navigation/6-modes")
    with pytest.raises(ValueError, match="two tasks for each mode, got 3"):
        evaluate_setting("navigation/2-modes", 3)
    with pytest.raises(ValueError, match="such as"):
        evaluate_setting("navigation")


def test_policies_of_other_tasks_are_not_evaluated_beside_these(data):
    name = "navigation/2-modes/maml"
    run = start(zoo.zoo_settings(name, **SMALL), torch.device("cpu"))
    run.step = 1
    zoo.export(run, name)
    with pytest.raises(ValueError, match="trained on other tasks"):
        evaluate_setting("navigation/2-modes", tell=lambda line: None)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_shipped_policies_do_what_the_results_say(seed):
    """On a few fresh goals: modulation finds the mode at once, a step the goal, MAML later."""
    film, maml = (
        zoo.read(zoo.weights_path(f"navigation/2-modes/{method}", seed=seed))
        for method in ("mumomaml-film", "maml")
    )
    world = terminations(film.settings.world(), 0.01)["ends within 0.01"]
    goals, mode = world.goals(60, torch.Generator().manual_seed(11))
    ours, theirs = (returns(m.learner, goals, world, steps=2) for m in (film, maml))
    assert neighbour_vote(ours.embedding, mode) >= 0.95
    paper = NAVIGATION["2-modes"]["mumomaml-film"][1:4]
    assert all(ours.stages.mean(1) > torch.tensor(paper) - torch.tensor([3.0, 1.0, 1.0]))
    assert ours.stages[0].mean() > theirs.stages[0].mean() + 30
    assert (ours.stages.mean(1) > theirs.stages.mean(1)).all()
    assert ours.before.mean() < -50, "the walk before modulation is blind"
    for model in (film, maml):
        logged = [record["return"] for record in model.log]
        assert len(logged) == model.settings.iterations // 5 and logged[-1] > logged[0]


def test_the_stored_results_reach_the_papers_curve_where_episodes_end_at_the_goal():
    found = read_results("navigation/2-modes")["methods"]
    film, maml = found["paper/mumomaml-film"], found["paper/maml"]
    paper = NAVIGATION["2-modes"]["mumomaml-film"][1:]
    ended = [s["mean"] for s in film["endings"]["ends within 0.01"]["stages"]]
    assert all(ours >= theirs for ours, theirs in zip(ended, paper, strict=True))
    for ending, there in film["endings"].items():
        for ours, theirs in zip(there["stages"], maml["endings"][ending]["stages"], strict=True):
            assert ours["mean"] - ours["ci95"] > theirs["mean"] + theirs["ci95"]
        assert len(there["seeds"]) >= 3
    assert min(film["votes"].values()) >= 0.95


def test_a_run_of_another_domain_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    train(small(), path, "cpu")
    with pytest.raises(CheckpointError, match="a run of navigation, not regression"):
        train(zoo.zoo_settings("regression/2-modes/maml", iterations=2), path, "cpu")


@pytest.mark.parametrize("change", ["modes=4", "ends_within=0.1", "modulation=film"])
def test_what_the_name_says_is_not_for_set(capsys, change):
    assert main(["train", "navigation/2-modes/maml", "--set", change]) == 2
    assert "part of the name" in capsys.readouterr().err
