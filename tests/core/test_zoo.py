"""Load-or-train, evaluation and the report, end to end on tiny runs in a folder of their own."""

import dataclasses
import json
import math

import pytest
import torch

from mmaml_lite.__main__ import main, parse_changes
from mmaml_lite.core import checkpoint, statistics, zoo
from mmaml_lite.core.checkpoint import CheckpointError
from mmaml_lite.core.device import pick_device, threads
from mmaml_lite.core.evaluation import evaluate_setting
from mmaml_lite.core.results import read_results
from mmaml_lite.course.studies import comparison
from mmaml_lite.regression import evaluation, report
from mmaml_lite.regression.domain import settings_for
from mmaml_lite.regression.published import REGRESSION
from mmaml_lite.regression.settings import RegressionSettings

NAME = "regression/2-modes/mumomaml-film"


@pytest.fixture
def trained(data):
    for method in ("maml", "multi-maml", "mumomaml-film"):
        assert (
            main(
                [
                    "train",
                    f"regression/2-modes/{method}",
                    "--set",
                    "iterations=3",
                    "--device",
                    "cpu",
                ]
            )
            == 0
        )
    return data


def test_the_shipped_weights_load_and_say_what_they_are():
    """Every committed checkpoint: finite, as its settings describe it, with its record."""
    entries = zoo.available("regression")
    assert (NAME, "paper", 0) in entries
    for name, recipe, seed in entries:
        model = zoo.load(name, recipe, seed)
        assert model.settings.seed == seed and model.settings.recipe == recipe
        assert model.versions["torch"] and model.log and model.seconds > 0
        wanted = zoo.zoo_settings(name, recipe).iterations
        assert model.provisional is (model.settings.iterations < wanted)
        assert ("provisional" in model.label) is model.provisional


def test_shipped_weights_score_as_their_log_says():
    """The error on fresh tasks is that of the end of the curve: weights and log agree."""
    for name, recipe, seed in zoo.available("regression/2-modes"):
        model = zoo.load(name, recipe, seed)
        tasks = evaluation.shared_tasks(model.settings, 2000)
        last = evaluation.errors(model.learner, tasks)[-1]
        logged = [record["loss"] for record in model.log[-10:]]
        assert last.mean().item() == pytest.approx(sum(logged) / len(logged), rel=0.25)


def test_learning_curves_are_those_of_the_shipped_weights():
    curves = comparison.learning(read_results("regression/2-modes")).curves
    *_, steps, losses = curves["MuMoMAML FiLM"]
    assert steps[-1] == zoo.load(NAME).settings.iterations and len(steps) == len(losses)
    assert losses[-1] < 0.2 * losses[0]


def test_train_then_load_gives_the_same_model(trained, capsys):
    model = zoo.load(NAME)
    assert model.settings.iterations == 3 and model.provisional
    assert model.deviations["iterations"] == (3, 70_000)
    assert model.deviations["inner_clip"] == (None, 10.0)
    assert capsys.readouterr().out == ""  # it was there already: nothing trained, nothing said


def test_reader_is_kept_in_half_precision_theta_in_full(trained):
    """In the file; a loaded model computes in single precision, the same each time."""
    stored, _ = checkpoint.load(zoo.weights_path(NAME))
    run, _ = checkpoint.load(zoo.run_path(NAME))
    for name, tensor in stored.items():
        exact = run[f"learner/{name}"]
        matrix = name.startswith(("encoder.", "heads.")) and exact.ndim > 1
        assert torch.equal(tensor, exact.half() if matrix else exact), name
    assert {t.dtype for t in stored.values()} == {torch.half, torch.float32}
    assert {w.dtype for w in zoo.load(NAME).learner.state_dict().values()} == {torch.float32}


