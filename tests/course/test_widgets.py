"""Explorers called for real: controls moved, errors raised, the twin equal to the picture."""

import gc
import json
import re

import ipywidgets as W
import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest
import traitlets

from mmaml_lite.course.widgets import Diagram, Explorer, Pad
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets.cheetah_track import Track
from mmaml_lite.course.widgets.explorer import EXPLORERS, WIDGET_VIEW
from mmaml_lite.course.widgets.page import Page
from mmaml_lite.course.widgets.sorting_board import Board


def drawn(fig):
    """What a figure shows: every trace's numbers and every text, as plain values."""
    shown = json.loads(go.Figure(fig).to_json(engine="json"))
    notes = [note.get("text") for note in shown["layout"].get("annotations", [])]
    return [{k: t.get(k) for k in ("x", "y", "z", "text")} for t in shown["data"]], notes


# --- the machinery --------------------------------------------------------------------------------


def line(slope):
    if slope == 7:
        raise ValueError("seven is <not> allowed")
    return {"x": np.arange(3.0), "y": slope * np.arange(3.0)}


def redraw_line(fig, view):
    fig.data[0].y = view["y"]


def draw_line(view):
    fig = go.Figure(go.Scatter(x=view["x"]), {"meta": {"caption": "A line.", "alt": "A line"}})
    redraw_line(fig, view)
    return fig


@pytest.fixture
def explorer():
    return Explorer(
        "line",
        {"slope": C.slider("slope", 2, 0, 10, 1)},
        line,
        draw_line,
        redraw_line,
        lambda view: f"It ends at <b>{view['y'][-1]:.0f}</b>.",
    )


def test_a_moved_control_redraws_the_same_figure(explorer):
    screen = explorer.screen
    explorer.controls["slope"].value = 3
    assert explorer.screen is screen and list(screen.data[0].y) == [0, 3, 6]
    assert "It ends at <b>6</b>." in explorer.message.value
    assert drawn(explorer.twin()) == drawn(screen)
    assert 0 < explorer.seconds < 1


def test_an_error_is_shown_and_the_picture_stays(explorer):
    explorer.controls["slope"].value = 7
    assert "seven is &lt;not&gt; allowed" in explorer.problem.value
    assert list(explorer.screen.data[0].y) == [0, 2, 4] and explorer.view["y"][1] == 2
    explorer.controls["slope"].value = 4
    assert explorer.problem.value == "" and list(explorer.screen.data[0].y) == [0, 4, 8]


def test_set_moves_several_controls_at_once_and_raises(explorer):
    assert explorer.set(slope=5) is explorer and explorer.state == {"slope": 5}
    with pytest.raises(ValueError, match="seven"):
        explorer.set(slope=7)
    with pytest.raises(ValueError, match="no control 'tilt': known are slope"):
        explorer.set(tilt=1)


def test_explorers_are_found_by_name_while_they_live(explorer):
    assert EXPLORERS["line"] is explorer
    other = Explorer(
        "gone", {}, lambda: line(1), draw_line, redraw_line, lambda view: "", screen=None
    )
    assert EXPLORERS["gone"] is other
    other.box.close()
    del other
    gc.collect()
    assert "gone" not in EXPLORERS


def displayed(thing, monkeypatch):
    """What a cell that ends with this shows: the MIME bundles, in order."""
    shown = []
    monkeypatch.setattr(plotly.io.renderers, "default", "plotly_mimetype")  # as in a kernel
    monkeypatch.setattr(
        "IPython.display.display", lambda x, raw=False: shown.append(x if raw else x.data)
    )
    thing._ipython_display_()
    return shown


def test_one_output_holds_the_live_explorer_its_twin_and_its_words(explorer, monkeypatch):
    bundle, says = displayed(explorer, monkeypatch)
    assert bundle[WIDGET_VIEW]["model_id"] == explorer.box.model_id
    assert bundle["application/vnd.plotly.v1+json"]["data"][0]["y"] is not None
    assert bundle["text/plain"] == "A line It ends at 4."
    assert says == "A line."


