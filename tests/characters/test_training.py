"""Characters through the one training loop and zoo: named, learned, resumed, measured, reported."""

import dataclasses
import json

import pytest
import torch

from mmaml_lite.__main__ import main
from mmaml_lite.characters.domain import METHODS, build, episodes, named, outer_step, setting_of
from mmaml_lite.characters.evaluation import accuracies, shared_episodes
from mmaml_lite.characters.learner import CharacterLearner
from mmaml_lite.characters.report import evaluate_setting, markdown, published_lines
from mmaml_lite.characters.settings import CharacterSettings
from mmaml_lite.core import zoo
from mmaml_lite.core.domain import DOMAINS, TrainingDiverged, domain
from mmaml_lite.core.results import read_results
from mmaml_lite.core.runs import start, stored_settings
from mmaml_lite.core.statistics import summary
from mmaml_lite.core.training import Callback, train

SMALL = {"filters": 4, "encoder_filters": 4, "encoder_size": 6, "tasks": 4, "iterations": 6}
NAME = "characters/strokes-5way-1shot/mumomaml-film"


def small(method="mumomaml-film", setting="strokes-5way-1shot", **changes):
    return named(setting, method, **(SMALL | changes))


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("MMAML_LITE_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def often(monkeypatch):
    kind = dataclasses.replace(domain("characters"), log_every=2)
    monkeypatch.setitem(DOMAINS, "characters", kind)


def test_names_make_settings():
    maml = named("omniglot-5way-1shot", "maml")
    assert (maml.ways, maml.shots, maml.queries, maml.modulation) == (5, 1, 1, None)
    assert (maml.step_size, maml.train_steps, maml.steps, maml.tasks) == (0.4, 1, 3, 32)
    many = named("omniglot-20way-5shot", "mumomaml-film")
    assert (many.step_size, many.train_steps, many.tasks, many.queries) == (0.1, 5, 16, 5)
    two = named("omniglot+inverted_omniglot-5way-1shot-alphabets", "mumomaml-softmax", "ours")
    assert two.sources == ("omniglot", "inverted_omniglot") and two.split == "alphabets"
    assert two.learn_step_size and not two.may_be_longer and maml.may_be_longer
    for setting in ("strokes-20way-5shot", "omniglot+strokes-5way-1shot-alphabets"):
        for method in METHODS:
            found = named(setting, method, "ours")
            assert setting_of(found) == setting and domain("characters").label(method)
            assert domain("characters").recipe(found.replace(seed=3)) == found.replace(seed=3)
            assert CharacterSettings(**json.loads(json.dumps(found.to_dict()))) == found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("characters/omniglot-5-way/maml", "expected such as omniglot-5way-1shot"),
        ("characters/mnist-5way-1shot/maml", "sources must be some of"),
        ("characters/strokes+strokes-5way-1shot/maml", "cannot hold the sources"),
        ("characters/strokes-5way-1shot/multi-maml", "unknown method"),
        ("characters/strokes-1way-1shot/maml", "ways must be a whole number from 2"),
        ("characters/strokes-5way-20shot/maml", "make 40 drawings of a character"),
    ],
)
def test_wrong_names_are_explained(name, message):
    with pytest.raises(ValueError, match=message):
        zoo.zoo_settings(name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "drawers"}, "split must be one of"),
        ({"normalisation": "layer"}, "unknown normalisation"),
        ({"modulation": "gate"}, "unknown modulation"),
        ({"step_size": 0}, "step_size must be positive"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive"),
        ({"filters": 2.5}, "filters must be a whole number"),
        ({"first_order": 1}, "first_order must be True or False"),
        ({"inner_clip": -1.0}, "inner_clip must be positive"),
        ({"output_step_size": 0.0}, "output_step_size must be positive"),
        ({"features_first": 1.5}, "features_first must be a share"),
        ({"feature_spread": 0.0}, "feature_spread must be positive or None"),
        ({"features_ways": 1}, "features_ways must be a whole number from 2"),
        ({"head": "prototypes"}, "no gradient steps"),
        ({"colour": "red"}, "unknown setting 'colour'"),
    ],
)
def test_wrong_settings_are_explained(changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes)


