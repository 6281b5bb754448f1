"""A hunt in a page: led by the keyboard, by buttons and by clicks; steps reach the kernel."""

import json

import pytest

CELL = """
import json
from mmaml_lite.course.widgets import Hunt

game = Hunt(seed=1)
game
"""


@pytest.fixture
def page(lab, screenshots):
    with lab.shown(CELL, screenshots / "hunt.png", ".explorer-hunt .mmaml-pad svg") as page:
        yield page


def moves(lab, page, wanted):
    """The moves in the kernel, once there are as many as wanted."""
    for _ in range(50):
        found = json.loads(lab.ask(page, "print(json.dumps(game.state['moves']))"))
        if len(found) == wanted:
            return found
        page.wait_for_timeout(100)
    raise AssertionError(f"{found}, not {wanted} moves")


def test_keys_buttons_and_clicks_take_steps_and_the_end_is_shown(lab, page):
    explorer = page.locator(".explorer-hunt")
    plane = explorer.locator(".mmaml-pad svg")
    plane.focus()
    for key in ("ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    assert moves(lab, page, 2) == [[0.1, 0], [0, 0.1]]
    explorer.get_by_label("step left").press("Enter")
    assert moves(lab, page, 3)[2] == [-0.1, 0]
    explorer.get_by_text("Step 3 of 25").wait_for()  # and the reward is told

    box = plane.bounding_box()
    page.mouse.click(box["x"] + 60, box["y"] + 40)  # far up on the left: one step, clipped
    x, y = moves(lab, page, 4)[3]
    assert x < -0.5 and y > 0.5
    at = json.loads(lab.ask(page, "print(json.dumps(game.screen.at))"))
    assert abs(at[0] + 0.1) < 1e-4 and abs(at[1] - 0.2) < 1e-4
    assert plane.locator(".dot").count() == 5

    explorer.get_by_text("Reveal", exact=True).click()
    explorer.get_by_text("told the goal", exact=True).wait_for()
    plane.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)
    assert len(moves(lab, page, 4)) == 4, "the hunt is over"
    explorer.get_by_text("New goal", exact=True).click()
    assert moves(lab, page, 0) == []
    page.keyboard.press("Tab")
    assert explorer.locator("[role=alert]").count() == 0
