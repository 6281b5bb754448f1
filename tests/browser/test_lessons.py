"""Every lesson in JupyterLab: it runs, and what its explorers draw is what the library computes."""

import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
ERRORS = '[data-mime-type="application/vnd.jupyter.error"], [data-mime-type$=".stderr"]'
MARKS = "path.js-line, path.point, .points path, .heatmaplayer image"  # what plotly draws with

# The numbers that plotly has in hand, trace by trace.
DRAWN = """(name) => {
    const figure = document.querySelector(`.explorer-${name} .js-plotly-plot`);
    return figure && figure._fullData.map((t) => ({
        name: t.name ?? '', y: Array.from(t.y ?? []),
        z: Array.from(t.z ?? []).flatMap((row) => Array.from(row)),
    }));
}"""
# The same from the library: the state of the controls, computed and drawn afresh.
ASK = """
import json, numpy as np
from mmaml_lite.course.widgets.explorer import EXPLORERS
explorer = EXPLORERS[{name!r}]
def plain(values):
    return [] if values is None else np.asarray(values).ravel().tolist()
view = explorer._compute(**explorer.state)
drawn = [{{"y": plain(t["y"] if "y" in t else None), "z": plain(t["z"] if "z" in t else None)}}
         for t in explorer._figure(view).data]
print(json.dumps({{"state": explorer.state, "drawn": drawn, "says": explorer._summary(view)}},
                 default=str))
"""

SCREENS = ((1280, 800), (1024, 768), (1920, 1080), (853, 533))  # the last: 1280 at 150 % zoom
TALLEST = 640  # pixels of a whole explorer on the first of them, which shows 679 of a notebook
MISFITS = Path(__file__).with_name("misfits.js").read_text(encoding="utf-8")
THEME = """async (theme) => {
    await window.jupyterapp.commands.execute('apputils:change-theme', { theme });
}"""


class Explorer:
    """One explorer as a reader has it in the page, and as the library has it in the kernel."""

    def __init__(self, lab, page, name):
        self.lab, self.page, self.name = lab, page, name
        self.box = page.locator(f".explorer-{name}").first

    def asked(self):
        """State, numbers and summary from the kernel."""
        return json.loads(self.lab.ask(self.page, ASK.format(name=self.name)))

    def drawn(self):
        """The numbers in the page, None for an explorer without a plotly figure."""
        return self.page.evaluate(DRAWN, self.name)

    def check(self):
        """Wait until the page rests and agrees with the library; return the controls' state."""
        before = None
        for _ in range(40):
            told = self.asked()
            wrong = self._differs(told) if told["state"] == before else "it still moves"
            if not wrong:
                return told["state"]
            before = told["state"]
            self.page.wait_for_timeout(150)
        raise AssertionError(f"{self.name}, {told['state']}: {wrong}")

    def _differs(self, told):
        drawn = self.drawn()
        if drawn is not None:
            if len(drawn) != len(told["drawn"]):
                return f"{len(drawn)} traces in the page, {len(told['drawn'])} in the library"
            for trace, there in zip(drawn, told["drawn"], strict=True):
                for axis in ("y", "z"):
                    if not _alike(trace[axis], there[axis]):
                        return f"trace {trace['name']!r}: {axis} differs"
        plain = self.page.evaluate(
            "(html) => Object.assign(document.createElement('p'), {innerHTML: html}).textContent",
            told["says"],
        )
        shown = self.box.locator(".mmaml-summary").text_content()
        return "" if shown.split() == plain.split() else f"it says {shown!r}, not {plain!r}"

    def sliders(self):
        """Its sliders that can be seen and moved."""
        handles = self.box.locator(".noUi-target:not([disabled]) .noUi-handle")
        return [handle for handle in handles.all() if handle.is_visible()]


def _alike(drawn, computed):
    try:
        a, b = (np.asarray(v, dtype=float) for v in (drawn, computed))
    except ValueError:  # names of bars, say
        return list(map(str, drawn)) == list(map(str, computed))
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=1e-6, equal_nan=True)


def moved(explorer, move):
    """Move something; the page must then agree with the library, about another state."""
    before = explorer.check()
    move()
    for _ in range(30):
        if explorer.asked()["state"] != before:
            break
        explorer.page.wait_for_timeout(100)
    after = explorer.check()
    return {name: value for name, value in after.items() if value != before[name]}


def has_room(slider):
    """Whether it stands in its lower half, so that there is room to the right."""
    low, high, now = (float(slider.get_attribute(f"aria-value{e}")) for e in ("min", "max", "now"))
    return now < (low + high) / 2


