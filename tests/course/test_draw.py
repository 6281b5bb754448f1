"""Characters of one's own: what the networks see of a drawing, and what every method says of it."""

import base64
import html
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from mmaml_lite.characters import SIDE, strokes
from mmaml_lite.characters.tasks import own_task
from mmaml_lite.core import runs, zoo
from mmaml_lite.course import figures
from mmaml_lite.course.figures.characters import (
    CertaintyView,
    bars,
    certainty,
    episode,
    percent,
    redraw_certainty,
)
from mmaml_lite.course.figures.sorting import LETTERS
from mmaml_lite.course.studies import pen
from mmaml_lite.course.widgets import draw
from mmaml_lite.course.widgets.draw import answers, ready, say

SETTING = "strokes-5way-1shot"
CROSS = [[[-0.5, 0.5], [0.5, -0.5]], [[-0.5, -0.5], [0.5, 0.5]]]
LINE = [[[0.0, 0.8], [0.0, -0.8]]]


@pytest.fixture
def empty_zoo(tmp_path, data):
    return tmp_path


@pytest.fixture
def small_zoo(empty_zoo):
    """Small untrained networks under the names of the trained ones."""
    for method in ("maml", "mumomaml-film", "prototypes"):
        name = f"characters/{SETTING}/{method}"
        settings = zoo.zoo_settings(name, filters=8, encoder_filters=8, encoder_size=16)
        run = runs.start(settings, torch.device("cpu"))
        run.step = 1
        zoo.export(run, name)
    return empty_zoo


# --- from pen to image ----------------------------------------------------------------------------


def test_a_stroke_leaves_its_ink_where_it_was_drawn():
    image = pen.image(LINE)
    rows, columns = torch.nonzero(image > 0.3).unbind(1)
    assert image.shape == (SIDE, SIDE) and image.dtype == torch.float32
    assert set(columns.tolist()) == {13, 14}, "x = 0 lies between the two middle columns"
    assert rows.min() in (2, 3) and rows.max() in (24, 25)
    up = pen.image([[[0.5, 0.5], [0.6, 0.5]]])
    assert torch.nonzero(up).float().mean(0).tolist() == pytest.approx([6.5, 21.2], abs=0.6)


def test_few_points_and_many_points_make_the_same_line():
    many = [[[x, -x] for x in np.linspace(-0.5, 0.5, 300)], CROSS[1]]
    assert torch.allclose(pen.image(many), pen.image(CROSS), atol=0.02)


def test_a_tap_is_a_dot_and_no_stroke_an_empty_page():
    dot = pen.image([[[0.1, 0.2]]])
    assert 1 < dot.sum() < 4
    assert torch.equal(pen.image([]), torch.zeros(SIDE, SIDE))
    assert torch.equal(dot, pen.image([[[0.1, 0.2]] * 5]))


def test_drawings_are_moved_to_the_middle_at_one_size_and_the_pen_stays_as_wide():
    small = [[[0.2 * x + 0.7, 0.2 * y - 0.6] for x, y in stroke] for stroke in CROSS]
    for drawing in (small, CROSS):
        tidy = pen.tidied(drawing)
        middle, side = pen.extent(tidy)
        assert middle == pytest.approx([0, 0], abs=1e-9)
        assert side * SIDE / 2 == pytest.approx(pen.MEDIAN)
    assert torch.allclose(pen.image(pen.tidied(small)), pen.image(pen.tidied(CROSS)), atol=1e-3)
    assert pen.tidied([[[0.5, 0.5]]]) == [[[0.0, 0.0]]] and pen.tidied([]) == []


def test_what_training_never_had_is_named():
    assert pen.oddity(CROSS) == "" and pen.oddity([]) == ""
    assert pen.oddity([[[0.1, 0.1], [0.2, 0.2]]]) == "small"
    assert pen.oddity([[[-1, -1], [1, 1]]]) == "large"
    assert pen.oddity([[[0.2, 0.2], [0.9, 0.9]]]) == "off the middle"


def test_ready_drawings_are_those_of_the_invented_characters():
    characters = strokes.invent(6, torch.Generator().manual_seed(3))
    drawn = pen.written(characters, 9)
    images = strokes.redraw(characters, torch.Generator().manual_seed(9))
    for drawing, image, width in zip(drawn, images, characters.width, strict=True):
        assert len(drawing) == (width > 0).sum()
        assert (pen.image(drawing) - image).abs().mean() < 0.02
    assert pen.written(characters, 9) == drawn != pen.written(characters, 10)


# --- the answers ----------------------------------------------------------------------------------


