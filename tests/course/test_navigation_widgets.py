"""Lesson 5's explorers: walks to a goal, what the encoder saw, whose tau, and stored returns."""

import json

import ipywidgets as W
import numpy as np
import pytest
import torch
from helpers import untrained

from mmaml_lite.core import zoo
from mmaml_lite.core.results import read_results, results_path
from mmaml_lite.course import figures
from mmaml_lite.course.studies.exchange import WHOSE, exchange, strangers
from mmaml_lite.course.studies.navigation import explore, positions, walks
from mmaml_lite.course.studies.reading import reading
from mmaml_lite.course.widgets import navigation as module
from mmaml_lite.course.widgets.exploration import Crowd, encoder_explorer, exploration_view
from mmaml_lite.course.widgets.goal import Goal
from mmaml_lite.course.widgets.navigation import METHOD_NAMES, navigate
from mmaml_lite.course.widgets.returns import curve_view, curves_explorer, exchange_view
from mmaml_lite.rl import Navigation
from mmaml_lite.rl.collect import collect
from mmaml_lite.rl.evaluation import TEST_SEED

SMALL = {"horizon": 12, "test_trajectories": 6, "hidden": (8, 8), "encoder_hidden": 6}


def draw(seed):
    return torch.Generator().manual_seed(seed)


def walker(modes, method, **changes):
    return untrained(f"navigation/{modes}-modes/{method}", **(SMALL | changes))


@pytest.fixture(scope="module")
def casts():
    return {n: {key: walker(n, m) for key, m in METHOD_NAMES.items()} for n in (2, 4)}


@pytest.fixture
def explorer(casts):
    return navigate(casts)


@pytest.fixture(scope="module")
def crowd(casts):
    return Crowd(casts[2]["mumomaml"], 40, kind="PCA")


def same_figure(one, other):
    for left, right in zip(one.data, other.data, strict=True):
        for axis in ("x", "y"):
            np.testing.assert_array_equal(
                np.asarray(left[axis], float), np.asarray(right[axis], float)
            )
        assert left.marker.to_plotly_json().keys() == right.marker.to_plotly_json().keys()
        np.testing.assert_array_equal(left.marker.size, right.marker.size)
    notes = [[note.text for note in fig.layout.annotations] for fig in (one, other)]
    assert notes[0] == notes[1]
    assert figures.alt(one) == figures.alt(other)
    assert one.layout.xaxis.range == other.layout.xaxis.range


# Walks


@pytest.mark.parametrize("key", ["maml", "mumomaml"])
def test_walks_are_those_of_the_library(casts, key):
    learner, goal = casts[2][key].learner, torch.tensor([0.3, -0.2])
    found = walks(learner, goal, 2, seed=7)
    batch = collect(learner, goal[None], 2, draw(7)).batch
    for i, seen in enumerate(batch.stages):
        torch.testing.assert_close(found.paths[i, :, :-1], seen.observations[0])
        assert found.returns[i] == seen.returns().mean()
    assert (found.before is None) == (key == "maml")


def test_a_walk_earns_minus_its_distances_from_the_goal(casts):
    """The last place, which no observation shows, as well."""
    goal = torch.tensor([0.3, -0.2])
    found = walks(casts[2]["mumomaml"].learner, goal, 1, seed=0)
    paid = (found.paths[:, :, 1:] - goal).norm(dim=-1).sum(-1).mean(1)
    torch.testing.assert_close(found.returns, -paid)
    look, earned = found.before
    assert -(look[0, 1:] - goal).norm(dim=-1).sum().item() == pytest.approx(earned, rel=1e-5)


def test_an_ended_walk_stays_where_it_is(casts):
    learner = casts[2]["maml"].learner
    world = Navigation(horizon=9, ends_within=5.0)  # the first step reaches the goal
    seen = explore(learner, torch.zeros(3, 2), 0, world)
    places = positions(seen, learner.policy.scale)
    assert places.shape == (3, 1, 10, 2)
    assert (places[:, :, 1:] == places[:, :, 1:2]).all()


def test_the_exploratory_walk_knows_no_goal(casts):
    learner = casts[2]["mumomaml"].learner
    here, there = (explore(learner, torch.tensor([g]), 3) for g in ([0.5, 0.5], [-1.0, 0.2]))
    assert torch.equal(here.observations, there.observations)
    assert not torch.equal(here.rewards, there.rewards)


def test_what_collect_explores_is_what_explore_explores(casts):
    learner, goals = casts[2]["mumomaml"].learner, torch.tensor([[0.4, 0.6]])
    seen = collect(learner, goals, 0, draw(5)).batch.explore
    torch.testing.assert_close(seen.rewards, explore(learner, goals, 5).rewards)


# Whose tau