def test_the_first_load_which_trains_gives_what_the_next_ones_give(data, monkeypatch, capsys):
    short = zoo.zoo_settings(NAME, iterations=2)
    monkeypatch.setattr(zoo, "zoo_settings", lambda *args, **changes: short)
    with torch.no_grad():  # as lessons do around what they show
        first, again = zoo.load(NAME, device="cpu"), zoo.load(NAME)
    for a, b in zip(first.learner.parameters(), again.learner.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_zoo_is_not_overwritten_by_shorter_or_other_trainings(trained, capsys):
    """A shorter run wants --replace; other settings go to a file of their own."""
    before = zoo.weights_path(NAME).read_bytes()
    train = ["train", NAME, "--device", "cpu", "--set"]
    assert main([*train, "iterations=2"]) == 2
    assert "trained for 3 iterations" in capsys.readouterr().err
    assert main([*train, "shots=1", "--set", "iterations=2"]) == 0
    assert "not in the zoo" in capsys.readouterr().out
    assert zoo.weights_path(NAME).read_bytes() == before
    variant = next((trained / "runs").glob("**/*shots=1*-weights.safetensors"))
    assert zoo.read(variant).settings.shots == 1
    assert main([*train, "iterations=4"]) == 0
    assert zoo.load(NAME).settings.iterations == 4


def test_what_is_missing_is_trained_after_saying_how_long(data, capsys):
    model = zoo.load(NAME, device="cpu", iterations=4)
    out = capsys.readouterr().out
    assert "training 4 steps, about" in out and "minutes on cpu" in out
    assert model.settings.iterations == 4
    assert not zoo.weights_path(NAME).exists()  # a variant does not replace the zoo's own entry


def test_snapshots_tell_how_the_weights_came_about(data, capsys):
    """Kept at the chosen steps below the run's length, without being entries of the zoo."""
    base = ["train", NAME, "--device", "cpu", "--snapshots", "--set"]
    assert main([*base, "iterations=31"]) == 0
    kept = zoo.history(NAME)
    assert [step for step, _ in kept] == [1, 30, 31]
    assert [model.settings.iterations for _, model in kept] == [1, 30, 31]
    first, middle, last = (model.learner.theta["weight1"] for _, model in kept)
    assert not torch.equal(first, middle) and not torch.equal(middle, last)
    assert torch.equal(last, zoo.load(NAME).learner.theta["weight1"])
    assert zoo.available("regression/2-modes") == [(NAME, "paper", 0)]
    assert main(["train", NAME.replace("mumomaml-film", "maml"), "--set", "iterations=2"]) == 0
    assert [s for s, _ in zoo.history("regression/2-modes/maml")] == []  # none were asked for


def test_damaged_entries_and_unfinished_runs_are_refused(trained):
    path = zoo.weights_path(NAME)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(CheckpointError, match="damaged"):
        zoo.load(NAME)
    with pytest.raises(CheckpointError, match="unfinished run"):
        zoo.read(zoo.run_path(NAME))


@pytest.mark.parametrize(
    "name",
    ["mumomaml-film", "vision/2-modes/maml", "regression/2-modes/nope", "regression/9-modes/maml"],
)
def test_unknown_names_are_explained(name):
    with pytest.raises(ValueError, match=r"expected|unknown method"):
        zoo.load(name)


def test_evaluate_and_report(stored_from, trained, capsys, monkeypatch):
    tell = []
    floors = {
        n: torch.full((60,), v)
        for n, v in [
            ("bayes", 0.2),
            ("bayes_mode_known", 0.1),
            ("label_linear", 0.7),
            ("mode_right", 0.9),
        ]
    }
    monkeypatch.setattr("mmaml_lite.regression.floors.floors", lambda mixture, tasks: floors)
    stored_from(report, 60)
    results = evaluate_setting("regression/2-modes", 60, tell=tell.append)
    assert results == json.loads(json.dumps(read_results("regression/2-modes"))) | {
        "families": results["families"]
    }
    film = results["methods"]["paper/mumomaml-film"]
    assert len(film["stages"]) == 6 and set(film["modes"]) == {"sinusoid", "linear"}
    assert film["stages"][-1]["mean"] == pytest.approx(film["seeds"]["0"]["mean"])
    assert results["paired"]["paper/maml - bayes"]["mean"] == pytest.approx(
        results["methods"]["paper/maml"]["stages"][-1]["mean"] - 0.2, rel=1e-5
    )
    # What modulation removed of the avoidable error, and the steps of the rest, by hand.
    first, last = (film["stages"][i]["mean"] - 0.2 for i in (0, -1))
    nothing = evaluation.shared_tasks(zoo.zoo_settings(NAME), 60).query.y.square().mean().item()
    modulation, steps = report.removed(results, film)
    assert modulation == pytest.approx(1 - first / (nothing - 0.2), rel=1e-5)
    assert steps == pytest.approx(1 - last / first, rel=1e-5)
    assert film["weights"]["encoder"] > 0 and film["step_sizes"] == {} and not film["told"]
    assert results["methods"]["paper/maml"]["weights"] == {"network": 22_521, "encoder": 0}
    marks = comparison.distances(results).marks
    assert marks["paper"]["MuMoMAML FiLM"][0] == pytest.approx((last + 0.2) / 0.2, rel=1e-5)
    assert marks["paper"]["MuMoMAML FiLM"][2]  # provisional
    assert comparison.distances(results).seeds == {}  # one of each
    film["seeds"]["1"] = {"mean": 0.4}
    runs = comparison.distances(results).seeds["paper"]
    assert [label for label, _ in runs] == ["MuMoMAML FiLM"] * 2
    assert runs[1][1] == pytest.approx(0.4 / 0.2)
    del film["seeds"]["1"]
    assert marks["paper 2018"]["MuMoMAML FiLM"][0] == pytest.approx(0.3125 / 0.2)
    assert comparison.learning(results).curves == {}  # three steps make no record
    assert film["x_bayes"]["mean"] == marks["paper"]["MuMoMAML FiLM"][0]
    assert film["steps_change"]["mean"] == pytest.approx(last - first, rel=1e-4)
    capsys.readouterr()
    assert main(["report", "regression/2-modes"]) == 0
    out = capsys.readouterr().out
    assert "| MuMoMAML FiLM (provisional) | paper | 3 | 1 | 0.3125 | 0.336 |" in out
    assert "Bayes-optimal, mode unknown" in out and "60 test tasks" in out
    assert "iterations 3 instead of the recipe's 70000" in out
    page = trained / "page.md"
    page.write_text("# Words\n\n### My own\n\n### regression/2-modes: an old table\n")
    assert main(["report", "regression/2-modes", "--into", str(page)]) == 0
    assert page.read_text() == "# Words\n\n### My own\n\n" + out


def test_errors_by_hand():
    """Stage, task and query axes: a learner that is off by one everywhere scores one."""
    settings = settings_for("maml", ("linear", "tanh"))
    tasks = evaluation.shared_tasks(settings, 7)

    class OffByOne(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.p = torch.nn.Parameter(torch.zeros(1))

        def forward(self, support, x, mode, steps=None):
            start = next(i for i in range(7) if torch.equal(tasks.query.x[i], x[0]))
            y = tasks.query.y[start : start + len(x)]
            return torch.stack([y + 1, y + 0.5, y])

    found = evaluation.errors(OffByOne(), tasks, chunk=3)
    torch.testing.assert_close(found, torch.tensor([[1.0], [0.25], [0.0]]).expand(3, 7))
    summary = statistics.summary(found, tasks.mode, ("linear", "tanh"))
    assert summary["stages"][1] == pytest.approx(
        {"mean": 0.25, "ci95": 0.0, "median": 0.25}, abs=1e-6
    )
    assert summary["modes"]["tanh"][0]["mean"] == 1.0


def test_intervals_by_hand():
    values = torch.tensor([1.0, 2.0, 3.0, 4.0])
    found = statistics.interval(values)
    assert found["mean"] == 2.5 and found["median"] == 2.0
    assert found["ci95"] == pytest.approx(1.96 * math.sqrt(5 / 3) / 2)
    assert statistics.paired(values + 1, values)["mean"] == 1.0
    assert statistics.paired(values + 1, values)["ci95"] == 0.0


def test_shared_tasks_are_the_same_for_every_method():
    a, b = (
        evaluation.shared_tasks(settings_for(m, ("linear", "l1"), r), 50)
        for m, r in [("maml", "paper"), ("mumomaml-film", "ours")]
    )
    assert torch.equal(a.support.y, b.support.y) and a.query.x.shape == (50, 20, 1)


def test_nan_in_test_tasks_is_refused():
    model = zoo.load(NAME)
    tasks = evaluation.shared_tasks(model.settings, 4)
    tasks.support.y[2, 0] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        evaluation.errors(model.learner, tasks)


def test_published_numbers_are_for_known_methods():
    from mmaml_lite.regression.domain import METHODS

    assert all(set(table) <= set(METHODS) for table in REGRESSION.values())
    assert REGRESSION["2-modes"]["mumomaml-film"] == {"P1": (1.7094, 0.3125), "P2": (2.421, 0.336)}


# --- command line ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["train", "regression/2-modes/nope"], "unknown method 'nope': known are pretrained, maml"),
        (["train", NAME, "--set", "shots=0"], "shots must be a whole number from 1, got 0"),
        (["train", NAME, "--set", "shots"], "expected name=value"),
        (["train", NAME, "--device", "cuda:99"], "here"),
        (["train", NAME, "--device", "tpu"], "unknown device 'tpu'"),
        (["train", NAME, "--device", "meta"], "unsupported device 'meta'"),
        (["train", NAME, "--threads", "0"], "at least one thread"),
        (["train", NAME, "--recipe", "theirs"], "unknown recipe 'theirs': known are paper"),
        (["train", NAME, "--set", "seed=1"], "option of its own"),
        (["--import", "nosuch_module", "report"], "No module named 'nosuch_module'"),
        (["evaluate", "foo"], "unknown domain 'foo'"),
        (["report", "regression/4-modes"], "run python -m mmaml_lite evaluate regression/4-modes"),
        (["evaluate", "regression/4-modes"], "the zoo holds nothing for regression/4-modes"),
    ],
)
def test_bad_input_ends_with_one_clear_line(data, capsys, arguments, message):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and message in err and err.count("\n") == 1


