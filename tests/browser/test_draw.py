"""Characters drawn in a page: strokes reach the kernel when they end, and are answered."""

import json

import pytest

CELL = """
import json, os, tempfile
os.environ["MMAML_LITE_DATA"] = tempfile.mkdtemp()
import torch
from mmaml_lite.core import runs, zoo
from mmaml_lite.course.widgets import draw

for method in ("maml", "mumomaml-film", "prototypes"):  # untrained: answers, not good ones
    name = f"characters/strokes-5way-1shot/{method}"
    run = runs.start(zoo.zoo_settings(name, filters=8, encoder_filters=8), torch.device("cpu"))
    run.step = 1
    zoo.export(run, name)
explorer = draw()
asked = []
explorer.pads["A"].observe(lambda change: asked.append(1), "value")
explorer
"""


@pytest.fixture(scope="module")
def page(lab, screenshots):
    with lab.shown(CELL, screenshots / "draw.png", ".explorer-draw .mmaml-pad svg", nth=5) as page:
        yield page
        page.locator(".explorer-draw").scroll_into_view_if_needed()


def paper(page, name):
    """The plane of a pad, by the name on it."""
    pads = page.locator(".explorer-draw .mmaml-pad")
    return pads.filter(has=page.get_by_text(name, exact=True)).locator("svg")


def stroke(page, name, *corners):
    """Draw through corners, each from 0 to 1 across the paper and down."""
    plane = paper(page, name)
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=12)
    return page.mouse.up


def strokes(lab, page, name, wanted):
    """A pad's strokes in the kernel, once there are as many as wanted."""
    for _ in range(50):
        code = f"print(json.dumps(explorer.pads[{name!r}].value))"
        found = json.loads(lab.ask(page, code))
        if len(found) == wanted:
            return found
        page.wait_for_timeout(100)
    raise AssertionError(f"{len(found)}, not {wanted} strokes")


def test_five_characters_and_a_new_one_are_drawn_by_hand(lab, page):
    explorer = page.locator(".explorer-draw")
    explorer.get_by_text("Empty all papers").click()
    explorer.get_by_text("Still empty: A, B, C, D, E and the new drawing").wait_for()
    assert lab.ask(page, "asked.clear(); print(len(asked))") == "0"
    shapes = {
        "A": [(0.2, 0.2), (0.8, 0.8)],
        "B": [(0.2, 0.5), (0.8, 0.5)],
        "C": [(0.5, 0.1), (0.5, 0.9)],
        "D": [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8)],
        "E": [(0.2, 0.8), (0.5, 0.2), (0.8, 0.8)],
        "New drawing": [(0.25, 0.2), (0.8, 0.75)],
    }
    end = stroke(page, "A", *shapes.pop("A"))
    page.wait_for_timeout(400)
    assert lab.ask(page, "print(len(asked))") == "0", "the answer waits for the stroke's end"
    end()
    (first,) = strokes(lab, page, "A", 1)
    assert len(first) > 5 and first[0] == pytest.approx([-0.6, 0.6], abs=0.05)
    assert lab.ask(page, "print(len(asked))") == "1"
    for name, corners in shapes.items():
        stroke(page, name, *corners)()
    explorer.get_by_text("prototypical network says").wait_for()
    assert explorer.locator("table img").count() == 6
    assert explorer.locator("[role=alert]").count() == 0


def test_the_keyboard_draws_and_undoes(lab, page):
    before = len(strokes(lab, page, "B", 1))
    paper(page, "B").focus()
    for key in (" ", "ArrowUp", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert len(strokes(lab, page, "B", 1)) == before, "the pen is still down"
    page.keyboard.press(" ")
    assert len(strokes(lab, page, "B", 2)[1]) == 4
    page.keyboard.press(" ")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")  # leaving the paper lifts the pen
    strokes(lab, page, "B", 3)
    page.keyboard.press("Enter")  # on Undo
    strokes(lab, page, "B", 2)


def test_ready_drawings_come_by_button(lab, page):
    explorer = page.locator(".explorer-draw")
    explorer.get_by_role("button", name="Other characters").press("Enter")
    page.wait_for_timeout(500)
    told = lab.ask(
        page, "print(explorer.state['five'], all(p.value for p in explorer.pads.values()))"
    )
    assert told == "1 True"
    shown = lab.ask(page, "print(explorer.pads['new'].value)")
    explorer.locator("select").select_option("C")
    page.wait_for_timeout(500)
    assert lab.ask(page, "print(explorer.pads['new'].value)") != shown
    drawn = paper(page, "New drawing").locator("path.stroke").count()
    assert drawn == int(lab.ask(page, "print(len(explorer.pads['new'].value))"))
