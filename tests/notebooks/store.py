"""Write the stored outputs of the lessons' checked cells, and pair each lesson with its script.

    python tests/notebooks/store.py        every lesson
    python tests/notebooks/store.py 4      lesson 4

The only way such outputs come about: the script is synchronised with the notebook, the lesson is
executed from top to bottom, checked cells (`# NBVAL_CHECK_OUTPUT`) and cells tagged `keep_output`
keep what they printed, and everything else that execution leaves behind is removed.
"""

import sys
from pathlib import Path
from typing import Any

import jupytext.cli
import nbformat
from nbclient import NotebookClient

from mmaml_lite.course.run import LESSONS, find_lesson

CHECKED = "# NBVAL_CHECK_OUTPUT"


def is_checked(cell: Any) -> bool:
    """True for a cell whose output nbval compares."""
    return cell.cell_type == "code" and CHECKED in cell.source


def strip(notebook: Any) -> Any:
    """Remove all that execution leaves behind, but for the outputs of checked and kept cells."""
    notebook.metadata = {
        key: value for key, value in notebook.metadata.items() if key in ("kernelspec", "jupytext")
    }
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        kept = is_checked(cell) or "keep_output" in cell.metadata.get("tags", [])
        if cell.cell_type == "code" and not kept:  # nbval wants the count of a cell with outputs
            cell.outputs, cell.execution_count = [], None
    return notebook


def store(lesson: Path, cell_limit: float = 600) -> None:
    """Execute one lesson and write it back with the outputs worth keeping."""
    jupytext.cli.jupytext(["--quiet", "--sync", str(lesson)])
    notebook = nbformat.read(lesson, as_version=4)
    here = {"metadata": {"path": str(lesson.parent)}}
    client = NotebookClient(
        notebook,
        timeout=cell_limit,
        kernel_name="python3",
        resources=here,
        extra_arguments=["--log-level=CRITICAL"],
    )
    client.execute()
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    nbformat.write(strip(notebook), lesson)
    jupytext.cli.jupytext(["--quiet", "--sync", str(lesson)])


if __name__ == "__main__":
    for path in map(find_lesson, sys.argv[1:] or sorted(LESSONS.glob("*.ipynb"))):
        print(f"executing {path.name}", flush=True)
        store(path)