def test_strangers_are_others_of_the_mode_that_they_should_be():
    mode = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])
    found, every = strangers(mode), torch.arange(8)
    assert (found["same mode"] != every).all()
    assert (mode[found["same mode"]] == mode).all()
    assert (mode[found["other mode"]] != mode).all()
    for lonely in ([0, 0, 0], [0, 0, 1]):
        with pytest.raises(ValueError, match="at least two modes, and two tasks of each"):
            strangers(torch.tensor(lonely))


def test_an_exchange_changes_tau_and_nothing_else(casts):
    learner = casts[2]["mumomaml"].learner
    world = learner.settings.world()
    found = exchange(learner, world, 6, 1, seed=2)
    assert tuple(found) == WHOSE and found["own"].shape == (2, 6)
    assert not torch.equal(found["own"], found["other mode"])
    goals, _ = world.goals(6, draw(TEST_SEED + 2))
    again = collect(learner, goals, 1, draw(2))
    given = collect(learner, goals, 1, draw(2), tau=again.tau)
    for seen in (again, given):
        earned = torch.stack([stage.returns().mean(1) for stage in seen.batch.stages])
        torch.testing.assert_close(earned, found["own"])


def test_the_exchange_is_drawn_as_measured():
    found = {w: torch.randn(3, 5).abs() * -10 - 1 for w in WHOSE}
    view = exchange_view(found, {"goal": -1.0, "mode": -5.0})
    fig = figures.returns(view)
    line = next(t for t in fig.data if t.name == "its own τ")
    np.testing.assert_allclose(line.y, -found["own"].mean(1))
    assert "5 tasks" in figures.caption(fig)
    assert view.stages == ["after modulation", "step 1", "step 2"]


# What the embedding tells


def test_a_straight_line_reads_what_is_there_and_nothing_else():
    luck = draw(0)
    goals = torch.randn(200, 2, generator=luck)
    told = torch.cat([goals @ torch.randn(2, 5, generator=luck), torch.zeros(200, 3)], 1)
    assert (reading(told + 3, goals, ridge=1e-6) - goals).norm(dim=1).max() < 1e-2
    noise = torch.randn(200, 4, generator=luck)
    miss = (reading(noise, goals) - goals).norm(dim=1).mean()
    assert miss > 0.9 * goals.norm(dim=1).mean()


# The goal's control


def test_pad_and_sliders_are_one_place_and_are_heard_once():
    place, heard = Goal([0.1, 0.2]), []
    place.observe(lambda change: heard.append(place.value), "value")
    place.pad.value = [[0.3, -0.4]]
    assert [s.value for s in place.sliders] == [0.3, -0.4] and heard == [[0.3, -0.4]]
    place.sliders[0].value = -0.5
    assert place.value == [-0.5, -0.4] and len(heard) == 2
    place.value = [1, 1]
    assert [s.value for s in place.sliders] == [1.0, 1.0] and len(heard) == 3
    place.pad.value = [[1.2345, 0.0]]  # between two marks of a slider: it stays where it was put
    assert place.value == [1.2345, 0.0] and place.sliders[0].value == 1.23 and len(heard) == 4


# The main explorer


def test_the_explorer_shows_what_the_library_walks(explorer, casts):
    explorer.set(goal=[0.2, 0.7], stage=3, seed=4)
    for key in ("maml", "mumomaml"):
        found = walks(casts[2][key].learner, torch.tensor([0.2, 0.7]), 5, 4)
        np.testing.assert_array_equal(explorer.view.sides[key].paths, found.paths[2][:5])
        np.testing.assert_allclose(explorer.view.sides[key].returns[1:], found.returns)
    assert np.isnan(explorer.view.sides["maml"].returns[0])
    fig = explorer.twin()
    line = next(t for t in fig.data if t.name == "MuMoMAML")
    np.testing.assert_allclose(line.y, -explorer.view.sides["mumomaml"].returns)


def test_the_same_seed_gives_the_same_picture(casts):
    one, other = navigate(casts), navigate(casts)
    one.set(goal=[0.9, 0.0], seed=3).set(goal=[0.4, 0.4], seed=1, stage=5)
    other.set(goal=[0.4, 0.4], seed=1, stage=5)
    same_figure(one.twin(), other.twin())


def test_redrawn_is_drawn_afresh(casts):
    first, second = navigate(casts), navigate(casts, modes=4, goal=[-0.3, 1.2], seed=2)
    second.set(stage=0)
    fig = figures.walks(first.view)
    figures.redraw_walks(fig, second.view)
    same_figure(fig, figures.walks(second.view))
    live = first.set(modes=4, goal=[-0.3, 1.2], seed=2, stage=0)
    same_figure(live.screen, second.twin())


