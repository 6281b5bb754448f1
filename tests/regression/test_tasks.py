"""Task families and mixtures: ranges, shares, noise, seeds, and a family of one's own."""

import math

import pytest
import torch

from mmaml_lite.core.tasks import Examples
from mmaml_lite.regression.tasks import FAMILIES, PAPER_ORDER, Mixture, Uniform, register_family


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def cubic():
    @register_family("cubic", scale=Uniform(-0.1, 0.1), offset=Uniform(-1.0, 1.0))
    def cubic(x, scale, offset):
        return scale * x**3 + offset

    yield "cubic"
    del FAMILIES["cubic"]


@pytest.mark.parametrize(
    "name, parameters, x, y",
    [
        ("sinusoid", [2.0, math.pi / 2], [math.pi / 2, math.pi], [0.0, 2.0]),
        ("linear", [2.0, -1.0], [0.0, 3.0], [-1.0, 5.0]),
        ("quadratic", [-0.1, 1.0, 2.0], [1.0, 4.0], [2.0, 1.1]),
        ("tanh", [2.0, 1.0, 0.5], [1.0, 101.0], [0.5, 2.5]),
        ("l1", [-2.0, 1.0, 3.0], [1.0, -1.0], [3.0, -1.0]),
    ],
)
def test_functions_by_hand(name, parameters, x, y):
    found = FAMILIES[name](torch.tensor(x, dtype=torch.float64), torch.tensor(parameters).double())
    torch.testing.assert_close(found, torch.tensor(y, dtype=torch.float64), atol=1e-6, rtol=1e-6)


def test_ranges_are_the_authors():
    tasks = Mixture(PAPER_ORDER).sample(5000, generator())
    ranges = {
        "sinusoid": [(0.1, 5.0), (0.0, math.pi)],
        "linear": [(-3, 3)] * 2,
        "quadratic": [(-0.15, 0.15), (-3, 3), (-3, 3)],
        "tanh": [(-3, 3)] * 3,
        "l1": [(-3, 3)] * 3,
    }
    for i, name in enumerate(PAPER_ORDER):
        values = tasks.parameters[tasks.mode == i]
        for j, (low, high) in enumerate(ranges[name]):
            column, margin = values[:, j], 0.02 * (high - low)
            assert low <= column.min() < low + margin and high - margin < column.max() <= high
        assert (values[:, len(ranges[name]) :] == 0).all()
    assert tasks.parameters[tasks.mode == 2, 0].abs().min() >= 0.02  # a parabola is never flat
    assert tasks.support.x.abs().max() <= 5


@pytest.mark.parametrize("families, error", [((0, 1), 16.2), ((0, 1, 2), 12.7), (range(5), 16.1)])
def test_the_zero_function_scores_as_in_the_paper(families, error):
    """Closed form: 4.34, 28.09, 5.60, 5.4, 37.09 and noise; Table 1's initial MAML is near."""
    tasks = Mixture([PAPER_ORDER[i] for i in families]).sample(30_000, generator())
    assert tasks.query.y.square().mean().item() == pytest.approx(error, rel=0.02)


def test_equal_shares_in_mode_order():
    for tasks, shares in [(50, [25, 25]), (7, [4, 3]), (2, [1, 1])]:
        mode = Mixture(["sinusoid", "linear"]).sample(tasks, generator()).mode
        assert mode.tolist() == sorted(mode.tolist())
        assert torch.bincount(mode).tolist() == shares


@pytest.mark.parametrize("shots, queries", [(1, 1), (3, 40), (10, 5)])
def test_shapes(shots, queries):
    tasks = Mixture(["tanh", "l1"], shots, queries).sample(6, generator())
    assert tasks.support.x.shape == tasks.support.y.shape == (6, shots, 1)
    assert tasks.query.x.shape == tasks.query.y.shape == (6, queries, 1)
    assert len(tasks) == 6 and len(tasks[2:5]) == 3 and len(tasks[tasks.mode == 1]) == 3


def test_noise_is_on_support_and_query_with_the_right_size():
    mixture = Mixture(["linear", "tanh"], shots=20, queries=20, noise=0.3)
    tasks = mixture.sample(2000, generator())
    for part in (tasks.support, tasks.query):
        clean = mixture.curves(part.x[..., 0], tasks.mode, tasks.parameters)
        residual = part.y[..., 0] - clean
        assert residual.std().item() == pytest.approx(0.3, rel=0.02)
        assert abs(residual.mean().item()) < 0.01
    silent = Mixture(["linear"], noise=0.0).sample(5, generator())
    line = silent.parameters[:, :1] * silent.support.x[..., 0] + silent.parameters[:, 1:2]
    torch.testing.assert_close(silent.support.y[..., 0], line)


def test_same_seed_same_tasks():
    a, b, c = (Mixture(PAPER_ORDER).sample(10, generator(s)) for s in (1, 1, 2))
    assert torch.equal(a.query.y, b.query.y) and not torch.equal(a.query.y, c.query.y)


def test_a_sixth_family_works_in_the_mixture(cubic):
    tasks = Mixture(["linear", cubic]).sample(10, generator())
    assert torch.isfinite(tasks.query.y).all() and (tasks.mode == 1).sum() == 5


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"families": ["sine"]}, "unknown family 'sine': known are sinusoid, linear"),
        ({"families": []}, "at least one family"),
        ({"families": ["linear", "linear"]}, "once"),
        ({"families": ["linear"], "shots": 0}, "shots >= 1"),
        ({"families": ["linear"], "queries": 0}, "queries >= 1"),
        ({"families": ["linear"], "noise": -0.1}, "noise is a standard deviation"),
        ({"families": ["linear"], "noise": math.nan}, "noise is a standard deviation"),
        ({"families": ["linear"], "domain": (5.0, -5.0)}, "low < high"),
    ],
)
def test_bad_mixtures_say_what_was_expected(arguments, message):
    with pytest.raises(ValueError, match=message):
        Mixture(**arguments)


def test_too_few_tasks_for_the_modes():
    with pytest.raises(ValueError, match="equal shares"):
        Mixture(PAPER_ORDER).sample(4, generator())


def test_bad_families_are_refused():
    with pytest.raises(ValueError, match="taken"):
        register_family("linear", a=Uniform(0, 1))(lambda x, a: a * x)
    with pytest.raises(ValueError, match="at least one parameter"):
        register_family("nothing")(lambda x: x)
    with pytest.raises(ValueError, match="one finite y for each x"):
        register_family("logarithm", a=Uniform(0, 1))(lambda x, a: a * torch.log(x))
    assert "logarithm" not in FAMILIES


@pytest.mark.parametrize(
    "x, y, message",
    [
        (torch.zeros(1, 3, 1), torch.zeros(1, 4, 1), "equal tasks and points"),
        (torch.zeros(1, 0, 1), torch.zeros(1, 0, 1), "at least one example"),
        (torch.zeros(1, 2, 1), torch.tensor([[[0.0], [math.nan]]]), "NaN"),
    ],
)
def test_bad_examples_are_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        Examples(x, y).check()
