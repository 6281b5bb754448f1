"""The mathematics of the inner loop, against hand-worked numbers and finite differences."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch.func import functional_call

from mmaml_lite.core import algorithm
from mmaml_lite.core.algorithm import adapt
from mmaml_lite.core.domain import build
from mmaml_lite.regression import lowrank
from mmaml_lite.regression.domain import METHODS, query_loss, settings_for
from mmaml_lite.regression.tasks import Mixture

FAMILIES = ("sinusoid", "linear", "quadratic")


def sample(tasks=6, seed=0, families=FAMILIES, **kwargs):
    generator = torch.Generator().manual_seed(seed)
    return Mixture(families, **kwargs).sample(tasks, generator).to(torch.float64)


def learner_for(method, engine, seed=0, **changes):
    """A float64 learner whose untrained heads and weights are large enough to matter."""
    plain = {"inner_clip": None, "init": "scaled", "hidden": (50, 50), "step_size": 0.003}
    settings = settings_for(method, FAMILIES, engine=engine, seed=seed, **(plain | changes))
    return build(settings).double()


def loss_and_gradients(learner, tasks):
    loss = query_loss(learner, tasks)
    used = [p for p in learner.parameters() if p.numel()]
    return loss.detach(), torch.autograd.grad(loss, used, materialize_grads=True)


def assert_same(one, other, relative):
    for a, b in zip(one, other, strict=True):
        assert (a - b).norm() <= relative * a.norm().clamp_min(1e-12)


# --- the fast engine equals the reference ---------------------------------------------------------

CASES = [
    *itertools.product(METHODS, ["relu"], [5], [(50, 50)], [0]),
    *itertools.product(
        ["mumomaml-film", "tuned-maml"], ["tanh", "softplus"], [1, 2], [(40, 40)], [1]
    ),
    *itertools.product(["mumomaml-sigmoid"], ["softplus"], [3], [(7,), (64, 64)], [2]),
]


@pytest.mark.parametrize("method, activation, steps, hidden, seed", CASES)
def test_fast_engine_equals_reference(method, activation, steps, hidden, seed):
    """Query loss and all meta-gradients, relative 1e-9, over methods and shapes."""
    changes = {"activation": activation, "hidden": hidden, "seed": seed, "blocks": None}
    if "steps" not in METHODS[method].settings:
        changes["steps"] = steps
    tasks = sample(seed=seed, shots=4)
    results = [
        loss_and_gradients(learner_for(method, engine, **changes), tasks)
        for engine in ("reference", "fast")
    ]
    assert_same([results[0][0]], [results[1][0]], 1e-9)
    assert_same(results[0][1], results[1][1], 1e-9)


def test_wide_layers_are_low_rank_and_narrow_ones_dense():
    """The equality above covers both kinds of layer."""
    theta = build(settings_for("maml", FAMILIES, context=0)).theta
    kinds = [type(layer).__name__ for layer in lowrank.layers_of(theta, tasks=2, rank=25)]
    assert kinds == ["Dense", "LowRank", "LowRank", "Dense"]
    assert {type(layer) for layer in lowrank.layers_of(theta, tasks=2, rank=100)} == {lowrank.Dense}


def test_every_stage_is_the_same_in_both_engines():
    """What evaluation shows after each step, first order or second."""
    for first_order in (False, True):
        tasks = sample(seed=3)
        y = [
            learner_for("mumomaml-film", engine, first_order=first_order)(
                tasks.support, tasks.query.x
            )
            for engine in ("reference", "fast")
        ]
        assert y[0].shape == (6, 6, 5, 1)
        torch.testing.assert_close(y[0], y[1], rtol=1e-10, atol=1e-10)


def test_first_order_gradients_agree_between_engines_and_differ_from_second_order():
    """First order drops the derivative of the inner gradient, in theta, omega and tau alike."""
    tasks = sample()
    first, fast = (
        loss_and_gradients(learner_for("mumomaml-film", engine, first_order=True), tasks)[1]
        for engine in ("reference", "fast")
    )
    assert_same(first, fast, 1e-9)
    second = loss_and_gradients(learner_for("mumomaml-film", "reference"), tasks)[1]
    assert (
        max(((a - b).norm() / b.norm()).item() for a, b in zip(first, second, strict=True)) > 0.01
    )


def test_fast_engine_refuses_what_it_cannot_express():
    """Clipping by entry and a step size per weight are refused, naming the reference."""
    for changes in ({"inner_clip": 10.0}, {"learn_step_size": "weight"}):
        with pytest.raises(ValueError, match="reference"):
            learner_for("mumomaml-film", "fast", **changes)
        learner_for("mumomaml-film", "auto", **changes)  # auto chooses the reference


# --- meta-gradient against finite differences -----------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_meta_gradient_against_central_differences(engine, steps):
    """Directional derivatives over all parameters at once, smooth activation, relative 1e-6."""
    learner = learner_for(
        "mumomaml-film", engine, activation="tanh", steps=steps, learn_step_size="layer"
    )
    tasks = sample(seed=steps)
    names, values = zip(*learner.named_parameters(), strict=True)
    gradients = torch.autograd.grad(query_loss(learner, tasks), values)
    generator = torch.Generator().manual_seed(steps)
    for _ in range(3):
        direction = [
            torch.randn(v.shape, generator=generator, dtype=v.dtype) * g.norm() / v.numel() ** 0.5
            for v, g in zip(values, gradients, strict=True)
        ]
        length = sum(d.square().sum() for d in direction).sqrt()

        def moved(h, direction=direction, length=length):
            weights = {
                n: v + h / length * d for n, v, d in zip(names, values, direction, strict=True)
            }
            x, s = tasks.query.x, tasks.support
            y = functional_call(learner, weights, (s, x), {"only_last": True})[-1]
            return F.mse_loss(y, tasks.query.y)

        def central(h, moved=moved):
            return (moved(h) - moved(-h)) / (2 * h)

        with torch.no_grad():
            numeric = (4 * central(1e-4) - central(2e-4)) / 3  # Richardson: error of order h^4
        exact = sum((g * d).sum() for g, d in zip(gradients, direction, strict=True)) / length
        assert abs(numeric - exact) <= 1e-6 * abs(exact) + 1e-9


# --- hand-worked numbers --------------------------------------------------------------------------


def test_one_parameter_model_by_hand():
    """f = w x; support (1, 1), query (2, 3), alpha = 0.1, w = 0.

    Step: g = 2 (w - 1) = -2, so w' = 0.2, and w'' = 0.2 + 0.1 * 1.6 = 0.36.
    Query loss after one step (2 * 0.2 - 3)^2 = 6.76. Its derivative in w is
    2 (2 w' - 3) 2 dw'/dw = 2 * (-2.6) * 2 * 0.8 = -8.32; first order lacks the factor 0.8: -10.4.
    After two steps: (0.72 - 3)^2 = 5.1984 and 2 * (-2.28) * 2 * 0.64 = -5.8368.
    """

    def meta(w, steps, first_order=False):
        path = adapt(
            lambda theta: (theta["w"] * 1.0 - 1.0) ** 2, {"w": w}, [{"w": 0.1}] * steps, first_order
        )
        return path, (path[-1]["w"] * 2.0 - 3.0) ** 2

    w = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    path, loss = meta(w, 2)
    assert [round(p["w"].item(), 12) for p in path] == [0.0, 0.2, 0.36]
    for steps, first_order, value, slope in [
        (1, False, 6.76, -8.32),
        (1, True, 6.76, -10.4),
        (2, False, 5.1984, -5.8368),
    ]:
        loss = meta(w, steps, first_order)[1]
        assert loss.item() == pytest.approx(value, rel=1e-12)
        assert torch.autograd.grad(loss, w)[0].item() == pytest.approx(slope, rel=1e-12)


@pytest.mark.parametrize("engine", [algorithm, lowrank])
def test_relu_network_by_hand(engine):
    """f = v relu(gamma u x), one unit, u = 1, v = 2, gamma = 0.5, support (1, 0), alpha = 0.1.

    z = u x = 1, phi = 0.5, h = 0.5, y = 1; dL/dy = 2; dL/dv = 2 * 0.5 = 1, dL/du = 2 * 2 * 0.5 = 2,
    biases: dL/dc = 2 (output), dL/db = 2 (hidden). One step: v = 1.9, u = 0.8, c = -0.2, b = -0.2.
    At x = 3: z = 2.4 - 0.2 = 2.2, h = 1.1, y = 2.09 - 0.2 = 1.89; at x = -3 the unit is dead: -0.2.
    """
    from mmaml_lite.core.networks import MLP
    from mmaml_lite.core.tasks import Examples

    def column(*values):
        return torch.tensor(values, dtype=torch.float64).reshape(1, -1, 1)

    theta = {
        "weight0": column(1.0)[0],
        "bias0": column(0.0)[0, 0],
        "weight1": column(2.0)[0],
        "bias1": column(0.0)[0, 0],
    }
    before, after = engine.stages(
        MLP(hidden=(1,)),
        F.mse_loss,
        theta,
        {0: column(0.5)},
        Examples(column(1.0), column(0.0)),
        column(3.0, -3.0),
        [dict.fromkeys(theta, 0.1)],
    )
    torch.testing.assert_close(before, column(3.0, 0.0))
    torch.testing.assert_close(after, column(1.89, -0.2))


# --- structure ------------------------------------------------------------------------------------


def test_vmap_equals_a_loop_over_tasks():
    """The meta-batch is a matter of speed: each task alone gives the same predictions."""
    learner, tasks = learner_for("mumomaml-film", "reference"), sample()
    together = learner(tasks.support, tasks.query.x)
    alone = [learner(tasks[i : i + 1].support, tasks[i : i + 1].query.x) for i in range(len(tasks))]
    torch.testing.assert_close(together, torch.cat(alone, dim=1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_modulation_off_is_still_a_non_linear_network(engine):
    """Without tau the activation stays: f(a) + f(b) != 2 f((a + b) / 2)."""
    learner, tasks = learner_for("mumomaml-film", engine), sample()
    x = torch.tensor([-3.0, 0.0, 3.0], dtype=torch.float64).view(1, 3, 1).expand(6, 3, 1)
    y = learner(tasks.support, x, tau={}, steps=0)[0, 0, :, 0]
    assert abs(y[0] + y[2] - 2 * y[1]) > 1e-3


def test_tau_receives_gradients_through_the_inner_steps():
    """d loss / d tau is not what it would be if tau acted in the query pass alone."""
    learner, tasks = learner_for("mumomaml-film", "reference"), sample()
    tau = learner.modulate(learner.embed(tasks.support))

    def gradient(through_inner):
        path_tau = tau if through_inner else {i: t.detach() for i, t in tau.items()}
        losses = []
        for n in range(len(tasks)):
            mine = {i: t[n] for i, t in path_tau.items()}
            s, q = tasks[n : n + 1].support, tasks[n : n + 1].query

            def support_loss(theta, s=s, mine=mine):
                return F.mse_loss(learner.network(theta, s.x[0], mine), s.y[0])

            fast = adapt(support_loss, dict(learner.theta), learner.step_sizes())[-1]
            y = learner.network(fast, q.x[0], {i: t[n] for i, t in tau.items()})
            losses.append(F.mse_loss(y, q.y[0]))
        loss = torch.stack(losses).mean()
        return torch.autograd.grad(loss, list(tau.values()), retain_graph=True)

    full, partial = gradient(True), gradient(False)
    assert all((a - b).norm() / a.norm() > 1e-3 for a, b in zip(full, partial, strict=True))
    loss = F.mse_loss(learner(tasks.support, tasks.query.x, tau=tau)[-1], tasks.query.y)
    assert_same(torch.autograd.grad(loss, list(tau.values())), full, 1e-9)


def test_clipping_bounds_every_entry():
    """One step with clipping moves no weight by more than alpha times the bound."""
    tasks = sample()
    learner = learner_for("mumomaml-film", "reference", inner_clip=0.01, steps=1)
    s = tasks.support
    path = adapt(
        lambda theta: F.mse_loss(learner.network(theta, s.x[0], {}), s.y[0]),
        dict(learner.theta),
        learner.step_sizes(),
        clip=0.01,
    )
    moved = max((path[1][n] - path[0][n]).abs().max().item() for n in path[0])
    assert moved == pytest.approx(0.01 * learner.settings.step_size)


@pytest.mark.parametrize("method", ["mumomaml-film", "maml", "tuned-multi-maml"])
@pytest.mark.parametrize("bound, bites", [(3.0, True), (1e6, False)])
def test_clipping_by_norm_is_the_same_in_both_engines(method, bound, bites):
    """And where it does not bite, nothing changes, in loss or meta-gradient."""
    tasks = sample(seed=5)
    free = loss_and_gradients(learner_for(method, "fast"), tasks)
    slow, fast = (
        loss_and_gradients(learner_for(method, engine, inner_clip_norm=bound), tasks)
        for engine in ("reference", "fast")
    )
    assert_same([slow[0]], [fast[0]], 1e-9)
    assert_same(slow[1], fast[1], 1e-9)
    assert bool((slow[0] - free[0]).abs() > 1e-6 * free[0]) is bites


def test_the_norm_of_a_cancelling_gradient_is_not_nan():
    """In float32 the sum over pairs can come out just below zero; the factor stays one."""
    generator = torch.Generator().manual_seed(0)
    d = torch.randn(20_000, 5, 1, generator=generator)
    d = d - d.mean(1, keepdim=True)  # the bias gradient is zero, and so is the input
    assert torch.equal(
        lowrank.shrink([torch.zeros(20_000, 5, 3)], [d], None, 1000.0), torch.ones(20_000, 1, 1)
    )


def test_deep_networks_have_a_step_size_for_each_layer():
    """With eleven blocks, layer 10 is not taken for layer 0."""
    learner = learner_for("tuned-maml", "fast", hidden=(4,) * 11)
    with torch.no_grad():
        learner.log_step_sizes["layer10"].fill_(1.0)
    alpha = learner.step_sizes()[0]
    assert alpha["weight10"].item() == alpha["bias10"].item() == pytest.approx(2.718, rel=1e-3)
    assert alpha["weight0"].item() == alpha["context"].item() == pytest.approx(0.003)


def test_clipping_by_norm_bounds_the_step():
    """One step moves all weights together by alpha times the bound, or less."""
    tasks, learner = sample(), learner_for("maml", "reference", steps=1)
    s = tasks.support
    path = adapt(
        lambda theta: F.mse_loss(learner.network(theta, s.x[0], {}), s.y[0]),
        dict(learner.theta),
        learner.step_sizes(),
        clip_norm=0.5,
    )
    moved = sum((path[1][n] - path[0][n]).square().sum() for n in path[0]).sqrt().item()
    assert moved == pytest.approx(0.5 * learner.settings.step_size)


def test_what_has_no_step_size_is_not_adapted():
    """Multi-MAML's bias transformation stays where it is; MAML's moves."""
    for method, moves in [("maml", True), ("multi-maml", False)]:
        learner = learner_for(method, "reference")
        assert ("context" in getattr(learner, "learners", [learner])[0].step_sizes()[0]) is moves
