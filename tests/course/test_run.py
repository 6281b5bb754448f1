"""The runner, on tiny notebooks made on the spot."""

import csv
import json
import subprocess
import sys

import nbformat
import pytest
from nbformat import v4

from mmaml_lite.course import run as notebooks
from mmaml_lite.course.parameters import check_parameters, parameters_of

PYTHON = {"name": "python3", "display_name": "Python 3", "language": "python"}
PARAMETERS = """\
modes = 2  # one of: 2 | 3 | 5
modulation: str = "film"  # e.g. film, sigmoid
alpha = 0.1  # inner step size
fast = False
seeds = [0, 1]
fail = False
out_dir = ""  # a folder; "" writes nothing
"""
BODY = """\
import json, time, pathlib
from IPython.display import display
figure = {"application/vnd.plotly.v1+json": {"data": [{"y": [1, 2]}], "layout": {}}}
display(figure, raw=True)
import os
assert os.environ["MMAML_LITE_STATIC"] == "1", "explorers run as their static twins"
assert pathlib.Path("01_small.ipynb").exists(), "a lesson works in its own folder"
if fail:
    raise RuntimeError("told to fail")
if out_dir:
    metrics = {"mse": alpha * modes, "paper": {"mse": 0.5}}
    pathlib.Path(out_dir, "metrics.json").write_text(json.dumps(metrics))
"""


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lessons")
    for name, body in {"01_small": BODY, "02_slow": "import time\ntime.sleep(60)"}.items():
        first = v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
        nb = v4.new_notebook(cells=[v4.new_markdown_cell("# Goal"), first, v4.new_code_cell(body)])
        nb.metadata |= {"kernelspec": PYTHON, "widgets": {"state": "left over"}}
        nbformat.write(nb, folder / f"{name}.ipynb")
    return folder


@pytest.fixture
def small(lessons):
    return lessons / "01_small.ipynb"


def test_parameters_are_read_with_their_choices(small):
    known = parameters_of(small)
    assert known["modes"] == (2, ["2", "3", "5"])
    assert known["modulation"] == ("film", [])
    assert known["seeds"] == ([0, 1], [])


@pytest.mark.parametrize("default", ["choose()", "[0, seed]", "1 2", "'#' * 3"])
def test_a_computed_default_is_refused(tmp_path, default):
    cell = v4.new_code_cell(f"seed = 1\ndevice = {default}", metadata={"tags": ["parameters"]})
    nb = v4.new_notebook(cells=[cell], metadata={"kernelspec": PYTHON})
    nbformat.write(nb, tmp_path / "a.ipynb")
    with pytest.raises(ValueError, match="device is not a plain literal"):
        parameters_of(tmp_path / "a.ipynb")


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"modes": "3"}, {"modes": 3}),
        ({"alpha": 1}, {"alpha": 1}),
        ({"alpha": "1e-3"}, {"alpha": 0.001}),
        ({"fast": "true"}, {"fast": True}),
        ({"modulation": "5"}, {"modulation": "5"}),
        ({"seeds": "[3, 4]"}, {"seeds": [3, 4]}),
    ],
)
def test_fitting_values_are_taken(small, given, taken):
    checked = check_parameters(small, given)
    assert repr(checked) == repr(taken)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"mode": 3},
            "unknown parameter 'mode'; known: modes, modulation, alpha, fast",
        ),
        ({"out_dir": "x"}, "unknown parameter 'out_dir'"),
        ({"modes": 4}, r"modes must be one of 2 \| 3 \| 5, as its default 2; got 4"),
        ({"alpha": "big"}, "alpha must be a number, as its default 0.1; got 'big'"),
        ({"alpha": True}, "alpha must be a number"),
        ({"fast": 1}, "fast must be true or false"),
        ({"modulation": 3}, "modulation must be text"),
        ({"seeds": 3}, "seeds must be a list"),
        ({"seeds": [0.5]}, "seeds must be a list"),
    ],
)
def test_unfit_values_are_refused_before_running(small, given, message):
    with pytest.raises(ValueError, match=message):
        check_parameters(small, given)


