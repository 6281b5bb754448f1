"""Policy gradients against full enumeration: a decision problem small enough to know everything."""

import itertools

import pytest
import torch
from torch.func import grad, jacrev

from mmaml_lite.rl.advantages import baseline, discounted, features, generalised, normalised
from mmaml_lite.rl.objective import dice, ratio
from mmaml_lite.rl.policy import GaussianPolicy, divergence, log_density

# Two states, two actions, two steps. Start in state 0; where action a leads from s with which
# chance, and what it pays.
CHANCE = torch.tensor([[0.8, 0.3], [0.4, 0.9]], dtype=torch.float64)  # of going to state 1
PAY = torch.tensor([[1.0, -0.5], [0.3, 2.0]], dtype=torch.float64)
THETA = torch.tensor([[0.2, -0.4], [0.7, 0.1]], dtype=torch.float64)  # logits (state, action)


def chances(theta):
    return theta.softmax(-1)


def log_prob_of(theta, pick):
    return chances(theta)[pick].log()[None]


def trajectories():
    """Every trajectory as (states, actions, chance of its transitions)."""
    for a0, s1, a1 in itertools.product((0, 1), repeat=3):
        leads = CHANCE[0, a0] if s1 else 1 - CHANCE[0, a0]
        yield (0, s1), (a0, a1), leads


def expected_return(theta):
    """J(theta), by enumeration."""
    total = 0.0
    for states, actions, leads in trajectories():
        policy = chances(theta)[states[0], actions[0]] * chances(theta)[states[1], actions[1]]
        total = total + leads * policy * (PAY[states[0], actions[0]] + PAY[states[1], actions[1]])
    return total


def expected_surrogate(kind, value):
    """A function of theta: the surrogate's expectation under the fixed THETA, by enumeration."""

    def objective(theta):
        total = 0.0
        for states, actions, leads in trajectories():
            pick = (list(states), list(actions))
            log_prob = log_prob_of(theta, pick)
            with torch.no_grad():
                weight = leads * chances(THETA)[pick].prod()
            reward = PAY[pick][None]
            advantage = discounted(reward, 1.0) - value[list(states)][None]
            sampled = log_prob_of(THETA, pick)
            total = total + weight * kind(log_prob, sampled, advantage, torch.ones(1, 2))[0]
        return total

    return objective


