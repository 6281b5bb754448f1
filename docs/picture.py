"""Draw docs/fits.png, the README's picture, from the shipped weights: `python docs/picture.py`."""

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from mmaml_lite import figures, lesson

DOCS = Path(__file__).resolve().parent
SIZE = {"width": 1100, "height": 700}


def browser_path() -> str:
    """The browser that the tests use."""
    finder = DOCS.parent / "tests/browser/get_browser.py"
    return subprocess.run(
        [sys.executable, finder], capture_output=True, text=True, check=True
    ).stdout.strip()


def main() -> None:
    """The first picture of lesson 4, as a file."""
    cast = lesson.load_cast(modes=3)
    examples = lesson.showcase(cast)
    predictions = {method: lesson.curves(model, examples) for method, model in cast.items()}
    figure = figures.fits(**lesson.fits(predictions, cast, examples))
    figure.update_layout(**SIZE, title=None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        page_file = Path(folder) / "fits.html"
        figure.write_html(page_file, include_plotlyjs=True, config={"displayModeBar": False})
        browser = play.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, device_scale_factor=1.5)
        page.goto(page_file.as_uri())
        page.wait_for_selector(".js-line")
        page.locator(".plot-container").screenshot(path=DOCS / "fits.png")
        browser.close()


if __name__ == "__main__":
    main()
