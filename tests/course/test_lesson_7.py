"""Lesson 7's own parts: what is measured on few episodes, its figures, its map, missing weights."""

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

from mmaml_lite.characters import omniglot
from mmaml_lite.characters.domain import named
from mmaml_lite.core import zoo
from mmaml_lite.core.results import results_path
from mmaml_lite.course import figures
from mmaml_lite.course.figures.accuracy import LEAST, AccuracyView
from mmaml_lite.course.figures.episode_map import EpisodeMapView
from mmaml_lite.course.studies import probes
from mmaml_lite.course.studies.episode_map import Trait, gather, of_strokes
from mmaml_lite.course.widgets import accuracy as module
from mmaml_lite.course.widgets.accuracy import (
    accuracy_explorer,
    company_view,
    difference,
    modes_view,
    scoreboard,
    two_mode_settings,
)
from mmaml_lite.course.widgets.episode_map import episode_explorer, episode_summary

ROOT = Path(__file__).parents[2]
FIVE = "strokes-5way-1shot"
TWO = "strokes+inverted_strokes-5way-1shot"
SMALL = {"filters": 8, "encoder_filters": 8, "encoder_size": 8}


def machine(key, setting=FIVE, **changes):
    method = {"mumomaml": "mumomaml-film"}.get(key, key)
    return untrained(f"characters/{setting}/{method}", **SMALL, **changes)


@pytest.fixture(scope="module")
def machines():
    return {key: machine(key) for key in ("maml", "mumomaml", "prototypes")}


@pytest.fixture
def empty(tmp_path, monkeypatch, data):
    """A zoo without weights, results or Omniglot."""
    monkeypatch.delenv("MMAML_LITE_OMNIGLOT", raising=False)
    return tmp_path


@pytest.fixture
def no_omniglot(monkeypatch):
    def missing(*_):
        raise omniglot.OmniglotMissing("not here")

    monkeypatch.setattr("mmaml_lite.course.studies.sorting.source", missing)


# which drawings


def test_without_omniglot_the_characters_are_invented(empty, no_omniglot):
    for data in ("auto", "omniglot"):
        setting, why = probes.chosen_setting(data)
        assert setting == FIVE and "not at hand" in why
    assert probes.chosen_setting("strokes", 20)[0] == "strokes-20way-1shot"


def test_automatically_omniglot_needs_weights_too(empty, monkeypatch):
    monkeypatch.setattr("mmaml_lite.course.studies.sorting.source", lambda *_: None)
    assert probes.chosen_setting("auto")[0] == FIVE
    assert probes.chosen_setting("omniglot")[0] == "omniglot-5way-1shot"
    path = zoo.weights_path("characters/omniglot-5way-1shot/maml", "ours")
    path.parent.mkdir(parents=True)
    path.touch()
    setting, why = probes.chosen_setting("auto")
    assert setting == "omniglot-5way-1shot" and "Omniglot" in why


def test_unknown_data_are_refused():
    with pytest.raises(ValueError, match="auto, omniglot, strokes"):
        probes.chosen_setting("mnist")


def test_settings_in_words():
    assert probes.described(FIVE) == "invented characters, 5 ways, 1 shot"
    both = "omniglot+strokes-20way-5shot-alphabets"
    words = "Omniglot and invented characters, 20 ways, 5 shots, split by alphabets"
    assert probes.described(both) == words


def test_missing_weights_are_named_in_one_line(machines):
    assert probes.missing(FIVE, machines, "maml", "mumomaml") == ""
    said = probes.missing(FIVE, {"maml": machines["maml"]}, "maml", "mumomaml")
    assert "mumomaml-film" in said and "/maml" not in said and "\n" not in said


def test_how_weights_were_trained_is_said_in_a_line(machines):
    assert "1 query of each" in probes.constants(machines["maml"])
    assert "inner steps" not in probes.constants(machines["prototypes"])
    ours = zoo.Model("x", None, named(FIVE, "mumomaml-film", "ours"), [], {}, 0.0)
    said = probes.constants(ours)
    assert "`ours`" in said and "on tasks of 80 characters" in said


# what is measured


def test_steps_are_measured_on_the_same_episodes(machines):
    found = probes.by_steps(machines, 2, 3, 2)
    assert [len(found[k]) for k in machines] == [3, 3, 1]
    again = probes.by_steps({"maml": machines["maml"]}, 2, 3, 2)
    assert again["maml"] == found["maml"]


