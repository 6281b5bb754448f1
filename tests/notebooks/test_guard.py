"""Committed notebooks are clean and small, and their checked cells do check something.

nbval passes a checked cell that has no stored output, so a stripped notebook would be green
whatever it prints. These tests see to it that outputs are there and are compared.
"""

import copy
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
import store
from nbformat import v4

from mmaml_lite.course.parameters import parameters_of

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda p: p.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def test_the_course_has_a_lesson():
    assert LESSONS


@each_lesson
def test_a_lesson_is_small_and_clean(lesson):
    assert lesson.stat().st_size < 300_000
    notebook = read(lesson)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"  # else JupyterLab asks for a kernel
    again = store.strip(copy.deepcopy(notebook))
    assert again == notebook, "run `make store`: outputs or widget state would be committed"


@each_lesson
def test_checked_cells_are_there_and_hold_printed_text(lesson):
    checked = [cell for cell in read(lesson).cells if store.is_checked(cell)]
    assert checked, f"mark a cell that prints a seeded, rounded verdict: {store.CHECKED}"
    for cell in checked:
        assert cell.source.startswith(store.CHECKED), "the mark is the first line of the cell"
        assert cell.outputs and cell.execution_count, (
            f"no stored output, so nothing is checked: {cell.source!r}"
        )
        assert {(o.output_type, o.get("name")) for o in cell.outputs} == {("stream", "stdout")}


@each_lesson
def test_one_cell_holds_the_parameters_as_plain_literals(lesson):
    cells = [c for c in read(lesson).cells if "parameters" in c.metadata.get("tags", [])]
    assert len(cells) == 1
    known = parameters_of(lesson)  # raises if a default is not a plain literal
    run = {}
    exec(cells[0].source, {}, run)
    assigned = {name: value for name, value in run.items() if not name.startswith("__")}
    assert {name: default for name, (default, _) in known.items()} == assigned, (
        "each on a line of its own, with no other = in it: papermill passes over all else"
    )
    assert "out_dir" in known


@each_lesson
def test_code_that_need_not_be_read_is_folded_everywhere(lesson):
    """JupyterLab goes by `source_hidden`, nbconvert and others by the tag."""
    cells = [cell for cell in read(lesson).cells if cell.cell_type == "code"]
    for cell in cells:
        hidden, tagged = cell.metadata.get("jupyter", {}), cell.metadata.get("tags", [])
        assert hidden.get("source_hidden", False) == ("hide-input" in tagged), cell.source
        answers = hidden.get("source_hidden", False) and store.is_checked(cell)
        assert hidden.get("outputs_hidden", False) == answers, cell.source
    opened = [cell for cell in cells if "hide-input" not in cell.metadata.get("tags", [])]
    assert sum(len(cell.source.splitlines()) for cell in opened) < 100


@each_lesson
def test_the_paired_script_agrees(lesson):
    script = lesson.parent / "scripts" / f"{lesson.stem}.py"
    kept = ("kernelspec", "jupytext")
    stated = [
        [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in nb.cells]
        for nb in (read(lesson), jupytext.read(script))
    ]
    assert set(read(lesson).metadata) <= set(kept)
    assert stated[0] == stated[1], f"run `make store`: {script.name} differs from its notebook"


def nbval(*notebooks):
    """Run nbval as `make test` does; returns (exit status, printed)."""
    command = [sys.executable, "-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [*command, "--rootdir", str(notebooks[0].parent), *map(str, notebooks)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout


def a_notebook(source, printed):
    cell = v4.new_code_cell(f"{store.CHECKED}\n{source}", execution_count=1)
    cell.outputs = [v4.new_output("stream", name="stdout", text=printed)]
    return v4.new_notebook(cells=[cell])


def test_a_mutated_result_turns_nbval_red(tmp_path):
    good, bad = tmp_path / "good.ipynb", tmp_path / "bad.ipynb"
    library = "def mse(x, y):\n    return {} * (x - y) ** 2\n"
    for path, factor in ((good, 1), (bad, 2)):  # the mutation: a factor of two
        nbformat.write(a_notebook(f"{library.format(factor)}print(mse(3, 1))", "4\n"), path)
    status, printed = nbval(good, bad)
    assert status == 1
    assert "1 failed, 1 passed" in printed and "bad.ipynb::Cell 0" in printed


@pytest.mark.skipif(not LESSONS, reason="no lessons yet")
def test_the_stored_outputs_of_every_lesson_are_really_compared(tmp_path):
    """A copy of each checked cell prints what is stored (green), or one letter more (red)."""
    cells = 0
    for lesson in LESSONS:
        same, other = v4.new_notebook(), v4.new_notebook()
        for cell in (c for c in read(lesson).cells if store.is_checked(c)):
            text = "".join(output.text for output in cell.outputs)
            same.cells += a_notebook(f"print({text!r}, end='')", "").cells
            other.cells += a_notebook(f"print({text + 'x'!r}, end='')", "").cells
            same.cells[-1].outputs = other.cells[-1].outputs = cell.outputs
            cells += 1
        nbformat.write(same, tmp_path / f"{lesson.stem}-same.ipynb")
        nbformat.write(other, tmp_path / f"{lesson.stem}-other.ipynb")
    status, printed = nbval(*tmp_path.glob("*.ipynb"))
    assert status == 1
    assert f"{cells} failed, {cells} passed" in printed
