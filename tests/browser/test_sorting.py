"""The sorting game in a page: keys, clicks, drags and taps; what machines say is seen in time."""

import json

import pytest

CELL = """
import json, os, tempfile  # untrained machines under the names of trained ones
os.environ["MMAML_LITE_DATA"] = tempfile.mkdtemp()
import torch
from mmaml_lite.core import runs, zoo
for method in ("maml", "mumomaml-film"):
    name = f"characters/strokes-5way-1shot/{method}"
    run = runs.start(zoo.zoo_settings(name, filters=8, encoder_filters=8), torch.device("cpu"))
    run.step = 1
    zoo.export(run, name)

from mmaml_lite.course.widgets import Sorting

game = Sorting(seed=1)
game
"""
PAUSE = 300  # ms: an answer that follows faster counts as a double click


@pytest.fixture
def page(lab, screenshots):
    with lab.shown(CELL, screenshots / "sorting.png", ".mmaml-sorting .card", nth=4) as page:
        yield page


def answers(lab, page, wanted):
    """The answers in the kernel, once there are as many as wanted."""
    for _ in range(50):
        found = json.loads(lab.ask(page, "print(json.dumps(game.state['answers']))"))
        if len(found) == wanted:
            page.wait_for_timeout(PAUSE)
            return found
        page.wait_for_timeout(100)
    raise AssertionError(f"{found}, not {wanted} answers")


def test_keys_clicks_and_drags_sort_a_deal(lab, page):
    board, cards = page.locator(".mmaml-sorting"), page.locator(".mmaml-sorting .card")
    truth = json.loads(lab.ask(page, "print(json.dumps(list(game.view.truth)))"))
    page.wait_for_timeout(PAUSE)
    cards.nth(truth[0]).click()
    assert answers(lab, page, 1)[0][:3] == [5, 1, truth[0]]
    assert "✓" in board.locator(".verdict").inner_text()

    wrong = (truth[1] + 1) % 5
    page.keyboard.press("ABCDE"[wrong])
    assert answers(lab, page, 2)[1][2] == wrong
    said = board.locator("[aria-live]").inner_text()
    assert said == f"Not {'ABCDE'[wrong]}: it is {'ABCDE'[truth[1]]}. Drawing 3 of 10."
    assert board.locator(".player .wrong").first.inner_text().startswith("✗ ")

    page.keyboard.press("3")
    assert answers(lab, page, 3)[2][2] == 2
    cards.nth(2).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert answers(lab, page, 4)[3][2] == 3
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    assert answers(lab, page, 5)[4][2] == 4

    drawing, card = board.locator(".drawing").bounding_box(), cards.nth(1).bounding_box()
    page.mouse.move(drawing["x"] + 50, drawing["y"] + 50)
    page.mouse.down()
    page.mouse.move(card["x"] + 20, card["y"] + 20, steps=5)
    page.mouse.up()
    assert answers(lab, page, 6)[5][2] == 1
    page.mouse.move(drawing["x"] + 50, drawing["y"] + 50)
    page.mouse.down()
    page.mouse.move(drawing["x"] + 50, drawing["y"] + 300, steps=5)
    page.mouse.up()
    assert len(answers(lab, page, 6)) == 6, "dropped beside the characters"

    for n in range(7, 11):
        page.keyboard.press("a")
        answers(lab, page, n)
    board.get_by_text("All sorted", exact=True).wait_for()
    explorer = page.locator(".explorer-sorting")
    explorer.get_by_text("What was confused").wait_for()
    assert explorer.locator("[role=alert]").count() == 0
    assert page.evaluate("document.activeElement.textContent") == "New deal"
    page.keyboard.press("Enter")
    board.get_by_text("New drawing 1 of 10").wait_for()
    page.wait_for_timeout(PAUSE)
    page.keyboard.press("b")
    assert answers(lab, page, 11)[10][:3] == [5, 2, 1]
    explorer.get_by_text("The score so far: one deal").wait_for()


def test_the_machines_wait_for_the_reader(lab, page):
    board = page.locator(".mmaml-sorting")
    rows = board.locator(".marks .player")
    rows.nth(2).wait_for()
    assert board.locator(".player .right, .player .wrong").count() == 0
    page.wait_for_timeout(PAUSE)
    board.locator(".card").nth(0).click()
    answers(lab, page, 1)
    assert board.locator(".player .right, .player .wrong").count() == 3
    page.get_by_text("at the end", exact=True).click()
    page.wait_for_timeout(500)
    assert board.locator(".player .right, .player .wrong").count() == 1
    board.locator(".card").nth(0).dblclick()
    assert len(answers(lab, page, 2)) == 2, "a double click is one answer"


def test_a_tap_and_a_drag_by_touch(lab):
    page = lab.open(
        lab.write("sorting-touch.ipynb", CELL),
        has_touch=True,
        viewport={"width": 800, "height": 1000},
    )
    lab.run_all(page)
    board = page.locator(".mmaml-sorting")
    board.locator(".card").nth(4).wait_for()
    page.wait_for_timeout(PAUSE)
    board.locator(".card").nth(3).tap()
    assert answers(lab, page, 1)[0][2] == 3
    drawing = board.locator(".drawing").bounding_box()
    card = board.locator(".card").nth(1).bounding_box()
    touch = page.context.new_cdp_session(page)
    start = {"x": drawing["x"] + 50, "y": drawing["y"] + 50}
    end = {"x": card["x"] + 20, "y": card["y"] + 20}
    for kind, points in (("touchStart", [start]), ("touchMove", [end]), ("touchEnd", [])):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert answers(lab, page, 2)[1][2] == 1
    page.close()


def test_one_can_play_while_the_kernel_is_busy(lab, page):
    board = page.locator(".mmaml-sorting")
    page.wait_for_timeout(PAUSE)
    page.evaluate(
        "() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        ".requestExecute({ code: 'import time; time.sleep(4)' }); }"
    )
    for n in range(1, 4):
        board.locator(".card").nth(0).click()
        page.wait_for_timeout(PAUSE)
        assert board.locator(".tally").inner_text().startswith(f"{n} of 10 sorted")
    assert len(answers(lab, page, 3)) == 3
    assert board.locator(".tally").inner_text().startswith("3 of 10 sorted")