def test_what_is_drawn_is_what_the_learners_say(small_zoo):
    explorer = draw(SETTING, seed=4)
    drawings = [explorer.state[name] for name in explorer.pads]
    images = torch.stack([pen.image(pen.tidied(d)) for d in drawings])
    task = own_task(images[:5], torch.arange(5), images[5:])
    for key, model in explorer.models.items():
        with torch.no_grad():
            wanted = model.learner(*task)[:, 0, 0].softmax(-1)
        assert np.allclose(explorer.view.certainty[key], wanted, atol=1e-6)
    assert {len(c) for c in explorer.view.certainty.values()} == {4, 1}
    drawn = np.concatenate([t.x for t in explorer.twin().data[1:]])
    shares = np.concatenate([c.ravel() for c in explorer.view.certainty.values()])
    assert np.allclose(drawn, 0.6 * shares)
    shown = html.unescape(re.sub("<[^>]*>", " ", explorer.screen.value))
    assert re.findall(r"[<>]?\d+ %", shown) == [percent(s) for s in shares]


def test_the_images_on_the_page_are_those_the_networks_see(small_zoo):
    explorer = draw(SETTING)
    found = re.findall(r"base64,([^']+)'", explorer.screen.value)
    assert len(found) == 6
    image = Image.open(io.BytesIO(base64.b64decode(found[1])))
    assert (image.mode, image.size) == ("L", (SIDE, SIDE))
    assert np.allclose(1 - np.asarray(image) / 255, explorer.view.images[0], atol=0.003)


def test_a_drawing_of_ones_own_changes_the_answer_and_the_picture(small_zoo):
    explorer = draw(SETTING)
    before = explorer.screen.value
    explorer.set(new=CROSS)
    assert explorer.screen.value != before
    assert np.array_equal(explorer.view.query, pen.image(pen.tidied(CROSS)).numpy())
    explorer.set(tidy=False)
    assert np.array_equal(explorer.view.query, pen.image(CROSS).numpy())


def test_moving_a_drawing_matters_only_where_it_is_left_in_its_place(small_zoo):
    explorer = draw(SETTING).set(new=CROSS)
    there = [[[x + 0.4, y - 0.3] for x, y in stroke] for stroke in CROSS]
    before = explorer.view.certainty["prototypes"]
    explorer.set(new=there)
    assert np.allclose(explorer.view.certainty["prototypes"], before, atol=1e-4)
    explorer.set(tidy=False)
    assert not np.allclose(explorer.view.certainty["prototypes"], before, atol=1e-4)
    assert "the new drawing is off the middle" in explorer.summary


def test_redrawn_equals_drawn_anew(small_zoo):
    explorer = draw(SETTING)
    first, fig = explorer.view, certainty(explorer.view)
    explorer.set(five=7, again="D")
    redraw_certainty(fig, explorer.view)
    assert fig == certainty(explorer.view) != certainty(first)
    explorer.clear()
    redraw_certainty(fig, explorer.view)
    assert fig == certainty(explorer.view)


# --- by keyboard ----------------------------------------------------------------------------------


def test_ready_drawings_fill_all_papers_or_the_new_one_alone(small_zoo):
    explorer = draw(SETTING)
    explorer.clear()
    explorer.set(five=3)
    assert [p.value for p in explorer.pads.values()] == ready(5, 3, 0, 0)
    shown = [explorer.pads[name].value for name in LETTERS[:5]]
    explorer.set(again="C")
    assert explorer.pads["new"].value == ready(5, 3, 2, 0)[-1]
    explorer.controls["hand"].children[0].click()
    assert explorer.pads["new"].value == ready(5, 3, 2, 1)[-1]
    assert [explorer.pads[name].value for name in LETTERS[:5]] == shown
    assert np.array_equal(
        explorer.view.query, pen.image(pen.tidied(explorer.pads["new"].value)).numpy()
    )


def test_a_click_fills_all_papers_and_asks_once(small_zoo, monkeypatch):
    explorer = draw(SETTING)
    asked = []
    look = explorer._compute
    monkeypatch.setattr(explorer, "_compute", lambda **state: asked.append(1) or look(**state))
    explorer.controls["five"].children[0].click()
    assert len(asked) == 1 and explorer.state["five"] == 1


# --- whatever happens -----------------------------------------------------------------------------


def test_empty_papers_are_named_and_nothing_breaks(small_zoo):
    explorer = draw(SETTING)
    explorer.set(B=[], new=[])
    assert "Still empty: B and the new drawing" in explorer.summary
    assert all(np.isnan(c).all() for c in explorer.view.certainty.values())
    assert " %" not in explorer.screen.value and not explorer.problem.value
    explorer.clear()
    assert "A, B, C, D, E and the new drawing" in explorer.summary
    figures.caption(explorer.twin())


