"""Draw the pictures of the README and the docs, from the shipped weights and stored results.

`python docs/pictures.py` draws fits.png, distances.png and learning.png beside this file.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import plotly.graph_objects as go
from playwright.sync_api import sync_playwright

from mmaml_lite.core.results import read_results
from mmaml_lite.course import figures, lesson
from mmaml_lite.course.studies import comparison

DOCS = Path(__file__).resolve().parent
SETTINGS = ["regression/2-modes", "regression/3-modes", "regression/5-modes"]


def browser_path() -> str:
    """The browser that the tests use."""
    finder = DOCS.parent / "tests/browser/get_browser.py"
    return subprocess.run(
        [sys.executable, finder], capture_output=True, text=True, check=True
    ).stdout.strip()


def pictures() -> Iterator[tuple[str, go.Figure]]:
    """Each picture's name and its figure."""
    cast = lesson.load_cast(modes=3)
    examples = lesson.showcase(cast)
    predictions = {method: lesson.curves(model, examples) for method, model in cast.items()}
    fits = figures.fits(lesson.fits(predictions, cast, examples))
    yield "fits", fits.update_layout(height=700)
    results = [read_results(setting) for setting in SETTINGS]
    yield "distances", figures.distances([comparison.distances(r) for r in results])
    yield "learning", figures.learning([comparison.learning(r) for r in results])


def main() -> None:
    """The first picture of lesson 4 and the two of docs/regression.md, as files."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        for name, figure in pictures():
            size = {"width": 1100, "height": int(figure.layout.height)}
            figure.update_layout(**size, title=None)
            page_file = Path(folder) / f"{name}.html"
            figure.write_html(page_file, include_plotlyjs=True, config={"displayModeBar": False})
            page = browser.new_page(viewport=size, device_scale_factor=1.5)
            page.goto(page_file.as_uri())
            page.wait_for_selector(".scatterlayer .trace")
            page.locator(".plot-container").screenshot(path=DOCS / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