def test_a_goal_is_walked_to_once(explorer, monkeypatch):
    asked = []
    walk = module.walks
    monkeypatch.setattr(module, "walks", lambda *args: asked.append(args) or walk(*args))
    explorer.controls["goal"].sliders[0].value = 0.33
    assert len(asked) == 2  # two methods
    there = explorer.state["goal"]
    for stage in range(7):
        explorer.set(stage=stage)
    explorer.set(goal=[0.9, 0.9]).set(goal=there)
    assert len(asked) == 4, "the stage slider redraws, and a goal seen before is remembered"


def test_the_first_stage_shows_the_blind_walk(explorer):
    explorer.set(stage=0)
    side = explorer.view.sides["mumomaml"]
    np.testing.assert_array_equal(side.paths, side.first)
    assert "nothing to modulate" in explorer.twin().layout.annotations[0].text


def test_goals_far_from_every_mode_are_allowed_and_said_to_be(explorer):
    assert "never trained" not in explorer.summary
    for goal in ([1.25, -1.25], [-1.25, 1.25], [0.0, 0.0]):
        for stage in (0, 6):
            assert "never trained" in explorer.set(goal=goal, stage=stage).summary
    assert explorer.problem.value == ""


def test_modes_move_the_circles_and_the_models(explorer, casts):
    assert len(explorer.controls["goal"].pad.lines) == 2
    explorer.set(modes=4)
    assert len(explorer.controls["goal"].pad.lines) == 4
    assert explorer.view.centres == casts[4]["maml"].settings.world().centres


def test_a_policy_that_diverges_is_told_to_the_reader(casts, explorer):
    learner = casts[2]["maml"].learner
    kept = learner.theta["bias2"].data.clone()
    try:
        learner.theta["bias2"].data.fill_(float("nan"))
        explorer.controls["goal"].value = [0.77, 0.1]
        assert "NaN or infinite" in explorer.problem.value
        with pytest.raises(ValueError, match="NaN or infinite"):
            explorer.set(goal=[0.78, 0.1])
    finally:
        learner.theta["bias2"].data = kept


def test_summary_names_both_methods_and_the_floors(explorer):
    for words in ("MAML", "MuMoMAML", "Told the goal", "told its nearest mode", "spreads from"):
        assert words in explorer.summary


def test_the_floors_are_those_of_this_goal(casts):
    view = navigate(casts, goal=[0.5, 0.5]).view
    assert view.floors["goal"] == pytest.approx(view.floors["mode"])
    view = navigate(casts, goal=[0.5, 0.9]).view
    assert view.floors["goal"] > view.floors["mode"]


def test_navigators_are_those_of_the_zoo(monkeypatch, tmp_path):
    held = [f"navigation/{n}-modes/{m}" for n in (2, 6) for m in METHOD_NAMES.values()]
    held.append("navigation/4-modes/maml")  # one of two is not enough
    monkeypatch.setattr(zoo, "weights_path", lambda name: tmp_path / name)
    for name in held:
        zoo.weights_path(name).parent.mkdir(parents=True, exist_ok=True)
        zoo.weights_path(name).touch()
    monkeypatch.setattr(zoo, "load", lambda name: name)
    assert list(module.navigators(2)) == [2, 6]
    assert list(module.navigators(4)) == [2, 4, 6], "the lesson's own are trained where missing"


def test_provenance_names_every_weight(casts):
    text = module.navigators_shown(casts)
    outer_steps = f"{casts[4]['maml'].settings.iterations:,}"
    assert "2 modes" in text and "4 modes" in text and outer_steps in text


# What the encoder saw


def test_the_star_is_this_task_and_its_neighbours_are_the_nearest(crowd):
    view = exploration_view(crowd, [0.5, 0.45], seed=9)
    seen = explore(crowd.model.learner, torch.tensor([[0.5, 0.45]]), 9)
    here = crowd.embed(seen)
    np.testing.assert_allclose(view.place, crowd.map.place(here.numpy())[0])
    nearest = (crowd.embedding - here).norm(dim=1).argsort()[: len(view.near)]
    assert set(view.near) == set(nearest.tolist())
    np.testing.assert_array_equal(view.rewards, seen.rewards[0, 0])


def test_dragging_the_goal_moves_rewards_and_star_but_not_the_walk(crowd):
    explorer = encoder_explorer(crowd)
    before = explorer.view
    after = explorer.set(goal=[-0.5, -0.6]).view
    np.testing.assert_array_equal(before.path, after.path)
    assert not np.array_equal(before.rewards, after.rewards)
    assert not np.array_equal(before.place, after.place)
    assert not np.array_equal(explorer.set(seed=1).view.path, after.path)