def test_without_a_page_only_the_twin_is_shown(monkeypatch):
    monkeypatch.setenv("MMAML_LITE_STATIC", "1")
    still = Explorer(
        "line",
        {"slope": C.slider("slope", 2, 0, 10, 1)},
        line,
        draw_line,
        redraw_line,
        lambda view: f"It ends at {view['y'][-1]:.0f}.",
    )
    assert still.screen is None and still.box is None
    bundle, says = displayed(still.set(slope=3), monkeypatch)
    assert WIDGET_VIEW not in bundle and says == "A line.\n\n*Now:* It ends at 6."
    assert list(still.twin().data[0].y) == [0, 3, 6]


# --- controls -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "control",
    [
        C.slider("a", 1, 0, 5, 1),
        C.slider("b", 0.5, 0.0, 1.0, 0.1),
        C.scale("c", 0.01, 1e-4, 1.0),
        C.choice("d", ["x", "y"], "y"),
        C.choice("e", {"no": 0, "yes": 1}, 1),
        C.menu("f", ["x", "y"], "x"),
        C.check("g", True),
    ],
)
def test_every_control_has_a_visible_label(control):
    assert control.description and len(control.description) == 1


def test_values_of_controls():
    assert isinstance(C.slider("a", 1, 0, 5, 1), W.IntSlider)
    assert C.scale("c", 0.01, 1e-4, 1.0).value == pytest.approx(0.01)
    assert C.choice("e", {"no": 0, "yes": 1}, 1).value == 1


def test_again_counts_and_tells():
    again, seen = C.Again("other points"), []
    again.observe(lambda change: seen.append(change["new"]), "value")
    again.children[0].click()
    again.value = 5
    assert seen == [1, 5] and again.value == 5
    again.disabled = True
    assert again.children[0].disabled and again.disabled


# --- pad and diagram ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([[1, 2, 3]], "a pair of numbers"),
        ([["1", 2]], "a pair of numbers"),
        ([1, 2], "a pair of numbers"),
        ([[np.nan, 0]], "must be finite"),
        ([[0, np.inf]], "must be finite"),
        ([[0, 0]] * 11, "at most 10 points fit here, got 11"),
    ],
)
def test_a_pad_refuses_what_is_no_point(value, says):
    with pytest.raises(traitlets.TraitError, match=says):
        Pad(value=value)
    pad = Pad(value=[[0, 0]])
    with pytest.raises(traitlets.TraitError, match=says):
        pad.value = value
    assert pad.value == [[0, 0]]


def test_a_pad_takes_strokes_of_any_number_and_five_points_on_one_spot():
    assert len(Pad(kind="strokes", value=[[[0, 0], [1, 1]]] * 20).value) == 20
    assert len(Pad(value=[[1, 1]] * 5).value) == 5
    with pytest.raises(traitlets.TraitError, match="finite"):
        Pad(kind="strokes", value=[[[0, 0], [np.nan, 1]]])


def test_an_image_is_sent_as_opaque_pixels():
    pad = Pad()
    pad.paint(np.arange(24).reshape(2, 4, 3))
    assert pad.image_size == [4, 2] and len(pad.image) == 32
    assert list(pad.image[:8]) == [0, 1, 2, 255, 3, 4, 5, 255]
    with pytest.raises(ValueError, match=r"expected colours \(height, width, 3\), got \(2, 4\)"):
        pad.paint(np.zeros((2, 4)))


@pytest.mark.parametrize("widget", [Pad, Board, Track, Diagram, Page])
def test_the_shared_part_and_a_widgets_own_make_one_module(widget):
    """A second export, or a name declared twice, would stop all of it in the browser."""
    code = widget._esm
    declared = re.findall(r"^function (\w+)", code, re.M)
    for line in re.findall(r"^const (.*)$", code, re.M):
        declared += re.findall(r"(\w+) = ", line)
    assert {"make", "makeShape", "INK", "SOFT", "PAPER", "ticks", "render"} <= set(declared)
    assert len(declared) == len(set(declared)) and code.count("export ") == 1


def test_a_diagram_knows_its_boxes():
    boxes = [{"key": k, "label": k, "x": 0, "y": 0, "width": 9, "height": 9} for k in "ab"]
    diagram = Diagram(boxes=boxes, value="b")
    with pytest.raises(traitlets.TraitError, match="no box 'c': known are a, b"):
        diagram.value = "c"
    assert diagram.value == "b"
