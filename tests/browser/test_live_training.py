"""Live training in a page: the kernel is interrupted, then restarted, and nothing is lost."""

CELLS = [
    """
from pathlib import Path

import torch
from mmaml_lite.core import zoo
from mmaml_lite import mixture_of
from mmaml_lite.course.widgets import LiveTraining

NAME = "regression/2-modes/mumomaml-film"
examples = mixture_of(zoo.zoo_settings(NAME)).sample(2, torch.Generator().manual_seed(0))
live = LiveTraining(NAME, examples, iterations=100_000, path=Path("live-run.safetensors"))
live
""",
    "live.wait()",
]
INTERRUPT = (
    "() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt(); }"
)
RESTART = """() => {
    window.restarted = false;
    const context = window.jupyterapp.shell.currentWidget.sessionContext;
    context.restartKernel().then(() => { window.restarted = true; });
}"""
RUN = """(index) => {
    window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
    window.jupyterapp.commands.execute('notebook:run-cell');
}"""


def step(lab, page):
    return int(lab.ask(page, "print(live.run.step)"))


def wait_for_steps(lab, page, wanted):
    for _ in range(100):
        if (now := step(lab, page)) >= wanted:
            return now
        page.wait_for_timeout(200)
    raise AssertionError(f"the training stands still at step {now}")


def test_interrupted_and_restarted_training_goes_on_where_it_was(lab, screenshots):
    name = lab.write("live.ipynb", *CELLS)
    page = lab.open(name)
    page.set_default_timeout(60_000)
    try:
        page.evaluate(RUN, 0)
        explorer = page.locator(".explorer-training")
        explorer.get_by_text("Start", exact=True).click()
        explorer.get_by_text("Pause", exact=True).wait_for()
        first = wait_for_steps(lab, page, 10)  # while it trains, the kernel answers

        page.evaluate(RUN, 1)  # a cell that waits for the end of the training ...
        page.wait_for_timeout(1000)
        page.evaluate(INTERRUPT)  # ... is interrupted
        page.get_by_text("KeyboardInterrupt").first.wait_for()
        later = wait_for_steps(lab, page, first + 5)  # the training was not
        explorer.get_by_text("Pause", exact=True).click()
        explorer.get_by_text("Continue", exact=True).wait_for()
        paused = step(lab, page)
        assert paused >= later and step(lab, page) == paused

        page.evaluate(RESTART)
        page.wait_for_function("() => window.restarted")
        again = lab.ask(page, CELLS[0].replace("\nlive\n", "\nprint(live.run.step)\n"))
        assert int(again) in (paused, paused + 1), "another kernel takes the run up from its file"
    finally:
        page.screenshot(path=screenshots / "live.png")
        page.close()