def test_before_any_step_every_learned_output_layer_guesses(machines):
    found = probes.by_steps({k: machines[k] for k in ("maml", "mumomaml")}, 1, 40, 2)
    for stats in found.values():
        assert abs(stats[0]["mean"] - 0.2) < 3 * stats[0]["ci95"] / 1.96 + 0.01


def test_any_number_of_examples_will_do(machines):
    found = probes.by_shots(machines, (1, 3), 2, 1)
    assert {key: list(rows) for key, rows in found.items()} == {key: [1, 3] for key in machines}


@pytest.mark.parametrize("key", ["maml", "mumomaml", "prototypes"])
def test_only_transductive_answers_depend_on_the_company(machines, key):
    learner = machines[key].learner
    found = probes.company(learner, probes.deal(learner.settings, 1, 10))
    steady = {k: (c - c[:, :1]).abs().amax() < 1e-4 for k, c in found.certainty.items()}
    assert steady == {"support": True, "transductive": False}
    assert found.certainty["support"].shape == (5, len(found.names))
    assert found.changed("support") == 0


def test_company_is_asked_of_the_library(machines):
    """The second company is what the learner answers to one query of each class."""
    learner = machines["maml"].learner
    task = probes.deal(learner.settings, 1, 10)
    found = probes.company(learner, task)
    order = [2, 0, 1, 3, 4]  # the third class's query first, as it is asked there
    x = task.query.x[:, ::10][:, order]
    logits = learner(task.support, x, only_last=True, normalisation="transductive")[0, 0, 0]
    assert torch.allclose(found.certainty["transductive"][2, 1], logits.softmax(-1)[2], atol=1e-4)


def test_company_wants_ten_queries(machines):
    learner = machines["maml"].learner
    with pytest.raises(ValueError, match="ten queries"):
        probes.company(learner, probes.deal(learner.settings, 1, 3))


# a crowd of episodes


def strokes_in(image):
    """How many pieces of ink there are, at most as many as strokes."""
    from scipy.ndimage import label

    return label(image > 0.3, np.ones((3, 3)))[1]


def test_traits_are_dealt_and_drawn():
    crowd = gather(24, 5)
    assert crowd.support.x.shape == (24, 5, 1, 28, 28) and set(crowd.traits) == {
        "strokes",
        "ink",
        "turn",
    }
    dark = crowd.support.x.mean((1, 2, 3, 4)) > 0.5
    assert torch.equal(dark, crowd.traits["ink"].label == 1)
    crowd.support.check()
    assert torch.equal(crowd.support.x, gather(24, 5).support.x), "the seed decides"


def test_characters_of_one_stroke_have_one_piece():
    generator = torch.Generator().manual_seed(0)
    assert of_strokes(1, 5, generator).shape == (5, 28, 28)
    images = of_strokes(1, 40, generator)
    pytest.importorskip("scipy")
    assert np.mean([strokes_in(i.numpy()) == 1 for i in images]) > 0.9


def test_the_vote_counts_neighbours_that_have_the_trait():
    trait = Trait(torch.tensor([0, 0, 1, 1, -1]), ("a", "b"))
    embedding = torch.tensor([[0.0], [1.0], [10.0], [11.0], [0.1]])
    assert trait.vote(embedding) == 1 and trait.chance() == 0.5
    assert trait.vote(torch.tensor([[0.0], [10.0], [1.0], [11.0], [0.1]])) == 0


def test_omniglot_adds_alphabets():
    try:
        omniglot.load()
    except omniglot.OmniglotMissing:
        pytest.skip("Omniglot is not at hand")
    crowd = gather(16, 5, real=True)
    real = crowd.traits["source"].label == 0
    assert torch.equal(real, crowd.traits["alphabet"].label >= 0)
    assert torch.equal(~real, crowd.traits["strokes"].label >= 0)
    assert len(crowd.traits["alphabet"].names) == 5


def test_the_map_is_coloured_by_any_trait(machines):
    explorer = episode_explorer(machines["mumomaml"], 40)
    for trait in ("strokes", "ink", "turn"):
        for kind in ("t-SNE", "PCA"):
            explorer.set(trait=trait, kind=kind)
            fig = explorer.twin()
            assert sum(len(t.x) for t in fig.data) == 40
            assert "never trained" in explorer.summary
    drawn = explorer.screen.outputs[0]["data"]["application/vnd.plotly.v1+json"]
    assert len(drawn["data"]) == 4
    with pytest.raises(ValueError, match="no encoder"):
        episode_explorer(machines["maml"], 40)