def test_lessons_are_found_by_number_name_and_path(lessons, small):
    for wanted in (1, "1", "01_small", "01_small.ipynb", str(small)):
        assert notebooks.find_lesson(wanted, lessons) == small
    with pytest.raises(ValueError, match=r"no lesson '7'.*known: 01_small, 02_slow"):
        notebooks.find_lesson("7", lessons)


def test_plan_crosses_lessons_with_sets_and_names_each_run(lessons):
    runs = notebooks.plan(["1", "2"], [{"modes": 3}], {"fast": "true"}, lessons)
    assert [run.name for run in runs] == [f"{n}-modes=3-fast=True" for n in ("01_small", "02_slow")]
    runs = notebooks.plan([], [{"lesson": 1, "run_name": "a b/c"}], {}, lessons)
    assert [run.name for run in runs] == ["a_b_c"]
    assert len(notebooks.plan([], [], {}, lessons)) == 2
    with pytest.raises(ValueError, match="two runs are called 01_small-modes=3"):
        notebooks.plan(["1"], [{"modes": 3}, {"modes": 3}], {}, lessons)


@pytest.mark.parametrize("bad", [["nosuch"], ["{small}", "-p", "alpha"], ["-f", "nosuch.yaml"]])
def test_a_command_that_cannot_run_says_so(small, capsys, bad):
    assert notebooks.main([word.format(small=small) for word in bad]) == 2
    assert "nothing was run" in capsys.readouterr().err


def test_a_failing_and_a_slow_run_are_named_and_the_others_go_on(lessons, small, tmp_path):
    runs = [
        {"lesson": str(small), "fail": True, "run_name": "bad"},
        {"lesson": str(lessons / "02_slow.ipynb"), "run_name": "slow"},
        {"lesson": str(small), "modes": 3, "run_name": "good"},
    ]
    (tmp_path / "runs.yaml").write_text(json.dumps(runs))  # JSON is YAML
    command = [sys.executable, "-m", "mmaml_lite", "run", "-f", "runs.yaml", "--cell-limit=3"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    printed, out = done.stdout, tmp_path / "build" / "notebooks"
    assert "bad: In [3]: RuntimeError: told to fail" in printed
    assert "slow: CellTimeoutError: A cell timed out" in printed
    assert "good: done" in printed
    with open(out / "metrics.csv", newline="") as file:
        table = {row["run"]: row for row in csv.DictReader(file)}
    assert float(table["good"]["mse"]) == pytest.approx(0.3)
    assert table["good"]["paper.mse"] == "0.5"
    assert table["bad"]["error"] and not table["bad"]["mse"]
    executed = nbformat.read(out / "good" / "01_small.ipynb", as_version=4)
    assert "widgets" not in executed.metadata
    page = (out / "good" / "01_small.html").read_text()
    assert "Plotly.newPlot" in page and len(page) > 3_000_000  # plotly.js is inside
    assert "told to fail" in (out / "bad" / "01_small.html").read_text()


def an_output(**data):
    mime = {"widget": notebooks.WIDGET, "figure": notebooks.FIGURE, "text": "text/plain"}
    return v4.new_output("display_data", {mime[kind]: value for kind, value in data.items()})


def test_a_page_keeps_the_twin_of_an_explorer_and_drops_dead_widgets():
    """An explorer's one output holds both; a progress bar or a pad has nothing to show."""
    cell, view = v4.new_code_cell("explorer", execution_count=1), {"model_id": "a"}
    figure = {"data": [{"y": [1, 2]}], "layout": {}}
    cell.outputs = [
        an_output(widget=view, figure=figure, text="the twin in words"),
        an_output(widget=view, text="Pad(dead=True)"),
        an_output(text="just text"),
    ]
    folded = v4.new_code_cell("plumbing = 1", metadata={"tags": ["hide-input"]})
    page = notebooks.to_html(v4.new_notebook(cells=[cell, folded]))
    assert page.count("<details>") == 1 and page.index("<details>") < page.index("plumbing")
    assert page.count("Plotly.newPlot") == 1 and "just text" in page
    assert "dead=True" not in page and "widget-view+json" not in page
    assert notebooks.WIDGET in cell.outputs[0].data  # the notebook itself is left as it was
