"""Figure 1 as a diagram: every box can be chosen, and its shapes are those of the model."""

import pytest
import torch

from mmaml_lite.core import zoo
from mmaml_lite.course import figures
from mmaml_lite.course.studies.overview import parts
from mmaml_lite.course.widgets import overview_explorer
from mmaml_lite.course.widgets.overview import describe, plan
from mmaml_lite.regression.domain import mixture_of

TASKS, SHOTS, UNITS = 6, 5, 100


@pytest.fixture(scope="module")
def model():
    return zoo.load("regression/3-modes/mumomaml-film")


@pytest.fixture(scope="module")
def batch(model):
    return mixture_of(model.settings).sample(TASKS, torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def found(model, batch):
    return parts(model.learner, batch)


def test_shapes_are_read_off_the_models_tensors(model, batch, found):
    assert list(found["examples"].shapes.values()) == [(TASKS, SHOTS, 1)] * 2
    upsilon = model.learner.embed(batch.support)
    assert list(found["upsilon"].shapes.values()) == [tuple(upsilon.shape)]
    for n in (1, 2, 3):
        head = model.learner.heads[str(n - 1)]
        assert list(found[f"g{n}"].shapes.values()) == [
            tuple(head.weight.shape),
            (TASKS, 2 * UNITS),
        ]
        tau = next(iter(found[f"tau{n}"].tensors.values()))
        assert torch.equal(tau, model.learner.modulate(upsilon)[n - 1])
        assert (
            found[f"theta{n}"].tensors["weight (out, in)"] is model.learner.theta[f"weight{n - 1}"]
        )
    *_, predicted = found["prediction"].tensors.values()
    library = model.learner(batch.support, batch.query.x)
    assert torch.equal(predicted, library) and predicted.shape[0] == model.settings.steps + 1


def test_the_inner_loop_lists_what_it_changes(model, found):
    assert set(found["inner"].tensors) == set(model.learner.step_sizes()[0])


@pytest.mark.parametrize("kind", ["sigmoid", "softmax"])
def test_gates_have_one_row(kind, batch):
    found = parts(zoo.load(f"regression/3-modes/mumomaml-{kind}").learner, batch)
    assert list(found["tau1"].shapes.values()) == [(TASKS, 1, UNITS)]
    assert kind in found["tau1"].equation and "one gate" in found["tau1"].says


def test_every_box_names_a_function_of_the_library(found):
    for part in found.values():
        name, file = part.where.split(", ")
        assert part.function.__module__.startswith("mmaml_lite.") and file.endswith(".py")
        text = describe(part)
        assert name in text and "def " in text and part.says in text


def test_boxes_do_not_overlap_and_stand_on_the_page(found):
    drawn = plan(found)
    width, height = drawn["size"]
    boxes = drawn["boxes"]
    assert {box["key"] for box in boxes} == set(found)
    for i, a in enumerate(boxes):
        assert a["x"] >= 0 and a["x"] + a["width"] <= width
        assert a["y"] >= 0 and a["y"] + a["height"] <= height
        for b in boxes[:i]:
            apart = (
                a["x"] + a["width"] <= b["x"]
                or b["x"] + b["width"] <= a["x"]
                or a["y"] + a["height"] <= b["y"]
                or b["y"] + b["height"] <= a["y"]
            )
            assert apart, (a["key"], b["key"])


def test_a_click_shows_a_box(model):
    explorer = overview_explorer(model, TASKS)
    for key in explorer.view.parts:
        explorer.controls["box"].value = key
        assert describe(explorer.view.parts[key]) == explorer.screen.value
        assert explorer.problem.value == ""
    assert "outer_step" in explorer.summary


def test_the_static_twin_lists_every_box(model):
    explorer = overview_explorer(model, TASKS).set(box="tau2")
    fig = explorer.twin()
    names, *_ = fig.data[0].cells["values"]
    assert len(names) == len(explorer.view.parts)
    assert [n for n in names if "<b>" in n] == ["<b>τ₂</b>"]
    assert "τ₂" in figures.alt(fig)
