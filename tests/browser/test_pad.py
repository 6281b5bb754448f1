"""The pad, the diagram and an explorer's messages, used by hand in a real page."""

import json

import pytest

NOTEBOOK = """
import ipywidgets as W
import plotly.graph_objects as go
from mmaml_lite.course.checks import JOURNAL, Prediction, Quiz
from mmaml_lite.course.widgets import Diagram, Explorer, Pad, answer, ask, controls

places = Pad(heading="places", value=[[-2, 1], [0, 0], [2, -1]], at_most=5)
theta = Pad(heading="theta", value=[[0, 0]], at_least=1, at_most=1, names=["θ"])
sketch = Pad(kind="strokes", heading="sketch", step=0.5)
boxes = [
    dict(key=key, label=key, x=20 + 150 * i, y=20, width=110, height=60)
    for i, key in enumerate("abc")
]
arrows = [dict(path=[[130, 50], [170, 50]])]
diagram = Diagram(heading="parts", boxes=boxes, arrows=arrows, size=[480, 100])

def half(n):
    if n == 7:
        raise ValueError("seven is <not> allowed")
    return n / 2

def redraw(pad, view):
    pad.lines = [{"x": [-5, 5], "y": [view, view]}]

explorer = Explorer(
    "half", {"n": controls.slider("n", 4, 0, 10, 1)}, half,
    lambda view: go.Figure(layout={"meta": {"caption": "", "alt": ""}}), redraw,
    lambda view: f"half is {view}", screen=Pad(heading="half", at_most=0),
)
long = "an answer that goes on, " * 12
prediction = Prediction({"A": "less", "B": "more"}, question="What do you expect?")
quiz = Quiz(
    "Which is *right*?", {"A": "this one", "B": long},
    {"A": "Because **it is**: `2 * x * y`.", "B": "It is too long."}, "A",
)
W.VBox([
    W.HBox([places, theta]), sketch, diagram, ask(prediction), ask(quiz),
    answer(prediction, "A", "By 2."),
])
"""


class Page:
    """The scratch notebook in a page, its pads found by their heading."""

    def __init__(self, lab, page):
        self.lab, self.page = lab, page

    def pad(self, heading):
        return self.page.locator(".mmaml-pad", has=self.page.get_by_text(heading, exact=True))

    def value(self, name):
        """The widget's value in the kernel, once it has stopped changing."""
        seen = []
        while len(seen) < 2 or seen[-1] != seen[-2]:
            self.page.wait_for_timeout(100)
            told = self.lab.ask(self.page, f"import json; print(json.dumps({name}.value))")
            seen.append(json.loads(told))
        return seen[-1]

    def set(self, name, value):
        self.lab.ask(self.page, f"{name}.value = {value}")

    def place(self, heading, x, y):
        """Where on the page the plane has this position; its ranges are -5 to 5."""
        plane = self.pad(heading).locator(".plane")
        plane.scroll_into_view_if_needed()
        box = plane.bounding_box()
        return box["x"] + (x + 5) / 10 * box["width"], box["y"] + (5 - y) / 10 * box["height"]

    def drag(self, start, end):
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move(*end, steps=8)
        self.page.mouse.up()

    def focused(self):
        return self.page.evaluate(
            "() => document.activeElement.getAttribute('aria-label')"
            " ?? document.activeElement.textContent"
        )

    def active_cell(self):
        return self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"
        )


def ready(lab, name, **options):
    page = lab.open(lab.write(name, NOTEBOOK, "explorer", "1 + 1"), **options)
    lab.run_all(page)
    page.locator(".mmaml-pad .plane").first.wait_for()
    return Page(lab, page)


@pytest.fixture(scope="module")
def used(lab, screenshots):
    used = ready(lab, "pads.ipynb")
    yield used
    used.page.screenshot(path=screenshots / "pads.png")
    used.page.close()


@pytest.fixture
def places(used):
    """The pad of movable points, as at the start."""
    used.set("places", [[-2, 1], [0, 0], [2, -1]])
    return used


def near(points, wanted, by=0.06):
    assert len(points) == len(wanted), points
    for point, there in zip(points, wanted, strict=True):
        assert point == pytest.approx(there, abs=by)


def test_points_are_dragged_added_and_removed_with_the_mouse(places):
    mouse = places.page.mouse
    places.drag(places.place("places", 0, 0), places.place("places", 1, 3))
    near(places.value("places"), [[-2, 1], [1, 3], [2, -1]])
    mouse.click(*places.place("places", -4, -4))
    near(places.value("places"), [[-2, 1], [1, 3], [2, -1], [-4, -4]])
    mouse.dblclick(*places.place("places", 1, 3))
    near(places.value("places"), [[-2, 1], [2, -1], [-4, -4]])
    places.drag(places.place("places", 2, -1), places.place("places", 30, -1))
    near(places.value("places"), [[-2, 1], [5, -1], [-4, -4]])  # stays inside
    for x in (-3, -1, 1):
        mouse.click(*places.place("places", x, 4))
    assert len(places.value("places")) == 5  # at most