@pytest.mark.parametrize("method", ["maml", "mumomaml-film", "prototypes"])
def test_stopped_and_resumed_it_is_the_same_run(tmp_path, method, often, stop_at_three):
    settings, path = small(method), tmp_path / "run.safetensors"

    whole = train(settings, device="cpu")
    with pytest.raises(KeyboardInterrupt):
        train(settings, path, "cpu", [stop_at_three])
    again = train(settings, path, "cpu")
    assert again.log == whole.log and [r["step"] for r in whole.log] == [2, 4, 6]
    assert {"loss", "accuracy"} <= set(whole.log[0])
    state = again.learner.state_dict()
    for name, weights in whole.learner.state_dict().items():
        assert torch.equal(weights, state[name])


@pytest.mark.parametrize("method", ["maml", "mumomaml-film", "prototypes"])
def test_a_little_training_teaches_to_tell_characters_apart(method):
    """Well above chance (20 %) on invented characters that nobody has seen, after seconds."""
    learned = {"maml": 0.40, "mumomaml-film": 0.40, "prototypes": 0.6}[method]
    settings = small(
        method,
        filters=16,
        encoder_filters=8,
        encoder_size=16,
        tasks=8,
        queries=3,
        iterations=50,
        learning_rate=0.005,
    )
    run = train(settings, device="cpu")
    right, _ = accuracies(run.learner.eval(), shared_episodes(settings, 100))
    assert right.shape == (settings.steps + 1, 100)
    print(method, right.mean(1))
    assert right[-1].mean() > learned


@pytest.mark.parametrize("method", ["maml", "mumomaml-film"])
def test_features_first_trains_as_a_prototypical_network_then_all(method):
    settings = small(method, features_first=0.5)
    assert not settings.may_be_longer
    run = start(settings, torch.device("cpu"))
    output = run.learner.theta["weight4"].detach().clone()
    batch = episodes(settings, 3, torch.Generator().manual_seed(0))
    logits = run.learner.compare(batch.support, batch.query.x, settings.ways)
    features = build(settings.replace(head="prototypes", steps=0, train_steps=0))
    features.load_state_dict(run.learner.state_dict(), strict=False)
    torch.testing.assert_close(logits, features(batch.support, batch.query.x)[-1])
    for half in range(2):
        before = {n: w.detach().clone() for n, w in run.learner.named_parameters()}
        for _ in range(3):
            run.count(outer_step(run))
        still = {n for n, w in run.learner.named_parameters() if torch.equal(w, before[n])}
        assert still == (set() if half else {"theta.weight4", "theta.bias4"})
    assert not torch.equal(run.learner.theta["weight4"], output)


def test_features_may_be_trained_without_modulation():
    """As MAML's, bit for bit; then encoder and heads are trained too, and tau begins to vary."""
    changes = {"features_first": 0.5, "zero_heads": True, "encoder_end": "tasks"}
    runs = [
        start(small(method, features_modulated=False, **changes), torch.device("cpu"))
        for method in ("mumomaml-film", "maml")
    ]
    omega = {n: w.detach().clone() for n, w in parameters_of_omega(runs[0]).items()}
    for _ in range(3):
        measured = [outer_step(run) for run in runs]
        assert measured[0] == measured[1] and "variation" not in measured[0]
        for run, found in zip(runs, measured, strict=True):
            run.count(found)
    for mine, other in zip(*(run.learner.theta.values() for run in runs), strict=True):
        assert torch.equal(mine, other)
    assert all(torch.equal(w, omega[n]) for n, w in parameters_of_omega(runs[0]).items())
    seen = [outer_step(runs[0])["variation"] for _ in range(3)]
    assert seen[0] == 0 < seen[1]
    assert not any(torch.equal(w, omega[n]) for n, w in parameters_of_omega(runs[0]).items())


def parameters_of_omega(run):
    """Encoder's and heads' parameters by name."""
    return {n: w for n, w in run.learner.named_parameters() if n.startswith(("encoder", "heads"))}


def test_only_a_modulated_learner_of_our_recipe_lets_its_encoder_wait():
    for method in ("maml", "prototypes", "mumomaml-film", "mumomaml-softmax"):
        s = named("strokes-5way-1shot", method, "ours")
        assert s.features_modulated == (s.modulation is None) == (s.encoder_end == "relu")
    old = named("strokes-5way-1shot", "mumomaml-film").to_dict()
    for name in ("features_modulated", "encoder_end", "encoder_contrast", "zero_heads"):
        del old[name]  # as in weights that were stored before these settings
    s = CharacterSettings(**old)
    assert s.features_modulated and s.encoder_end == "relu"
    assert not (s.encoder_contrast or s.zero_heads)