@pytest.fixture(scope="module", params=LESSONS)
def lesson(lab, request):
    """A page on which a lesson has been run, its explorers found."""
    page = lab.open(request.param)
    lab.run_all(page)
    page.locator(".js-plotly-plot .main-svg").first.wait_for()  # the first takes seconds to appear
    code = "from mmaml_lite.course.widgets.explorer import EXPLORERS; print(*EXPLORERS)"
    names = lab.ask(page, code).split()
    boxes = page.locator(".mmaml-explorer")
    shown = [n for n in names if page.locator(f".explorer-{n}").count()]
    page.stem, page.explorers = Path(request.param).stem, [Explorer(lab, page, n) for n in shown]
    assert boxes.count() >= len(shown)
    yield page
    page.close()


def test_it_runs_without_an_error_and_draws(lab, lesson, screenshots):
    figures = lesson.locator(".js-plotly-plot")
    figures.first.scroll_into_view_if_needed()
    lesson.screenshot(path=screenshots / f"{lesson.stem}.png")
    assert lesson.locator(ERRORS).all_inner_texts() == []
    assert figures.locator(MARKS).count() > 0, "an empty picture"
    assert lab.strangers == []


def test_every_explorer_is_drawn_as_computed(lesson, screenshots):
    """A picture of each is kept."""
    for explorer in lesson.explorers:
        explorer.box.scroll_into_view_if_needed()
        explorer.check()
        explorer.box.screenshot(path=screenshots / f"{lesson.stem}-{explorer.name}.png")


def test_sliders_move_the_picture_by_keyboard_and_by_mouse(lesson):
    for explorer in lesson.explorers:
        for slider in explorer.sliders()[:1]:
            slider.scroll_into_view_if_needed()
            slider.focus()
            assert slider.get_attribute("aria-label"), "a screen reader hears no name"

            def press(slider=slider):
                for _ in range(3):
                    lesson.keyboard.press("ArrowRight" if has_room(slider) else "ArrowLeft")

            assert moved(explorer, press), f"{explorer.name}: keys move nothing"

            def drag(slider=slider):
                box, by = slider.bounding_box(), 70 if has_room(slider) else -70  # tracks are long
                x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
                lesson.mouse.move(x, y)
                lesson.mouse.down()
                lesson.mouse.move(x + by, y, steps=7)
                lesson.mouse.up()

            assert moved(explorer, drag), f"{explorer.name}: the mouse moves nothing"
    assert lesson.locator(".mmaml-problem [role=alert]").all_inner_texts() == []


def test_buttons_choose_what_is_drawn(lesson):
    """One press in every row of buttons; in lesson 4 this turns the modulation off."""
    changed = {}
    for explorer in lesson.explorers:
        for row in explorer.box.locator(".widget-toggle-buttons:visible").all():
            button = row.locator(".widget-toggle-button:not(.mod-active):enabled").first
            if button.count() and button.is_visible():
                button.scroll_into_view_if_needed()
                choice = button.inner_text().strip()
                now = moved(explorer, button.click)
                assert now, f"{explorer.name}: {choice!r} changes nothing"
                changed[explorer.name] = changed.get(explorer.name, {}) | now
    if "task" in [explorer.name for explorer in lesson.explorers]:
        assert changed["task"]["tau"] == "tau-off"
    assert lesson.locator(".mmaml-problem [role=alert]").all_inner_texts() == []


def misfits(page):
    """What does not fit, once plots have been drawn anew for the page's size."""
    for _ in range(20):
        page.wait_for_timeout(200)
        found = page.evaluate(MISFITS)
        if not found:
            break
    return found


def test_it_fits_every_screen_in_both_themes(lesson, screenshots):
    """Nothing is cut or pale; on a laptop's screen a control and what it moves are in one view."""
    wrong = []
    for theme in ("Dark", "Light"):
        lesson.evaluate(THEME, f"JupyterLab {theme}")
        for width, height in SCREENS:
            lesson.set_viewport_size({"width": width, "height": height})
            wrong += [f"{theme}, {width} px: {misfit}" for misfit in misfits(lesson)]
            for explorer in lesson.explorers if width == SCREENS[0][0] else ():
                if (tall := explorer.box.bounding_box()["height"]) > TALLEST:
                    wrong.append(f"{theme}: {explorer.name} is {tall:.0f} px high")
                picture = f"{lesson.stem}-{explorer.name}-{theme.lower()}.png"
                explorer.box.screenshot(path=screenshots / picture)
    lesson.set_viewport_size({"width": 1400, "height": 1000})
    assert not wrong, "\n".join(wrong)


def test_a_new_word_leads_to_its_entry_in_the_glossary(lesson):
    """A click on a link of the lesson opens the glossary, at that entry."""
    link = lesson.locator(".jp-RenderedMarkdown a[href*='glossary.md']").first
    anchor = link.get_attribute("href").partition("#")[2]
    link.click()
    glossary = lesson.locator(".jp-MarkdownViewer")
    glossary.wait_for()
    lesson.wait_for_timeout(500)
    if anchor:
        entry = glossary.locator(f'[data-jupyter-id="{anchor}"]').bounding_box()
        top = glossary.bounding_box()["y"]
        assert top - 40 <= entry["y"] <= top + 800, f"#{anchor} is out of sight"
