import math
from dataclasses import replace

import pytest
import torch
from torch import Generator
from torch.quasirandom import SobolEngine

from mmaml_lite.core.tasks import Examples, Tasks
from mmaml_lite.regression.floors import EXACT, bayes, floors, label_linear, live_posterior
from mmaml_lite.regression.tasks import FAMILIES, PAPER_ORDER, Mixture, Uniform, register_family

QUICK = replace(EXACT, points=80, target=120.0)


@pytest.fixture
def own_family():
    """Registers families and forgets them after the test."""
    known = set(FAMILIES)
    yield register_family
    for name in set(FAMILIES) - known:
        del FAMILIES[name]


def sample(mixture: Mixture, tasks: int, seed: int = 0) -> Tasks:
    return mixture.sample(tasks, Generator().manual_seed(seed))


def points(tasks: Tasks) -> tuple[torch.Tensor, ...]:
    return tuple(v[..., 0].double() for v in (*tasks.support, *tasks.query))


def brute(mixture: Mixture, tasks: Tasks, draws: int = 2**19):
    """Mode means and log evidence by plain sampling of the prior."""
    xs, ys, xq, _ = points(tasks)
    means, evidence = torch.zeros(len(tasks), len(mixture.families), xq.shape[1]).double(), []
    for j, family in enumerate(mixture.families):
        unit = SobolEngine(len(family.priors), scramble=True, seed=9).draw(draws)
        drawn = family.draw(unit)
        logs = torch.zeros(len(tasks), draws)
        for i in range(len(tasks)):
            for x, y in zip(xs[i], ys[i], strict=True):
                logs[i] -= 0.5 * ((family(x[None].float(), drawn)[:, 0] - y) / mixture.noise) ** 2
            keep = logs[i] > logs[i].max() - 25
            means[i, j] = logs[i, keep].double().softmax(0) @ family(xq[i], drawn[keep].double())
        evidence.append(logs.double().logsumexp(-1) - math.log(draws))
    constant = mixture.shots * math.log(mixture.noise * math.sqrt(2 * math.pi))
    return means, torch.stack(evidence, 1) - constant


def test_wide_lines_have_the_closed_form_gaussian_posterior(own_family):
    own_family("wide", slope=Uniform(-40, 40), intercept=Uniform(-40, 40))(
        FAMILIES["linear"].function
    )
    mixture = Mixture(["wide"], shots=4, queries=5)
    tasks = sample(mixture, 30)
    # Tame tasks far from the edges of the prior, where the flat prior has no influence.
    a, b = torch.randn(2, 30, 1, 1)
    y = a * tasks.support.x + b + 0.3 * torch.randn(30, 4, 1)
    tasks = replace(tasks, support=Examples(tasks.support.x, y))
    posterior = bayes(mixture, tasks)

    xs, ys, xq, _ = points(tasks)
    design, asked = (torch.stack([x, torch.ones_like(x)], -1) for x in (xs, xq))
    precision = design.mT @ design / 0.09
    best = torch.linalg.solve(precision, design.mT @ ys[..., None] / 0.09)
    sd = (asked @ torch.linalg.solve(precision, asked.mT)).diagonal(dim1=1, dim2=2).sqrt()
    assert ((posterior.mean - (asked @ best)[..., 0]) / sd).abs().max() < 0.2
    assert ((posterior.mean - (asked @ best)[..., 0]) / sd).square().mean() < 0.003
    residual = ys - (design @ best)[..., 0]
    evidence = (
        -0.5 * residual.square().sum(-1) / 0.09
        - 4 * math.log(0.3 * math.sqrt(2 * math.pi))
        + math.log(2 * math.pi)
        - 0.5 * precision.logdet()
        - 2 * math.log(80)
    )
    assert (posterior.log_evidence[:, 0] - evidence).abs().max() < 0.15
    assert (posterior.log_evidence[:, 0] - evidence).square().mean().sqrt() < 0.05


