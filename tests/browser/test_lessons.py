"""Every lesson runs in JupyterLab: no error, pictures drawn, nothing fetched from elsewhere."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
ERRORS = '[data-mime-type="application/vnd.jupyter.error"], [data-mime-type$=".stderr"]'

MARKS = "path.js-line, path.point, .points path, .heatmaplayer image"  # what plotly draws with


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_in_the_browser(lab, screenshots, name):
    page = lab.open(name)
    try:
        lab.run_all(page)
        figures = page.locator(".js-plotly-plot")
        figures.locator(".main-svg").first.wait_for()  # the first takes seconds to appear
        figures.first.scroll_into_view_if_needed()

        assert page.locator(ERRORS).all_inner_texts() == []
        assert figures.locator(MARKS).count() > 0, "an empty picture"
        assert lab.strangers == []
    finally:
        page.screenshot(path=screenshots / f"{Path(name).stem}.png")
        page.close()
