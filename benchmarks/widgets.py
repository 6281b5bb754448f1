"""How quickly the explorers answer: the Python part of a callback, and a key press in the browser.

Python: every explorer of the lessons is built with the shipped models and driven through random
moves, one control at a time, as a reader would; what is timed is all that Python does for one move.
Browser (`--browser`): each lesson runs in JupyterLab, and for each explorer's first slider the time
is taken from the key press to the redrawn picture. Prints Markdown.

    python benchmarks/widgets.py [--browser] [--moves 30] [--only fit]
"""

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

os.environ.setdefault("OMP_NUM_THREADS", "1")  # set before torch is imported

import ipywidgets as W

from mmaml_lite.core import zoo
from mmaml_lite.course import lesson, widgets
from mmaml_lite.course.studies.cheetahs import load_casts
from mmaml_lite.course.studies.players import cast
from mmaml_lite.course.widgets import Explorer, Pad
from mmaml_lite.course.widgets.controls import Again
from mmaml_lite.course.widgets.goal import Goal
from mmaml_lite.course.widgets.returns import unstored
from mmaml_lite.regression.evaluation import shared_tasks

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "browser"))  # the browser is driven as in the tests
PYTHON_MS, BROWSER_MS = 50, 150  # the targets, medians

WATCH = """(name) => {
    const box = document.querySelector(`.explorer-${name}`);
    const figure = box.querySelector('.js-plotly-plot'), says = box.querySelector('.mmaml-summary');
    window.pressed = null; window.took = []; window.last = 0;
    const redrawn = () => {
        window.last = performance.now();
        if (window.pressed !== null) window.took.push(window.last - window.pressed);
        window.pressed = null;
    };
    box.addEventListener('keydown', () => { window.pressed = performance.now(); }, true);
    if (figure) figure.on('plotly_afterplot', redrawn);
    else new MutationObserver(redrawn).observe(says, { childList: true, subtree: true });
}"""


def explorers() -> Iterator[Explorer]:
    """Every explorer of the lessons, built as the lessons build it."""
    one = {name: zoo.load(f"regression/1-mode/{name}") for name in ("pretrained", "maml")}
    three = dict(lesson.load_cast(3))
    kinds = ("film", "sigmoid", "softmax")
    models = {kind: zoo.load(f"regression/3-modes/mumomaml-{kind}") for kind in kinds}
    yield widgets.fit_explorer(one)
    yield widgets.three_ways()
    yield widgets.landscape_explorer()
    yield widgets.dial_explorer()
    yield widgets.contraction_explorer()
    yield widgets.pull_explorer({key: three[key] for key in ("maml", "mumomaml")})
    yield widgets.first_look(models["film"])
    yield widgets.overview_explorer(models["film"])
    yield widgets.gate_explorer("softmax")
    yield widgets.microscope_explorer(models, three["maml"], start="film")
    yield widgets.task_explorer(three, shared_tasks(three["maml"].settings, 600))
    casts = widgets.navigators()
    yield widgets.navigate(casts)
    yield widgets.curves_explorer()
    yield widgets.encoder_explorer(widgets.Crowd(casts[2]["mumomaml"]))
    cheetah = load_casts()["location"]  # the runner adapts in a thread of its own: not timed here
    if "mumomaml" in cheetah:
        yield widgets.trajectory_explorer(widgets.Crowd(cheetah["mumomaml"]))
    if not unstored("half-cheetah"):
        yield widgets.curves_explorer(world="half-cheetah")
    setting = "strokes-5way-1shot"
    machines = cast(setting)
    yield widgets.Sorting(setting=setting)
    yield widgets.draw(setting)
    yield widgets.accuracy_explorer(setting, machines, 5)
    yield widgets.feature_maps_explorer(setting)
    yield widgets.episode_explorer(machines["mumomaml"])


def other_value(control: W.Widget, draw: random.Random) -> object:
    """Some value that a reader could give this control."""
    if isinstance(control, W.FloatLogSlider):
        return control.base ** draw.uniform(control.min, control.max)
    if isinstance(control, W.IntSlider):
        return draw.randint(control.min, control.max)
    if isinstance(control, W.FloatSlider):
        return draw.uniform(control.min, control.max)
    if isinstance(control, W.Checkbox):
        return not control.value
    if isinstance(control, Again):
        return draw.randint(0, 1000)
    if isinstance(control, Goal):
        return [draw.uniform(-1, 1), draw.uniform(-1, 1)]
    if isinstance(control, Pad):
        (a, b), (c, d) = control.xrange, control.yrange
        strokes = control.kind == "strokes"
        points = [
            [draw.uniform(a, b), draw.uniform(c, d)]
            for _ in (range(9) if strokes else control.value)
        ]
        return [points] if strokes else points
    if isinstance(control, widgets.Diagram):
        return draw.choice(control.boxes)["key"]
    if hasattr(control, "options"):
        return draw.choice([o[1] if isinstance(o, tuple) else o for o in control.options])
    return control.value