@pytest.mark.parametrize("shots", [1, 3])
def test_five_modes_agree_with_brute_force(shots):
    mixture = Mixture(PAPER_ORDER, shots=shots, queries=4)
    tasks = sample(mixture, 10, seed=shots)
    posterior = bayes(mixture, tasks)
    means, evidence = brute(mixture, tasks)
    likely = posterior.probability > 1e-3
    assert (posterior.log_evidence - evidence)[likely].abs().max() < 0.2
    exact = (evidence.softmax(-1)[..., None] * means).sum(1)
    scale = (evidence.softmax(-1)[..., None] * means.square()).sum(1).mean()
    assert (posterior.mean - exact).square().mean() < 0.002 * scale
    # An effective sample of 250 leaves 1 / 250 of the posterior variance.
    assert (posterior.mode_means - means)[likely].square().mean() < 0.004 * scale


def test_many_shots_and_little_noise_still_reach_the_target():
    for shots, noise in ((20, 0.3), (5, 0.03)):
        mixture = Mixture(PAPER_ORDER, shots=shots, queries=5, noise=noise)
        posterior = bayes(mixture, sample(mixture, 20))
        assert posterior.ess[posterior.probability > 1e-6].min() >= EXACT.target


def test_probabilities_sum_to_one_and_order_of_the_support_is_irrelevant():
    mixture = Mixture(PAPER_ORDER)
    tasks = sample(mixture, 10)
    posterior = bayes(mixture, tasks, budget=QUICK)
    torch.testing.assert_close(posterior.probability.sum(1), torch.ones(10).double())
    order = torch.tensor([3, 0, 4, 2, 1])
    turned = replace(tasks, support=Examples(*(v[:, order] for v in tasks.support)))
    again = bayes(mixture, turned, budget=QUICK)
    torch.testing.assert_close(again.mean, posterior.mean, rtol=0, atol=1e-6)
    torch.testing.assert_close(again.probability, posterior.probability, rtol=0, atol=1e-6)


def test_a_task_gets_the_same_answer_alone_and_in_a_batch():
    mixture = Mixture(PAPER_ORDER[:3])
    tasks = sample(mixture, 6)
    together = bayes(mixture, tasks, budget=QUICK)
    alone = bayes(mixture, tasks[4:5], budget=QUICK)
    torch.testing.assert_close(alone.mean[0], together.mean[4], rtol=0, atol=1e-6)


def test_one_shot_leaves_the_mode_open_and_twenty_settle_it():
    one, twenty = Mixture(PAPER_ORDER[:3], 1, 20), Mixture(PAPER_ORDER[:3], 20, 20)
    unsure = bayes(one, sample(one, 60), budget=QUICK).probability.amax(1)
    assert unsure.median() < 0.7
    tasks = sample(twenty, 60)
    posterior = bayes(twenty, tasks, budget=QUICK)
    assert posterior.probability.amax(1).mean() > 0.95
    error = (posterior.mean - tasks.query.y[..., 0]).square().mean()
    assert 0.08 < error < 0.12  # noise² is 0.09, and the parameters are known to about 3/20 of it