@pytest.mark.parametrize("method", ["mumomaml-film", "prototypes"])
def test_features_may_be_trained_on_tasks_of_more_classes(method, monkeypatch):
    """As many images in fewer tasks; the inner loop's tasks, and the test's, stay as they are."""
    seen = []
    honest = CharacterLearner.predict

    def watched(self, theta, tau, support, x, *rest, **named):
        seen.append((len(x), x.shape[1]))
        return honest(self, theta, tau, support, x, *rest, **named)

    monkeypatch.setattr(CharacterLearner, "predict", watched)
    share = {} if method == "prototypes" else {"features_first": 0.5}
    settings = small(method, features_ways=10, queries=3, **share)
    run = start(settings, torch.device("cpu"))
    for _ in range(6):
        run.count(outer_step(run))
    many, few = (2, 30), (4, 15)  # tasks, their queries
    assert seen == ([many] * 6 if method == "prototypes" else [many] * 3 + [few] * 3)
    right, _ = accuracies(run.learner, shared_episodes(settings, 2))
    assert right.shape[1] == 2 and run.learner.settings.ways == 5


@pytest.mark.parametrize("sources", ["strokes", "strokes+inverted_strokes"])
def test_our_first_steps_share_their_classes_among_the_sources(sources, monkeypatch):
    seen = []
    monkeypatch.setattr(
        CharacterLearner,
        "compare",
        lambda self, support, x, ways, *rest: (
            seen.append((len(x), ways))
            or torch.zeros(*x.shape[:2], ways, requires_grad=True)
            + 0 * sum(w.sum() for w in self.parameters())
        ),
    )
    outer_step(start(named(f"{sources}-5way-1shot", "maml", "ours"), torch.device("cpu")))
    assert seen == ([(1, 80)] if sources == "strokes" else [(1, 40), (1, 40)])  # tasks, classes


def test_a_run_that_diverges_says_so():
    class Break(Callback):
        def on_start(self, run):
            run.learner.theta["weight1"].data.fill_(torch.nan)

    with pytest.raises(TrainingDiverged, match="smaller step_size"):
        train(small(), device="cpu", callbacks=[Break()])


def test_test_episodes_are_shared_and_have_15_queries():
    two = named("strokes+inverted_strokes-5way-1shot", "maml")
    first, again = (list(shared_episodes(two, 7, chunk=4)) for _ in range(2))
    assert [len(batch) for batch in first] == [4, 3]
    assert all(torch.equal(a.query.x, b.query.x) for a, b in zip(first, again, strict=True))
    assert first[0].query.x.shape == (4, 75, 1, 28, 28)
    right = torch.rand(2, 7)
    modes = torch.cat([batch.mode for batch in first])
    found = summary(right, modes, two.sources)
    assert list(found["modes"]) == ["strokes", "inverted_strokes"]
    assert found["stages"][1]["mean"] == pytest.approx(right[1].mean().item())
    inverted = found["modes"]["inverted_strokes"][0]["mean"]
    assert inverted == pytest.approx(right[0, modes == 1].mean().item())


def test_other_ways_and_shots_are_served_by_the_weights_of_five_and_one(data, monkeypatch):
    """What has weights of its own keeps them; a learned output layer serves its own ways alone."""
    monkeypatch.setattr("mmaml_lite.characters.report.TEST_EPISODES", 4)
    for setting, method, recipe in (
        ("strokes-5way-1shot", "maml", "ours"),
        ("strokes-5way-1shot", "mumomaml-film", "paper"),
        ("strokes-5way-1shot", "prototypes", "ours"),
        ("strokes-20way-2shot", "prototypes", "ours"),
    ):
        name = f"characters/{setting}/{method}"
        changes = SMALL | {"iterations": 1, "tasks": 1, "queries": 1}
        zoo.export(train(zoo.zoo_settings(name, recipe, **changes), device="cpu"), name)
    found = evaluate_setting("characters/strokes-20way-2shot", tell=lambda line: None)
    assert found["queries"] == 5 and found["episodes"] == 4
    methods = found["methods"]
    assert list(methods) == ["ours/prototypes", "ours/maml"]
    assert methods["ours/maml"]["trained_for"] == "strokes-5way-1shot"
    assert "trained_for" not in methods["ours/prototypes"]
    assert len(methods["ours/maml"]["normalisations"]["support"]["stages"]) == 3
    assert "1 outer steps on strokes-5way-1shot" in markdown(found)
    for name in ("strokes-5way-1shot/maml/ours", "strokes-5way-1shot/prototypes/ours"):
        (data / "checkpoints/characters" / f"{name}-seed0.safetensors").unlink()
    for nothing in ("strokes-20way-1shot", "inverted_strokes-20way-2shot"):
        with pytest.raises(ValueError, match="the zoo holds nothing for"):
            evaluate_setting(f"characters/{nothing}", tell=lambda line: None)