def python_part(explorer: Explorer, moves: int) -> list[float]:
    """Milliseconds of the Python part of each of so many random moves."""
    draw, took = random.Random(0), []
    for _ in range(moves):
        name = draw.choice(list(explorer.controls))
        explorer.set(**{name: other_value(explorer.controls[name], draw)})
        took.append(1000 * explorer.seconds)
    return took


def row(name: str, took: list[float], target: float, more: str = "") -> str:
    """One line of a table: median, 90 % quantile, and whether the target is met."""
    middle, high = median(took), quantiles(took, n=10)[-1]
    met = "yes" if middle <= target else "**no**"
    return f"| {name} | {middle:.0f} | {high:.0f} | {max(took):.0f} | {met} |{more}"


def in_browser(presses: int) -> Iterator[tuple[str, list[float], float]]:
    """For every explorer's first slider: name, latencies, and ms until rest after a burst."""
    from conftest import copy_course, running

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "course").mkdir(), (home / "jupyter").mkdir()
        course = copy_course(home / "course")
        with running(course, home / "jupyter") as lab:
            for path in sorted(course.glob("0*.ipynb")):
                page = lab.open(path.name)
                lab.run_all(page)
                page.locator(".js-plotly-plot .main-svg").first.wait_for()
                code = "from mmaml_lite.course.widgets.explorer import EXPLORERS; print(*EXPLORERS)"
                for name in lab.ask(page, code).split():
                    handle = page.locator(
                        f".explorer-{name} .noUi-target:not([disabled]) .noUi-handle:visible"
                    ).first
                    if page.locator(f".explorer-{name}").count() and handle.count():
                        yield name, *_pressed(page, name, handle, presses)
                page.close()


def _pressed(page, name: str, handle, presses: int) -> tuple[list[float], float]:
    handle.scroll_into_view_if_needed()
    handle.focus()
    page.evaluate(WATCH, name)
    keys = ["ArrowRight", "ArrowLeft"] if _low(handle) else ["ArrowLeft", "ArrowRight"]
    for i in range(presses):
        page.keyboard.press(keys[i // 3 % 2])
        page.wait_for_timeout(400)
    took = page.evaluate("() => window.took")
    for i in range(40):
        page.keyboard.press(keys[i // 10 % 2])
        page.wait_for_timeout(20)
    at = page.evaluate("() => performance.now()")
    page.wait_for_timeout(2500)
    return took, max(0.0, page.evaluate("() => window.last") - at)


def _low(handle) -> bool:
    low, high, now = (float(handle.get_attribute(f"aria-value{e}")) for e in ("min", "max", "now"))
    return now < (low + high) / 2


def main(arguments: list[str] | None = None) -> None:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--browser", action="store_true", help="also press keys in a real browser")
    parser.add_argument("--moves", type=int, default=30, help="per explorer (default 30)")
    parser.add_argument("--only", nargs="*", help="names of explorers (default all)")
    given = parser.parse_args(arguments)
    print(
        f"### Python part of a callback ({given.moves} random moves, ms; target: median "
        f"{PYTHON_MS})\n\n| explorer | median | 90 % | worst | within the target |\n"
        "| --- | --- | --- | --- | --- |"
    )
    for explorer in explorers():
        if given.only and explorer.name not in given.only:
            continue
        print(row(explorer.name, python_part(explorer, given.moves), PYTHON_MS), flush=True)
    if given.browser:
        print(
            f"\n### From the key press to the picture ({given.moves} presses, ms; target: "
            f"median {BROWSER_MS})\n\n| explorer | median | 90 % | worst | target met | "
            "at rest after 40 presses |\n| --- | --- | --- | --- | --- | --- |"
        )
        for name, took, rest in in_browser(given.moves):
            if given.only and name not in given.only:
                continue
            print(row(name, took, BROWSER_MS, f" {rest:.0f} |"), flush=True)


if __name__ == "__main__":
    main()