def test_bayes_beats_every_other_predictor_and_the_mode_helps():
    mixture = Mixture(PAPER_ORDER[:3], queries=20)
    tasks = sample(mixture, 300)
    told = []
    result = floors(mixture, tasks, QUICK, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (300, 300)
    assert all(each.shape == (300,) for each in result.values())
    zero = tasks.query.y.square().mean()
    known, unknown, linear = (
        result[name].mean() for name in ("bayes_mode_known", "bayes", "label_linear")
    )
    assert 0.13 < known < unknown < linear < zero / 5
    assert unknown < 0.45 and 0.6 < linear < 1.4  # 0.272 and 0.97 on very many tasks
    assert 0.88 < result["mode_right"].mean() < 0.97


def test_a_single_mode_is_certain_and_known():
    mixture = Mixture(["tanh"])
    posterior = bayes(mixture, sample(mixture, 5), budget=QUICK)
    assert (posterior.probability == 1).all()
    torch.testing.assert_close(posterior.mean, posterior.mean_mode_known)


def test_label_linear_is_the_gaussian_process_of_the_true_moments():
    mixture = Mixture(["sinusoid", "linear"], shots=3, queries=4)
    tasks = sample(mixture, 8)
    xs, ys, xq, _ = points(tasks)

    def mean(x):  # E[A] E[sin(x - phi)], phi ~ U(0, pi); lines average to nothing
        return 0.5 * 2.55 * -2 / math.pi * x.cos()

    def covariance(a, b):
        a, b = a[:, :, None], b[:, None, :]
        sines = (5**3 - 0.1**3) / 4.9 / 3 * 0.5 * (a - b).cos()
        lines = 3 * a * b + 3
        return 0.5 * (sines + lines) - mean(a) * mean(b)

    inner = covariance(xs, xs) + 0.09 * torch.eye(3)
    solved = torch.linalg.solve(inner, (ys - mean(xs))[..., None])
    expected = mean(xq) + (covariance(xq, xs) @ solved)[..., 0]
    got = label_linear(mixture, tasks)
    torch.testing.assert_close(got, expected, rtol=0, atol=0.02)
    assert (got - expected).square().mean().sqrt() < 0.004


def test_points_outside_the_domain_are_predicted_too():
    mixture = Mixture(["linear"], shots=20)
    tasks = sample(mixture, 4)
    far = torch.full((4, 1, 1), 9.0)
    truth = mixture.curves(far[..., 0], tasks.mode, tasks.parameters)
    assert (label_linear(mixture, tasks, far) - truth).abs().max() < 1
    assert (bayes(mixture, tasks, far, QUICK).mean - truth).abs().max() < 1


def test_a_family_of_the_users_own(own_family):
    @own_family("bump", height=Uniform(1, 4, signed=True), centre=Uniform(-4, 4))
    def bump(x, height, centre):
        return height * torch.exp(-((x - centre) ** 2))

    mixture = Mixture(["linear", "bump"], shots=10, queries=10)
    tasks = sample(mixture, 40)
    result = floors(mixture, tasks, QUICK)
    assert result["mode_right"].mean() > 0.9
    assert result["bayes_mode_known"].mean() < 1


def test_a_family_that_breaks_down_is_named(own_family):
    own_family("root", start=Uniform(-20, -3))(lambda x, start: (x - start).sqrt())
    mixture = Mixture(["root"])
    with pytest.raises(ValueError, match="'root' is not finite"):
        bayes(mixture, sample(Mixture(["linear"]), 4))


def test_live_posterior_agrees_with_the_large_one():
    mixture = Mixture(PAPER_ORDER, shots=5)
    grid = torch.linspace(-5, 5, 50)
    tasks = sample(mixture, 10)
    posterior = bayes(mixture, tasks, grid.expand(10, 50)[..., None])
    covered = []
    for i in range(10):
        live = live_posterior(mixture, tasks[i : i + 1].support, grid)
        torch.testing.assert_close(live.probability.sum(), torch.tensor(1.0).double())
        assert (live.probability - posterior.probability[i]).abs().max() < 0.1
        assert (live.mean - posterior.mean[i]).square().mean().sqrt() < 0.25
        assert (live.low <= live.high).all()
        truth = mixture.curves(grid[None], tasks.mode[i : i + 1], tasks.parameters[i : i + 1])[0]
        covered.append(((live.low <= truth) & (truth <= live.high)).double().mean())
    assert torch.stack(covered).mean() > 0.7  # 0.9 on many tasks


def test_wrong_input_is_refused():
    mixture = Mixture(PAPER_ORDER[:2])
    tasks = sample(mixture, 4)
    grid = torch.linspace(-5, 5, 5)
    silent = Mixture(PAPER_ORDER[:2], noise=0)
    with pytest.raises(ValueError, match="small noise"):
        bayes(silent, tasks)
    with pytest.raises(ValueError, match="small noise"):
        live_posterior(silent, tasks[:1].support, grid)
    broken = replace(tasks, support=Examples(tasks.support.x, tasks.support.y * math.nan))
    for refused in (bayes, label_linear, floors):
        with pytest.raises(ValueError, match="NaN"):
            refused(mixture, broken)
    with pytest.raises(ValueError, match="NaN"):
        bayes(mixture, tasks, torch.full((4, 1, 1), math.inf))
    with pytest.raises(ValueError, match="one variable"):
        bayes(mixture, tasks, torch.zeros(4, 3))
    with pytest.raises(ValueError, match="one variable"):
        live_posterior(mixture, tasks.support, grid)