@pytest.mark.parametrize(("shots", "output"), [(1, 16.0), (5, 1.5)])
def test_with_several_examples_the_output_layers_steps_are_short(shots, output):
    """Learned or not, they begin as asked; those after training's repeat the last."""
    ours = named(f"strokes-5way-{shots}shot", "maml", "ours", filters=4)
    for settings in (ours, ours.replace(learn_step_size=False)):
        with torch.no_grad():
            sizes = build(settings).step_sizes(3)
        assert [float(size["weight4"]) for size in sizes] == pytest.approx([output] * 3)
        assert [float(size["bias0"]) for size in sizes] == pytest.approx([0.4] * 3)


def test_trained_named_evaluated_reported(data, monkeypatch, capsys):
    """The whole way by commands: three methods, two seeds, results in both ways, a table."""
    for method, seed in (
        ("maml", 0),
        ("mumomaml-film", 0),
        ("mumomaml-film", 1),
        ("prototypes", 0),
    ):
        name = f"characters/strokes-5way-1shot/{method}"
        settings = zoo.zoo_settings(name, seed=seed, **(SMALL | {"iterations": 2}))
        zoo.export(train(settings, device="cpu"), name)
    model = zoo.load(NAME, seed=1)
    assert model.provisional and model.label == "MuMoMAML FiLM (provisional)"
    assert model.deviations["filters"] == (4, 64)
    assert len(zoo.available("characters")) == 4
    monkeypatch.setattr("mmaml_lite.characters.report.TEST_EPISODES", 8)
    setting = "characters/strokes-5way-1shot"
    found = evaluate_setting(setting, tell=lambda line: None)
    assert read_results(setting) == json.loads(json.dumps(found))
    film = found["methods"]["paper/mumomaml-film"]["normalisations"]
    assert list(film) == ["support", "transductive"] and set(film["support"]["seeds"]) == {"0", "1"}
    each = [seed[-1]["mean"] for seed in film["support"]["seeds"].values()]
    assert film["support"]["stages"][-1]["mean"] == pytest.approx(sum(each) / 2, rel=1e-5)
    pair = found["paired"]["paper/maml, support - paper/mumomaml-film, support"]
    maml = found["methods"]["paper/maml"]["normalisations"]["support"]["stages"][-1]["mean"]
    assert pair["mean"] == pytest.approx(maml - film["support"]["stages"][-1]["mean"], abs=1e-5)
    assert evaluate_setting(setting, 4, tell=lambda line: None)["episodes"] == 4
    assert read_results(setting)["episodes"] == 8  # too few episodes are not stored
    text = markdown(found)
    assert "prototypical network (provisional)" in text and "15 queries per class" in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1
    assert main(["report", setting]) == 0
    assert capsys.readouterr().out.strip() == text.strip()


def test_the_papers_lines_stand_beside_omniglot_alone():
    lines = published_lines("omniglot-5way-1shot", 8)
    assert all(len(line) == 8 for line in lines)
    assert lines[-1][0] == "MAML (Finn 2017)" and lines[-1][-1] == "98.7 ± 0.4"
    assert published_lines("strokes-5way-1shot", 8) == []
    assert published_lines("omniglot+strokes-5way-1shot", 8) == []


def test_nothing_to_evaluate_is_said(data):
    with pytest.raises(ValueError, match="train something first"):
        evaluate_setting("characters/strokes-5way-1shot")


def test_missing_weights_are_trained_after_saying_how_long(data, capsys):
    model = zoo.load("characters/strokes-5way-1shot/prototypes", device="cpu", **SMALL)
    assert "training 6 steps, about" in capsys.readouterr().out
    assert model.settings.iterations == 6


def test_settings_are_read_back_from_a_file(data):
    name = "characters/strokes-5way-1shot/maml"
    path = zoo.export(train(small("maml", iterations=1), device="cpu"), name)
    from mmaml_lite.core import checkpoint

    meta = checkpoint.load(path)[1]
    assert stored_settings(meta, path) == small("maml", iterations=1)
    assert main(["settings", name]) == 0