def test_a_black_paper_is_refused_in_words(small_zoo):
    black = [[[-1, y], [1, y]] for y in np.linspace(1, -1, 120)]
    explorer = draw(SETTING).set(C=black, tidy=False)
    assert "Black all over: C." in explorer.summary and not explorer.problem.value
    explorer.set(tidy=True)
    assert " says " in explorer.summary, "made smaller, it has an edge"


def test_odd_drawings_are_answered_too(small_zoo):
    explorer = draw(SETTING)
    tap, scribble = [[[0.0, 0.0]]], [torch.rand(300, 2).sub(0.5).tolist()]
    corner = [[[1.0, 1.0], [1.0, 1.0]], [[-1.0, -1.0]]]
    line = [[[-1, 1], [1, -1]]]
    for tidy in (True, False):
        explorer.set(A=tap, B=scribble, C=corner, D=line, E=tap, new=tap, tidy=tidy)
        assert np.isfinite(explorer.view.certainty["maml"]).all()
        said = explorer.summary
        assert "prototypical network</b> does not decide" in said, "A and E are the same drawing"


def test_methods_without_weights_are_left_out(small_zoo):
    zoo.weights_path(f"characters/{SETTING}/maml").unlink()
    explorer = draw(SETTING)
    assert list(explorer.view.certainty) == ["mumomaml", "prototypes"]
    assert "No trained weights here of MAML" in figures.caption(explorer.twin())


def test_without_any_weights_the_drawings_are_still_there(empty_zoo):
    explorer = draw(SETTING)
    assert "No method here has trained weights" in explorer.summary
    assert explorer.screen.value.count("<img") == 6
    assert len(explorer.twin().data) == 1


def test_too_many_characters_and_unknown_settings_are_refused(empty_zoo):
    with pytest.raises(ValueError, match="room for 5 characters"):
        draw("strokes-20way-1shot")
    with pytest.raises(ValueError, match="unknown setting"):
        draw("letters")


def test_the_static_twin_needs_no_widget(small_zoo, monkeypatch):
    monkeypatch.setenv("MMAML_LITE_STATIC", "1")
    explorer = draw(SETTING)
    explorer.set(five=2, again="B")
    assert explorer.box is None and len(explorer.twin().data) == 4
    assert "MAML, after step 3: " in figures.alt(explorer.twin())


# --- figures --------------------------------------------------------------------------------------


def test_an_episode_is_a_grid_and_wrong_answers_are_marked():
    support, query = torch.rand(3, 2, 28, 28).numpy(), torch.rand(3, 4, 28, 28).numpy()
    told = np.repeat(np.arange(3)[:, None], 4, 1)
    told[1, 3] = 2
    fig = episode(support, query, told, "noise")
    z, each = np.asarray(fig.data[0].z), 34
    assert z.shape == (6 * each, 3 * each)
    assert np.allclose(z[3:31, each + 3 : each + 31], support[1, 0], atol=1e-3)
    assert np.allclose(z[5 * each + 3 : 6 * each - 3, 3:31], query[0, 3], atol=1e-3)
    assert [a.text for a in fig.layout.annotations] == ["<b>✗ C</b>"]
    assert "framed: 1 of 12" in figures.caption(fig) and "noise" in figures.caption(fig)
    assert "framed" not in figures.caption(episode(support, query))


def test_certainties_never_look_surer_than_they_are():
    assert [percent(p) for p in (0.0, 0.004, 0.2, 0.994, 0.996, np.nan)] == [
        "<1 %",
        "<1 %",
        "20 %",
        "99 %",
        ">99 %",
        "",
    ]


def test_bars_read_as_a_table():
    view = CertaintyView(
        images=np.zeros((2, 28, 28)),
        query=np.zeros((28, 28)),
        certainty={"maml": np.array([[0.5, 0.5], [0.25, 0.75]])},
    )
    table = bars(view, 20)
    assert table.count("scope='row'") == 2 and "<b>75 % ◂</b>" in table
    assert "<b>MAML</b>, before any step" in table and table.count("width:40.0%") == 2
    assert table.count("◂") == 1, "a tie decides nothing"
    assert "before any step nothing is decided" in say(view)
    tied = CertaintyView(view.images, view.query, {"maml": np.full((1, 2), 0.5)})
    assert "does not decide" in say(tied) and "<b>" not in certainty(tied).data[1].text[0]


def test_answers_takes_any_number_of_characters(small_zoo):
    view = answers({}, [CROSS, LINE], CROSS)
    assert view.images.shape == (2, 28, 28) and view.certainty == {}