def test_settings_command_explains_every_field(capsys):
    assert main(["settings", NAME]) == 0
    out = capsys.readouterr().out
    for f in dataclasses.fields(RegressionSettings):
        assert f"\n{f.name} " in "\n" + out and f.metadata["help"] in out


def test_values_on_the_command_line():
    found = parse_changes(["a=1", "b=0.5", "c=text", "d=None", "e=(1, 2)", "f=x=y"])
    assert found == {"a": 1, "b": 0.5, "c": "text", "d": None, "e": (1, 2), "f": "x=y"}


def test_a_module_of_ones_own_can_be_imported_first(data, tmp_path, monkeypatch):
    (tmp_path / "my_family.py").write_text(
        "from mmaml_lite import Uniform, register_family\n"
        "@register_family('cube', a=Uniform(-0.1, 0.1))\n"
        "def cube(x, a):\n    return a * x**3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    name = "regression/linear+cube/mumomaml-film"
    assert (
        main(["--import", "my_family", "train", name, "--set", "iterations=2", "--device", "cpu"])
        == 0
    )
    assert zoo.load(name).settings.families == ("linear", "cube")
    from mmaml_lite.regression.tasks import FAMILIES

    del FAMILIES["cube"]


def test_devices():
    assert pick_device("cpu").type == "cpu"
    if not torch.cuda.is_available():
        assert pick_device("auto").type == "cpu"
        with pytest.raises(ValueError, match="no CUDA GPU"):
            pick_device("cuda")
    with threads(2):
        assert torch.get_num_threads() == 2
