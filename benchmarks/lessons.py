"""How long the lessons take in a real browser: first picture, whole run, normal and fast; size.

Each lesson is opened in JupyterLab with a fresh kernel and all its cells are run. The clock starts
with the run and stops at the first drawn curve and after the last cell. Prints Markdown.

    python benchmarks/lessons.py [--fast-only] [--lessons 05]
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # for the kernels

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "browser"))  # the browser is driven as in the tests
# What a first picture consists of:
CURVE = (
    ".js-plotly-plot path.js-line, .mmaml-pad path.line, .mmaml-pad .dot, .mmaml-sorting .card, "
    ".mmaml-cheetah canvas"
)
ERRORS = '[data-mime-type="application/vnd.jupyter.error"]'
TARGETS = {"first": 10.0, "normal": 120.0, "fast": 30.0, "kB": 300.0}


def measure(fast: bool, lessons: str) -> Iterator[tuple[str, float, float]]:
    """Lesson, seconds to the first picture, seconds of the whole run."""
    from conftest import copy_course, running

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "course").mkdir(), (home / "jupyter").mkdir()
        course = copy_course(home / "course", fast)
        with running(course, home / "jupyter") as lab:
            for path in sorted(course.glob(f"{lessons}*.ipynb")):
                page = lab.open(path.name)
                began = time.monotonic()
                page.evaluate(
                    "() => { window.ran = false; window.jupyterapp.commands"
                    ".execute('notebook:run-all-cells').then(() => { window.ran = true; }); }"
                )
                page.locator(CURVE).first.wait_for(state="attached", timeout=120_000)
                first = time.monotonic() - began
                page.wait_for_function("() => window.ran", timeout=600_000)
                whole = time.monotonic() - began
                errors = page.locator(ERRORS).all_inner_texts()  # one would have ended the run
                assert not errors, f"{path.name}: {errors[0][-300:]}"
                yield path.stem, first, whole
                page.close()


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast-only", action="store_true", help="leave the normal form out")
    parser.add_argument("--lessons", default="0", help="such as 05 (default all)")
    given = parser.parse_args(arguments)
    print("| lesson | form | first picture, s | all cells, s | file, kB |")
    print("| --- | --- | --- | --- | --- |")
    print("| target | | {first:.0f} | {normal:.0f}, fast {fast:.0f} | {kB:.0f} |".format(**TARGETS))
    for form in ["fast"] if given.fast_only else ["normal", "fast"]:
        for name, first, whole in measure(form == "fast", given.lessons):
            size = (ROOT / "notebooks" / f"{name}.ipynb").stat().st_size / 1000
            print(f"| {name} | {form} | {first:.1f} | {whole:.0f} | {size:.0f} |", flush=True)


if __name__ == "__main__":
    main()