@pytest.mark.parametrize(
    ("vote", "untrained", "says"),
    [(0.26, 0.24, "what chance gives"), (0.6, 0.58, "as well"), (0.9, 0.5, "clearer")],
)
def test_the_verdict_on_a_trait(vote, untrained, says):
    view = EpisodeMapView(
        vote=vote,
        chance=0.25,
        untrained=untrained,
        trait="ink",
        label=np.zeros(300),
        points=np.zeros((300, 2)),
        kind="PCA",
        names=("ink on paper",),
        hover=[""] * 300,
    )
    assert says in episode_summary(view)


def test_traits_that_some_lack_are_drawn_in_grey():
    view = EpisodeMapView(
        points=np.zeros((3, 2)),
        label=np.array([0, -1, 0]),
        names=("a",),
        hover=["x", "y", "z"],
        kind="PCA",
        trait="alphabet",
        vote=1.0,
        chance=1.0,
        untrained=1.0,
    )
    fig = figures.episode_map(view)
    assert [t.name for t in fig.data] == ["without it", "a"]


# figures and explorers


def test_the_explorer_of_accuracy_shows_what_was_measured(machines):
    explorer = accuracy_explorer(FIVE, machines, 2, (1, 2), 2)
    steps = probes.by_steps(machines, 2, 2)
    maml = explorer.twin().data[0]
    assert np.allclose(maml.y, [s["mean"] for s in steps["maml"]])
    errors = explorer.set(scale="errors").twin()
    assert np.allclose(errors.data[0].y, [max(1 - s["mean"], LEAST) for s in steps["maml"]])
    assert errors.layout.yaxis.type == "log"
    assert "2 episodes" in explorer.summary and "MuMoMAML" in explorer.summary
    assert explorer.seconds < 1


def test_perfect_and_hopeless_accuracies_can_be_drawn():
    one = {"mean": 1.0, "ci95": 0.0, "median": 1.0}
    none = {"mean": 0.0, "ci95": float("nan"), "median": 0.0}
    for scale in ("accuracy", "errors"):
        view = AccuracyView(
            steps={"maml": [none, one]},
            shots={"maml": {1: none, 5: one}},
            trained=1,
            chance=0.2,
            scale=scale,
            episodes=1,
            words="x",
        )
        fig = figures.accuracy(view)
        assert all(np.isfinite(t.y).all() and (np.asarray(t.y) >= 0).all() for t in fig.data)


def test_the_figure_of_company_draws_both_kinds(machines):
    view = company_view(FIVE, machines["mumomaml"], 2)
    fig = figures.company(view)
    assert len(fig.data) == 10
    assert np.allclose(fig.data[0].y, view.certainty["support"][0])
    assert "0 % of the answers change" in figures.caption(fig)


def test_weights_trained_transductively_have_one_panel():
    model = machine("maml", normalisation="transductive")
    fig = figures.company(company_view(FIVE, model, 1))
    assert len(fig.data) == 5


@pytest.fixture
def shipped(monkeypatch):
    """A zoo that holds small weights for one mode and for two."""
    zoos = {s: {k: machine(k, s) for k in ("maml", "mumomaml", "prototypes")} for s in (FIVE, TWO)}
    monkeypatch.setattr(module, "cast", lambda setting: zoos.get(setting, {}))
    return zoos


def test_two_modes_are_measured_where_nothing_is_stored(empty, shipped):
    view = modes_view(TWO, 2)
    assert list(view.both) == ["strokes", "inverted_strokes"]
    assert list(view.both["strokes"]) == ["maml", "mumomaml"]
    assert list(view.alone) == ["strokes"]
    assert "just now" in view.episodes
    fig = figures.mode_accuracy(view)
    assert len(fig.data) == 4 and "invented characters, ink inverted" in figures.alt(fig)


