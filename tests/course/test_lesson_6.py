"""Lesson 6's own parts: what a blind trajectory tells, where returns go, curves, the lesson."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jupytext
import numpy as np
import pytest
import torch
from helpers import untrained

from mmaml_lite.core.results import read_results, results_path
from mmaml_lite.course import figures
from mmaml_lite.course.studies import cheetahs as casting
from mmaml_lite.course.studies.cheetahs import (
    TASKS,
    limits,
    load_casts,
    name,
    runners_shown,
    skipped,
)
from mmaml_lite.course.studies.navigation import explore
from mmaml_lite.course.studies.trajectory import (
    blind,
    by_steps,
    candidates,
    losses,
    reached,
    stage_losses,
)
from mmaml_lite.course.widgets import (
    Crowd,
    account,
    reached_view,
    reading_view,
    trajectory_explorer,
)
from mmaml_lite.course.widgets.returns import by_modulation, curve_view, curves_explorer, unstored
from mmaml_lite.course.widgets.trajectory import trajectory_view
from mmaml_lite.rl.collect import collect

ROOT = Path(__file__).parents[2]
SMALL = {"horizon": 12, "test_trajectories": 3, "hidden": (8, 8), "encoder_hidden": 6}


def runner(task, key="mumomaml"):
    return untrained(name(task, key), **SMALL)


@pytest.fixture(scope="module", params=TASKS)
def model(request):
    return runner(request.param)


@pytest.fixture(scope="module")
def crowd(model):
    return Crowd(model, 24, kind="PCA")


# Who is there, and what is not


@pytest.fixture
def empty(tmp_path, data):
    """A zoo without weights or results."""
    return tmp_path


def test_missing_weights_are_one_line_and_nothing_is_trained(empty):
    casts = load_casts()
    assert casts == {"location": {}, "speed": {}}
    said = skipped("speed", casts["speed"], "maml", "mumomaml")
    assert "`cheetah-speed/2-modes/maml`" in said and "mumomaml-film" in said and "\n" not in said
    assert skipped("speed", casts["speed"]) == "" == runners_shown(casts)
    assert not list(empty.rglob("*.safetensors"))
    assert "500 outer steps" in limits(casts)
    with pytest.raises(ValueError, match="location, speed"):
        name("height", "maml")


def test_missing_mujoco_is_said_first(monkeypatch):
    def missing():
        raise ImportError("MuJoCo is not here: pip install it")

    monkeypatch.setattr(casting, "engine", missing)
    assert skipped("speed", {}) == "*Skipped: MuJoCo is not here: pip install it.*"


def test_weights_that_are_there_are_named(model):
    casts = {"location": {}, "speed": {"mumomaml": model}}
    assert f"target speed: MuMoMAML (FiLM) {model.settings.iterations:,}" in runners_shown(casts)
    assert f"{model.settings.iterations:,}" in limits(casts)
    assert skipped("speed", casts["speed"], "mumomaml") == ""


# One blind trajectory


@pytest.mark.parametrize("target", [-7.3, 0.0, 0.4])
def test_a_blind_trajectory_answers_for_every_target(model, target):
    once = blind(model.learner, 5)
    seen = explore(model.learner, torch.tensor([[target]]), 5)
    torch.testing.assert_close(once.seen.observations, seen.observations)
    torch.testing.assert_close(once.rewards(target), seen.rewards[0, 0], atol=2e-5, rtol=0)
    told = once.told(target)
    torch.testing.assert_close(
        model.learner.embed(told), model.learner.embed(seen), atol=1e-4, rtol=0
    )


def test_the_target_is_among_both_candidates_of_every_step(model):
    found = candidates(blind(model.learner, 1), 0.4)
    assert np.abs(found - 0.4).min(0).max() < 1e-4


def test_reading_some_steps_is_reading_these_steps(model):
    once = blind(model.learner, 2)
    (short,) = by_steps(model.learner, once.told(1.0), [4])
    torch.testing.assert_close(short, model.learner.embed(once.told(1.0, 4)))
    cut = type(once.seen)(*(part[:, :, :4] for part in once.told(1.0)))
    torch.testing.assert_close(short, model.learner.embed(cut))


# Where a return goes


def test_the_parts_of_a_return_add_up(model):
    world = model.settings.world()
    goals, _ = world.goals(6, torch.Generator().manual_seed(0))
    seen = explore(model.learner, goals, 0)
    found = losses(world, seen, goals)
    torch.testing.assert_close(found.returns, seen.returns().mean(1), atol=1e-3, rtol=0)
    assert all((part > -1e-4).all() for part in found[:3])
    here, cost = reached(world, seen, goals, 1.0)
    paid = -(here - goals[:, None]).abs() - cost
    torch.testing.assert_close(paid, seen.rewards, atol=1e-4, rtol=0)


def test_far_from_the_target_the_side_is_certain(model):
    world = model.settings.world()
    for target in (-50.0, 50.0):
        goals = torch.full((3, 1), target)
        here, _ = reached(world, explore(model.learner, goals, 0), goals, 1.0)
        near, _ = reached(world, explore(model.learner, -goals, 0), -goals, 1.0)
        torch.testing.assert_close(here, near, atol=1e-4, rtol=0)
        found = losses(world, explore(model.learner, goals, 0), goals)
        assert (found.around < 1e-2).all()


def test_stages_are_those_of_the_library(model):
    world = model.settings.world()
    goals, _ = world.goals(4, torch.Generator().manual_seed(0))
    found = stage_losses(model.learner, goals, 1, 3)
    batch = collect(model.learner, goals, 1, torch.Generator().manual_seed(3)).batch
    assert list(found) == ["before modulation", "after modulation", "after step 1"]
    for stage, seen in zip(found.values(), [batch.explore, *batch.stages], strict=True):
        torch.testing.assert_close(stage.returns, seen.returns().mean(1), atol=1e-3, rtol=0)
    without = stage_losses(model.learner, goals, 1, 3, modulated=False)
    assert torch.equal(found["before modulation"].returns, without["before modulation"].returns)
    assert not torch.equal(found["after step 1"].returns, without["after step 1"].returns)
    said = account(found, without)
    assert "4 tasks" in said and "after step 1, compared" in said
    view = reached_view(world, goals, found)
    fig = figures.reached(view)
    total = [sum(view.parts[p][i] for p in view.parts) for i in range(3)]
    np.testing.assert_allclose(fig.data[-1].y, total)
    assert fig.data[-1].text[0] == f"{-total[0]:.0f}".replace("-", "−")


def test_a_method_without_encoder_has_no_stage_before(model):
    task = next(t for t, kind in TASKS.items() if kind == model.settings.domain)
    goals, _ = model.settings.world().goals(2, torch.Generator().manual_seed(0))
    assert list(stage_losses(runner(task, "maml").learner, goals, 1, 0)) == [
        "initial",
        "after step 1",
    ]


# The explorer of one trajectory


def same_figure(one, other):
    for left, right in zip(one.data, other.data, strict=True):
        for axis in ("x", "y"):
            np.testing.assert_array_equal(
                np.asarray(left[axis], float), np.asarray(right[axis], float)
            )
        assert left.marker.symbol == right.marker.symbol
    notes = [[note.text for note in fig.layout.annotations] for fig in (one, other)]
    assert notes[0] == notes[1] and figures.alt(one) == figures.alt(other)
    for axis in ("yaxis", "yaxis3"):
        assert one.layout[axis].range == other.layout[axis].range


@pytest.mark.parametrize("colour", ["mode", "target"])
def test_redrawn_is_drawn_afresh(crowd, colour):
    once = blind(crowd.model.learner, 0)
    fig = figures.trajectory(trajectory_view(crowd, once, 1.0, 12))
    view = trajectory_view(crowd, blind(crowd.model.learner, 4), -2.3, 3, colour)
    figures.redraw_trajectory(fig, view)
    same_figure(fig, figures.trajectory(view))


def test_the_trajectory_stays_where_the_target_moves(crowd):
    explorer = trajectory_explorer(crowd)
    before = explorer.view
    after = explorer.set(target=-1.1).view
    np.testing.assert_array_equal(before.reached, after.reached)
    assert not np.array_equal(before.rewards, after.rewards)
    assert not np.array_equal(before.place, after.place)
    mirror = explorer.set(target=1.1).view
    np.testing.assert_array_equal(mirror.mirrored, after.rewards)
    assert not np.array_equal(explorer.set(seed=3).view.reached, after.reached)


def test_the_ends_of_all_sliders_are_fine(crowd):
    explorer = trajectory_explorer(crowd)
    target = explorer.controls["target"]
    for value in (target.min, 0.0, target.max):
        for steps in (1, crowd.world.horizon):
            explorer.set(target=value, steps=steps)
            assert "nearest neighbours" in explorer.summary
    assert "hardly ever trained" not in explorer.set(target=crowd.world.centres[0][0]).summary
    assert "hardly ever trained" in explorer.set(target=0.0).summary
    assert explorer.problem.value == ""


def test_the_summary_counts_what_the_library_counts(crowd):
    view = trajectory_explorer(crowd, target=0.5).view
    here = crowd.embed(blind(crowd.model.learner, 0).told(0.5))
    nearest = (crowd.embedding - here).norm(dim=1).argsort()[: len(view.near)]
    assert set(view.near) == set(nearest.tolist())


def test_what_embeddings_tell_after_so_many_steps(crowd):
    view = reading_view(crowd, [1, 6, 12])
    assert len(view.vote) == len(view.miss) == 3 and view.blank > 0
    fig = figures.reading(view)
    np.testing.assert_allclose(fig.data[0].y, view.vote)
    np.testing.assert_allclose(fig.data[1].y, view.miss)


# Figures 3b and 3c


@pytest.fixture
def stored(empty):
    """Results of both tasks, made up for the test alone; target speed was told nothing."""

    def stage(mean):
        return {"mean": mean, "ci95": 10.0, "median": mean}

    def write(kind, floors):
        stages = [stage(-600.0 + 20 * i) for i in range(6)]
        record = {
            "label": "x",
            "iterations": 500,
            "provisional": False,
            "endings": {"200 steps": {"seeds": {"0": []}, "stages": stages, "before": None}},
        }
        film = record | {
            "endings": {
                "200 steps": {"seeds": {"0": []}, "stages": stages, "before": stage(-1500.0)}
            }
        }
        results = {
            "setting": f"{kind}/2-modes",
            "tasks": 500,
            "steps": 5,
            "methods": {"paper/maml": record, "paper/mumomaml-film": film},
            "floors": {"200 steps": {key: stage(value) for key, value in floors.items()}},
        }
        path = results_path(f"{kind}/2-modes")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results))

    return write


def test_curves_of_both_tasks_beside_the_papers(stored):
    stored("cheetah-location", {"still": -1400.0, "told": -400.0})
    stored("cheetah-speed", {"still": -290.0, "told": -60.0})
    explorer = curves_explorer("cheetah-speed/2-modes", world="half-cheetah")
    assert list(explorer.controls) == ["setting", "scale"]
    assert explorer.view.paper["mumomaml"][1] == -312
    assert "3c (target speed)" in explorer.view.says and "stands still −290.0" in explorer.summary
    explorer.set(setting="cheetah-location/2-modes", scale="score")
    view = explorer.view
    np.testing.assert_allclose(view.mean["mumomaml"][:2], [-0.1, 0.8])
    np.testing.assert_allclose(view.half["mumomaml"][1], 0.01)
    np.testing.assert_allclose(view.paper["mumomaml"][1], 0.839)
    assert view.floors == {"stands still": 0.0, "told the goal": 1.0}
    fig = explorer.twin()
    line = next(t for t in fig.data if t.name == "MuMoMAML")
    np.testing.assert_allclose(line.y, view.mean["mumomaml"])
    assert fig.layout.yaxis.title.text.startswith("score") and "0.80" in explorer.summary
    assert "stands still" in figures.caption(fig)


def test_the_score_is_the_reports(stored):
    stored("cheetah-location", {"still": -1400.0, "told": -400.0})
    results = read_results("cheetah-location/2-modes")
    mine = curve_view(results, "200 steps", "score").mean["maml"][1]
    from mmaml_lite.rl.report import score

    first = results["methods"]["paper/maml"]["endings"]["200 steps"]["stages"][0]
    assert mine == pytest.approx(score(first, results["floors"]["200 steps"])["mean"])


def test_modulation_alone_is_read_off_the_stored_curves(stored):
    stored("cheetah-speed", {"still": -290.0})
    assert by_modulation("half-cheetah") == {"cheetah-speed": 900.0}


def test_no_score_where_being_told_does_not_help(stored):
    stored("cheetah-speed", {"still": -290.0, "told": -291.0})
    explorer = curves_explorer(world="half-cheetah")
    assert [value for _, value in explorer.controls["scale"].options] == ["linear"]


def test_no_score_without_its_floors(stored):
    assert "no results for cheetah-location" in unstored("half-cheetah")
    stored("cheetah-speed", {"still": -290.0})
    assert unstored("half-cheetah") == ""
    explorer = curves_explorer(world="half-cheetah")
    assert [value for _, value in explorer.controls["scale"].options] == ["linear"]
    with pytest.raises(ValueError, match="two floors"):
        curve_view(read_results("cheetah-speed/2-modes"), "200 steps", "score")


# The lesson


def test_it_runs_through_where_there_are_no_weights(tmp_path):
    """A fresh machine: one line for each section that needs weights, the rest works."""
    (tmp_path / "data").mkdir()
    cells = jupytext.read(ROOT / "notebooks/scripts/06_half_cheetah.py").cells
    code = [c.source for c in cells if c.cell_type == "code"]
    code = [c.replace("fast: bool = False", "fast: bool = True") for c in code]
    code = [c.replace('out_dir: str = ""', f'out_dir: str = "{tmp_path}"') for c in code]
    own = {"MMAML_LITE_STATIC": "1", "MMAML_LITE_DATA": str(tmp_path / "data")}
    shown = "from IPython.display import display\n" + "\n".join(code)
    done = subprocess.run(
        [sys.executable, "-c", shown],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=ROOT / "notebooks",
        env=os.environ | own,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "the same movements: True" in done.stdout
    assert "by hand and by the environment agree: True" in done.stdout
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["task"] == "location" and written["vote"] is None and not written["stages"]
    assert not list((tmp_path / "data").rglob("*.safetensors")), "it trained something"
