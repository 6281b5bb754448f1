"""The hunt: the environment's rules, honest words, and rivals measured on the same goal."""

import dataclasses

import numpy as np
import pytest
import torch
import traitlets

from mmaml_lite.core import runs, zoo
from mmaml_lite.course import figures
from mmaml_lite.course.figures.hunt import REACH, dots, lines
from mmaml_lite.course.studies import hunt
from mmaml_lite.course.widgets import Hunt
from mmaml_lite.rl import Navigation, Navigation2D
from mmaml_lite.rl.collect import collect
from mmaml_lite.rl.navigation import walk

WORLD = Navigation()
ROUND = [[0.1, 0.0], [0.3, 0.3], [0.0, -0.1], [-0.05, 0.02]]  # the second is clipped


@pytest.fixture
def empty_zoo(tmp_path, data):
    return tmp_path


@pytest.fixture
def small_zoo(empty_zoo):
    """Untrained policies under the names of the trained ones."""
    for method in ("maml", "mumomaml-film"):
        name = f"navigation/2-modes/{method}"
        settings = zoo.zoo_settings(
            name, hidden=(8,), trajectories=3, test_trajectories=3, horizon=30
        )
        run = runs.start(settings, torch.device("cpu"))
        run.step = 1
        zoo.export(run, name)
    return empty_zoo


# --- the game -------------------------------------------------------------------------------------


def test_steps_are_those_of_the_environment():
    goal = np.float32([0.4, 0.6])
    positions, rewards = hunt.walked(WORLD, goal, ROUND)
    env = Navigation2D(WORLD)
    env.reset(options={"goal": goal})
    for i, move in enumerate(ROUND):
        position, reward, *_ = env.step(np.array(move))
        assert np.array_equal(position, positions[i + 1]) and reward == rewards[i]
    assert positions[2] - positions[1] == pytest.approx([0.1, 0.1])
    assert hunt.walked(WORLD, goal, [])[0].shape == (1, 2)


def test_the_same_seed_gives_the_same_sequence_of_goals_from_both_modes():
    goals = np.array([hunt.hidden_goal(WORLD, 3, n) for n in range(1, 21)])
    again = np.array([hunt.hidden_goal(WORLD, 3, n) for n in range(1, 21)])
    assert np.array_equal(goals, again) and len(np.unique(goals)) == 40
    assert not np.array_equal(goals[0], hunt.hidden_goal(WORLD, 4, 1))
    sides = np.sign(goals.sum(1))
    assert {-1, 1} == set(sides)
    assert (np.abs(goals - 0.5 * sides[:, None]) < 0.5).all()


def test_three_rewards_with_a_corner_pin_the_goal_and_two_on_a_line_do_not():
    for number in range(1, 11):
        goal = hunt.hidden_goal(WORLD, 0, number)
        positions, rewards = hunt.walked(WORLD, goal, [[0.1, 0], [0, 0.1], [0.1, 0]])
        assert hunt.crossing(positions[1:], rewards) == pytest.approx(goal, abs=1e-3)
        positions, rewards = hunt.walked(WORLD, goal, [[0.1, 0.1]] * 5 + [[0, 0.1]])
        assert hunt.crossing(positions[1:6], rewards[:5]) is None
        assert hunt.pinned(positions[1:], rewards) == 6
        assert hunt.pinned(positions[1:6], rewards[:5]) is None
    assert hunt.pinned(np.zeros((0, 2)), np.zeros(0)) is None


def test_the_script_knows_only_rewards_and_finds_every_goal():
    begins = set()
    for number in range(1, 11):
        goal = hunt.hidden_goal(WORLD, 0, number)
        moves = hunt.seeker(WORLD, goal, 15)
        _, rewards = hunt.walked(WORLD, goal, moves)
        assert len(moves) == 15 and rewards[-1] > -1e-3
        begins.add(str(moves[:3]))
    assert len(begins) == 1, "before it has three rewards it cannot know where to go"
    assert len(hunt.seeker(WORLD, goal, 2)) == 2


