"""Networks, modulations and encoders, one block at a time."""

import pytest
import torch

from mmaml_lite.core.modulation import MODULATIONS, modulate, register_modulation, variation
from mmaml_lite.core.networks import ACTIVATIONS, DERIVATIVES, MLP
from mmaml_lite.core.tasks import Examples
from mmaml_lite.regression.encoder import LSTMEncoder, SetEncoder


def test_parameter_counts_are_the_papers():
    """22,521 for MAML with its bias transformation, 20,501 for the modulated network."""
    for context, count in [(20, 22_521), (0, 20_501)]:
        assert sum(w.numel() for w in MLP(context=context).init().values()) == count


def test_encoder_sizes():
    """53,120 parameters for the authors' LSTM, 80 numbers in its embedding."""
    encoder = LSTMEncoder()
    assert encoder.size == 80 and sum(p.numel() for p in encoder.parameters()) == 53_120


def test_small_initialisation():
    theta = MLP(context=20, scheme="small").init()
    assert theta["weight1"].std().item() == pytest.approx(0.01, rel=0.05)
    assert not theta["bias1"].any() and not theta["context"].any()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivatives_of_activations(name):
    z = torch.linspace(-3, 3, 41, dtype=torch.float64, requires_grad=True)
    h = ACTIVATIONS[name](z)
    expected = torch.autograd.grad(h.sum(), z)[0]
    torch.testing.assert_close(DERIVATIVES[name](h).to(z.dtype), expected)


def test_modulations_by_hand():
    e = torch.tensor([0.0, 1.0, 2.0, 3.0])
    z = torch.tensor([[1.0, 10.0]])
    film = MODULATIONS["film"].vector(e)
    torch.testing.assert_close(film, torch.tensor([[1.0, 2.0], [2.0, 3.0]]))
    torch.testing.assert_close(modulate(z, film), torch.tensor([[3.0, 23.0]]))
    torch.testing.assert_close(
        modulate(z, MODULATIONS["sigmoid"].vector(e[:2])), torch.tensor([[0.5, 7.310586]])
    )
    softmax = MODULATIONS["softmax"].vector(e)
    assert softmax.shape == (1, 4) and softmax.sum().item() == pytest.approx(1.0)
    assert modulate(z, None) is z


def test_variation_by_hand():
    """Two tasks at 1 and 3: 1 beside a mean of 2, in a root mean square of the root of 5."""
    two = torch.tensor([[[1.0], [1.0]], [[3.0], [3.0]]])  # (tasks, rows, units)
    assert variation(two) == pytest.approx(5**-0.5)
    assert variation({0: two, 1: two.repeat(1, 1, 4)}) == pytest.approx(5**-0.5)
    assert variation({0: two, 1: torch.full((2, 1, 2), 5**0.5)}) == pytest.approx(10**-0.5)
    assert variation(-7 * two) == pytest.approx(5**-0.5)
    assert variation(torch.tensor([[1.0, -1.0], [-1.0, 1.0]])) == pytest.approx(1.0)
    assert variation(torch.full((3, 4), 0.1)) == 0.0 == variation(torch.zeros(3, 4))


def test_modulation_acts_before_the_activation():
    """A negative beta can silence a unit; after the activation it could not."""
    network = MLP(hidden=(1,))
    theta = {
        "weight0": torch.ones(1, 1),
        "bias0": torch.zeros(1),
        "weight1": torch.ones(1, 1),
        "bias1": torch.zeros(1),
    }
    tau = {0: torch.tensor([[1.0], [-5.0]])}
    assert network(theta, torch.tensor([[2.0]]), tau).item() == 0.0


@pytest.mark.parametrize("points", [1, 5])
def test_set_encoder_does_not_depend_on_order_and_lstm_does(points):
    support = Examples(*torch.randn(2, 4, points, 1))
    order = torch.arange(points).flip(0)
    reversed_support = Examples(support.x[:, order], support.y[:, order])
    for encoder, same in [(SetEncoder(), True), (LSTMEncoder(), points == 1)]:
        a, b = encoder(support), encoder(reversed_support)
        assert a.shape == (4, encoder.size)
        assert torch.allclose(a, b, atol=1e-6) is same


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: MLP(activation="swish"), "unknown activation 'swish': known are relu"),
        (lambda: MLP(hidden=()), "hidden sizes"),
        (lambda: MLP(scheme="xavier"), "known are small, scaled"),
        (lambda: MODULATIONS["gate"], "unknown modulation 'gate': known are film"),
        (lambda: register_modulation("film", 2)(lambda e: e), "taken"),
        (lambda: register_modulation("x", 3)(lambda e: e), "rows must be"),
        (lambda: SetEncoder(hidden=41), "multiple of 4"),
    ],
)
def test_bad_input_says_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