VALUES = {
    "no baseline": torch.zeros(2, dtype=torch.float64),
    "a baseline": torch.tensor([0.7, -1.3], dtype=torch.float64),
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_gradient_and_hessian_are_those_of_the_return(value):
    objective = expected_surrogate(dice, value)
    torch.testing.assert_close(grad(objective)(THETA), grad(expected_return)(THETA))
    torch.testing.assert_close(jacrev(grad(objective))(THETA), jacrev(grad(expected_return))(THETA))


def test_the_plain_ratio_has_the_gradient_but_misses_cross_terms():
    objective = expected_surrogate(ratio, VALUES["a baseline"])
    torch.testing.assert_close(grad(objective)(THETA), grad(expected_return)(THETA))
    off = (jacrev(grad(objective))(THETA) - jacrev(grad(expected_return))(THETA)).abs()
    assert off[1, :, 1, :].max() < 1e-9, "only the last step is ever in state 1"
    assert off[0].max() > 1e-3, "terms between the two steps are missing"


@pytest.mark.parametrize("kind", [ratio, dice])
@pytest.mark.parametrize("moved", [0.0, 0.3])
def test_derivative_at_fixed_trajectories_against_finite_differences(kind, moved):
    """At the policy that sampled and away from it: the likelihood ratio knows the difference."""
    torch.manual_seed(0)
    policy = GaussianPolicy(2, 2, (5, 4))
    theta = {k: v.double() + 0.1 for k, v in policy.init().items()}
    observations = torch.randn(6, 7, 2, dtype=torch.float64)
    actions = torch.randn(6, 7, 2, dtype=torch.float64)
    advantages = torch.randn(6, 7, dtype=torch.float64)
    alive = (torch.arange(7) < torch.tensor([7, 7, 3, 5, 7, 1])[:, None]).double()
    sampled = policy.log_prob(theta, observations, actions, {})
    theta = {k: v + moved * torch.randn_like(v) for k, v in theta.items()}

    def objective(theta):
        log_prob = policy.log_prob(theta, observations, actions, {})
        return kind(log_prob, sampled, advantages, alive).sum()

    gradient = grad(objective)(theta)
    for name, weight in theta.items():
        direction = torch.randn_like(weight)
        ends = [objective(theta | {name: weight + h * direction}) for h in (1e-5, -1e-5)]
        slope = (ends[0] - ends[1]) / 2e-5
        assert slope == pytest.approx(float((gradient[name] * direction).sum()), rel=1e-5)


def test_steps_after_the_end_do_not_count():
    log_prob = torch.randn(1, 4, dtype=torch.float64)
    advantages, alive = torch.ones(1, 4), torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    for kind in (ratio, dice):
        slope = grad(lambda lp, kind=kind: kind(lp, log_prob, advantages, alive).sum())(log_prob)
        assert slope.tolist() == [[1, 1, 0, 0]]


def test_discounting_and_gae_by_hand():
    rewards = torch.tensor([1.0, 2.0, 4.0])
    assert discounted(rewards, 0.5).tolist() == [3.0, 4.0, 4.0]
    values, alive = torch.tensor([1.0, 1.0, 1.0]), torch.ones(3)
    # surprises 1 + .5 - 1, 2 + .5 - 1, 4 - 1, summed with 0.5 * 0.5
    found = generalised(rewards, values, alive, 0.5, 0.5)
    assert found.tolist() == [0.5 + 0.25 * (1.5 + 0.25 * 3), 1.5 + 0.25 * 3, 3.0]
    early = generalised(rewards, values, torch.tensor([1.0, 1.0, 0.0]), 0.5, 0.5)
    assert early.tolist() == [0.5 + 0.25 * 1.0, 1.0, 0.0]


def test_with_lambda_one_gae_is_return_minus_value():
    torch.manual_seed(0)
    rewards, values = torch.randn(2, 3, 9), torch.randn(2, 3, 9)
    found = generalised(rewards, values, torch.ones(2, 3, 9), 0.9, 1.0)
    torch.testing.assert_close(found, discounted(rewards, 0.9) - values)


def test_a_spread_at_its_least_has_no_divergence_from_itself():
    mean, tiny = torch.zeros(2), torch.tensor([-20.0, -30.0])
    assert divergence(mean, tiny, mean, 2 * tiny).item() == pytest.approx(0, abs=1e-6)


def test_the_baseline_finds_what_is_linear_in_its_features():
    torch.manual_seed(0)
    observations = torch.randn(3, 10, 20, 2)
    weights = torch.randn(3, 8)
    returns = torch.einsum("bnhf,bf->bnh", features(observations), weights)
    alive = (torch.rand(3, 10, 1) * 30 > torch.arange(20)).float()
    found = baseline(observations, returns, alive)
    torch.testing.assert_close(found, returns * alive, atol=1e-2, rtol=1e-2)


def test_the_features_by_hand():
    found = features(torch.tensor([[[3.0, -2.0], [1.0, 0.0], [0.5, 4.0]]]))
    t = 0.02
    expected = torch.tensor([0.5, 4.0, 0.25, 16.0, t, t**2, t**3, 1.0])
    torch.testing.assert_close(found[0, 2], expected)


def test_normalised_advantages_have_mean_zero_and_variance_one_for_each_task():
    alive = (torch.arange(6) < torch.tensor([6, 4])[:, None]).float().expand(3, 2, 6)
    found = normalised(5 + 3 * torch.randn(3, 2, 6), alive)
    for task in found:
        kept = task[alive[0] > 0]
        assert abs(kept.mean()) < 1e-5 and abs(kept.square().mean() - 1) < 1e-4
        assert (task[alive[0] == 0] == 0).all()


def test_density_and_divergence_agree_with_torch():
    from torch.distributions import Independent, Normal, kl_divergence

    mean, log_std, x = torch.randn(5, 2), torch.tensor([0.3, -1.0]), torch.randn(5, 2)
    new_mean, new_log_std = torch.randn(5, 2), torch.tensor([0.1, 0.4])
    old = Independent(Normal(mean, log_std.exp()), 1)
    new = Independent(Normal(new_mean, new_log_std.exp()), 1)
    torch.testing.assert_close(log_density(x, mean, log_std), old.log_prob(x))
    found = divergence(mean, log_std, new_mean, new_log_std)
    torch.testing.assert_close(found, kl_divergence(old, new))


def test_a_batch_of_tasks_equals_task_by_task():
    policy = GaussianPolicy(2, 2, (5, 4))
    theta = policy.init()
    own = {k: v + 0.1 * torch.randn(3, *v.shape) for k, v in theta.items()}
    tau = {0: torch.randn(3, 2, 5), 1: torch.randn(3, 2, 4)}
    observations = torch.randn(3, 7, 2)
    together = policy.means(own, observations, tau)
    for i in range(3):
        alone = policy.mean(
            {k: v[i] for k, v in own.items()}, observations[i], {b: t[i] for b, t in tau.items()}
        )
        torch.testing.assert_close(together[i], alone, atol=1e-5, rtol=1e-5)