def test_told_the_goal_is_the_librarys_floor():
    goal = hunt.hidden_goal(WORLD, 0, 1)
    goals = torch.from_numpy(goal)[None]
    for n in (1, 8, 25):
        world = dataclasses.replace(WORLD, horizon=n)
        assert hunt.told(WORLD, goal, n) == walk(world, goals, goals).item()
    way = hunt.straight_way(WORLD, goal)
    assert way[-1] == pytest.approx(goal, abs=1e-4)
    assert len(way) - 1 == np.ceil(np.abs(goal).max() / 0.1)
    assert hunt.walked(WORLD, goal, np.diff(way, axis=0))[1].sum() == pytest.approx(
        hunt.told(WORLD, goal, len(way) - 1), rel=1e-5
    )


def test_rivals_are_measured_by_the_inner_loop_of_training(small_zoo):
    goal = hunt.hidden_goal(WORLD, 0, 1)
    found = hunt.rivals("2-modes", goal)
    assert {key: rival.walks for key, rival in found.items()} == {"maml": 3, "mumomaml": 1}
    assert all(rival.provisional for rival in found.values())
    learner = zoo.load("navigation/2-modes/maml").learner
    goals, generator = torch.from_numpy(goal)[None], torch.Generator().manual_seed(0)
    after = collect(learner, goals, 1, generator).batch.stages[1]
    np.testing.assert_allclose(found["maml"].rewards, after.rewards[0].mean(0), rtol=1e-5)


# --- the widget -----------------------------------------------------------------------------------


def test_only_rewards_are_shown_until_the_goal_is_revealed(empty_zoo):
    game = Hunt(seed=1)
    assert "Take a step" in game.summary and len(game.screen.dots) == 1
    game.controls["moves"].value = [[0.1, 0.0], [0.1, 0.1]]  # as the page sends it
    _, rewards = hunt.walked(game.world, game.goal(1), [[0.1, 0.0], [0.1, 0.1]])
    assert f"reward <b>−{-rewards[-1]:.2f}</b>" in game.summary
    shown = f"{game.screen.dots} {game.screen.lines} {game.panel.value} {game.summary}"
    x, y = game.goal(1)
    assert str(float(x)) not in shown and "star" not in shown and f"{x:.2f}" not in shown
    assert len(game.screen.lines) == 1, "the trail alone"
    assert game.screen.at == pytest.approx([0.2, 0.1])

    game.set(reveal=True)
    assert game.screen.dots[-1] | {"size": 0} == {
        "x": float(x),
        "y": float(y),
        "color": "#F0E442",
        "symbol": "star",
        "size": 0,
    }
    assert game.screen.at_most == 2, "no further step"
    assert len(game.screen.lines) == 3 * 2 + 1 + 1, "modes, trail, shortest way"


def test_warmer_and_colder(empty_zoo):
    game = Hunt()
    to = np.sign(game.goal(1)) * 0.1
    game.set(moves=[to.tolist(), to.tolist()])
    assert "warmer" in game.summary and "warmer" in game.panel.value
    game.set(moves=[to.tolist(), (-to).tolist()])
    assert "colder" in game.summary
    game.set(moves=game.example())
    assert "you are there" in game.summary


def test_hints_draw_what_rewards_say(empty_zoo):
    game = Hunt().set(moves=ROUND)
    plain = len(game.screen.lines)
    game.set(circles=True)
    rings = game.screen.lines[: len(game.screen.lines) - plain]
    assert len(rings) == 3, "of the last three steps"
    for ring in rings:
        nearest = np.hypot(ring["x"] - game.goal(1)[0], ring["y"] - game.goal(1)[1]).min()
        assert nearest < 0.05, "the goal lies on every circle"
    game.set(circles=False, modes=True)
    assert len(game.screen.lines) == plain + 6


def test_the_last_step_reveals_and_no_more_are_taken(empty_zoo):
    game = Hunt(steps=5).set(moves=[[0.1, 0.0]] * 5)
    assert game.view.revealed and not game.state["reveal"]
    assert "only a corner tells which" in game.summary
    with pytest.raises(traitlets.TraitError, match="at most 5 steps"):
        game.controls["moves"].value = [[0.1, 0.0]] * 6