def test_two_modes_come_from_the_stored_results_where_they_are(empty, shipped):
    settings = shipped[TWO]["maml"].settings
    stage = {"mean": 0.5, "ci95": 0.01, "median": 0.5}
    record = {
        "iterations": settings.iterations,
        "normalisations": {
            "support": {"modes": {name: [stage] * 4 for name in settings.sources}},
        },
    }
    path = results_path(f"characters/{TWO}")
    path.parent.mkdir(parents=True)
    results = {"episodes": 2000, "methods": {"paper/maml": record, "paper/mumomaml-film": record}}
    path.write_text(json.dumps({"setting": f"characters/{TWO}", **results}))
    view = modes_view(TWO, 1)
    assert view.both["inverted_strokes"]["mumomaml"]["mean"] == 0.5
    assert "2,000" in view.episodes


def test_two_modes_without_weights_are_none(empty):
    assert modes_view(TWO) is None
    assert two_mode_settings() == [TWO]
    assert two_mode_settings(20) == ["strokes+inverted_strokes-20way-1shot"]


def test_two_modes_of_five_ways_serve_twenty(empty, monkeypatch):
    held = [(f"characters/{s}/maml", "ours", 0) for s in ("omniglot+strokes-5way-1shot", "my+own")]
    monkeypatch.setattr(module.zoo, "available", lambda: held)
    assert two_mode_settings(20)[1:] == ["omniglot+strokes-20way-1shot"]


def test_missing_weights_are_asked_for_with_five_ways_which_serve_all():
    said = probes.missing("strokes-20way-1shot", {}, "maml")
    assert "characters/strokes-5way-1shot/maml --recipe ours" in said


def test_table_2_says_where_every_number_comes_from(empty):
    bare = scoreboard()
    assert "98.7 ± 0.4" in bare and "could not read the table" in bare
    assert "not evaluated yet" in bare
    stage = {"mean": 0.9876, "ci95": 0.0012, "median": 1.0}
    kinds = {"support": {"stages": [stage]}, "transductive": {"stages": [stage]}}
    record = {"label": "MAML", "provisional": True, "iterations": 5, "normalisations": kinds}
    for source in ("omniglot", "strokes"):
        path = results_path(f"characters/{source}-5way-1shot")
        path.parent.mkdir(parents=True, exist_ok=True)
        results = {"episodes": 2000, "methods": {"ours/mumomaml-film": record}}
        path.write_text(json.dumps({"setting": f"characters/{source}-5way-1shot", **results}))
    full = scoreboard()
    assert full.count("98.76 ± 0.12*") == 4 and "MuMoMAML FiLM (ours)" in full
    assert "ours, invented characters; transductive" in full and "2,000 test episodes" in full


def test_the_difference_is_taken_episode_by_episode(empty, shipped):
    assert "no stored results" in difference(FIVE)
    path = results_path(f"characters/{FIVE}")
    path.parent.mkdir(parents=True)
    stored = {"setting": f"characters/{FIVE}", "episodes": 2000, "paired": {}}
    path.write_text(json.dumps(stored))
    assert "of other weights" in difference(FIVE)
    pair = "paper/maml, support - paper/mumomaml-film, support"
    for mean, says in ((-0.02, "+2.00 ± 1.00** per cent points"), (0.02, "below"), (0, "not told")):
        stored["paired"][pair] = {"mean": mean, "ci95": 0.01, "median": 0.0}
        path.write_text(json.dumps(stored))
        assert says in difference(FIVE)


# the lesson


def run(tmp_path, **environment):
    """Execute the lesson's code, fast, in a process of its own; what it printed and showed."""
    cells = jupytext.read(ROOT / "notebooks/scripts/07_omniglot.py").cells
    code = [c.source for c in cells if c.cell_type == "code"]
    code = [c.replace("fast: bool = False", "fast: bool = True") for c in code]
    code = [c.replace('out_dir: str = ""', f'out_dir: str = "{tmp_path}"') for c in code]
    shown = "from IPython.display import display\n" + "\n".join(code)
    done = subprocess.run(
        [sys.executable, "-c", shown],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=ROOT / "notebooks",
        env=os.environ | environment | {"MMAML_LITE_STATIC": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_it_runs_through_where_there_are_no_weights_and_no_omniglot(tmp_path):
    """A fresh machine: one line for each section that needs weights, the rest works."""
    (tmp_path / "data").mkdir()
    run(tmp_path, MMAML_LITE_DATA=str(tmp_path / "data"), MMAML_LITE_OMNIGLOT="")
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written == {"setting": FIVE, "modes": {}}
    assert not list((tmp_path / "data").rglob("*.safetensors")), "it trained something"
