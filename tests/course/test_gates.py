"""The gate playground: the library's own functions act, and what is drawn is what they give."""

import numpy as np
import pytest
import torch

from mmaml_lite.core.modulation import MODULATIONS
from mmaml_lite.course import figures
from mmaml_lite.course.widgets import gate_explorer
from mmaml_lite.course.widgets.gates import (
    GATES,
    KNOWN,
    NETWORK,
    REACH,
    TARGETS,
    THETA,
    UNITS,
    closest,
    gate_view,
    plain,
    played,
)

GRID = torch.linspace(-5, 5, 121)


def head_outputs(gate: str) -> torch.Tensor:
    return torch.randn(UNITS * MODULATIONS[gate].rows)


@pytest.mark.parametrize("gate", GATES.values())
def test_the_curve_is_the_networks_and_the_sum_of_its_units(gate):
    e = head_outputs(gate)
    added, curve, tau = played(gate, e)
    assert torch.equal(tau, MODULATIONS[gate].vector(e))
    library = NETWORK(THETA, GRID[:, None], {0: tau})[:, 0]
    assert torch.allclose(curve, library, atol=1e-5)
    assert torch.allclose(added.sum(0), library, atol=1e-5)


def test_a_batch_of_settings_is_played_at_once():
    e = torch.randn(4, 2 * UNITS)
    _, curves, _ = played("film", e)
    for row, curve in zip(e, curves, strict=True):
        assert torch.allclose(played("film", row)[1], curve, atol=1e-5)


def test_what_the_lesson_says_of_the_three():
    zero = torch.zeros(UNITS)
    assert torch.equal(played("film", torch.zeros(2 * UNITS))[1], plain())
    assert torch.allclose(played("sigmoid", zero)[1], plain() / 2)
    assert torch.allclose(played("softmax", zero)[1], plain() / UNITS, atol=1e-6)
    e = head_outputs("softmax")
    assert torch.allclose(played("softmax", e)[1], played("softmax", e + 5)[1], atol=1e-5)


@pytest.mark.parametrize(("gate", "target"), KNOWN)
def test_a_known_setting_reaches_its_target_within_the_faders(gate, target):
    e = torch.tensor(KNOWN[gate, target])
    assert (played(gate, e)[1] - TARGETS[target]).abs().max() < 1e-5
    assert e[:UNITS].abs().max() <= REACH[0] and e[UNITS:].abs().max() <= REACH[1]


def test_only_film_turns_and_moves_the_wave():
    for target in ("moved right by 1", "upside down"):
        assert closest("film", target)[0] < 1e-5
        assert closest("sigmoid", target)[0] > 0.3 and closest("softmax", target)[0] > 0.3
    assert closest("sigmoid", "half as high")[0] < 0.01


@pytest.mark.parametrize("gate", GATES.values())
def test_a_redrawn_figure_equals_a_fresh_one(gate):
    other = gate_view(gate, head_outputs(gate), "upside down")
    fig = figures.gates(gate_view("softmax", torch.zeros(UNITS)))
    figures.redraw_gates(fig, other)
    assert fig == figures.gates(other)


def test_faders_move_what_is_drawn():
    explorer = gate_explorer("softmax")
    explorer.set(gate="film", scale3=-2.0, shift3=0.5, shift=0.25, target="upside down")
    e = torch.zeros(2, UNITS)
    e[0, 2], e[1] = -2, 0.25
    e[1, 2] += 0.5
    added, curve, tau = played("film", e.flatten())
    drawn = explorer.screen.data
    assert np.allclose(drawn[5].y, added[2], atol=1e-6)
    assert np.allclose(drawn[2 * UNITS + 1].y, curve, atol=1e-6)
    assert np.allclose(drawn[2 * UNITS + 2].y, -plain())
    assert np.allclose([drawn[-2].y, drawn[-1].y], tau)
    off = (curve + plain()).square().mean().sqrt()
    assert f"<b>{off:.2f}</b>" in explorer.summary


def test_buttons_reset_the_faders_and_show_the_best_setting():
    explorer = gate_explorer("film")
    buttons = {b.description: b for b in widgets_of(explorer.box, "Button")}
    explorer.set(target="moved right by 1", shift=1.0)
    buttons["show the best known"].click()
    assert "You have it" in explorer.summary and explorer.state["shift"] == 0
    buttons["all e = 0"].click()
    assert explorer.state["shift1"] == 0 and np.allclose(explorer.view.curve, plain())


def widgets_of(box, kind):
    """All widgets of a kind inside a box."""
    for child in getattr(box, "children", ()):
        if type(child).__name__ == kind:
            yield child
        yield from widgets_of(child, kind)


def test_every_control_has_a_visible_label():
    explorer = gate_explorer("film")
    assert all(c.description for c in explorer.controls.values())


@pytest.mark.parametrize("gate", GATES.values())
@pytest.mark.parametrize("end", [-1, 1])
def test_the_ends_of_all_faders_are_drawn(gate, end):
    explorer = gate_explorer(gate)
    for name, control in explorer.controls.items():
        if name.startswith(("scale", "shift")):
            control.value = control.max if end > 0 else control.min
    assert np.isfinite(explorer.view.curve).all()
    assert "did not work" not in explorer.problem.value


def test_reach_names_every_pair():
    nearest = {"a": {"softmax": 0.5, "FiLM": 0.0}, "b": {"softmax": 0.25, "FiLM": 0.125}}
    fig = figures.reach(nearest)
    assert [list(t.x) for t in fig.data] == [[0.5, 0.25], [0.0, 0.125]]
    assert "a: softmax 0.50, FiLM 0.00" in figures.alt(fig)