@pytest.mark.parametrize("move", [[0.1], [float("nan"), 0], ["a", 0], 3])
def test_a_move_that_is_none_is_refused(empty_zoo, move):
    game = Hunt()
    with pytest.raises(traitlets.TraitError):
        game.controls["moves"].value = [move]
    assert game.state["moves"] == []


def test_far_out_and_without_a_step_it_stays_friendly(empty_zoo):
    game = Hunt(steps=25).set(moves=[[-9.0, 9.0]] * 25)
    assert game.screen.dots[-2]["x"] == pytest.approx(-REACH)
    assert "not found" in game.panel.value
    nothing = Hunt().set(reveal=True)
    assert "nothing to compare" in nothing.summary


def test_a_new_goal_forgets_the_moves_and_the_record_stays(empty_zoo):
    game = Hunt(seed=2).set(moves=Hunt(seed=2).example(), reveal=True)
    assert "goal 1: <b>" in game.panel.value
    game.controls["goal"].children[0].click()
    assert game.state == {
        "goal": 2,
        "moves": [],
        "reveal": False,
        "circles": False,
        "modes": False,
    }
    assert game.screen.at_most == 25 and len(game.screen.dots) == 1
    moves = hunt.seeker(game.world, game.goal(2), 12)
    game.set(moves=moves, reveal=True)
    assert "goal 1: <b>" in game.panel.value and "goal 2: <b>" in game.panel.value
    assert "Does it get cheaper?" in game.panel.value
    game.controls["goal"].value = 1
    assert game.view.goal == pytest.approx(hunt.hidden_goal(game.world, 2, 1))


def test_returns_are_compared_over_the_same_steps(small_zoo):
    game = Hunt(seed=1).set(moves=ROUND, reveal=True)
    earned, goal = game.view.earned, game.goal(1)
    found = hunt.rivals("2-modes", goal)
    assert earned["you"].total == hunt.walked(game.world, goal, ROUND)[1].sum()
    assert earned["goal"].total == hunt.told(game.world, goal, 4)
    for key in ("maml", "mumomaml"):
        assert earned[key].total == pytest.approx(found[key].rewards[:4].sum())
    assert "3 × 30 steps" in game.panel.value and "1 × 30 steps" in game.panel.value
    assert "Provisional weights: MAML, MuMoMAML" in game.panel.value
    assert "left out" not in game.panel.value


def test_missing_weights_are_left_out_and_named(empty_zoo):
    game = Hunt().set(moves=ROUND, reveal=True)
    assert list(game.view.earned) == ["you", "goal"]
    assert "No trained weights of MAML and MuMoMAML here: left out." in game.panel.value


def test_the_static_twin_is_a_scripts_hunt_and_says_so(empty_zoo, monkeypatch):
    fig = Hunt().twin()
    assert "by a script" in fig.layout.title.text and "the script" in figures.alt(fig)
    assert "walked by a script" in figures.caption(fig)
    walked = Hunt().set(moves=ROUND, reveal=True)
    mine = walked.twin()
    assert "script" not in mine.layout.title.text and "you −" in figures.alt(mine)
    bars = next(t for t in mine.data if t.type == "bar")
    np.testing.assert_array_equal(bars.y, walked.view.rewards)

    monkeypatch.setenv("MMAML_LITE_STATIC", "1")
    still = Hunt()
    assert still.box is None and "the script <b>" in still.summary
    assert still.twin() == fig


def test_the_pad_shows_what_the_figure_functions_say(empty_zoo):
    game = Hunt().set(moves=ROUND).set(moves=ROUND[:2], modes=True, circles=True)
    assert game.screen.dots == dots(game.view) and game.screen.lines == lines(game.view)
    assert len(game.screen.dots) == 3, "the start and two steps"
    assert "4 of 25" not in game.summary and "2 of 25" in game.summary


def test_more_modes(empty_zoo):
    game = Hunt(modes=4).set(moves=ROUND, reveal=True)
    assert len(game.view.centres) == 4 and game.setting == "4-modes"
    assert Hunt(modes=1).setting == "1-mode"