def test_points_are_reached_moved_and_removed_with_the_keyboard(places):
    keys, before = places.page.keyboard, places.active_cell()
    places.pad("places").locator(".point").first.focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp", "ArrowDown"):
        keys.press(key)
        assert places.focused() == "point 1", "the focus is lost while the point moves"
    near(places.value("places"), [[-1.8, 1.4], [0, 0], [2, -1]], 0.001)
    keys.press("Tab")
    assert places.focused() == "point 2"
    keys.press("Delete")
    near(places.value("places"), [[-1.8, 1.4], [2, -1]], 0.001)
    assert places.focused() == "point 2"
    keys.press("Delete")
    keys.press("Backspace")
    assert places.value("places") == [] and places.focused() == "Add a point"
    keys.press("Enter")
    keys.press("ArrowUp")
    assert places.value("places")[0][1] == pytest.approx(0.1)
    assert places.active_cell() == before, "the keys also moved the notebook's cells"
    assert places.page.locator(".jp-Cell").count() == 3


def test_a_point_says_what_it_is_and_where(places):
    point = places.pad("places").locator(".point").nth(2)
    assert point.get_attribute("aria-label") == "point 3"
    assert point.get_attribute("aria-valuetext") == "x 2.00, y -1.00"
    theta = places.pad("theta").locator(".point")
    assert theta.get_attribute("aria-label") == "θ"
    svg = places.pad("places").locator("svg")
    assert svg.get_attribute("aria-label") == "places"
    described = places.page.locator(f"#{svg.get_attribute('aria-describedby')}")
    assert "Delete removes it" in described.inner_text()


def test_focus_survives_whatever_python_redraws(places):
    places.pad("theta").locator(".point").focus()
    places.lab.ask(
        places.page,
        "import numpy as np; theta.paint(np.zeros((4, 6, 3))); theta.heading = 'theta, again'; "
        "theta.lines = [{'x': [0, 1], 'y': [0, 1]}]",
    )
    places.page.wait_for_timeout(300)
    assert places.focused() == "θ"
    places.page.keyboard.press("ArrowLeft")
    near(places.value("theta"), [[-0.1, 0]], 0.001)
    places.lab.ask(places.page, "theta.heading = 'theta'; theta.image = b''; theta.lines = []")


def test_buttons_add_remove_and_clear_and_focus_stays_on_the_pad(places):
    pad = places.pad("places")
    pad.get_by_role("button", name="Add a point").click()
    assert len(places.value("places")) == 4
    pad.get_by_role("button", name="Remove last").click()
    assert len(places.value("places")) == 3
    pad.get_by_role("button", name="Clear").click()
    assert places.value("places") == [] and places.focused() == "Add a point"
    assert pad.get_by_role("button", name="Clear").is_disabled()


def test_the_one_point_of_a_landscape_jumps_and_cannot_be_removed(used):
    used.page.mouse.click(*used.place("theta", 3, 2))
    near(used.value("theta"), [[3, 2]])
    used.page.mouse.dblclick(*used.place("theta", 3, 2))
    used.page.keyboard.press("Delete")
    near(used.value("theta"), [[3, 2]])
    assert not used.pad("theta").get_by_role("button", name="Clear").is_visible()


def test_strokes_by_pointer_and_by_keyboard(used):
    used.drag(used.place("sketch", -4, -2), used.place("sketch", 4, 2))
    (stroke,) = used.value("sketch")
    assert len(stroke) > 4
    near([stroke[0], stroke[-1]], [[-4, -2], [4, 2]])
    pad, keys = used.pad("sketch"), used.page.keyboard
    pad.get_by_role("button", name="Clear").click()
    assert used.value("sketch") == []
    for key in ("ArrowLeft", " ", "ArrowUp", "ArrowUp", " ", "ArrowRight", " ", "ArrowDown", " "):
        keys.press(key)
    first, second = used.value("sketch")
    assert first[0][0] == first[-1][0] and first[-1][1] == pytest.approx(first[0][1] + 1)
    assert second[-1] == pytest.approx([first[-1][0] + 0.5, first[-1][1] - 0.5])
    pad.get_by_role("button", name="Undo").click()
    assert used.value("sketch") == [first]


def test_a_pad_that_is_off_takes_nothing(places):
    places.lab.ask(places.page, "places.enabled = False")
    places.drag(places.place("places", 0, 0), places.place("places", 1, 3))
    places.page.mouse.click(*places.place("places", -4, -4))
    near(places.value("places"), [[-2, 1], [0, 0], [2, -1]], 0)
    assert places.pad("places").locator(".point").first.get_attribute("tabindex") == "-1"
    places.lab.ask(places.page, "places.enabled = True")