@pytest.mark.parametrize("colour", ["mode", "place"])
def test_the_encoders_picture_redrawn_is_drawn_afresh(crowd, colour):
    fig = figures.exploration(exploration_view(crowd, [0.5, 0.5]))
    view = exploration_view(crowd, [-1.2, 1.2], colour, seed=5)
    figures.redraw_exploration(fig, view)
    fresh = figures.exploration(view)
    same_figure(fig, fresh)
    mine = fresh.data[5].marker
    assert mine.symbol == ("circle" if colour == "mode" else "arrow")


def test_an_arrow_points_from_the_centre_to_the_goal(crowd):
    fig = figures.exploration(exploration_view(crowd, [0.5, 0.5], "place"))
    trace = fig.data[5]
    off = np.asarray(trace.customdata) - np.array(crowd.world.centres[0])
    clockwise = np.radians(np.asarray(trace.marker.angle))  # from upwards
    length = np.linalg.norm(off, axis=1)
    np.testing.assert_allclose(length * np.sin(clockwise), off[:, 0], atol=1e-6)
    np.testing.assert_allclose(length * np.cos(clockwise), off[:, 1], atol=1e-6)


def test_the_encoders_summary_counts_votes_and_knows_strangers(crowd):
    explorer = encoder_explorer(crowd)
    assert "of its 15 nearest neighbours" in explorer.summary
    assert "never trained" not in explorer.summary
    assert "never trained" in explorer.set(goal=[1.2, -1.2]).summary


# Stored returns


@pytest.fixture
def stored(monkeypatch, tmp_path):
    """Results of two settings, made up for the test alone."""

    def stage(mean):
        return {"mean": mean, "ci95": 0.5, "median": mean}

    def results(setting, methods):
        endings = ("100 steps", "ends within 0.01")
        return {
            "setting": f"navigation/{setting}",
            "tasks": 1000,
            "steps": 5,
            "methods": {
                f"paper/{m}": {
                    "label": m,
                    "iterations": 500,
                    "provisional": False,
                    "endings": {
                        e: {
                            "seeds": {"0": [], "1": []},
                            "stages": [stage(-20.0 / (i + 1) - shift) for i in range(6)],
                            "before": None if m == "maml" else stage(-70.0),
                        }
                        for shift, e in enumerate(endings)
                    },
                }
                for m in methods
            },
            "floors": {e: {"goal": stage(-1.6), "mode": stage(-13.7)} for e in endings},
        }

    monkeypatch.setattr(zoo, "data_folder", lambda: tmp_path)
    for setting, methods in (("2-modes", ["maml", "mumomaml-film"]), ("4-modes", ["maml"])):
        path = results_path(f"navigation/{setting}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results(setting, methods)))
    return tmp_path


def test_curves_are_the_stored_ones_beside_the_papers(stored):
    explorer = curves_explorer()
    view = explorer.view
    np.testing.assert_allclose(view.mean["mumomaml"][:3], [-70, -20, -10])
    assert np.isnan(view.mean["maml"][0]) and np.isnan(view.paper["maml"][0])
    assert view.paper["mumomaml"][2] == -6.6
    line = next(t for t in explorer.twin().data if t.name == "MuMoMAML")
    np.testing.assert_allclose(line.y, -view.mean["mumomaml"])
    explorer.set(scale="linear", ending="ends within 0.01")
    line = next(t for t in explorer.twin().data if t.name == "MuMoMAML")
    np.testing.assert_allclose(line.y[1], -21)
    assert "1,000 fresh tasks" in explorer.summary and "spread 0.1; reward" in explorer.summary
    assert "2 seeds" in explorer.summary


def test_a_setting_without_published_points_and_with_one_method(stored):
    explorer = curves_explorer("4-modes")
    assert explorer.view.paper == {} and list(explorer.view.mean) == ["maml"]
    assert "MuMoMAML" not in explorer.summary
    assert list(explorer.controls["setting"].options) == [
        ("2 modes", "2-modes"),
        ("4 modes", "4-modes"),
    ]


def test_the_output_area_holds_the_figure_of_the_state(stored):
    explorer = curves_explorer().set(ending="ends within 0.01")
    (shown,) = explorer.screen.outputs
    assert isinstance(explorer.screen, W.Output)
    data = shown["data"]["application/vnd.plotly.v1+json"]["data"]
    assert len(data) == len(explorer.twin().data)


def test_without_results_the_command_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(zoo, "data_folder", lambda: tmp_path)
    with pytest.raises(ValueError, match="mmaml_lite evaluate navigation/2-modes"):
        curves_explorer()


def test_a_linear_axis_shows_returns_as_they_are(stored):
    results = read_results("navigation/2-modes")
    fig = figures.returns(curve_view(results, "100 steps", "linear"))
    assert min(min(t.y) for t in fig.data) < -60
