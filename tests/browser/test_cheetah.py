"""The race track of lesson 6 in a page: it plays, pauses and scrubs, by keys and by pointer."""

import json

import pytest

CELL = """
import os, tempfile  # untrained runners under the names of trained ones
os.environ["MMAML_LITE_DATA"] = tempfile.mkdtemp()
import torch
from mmaml_lite.core import runs, zoo
from mmaml_lite.course.studies.cheetahs import TASKS, name
for task in TASKS:
    for key in ("maml", "mumomaml"):
        small = {"hidden": (8, 8), "encoder_hidden": 6, "horizon": 60}
        run = runs.start(zoo.zoo_settings(name(task, key), **small), torch.device("cpu"))
        run.step = 1
        zoo.export(run, name(task, key))

from mmaml_lite.course.widgets import cheetah

runner = cheetah(stage=1)
runner
"""
LONG = 3.0  # seconds of a run of 60 steps


@pytest.fixture
def page(lab, screenshots):
    with lab.shown(
        CELL, screenshots / "cheetah.png", ".mmaml-cheetah canvas", nth=2, seconds=60
    ) as page:
        yield page


def at(page):
    """The time shown, in seconds."""
    return float(page.locator(".mmaml-cheetah .time").input_value())


def handle(page, label):
    return page.locator(f'.explorer-cheetah .noUi-handle[aria-label="{label}"]')


def finished(page):
    page.locator(".mmaml-cheetah .play", has_text="Replay").wait_for()
    assert at(page) == LONG


def pixels(page, number):
    """What a canvas shows."""
    return page.locator(".mmaml-cheetah canvas").nth(number).evaluate("c => c.toDataURL()")


def test_it_runs_by_itself_once_in_sight_and_by_the_button(page):
    page.locator(".mmaml-cheetah").scroll_into_view_if_needed()
    finished(page)
    said = page.locator(".mmaml-cheetah [aria-live]").inner_text()
    assert said.startswith("End of the run. MAML at ") and "MuMoMAML at " in said
    last = [pixels(page, n) for n in range(3)]
    play = page.locator(".mmaml-cheetah .play")
    play.focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(700)
    page.keyboard.press("Enter")
    assert 0 < at(page) < LONG and "Play" in play.inner_text()
    assert all(pixels(page, n) != last[n] for n in range(3))
    words = page.locator(".mmaml-cheetah .chart").get_attribute("aria-label")
    clock = page.locator(".mmaml-cheetah .clock").inner_text().split()[0]
    assert f"At {clock} s: MAML at " in words


def test_the_time_by_keys_and_on_the_chart(page):
    finished(page)
    slider = page.locator(".mmaml-cheetah .time")
    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelector('.mmaml-cheetah .time').value === '0'")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.mmaml-cheetah .time').value === '0.05'")
    assert slider.get_attribute("aria-valuetext") == "0.05 seconds"
    page.keyboard.press(" ")
    page.wait_for_timeout(400)
    page.keyboard.press(" ")
    assert 0.05 < at(page) < LONG
    page.locator(".mmaml-cheetah .help").scroll_into_view_if_needed()
    chart = page.locator(".mmaml-cheetah .chart").bounding_box()
    page.mouse.move(chart["x"] + chart["width"] / 2, chart["y"] + 80)
    page.mouse.down()
    page.mouse.move(chart["x"] + chart["width"] / 3, chart["y"] + 80, steps=3)
    page.mouse.up()
    assert 0.2 * LONG < at(page) < 0.4 * LONG
    shown = pixels(page, 0)
    page.get_by_text("whole track", exact=True).click()
    assert pixels(page, 0) != shown


def test_a_new_target_and_another_task(lab, page):
    finished(page)
    first = page.locator(".mmaml-cheetah .says").all_inner_texts()
    handle(page, "target (m)").focus()
    page.keyboard.press("ArrowLeft")
    page.locator(".explorer-cheetah .mmaml-summary", has_text="Target −7.0 m").wait_for()
    finished(page)
    assert page.locator(".mmaml-cheetah .says").all_inner_texts() != first
    page.locator(".explorer-cheetah button", has_text="speed").click()
    page.locator(".explorer-cheetah .mmaml-summary", has_text="Target 1.5 m/s").wait_for()
    finished(page)
    assert "speed over time" in page.locator(".mmaml-cheetah").inner_text()
    assert not handle(page, "target (m)").is_visible() and handle(page, "target (m/s)").is_visible()
    page.locator(".explorer-cheetah button", has_text="location").click()
    page.locator(".explorer-cheetah .mmaml-summary", has_text="Target −7.0 m,").wait_for()
    assert json.loads(lab.ask(page, "print(runner.state['location'])")) == -7.0
    assert page.locator(".explorer-cheetah [role=alert]").count() == 0


def test_stages_change_while_the_kernel_is_busy(page):
    finished(page)
    page.evaluate(
        "() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        ".requestExecute({ code: 'import time; time.sleep(8)' }); }"
    )
    handle(page, "stage").focus()
    for stage in ("after step 1", "after step 2"):
        page.keyboard.press("ArrowRight")
        page.locator(".mmaml-cheetah .says", has_text=stage).first.wait_for(timeout=4_000)
    assert page.locator(".mmaml-cheetah .says", has_text="after step 2").count() == 2


def test_who_wants_no_motion_sees_none(lab):
    page = lab.open(lab.write("cheetah-still.ipynb", CELL), reduced_motion="reduce")
    lab.run_all(page)
    page.locator(".mmaml-cheetah canvas").nth(2).wait_for()
    finished(page)  # the end at once
    handle(page, "stage").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)
    finished(page)
    page.locator(".mmaml-cheetah .play").click()  # asked for, it runs
    page.wait_for_timeout(500)
    assert at(page) < LONG
    page.close()