def test_nothing_of_a_pad_is_wider_than_its_plane(used):
    for heading in ("places", "theta", "sketch"):
        width = used.pad(heading).locator("svg").bounding_box()["width"]
        for part in (".help", ".buttons", ".heading"):
            assert used.pad(heading).locator(part).bounding_box()["width"] <= width + 1


def test_a_box_of_the_diagram_is_chosen_by_click_and_by_key(used):
    boxes, keys = used.page.locator(".mmaml-diagram .box"), used.page.keyboard
    boxes.nth(1).click()
    assert used.value("diagram") == "b"
    boxes.nth(0).focus()
    keys.press("Tab")
    keys.press("Tab")
    keys.press("Enter")
    assert used.value("diagram") == "c"
    assert boxes.nth(2).get_attribute("aria-pressed") == "true"
    used.lab.ask(used.page, "diagram.arrows = []")
    assert used.focused() == "c"
    keys.press("Shift+Tab")
    keys.press(" ")
    assert used.value("diagram") == "b"


def test_questions_are_answered_by_click_and_by_key(used):
    first, second, told = (used.page.locator(".mmaml-question").nth(i) for i in range(3))
    assert "By 2." not in used.page.locator(".jp-OutputArea").first.inner_text()
    assert told.get_by_role("button", name="Show me").is_visible()
    first.get_by_role("button", name="A · less").focus()
    used.page.keyboard.press("Enter")
    for place in (first, told):  # at once, where it was asked and where it is answered
        place.get_by_text("Right. Measured: A, less. By 2.").wait_for()
    assert not told.get_by_role("button").first.is_visible()
    assert first.get_by_role("button", name="B · more").is_disabled()
    long = second.get_by_role("button").nth(1)
    assert long.evaluate("b => b.scrollWidth <= b.clientWidth"), "the answer is cut off"
    long.click()
    second.get_by_text("Not yet. It is too long.").wait_for()
    second.get_by_role("button").nth(0).click()
    second.get_by_text("Right. Because it is: 2 * x * y.").wait_for()
    assert used.lab.ask(used.page, "print(len(JOURNAL.entries))") == "2"


def test_an_error_is_shown_and_gone_after_the_next_good_state(used):
    explorer = used.page.locator(".explorer-half")
    explorer.locator(".noUi-handle").focus()
    for wanted in ("half is 2.5", "half is 3.0"):
        used.page.keyboard.press("ArrowRight")
        explorer.get_by_text(wanted).wait_for()
    used.page.keyboard.press("ArrowRight")
    alert = explorer.get_by_role("alert")
    alert.wait_for()
    assert "ValueError: seven is <not> allowed" in alert.inner_text()
    assert "half is 3.0" in explorer.inner_text()
    used.page.keyboard.press("ArrowRight")
    explorer.get_by_text("half is 4.0").wait_for()
    assert alert.count() == 0


def test_letters_in_a_number_field_change_nothing(used):
    used.lab.ask(used.page, "explorer.set(n=4)")
    explorer = used.page.locator(".explorer-half")
    field = explorer.locator(".widget-readout")
    for typed, shown in (("many", "4"), ("", "4"), ("99", "10"), ("2", "2")):
        field.click()
        used.page.keyboard.press("Control+A")
        used.page.keyboard.press("Backspace")
        used.page.keyboard.type(typed)
        used.page.keyboard.press("Enter")
        explorer.get_by_text(f"half is {int(shown) / 2}").wait_for()
        assert field.inner_text() == shown
    assert explorer.get_by_role("alert").count() == 0


@pytest.mark.parametrize("scale", [1, 2])
def test_a_finger_does_what_the_mouse_does(lab, scale):
    """On a narrow page with a touch screen, at one and two device pixels to each of the page's."""
    narrow = {"width": 700, "height": 900}
    used = ready(lab, "touch.ipynb", has_touch=True, viewport=narrow, device_scale_factor=scale)
    page = used.page
    try:
        page.touchscreen.tap(*used.place("places", -4, 4))
        near(used.value("places"), [[-2, 1], [0, 0], [2, -1], [-4, 4]], 0.1)
        finger = page.context.new_cdp_session(page)

        def touch(kind, *places):
            points = [{"x": x, "y": y} for x, y in places]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", used.place("places", 2, -1))
        for x in (2.5, 3, 3.5, 4):
            touch("touchMove", used.place("places", x, -3))
        touch("touchEnd")
        near(used.value("places"), [[-2, 1], [0, 0], [4, -3], [-4, 4]], 0.1)
        for _ in range(2):
            page.touchscreen.tap(*used.place("places", -2, 1))
        near(used.value("places"), [[0, 0], [4, -3], [-4, 4]], 0.1)
    finally:
        page.close()
