"""The meta-RL learner and its outer step, on episodes of a few steps."""

import math

import pytest
import torch
from torch.func import grad

from mmaml_lite.core.domain import TrainingDiverged, build
from mmaml_lite.rl import Navigation, NavigationVector
from mmaml_lite.rl import outer as module
from mmaml_lite.rl.advantages import baseline, discounted, generalised, normalised
from mmaml_lite.rl.collect import MetaBatch, collect
from mmaml_lite.rl.learner import PolicyLearner
from mmaml_lite.rl.outer import adapted, conjugate_gradient, evaluated, mean_kl, trpo_step
from mmaml_lite.rl.policy import log_density
from mmaml_lite.rl.sampling import per_task, rollout
from mmaml_lite.rl.settings import NavigationSettings

SMALL = {"hidden": (8, 8), "encoder_hidden": 6, "tasks": 4, "trajectories": 5, "horizon": 6}


def sampled(settings, seed=0):
    """A learner and the meta-batch of one outer step."""
    learner, generator = build(settings), torch.Generator().manual_seed(seed)
    goals, _ = settings.world().goals(settings.tasks, generator)
    return learner, collect(
        learner, goals, settings.steps, generator, trajectories=settings.trajectories
    ).batch


def test_a_rollout_is_the_environments_own_story():
    settings = NavigationSettings(**SMALL)
    _, batch = sampled(settings)
    seen = batch.stages[0]
    assert seen.observations.shape == (4, 5, 6, 2) and seen.rewards.shape == (4, 5, 6)
    assert (seen.observations[:, :, 0] == 0).all() and (seen.alive == 1).all()
    moved = seen.observations[:, :, 1:] - seen.observations[:, :, :-1]
    sent = settings.action_scale * seen.actions[:, :, :-1]
    torch.testing.assert_close(moved, sent.clamp(-0.1, 0.1))
    torch.testing.assert_close(seen.returns(), seen.rewards.sum(-1))


def test_an_ended_episode_is_over():
    settings = Navigation(horizon=8, ends_within=5.0)  # every first step reaches the goal
    env, policy = NavigationVector(6, settings), PolicyLearner(NavigationSettings(**SMALL)).policy
    theta = per_task(policy.init(), 2)
    seen = rollout(policy, theta, {}, torch.zeros(2, 2), env, torch.Generator().manual_seed(0))
    assert seen.alive[..., 0].all() and (seen.alive[..., 1:] == 0).all()
    assert (seen.rewards[..., 1:] == 0).all()


def test_environments_that_do_not_divide_are_refused():
    env, policy = NavigationVector(5), PolicyLearner(NavigationSettings(**SMALL)).policy
    generator = torch.Generator().manual_seed(0)
    with pytest.raises(ValueError, match="5 environments cannot serve 2 tasks"):
        rollout(policy, per_task(policy.init(), 2), {}, torch.zeros(2, 2), env, generator)


def test_a_policy_that_diverged_is_named():
    env, policy = NavigationVector(2), PolicyLearner(NavigationSettings(**SMALL)).policy
    theta = policy.init() | {"bias2": torch.tensor([float("nan"), 0.0])}
    with pytest.raises(ValueError, match="did the policy diverge"):
        rollout(policy, per_task(theta, 2), {}, torch.zeros(2, 2), env, torch.Generator())


def test_the_same_seed_gives_the_same_trajectories():
    first, again = sampled(NavigationSettings(**SMALL))[1], sampled(NavigationSettings(**SMALL))[1]
    for a, b in zip(first.stages, again.stages, strict=True):
        assert torch.equal(a.actions, b.actions) and torch.equal(a.rewards, b.rewards)


@pytest.mark.parametrize("modulation", [None, "film", "scale", "sigmoid", "softmax"])
@pytest.mark.parametrize("ends_within", [None, 0.5])
def test_adapting_follows_the_gradient_of_every_task_alone(modulation, ends_within):
    settings = NavigationSettings(**SMALL, modulation=modulation, ends_within=ends_within)
    learner, batch = sampled(settings)
    theta, tau = adapted(learner, batch)
    seen, advantages = batch.stages[0], learner.advantages(batch.stages[0])
    assert (seen.alive.min() == 0) == (ends_within is not None), "some episodes have ended"
    start = {k: v.detach() for k, v in learner.theta.items()}
    for i in range(settings.tasks):
        own = {b: t[i].detach() for b, t in tau.items()}

        def loss(theta, i=i, own=own):
            args = (seen.observations[i], seen.actions[i], own)
            log_prob = learner.policy.log_prob(theta, *args)
            factor = (log_prob - log_prob.detach()).exp()
            return -(factor * advantages[i] * seen.alive[i]).sum() / seen.alive[i].sum()

        for name, slope in grad(loss)(start).items():
            expected = start[name] - settings.step_size * slope
            torch.testing.assert_close(theta[name][i], expected, atol=1e-5, rtol=1e-4)


def test_the_meta_gradient_against_finite_differences():
    """Through embedding, modulation and the inner step, at fixed trajectories."""
    learner, batch = sampled(NavigationSettings(**SMALL))
    learner = learner.double()
    batch = MetaBatch(
        *(
            type(part)(*(t.double() for t in part))
            if hasattr(part, "alive")
            else [type(p)(*(t.double() for t in p)) for p in part]
            for part in batch
        )
    )
    old = module.Adapted(*(p.detach() for p in evaluated(learner, batch)))
    advantages = learner.advantages(batch.stages[-1])

    def value():
        last = batch.stages[-1]
        return module.gain(evaluated(learner, batch), old, advantages, last.alive)

    slopes = torch.autograd.grad(value(), list(learner.parameters()))
    torch.manual_seed(1)
    for parameter, slope in zip(learner.parameters(), slopes, strict=True):
        direction = torch.randn_like(parameter)
        ends = []
        for h in (1e-5, -2e-5, 1e-5):  # there, to the other side, and back
            parameter.data += h * direction
            ends.append(value().item())
        expected = (slope * direction).sum().item()
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(expected, rel=2e-4, abs=1e-8)


def test_conjugate_gradient_solves():
    torch.manual_seed(0)
    root = torch.randn(9, 9, dtype=torch.float64)
    A, b = root @ root.T + torch.eye(9), torch.randn(9, dtype=torch.float64)
    torch.testing.assert_close(conjugate_gradient(A.mv, b, 40), torch.linalg.solve(A, b))


@pytest.mark.parametrize("modulation", [None, "film"])
@pytest.mark.parametrize("max_kl", [1e-4, 0.01, 0.5])
def test_trpo_steps_up_and_never_beyond_its_kl(modulation, max_kl):
    settings = NavigationSettings(**SMALL, modulation=modulation, max_kl=max_kl)
    for seed in range(3):
        learner, batch = sampled(settings, seed)
        old = module.Adapted(*(p.detach() for p in evaluated(learner, batch)))
        before = [p.detach().clone() for p in learner.parameters()]
        told = trpo_step(learner, batch)
        kl = mean_kl(evaluated(learner, batch), old, batch.stages[-1].alive).item()
        assert kl <= max_kl and told["kl"] == pytest.approx(kl, abs=1e-6)
        same = all(torch.equal(a, b) for a, b in zip(before, learner.parameters(), strict=True))
        assert told["share"] > 0 and not same and told["gain"] > 0, "a step was found"


def test_a_step_that_goes_too_far_at_any_length_is_not_taken(monkeypatch):
    learner, batch = sampled(NavigationSettings(**SMALL))
    before = [p.detach().clone() for p in learner.parameters()]
    monkeypatch.setattr(module, "mean_kl", lambda new, old, alive: new.mean.square().sum() + 1e6)
    assert trpo_step(learner, batch)["share"] == 0
    for a, b in zip(before, learner.parameters(), strict=True):
        assert torch.equal(a, b)


def test_ppo_raises_its_objective():
    learner, batch = sampled(NavigationSettings(**SMALL, outer="ppo"))
    told = module.ppo_steps(learner, batch, torch.optim.Adam(learner.parameters(), 1e-3))
    assert told["gain"] > 0


def test_ppos_gain_is_cut_where_the_policy_has_moved_far_enough():
    """Ratios 1.5 and 0.5, each with a good and a bad action: only what pays is cut, by hand."""
    ratio = torch.tensor([[[1.5, 1.5, 0.5, 0.5, 9.0]]])
    advantages = torch.tensor([[[1.0, -1.0, 1.0, -1.0, 1.0]]])
    alive = torch.tensor([[[1.0, 1.0, 1.0, 1.0, 0.0]]])
    new = module.Adapted(ratio.log().requires_grad_(True), None, None)
    old = module.Adapted(torch.zeros_like(ratio), None, None)
    found = module.clipped_gain(new, old, advantages, alive, 0.2)
    assert found.item() == pytest.approx((1.2 - 1.5 + 0.5 - 0.8) / 4)
    (slope,) = torch.autograd.grad(found, new.log_prob)
    torch.testing.assert_close(slope, torch.tensor([[[0.0, -1.5, 0.5, 0.0, 0.0]]]) / 4)
    loose = module.clipped_gain(new, old, advantages, alive, 0.9)
    torch.testing.assert_close(loose, module.gain(new, old, advantages, alive))


@pytest.mark.parametrize(("target_kl", "passes"), [(1e-9, 1), (1e9, 4)])
def test_ppos_passes_end_when_the_policies_have_moved_far(target_kl, passes):
    learner, batch = sampled(NavigationSettings(**SMALL, epochs=4, target_kl=target_kl))
    told = module.ppo_steps(learner, batch, torch.optim.Adam(learner.parameters(), 1e-3))
    assert told["share"] == passes / 4 and told["kl"] > 1e-9


def test_ppos_step_follows_a_gradient_of_bounded_norm():
    learner, batch = sampled(NavigationSettings(**SMALL, epochs=1, outer_clip=1e-3))
    before = [p.detach().clone() for p in learner.parameters()]
    module.ppo_steps(learner, batch, torch.optim.SGD(learner.parameters(), 1.0))
    moved = [(a - b).norm() for a, b in zip(before, learner.parameters(), strict=True)]
    assert torch.stack(moved).norm().item() == pytest.approx(1e-3, rel=1e-2)


def test_the_mean_kl_is_from_old_to_new_over_the_steps_that_were_taken():
    mean, wide, narrow = torch.zeros(1, 1, 2, 1), torch.zeros(1, 1, 1, 1), torch.full((1,) * 4, -1)
    old = module.Adapted(None, mean, wide)
    new = module.Adapted(None, mean + torch.tensor([[1.0], [5.0]]), narrow)
    found = mean_kl(new, old, torch.tensor([[[1.0, 0.0]]]))  # the second step was after the end
    pair = [torch.distributions.Normal(m, s) for m, s in ((0.0, 1.0), (1.0, math.exp(-1)))]
    assert found.item() == pytest.approx(torch.distributions.kl_divergence(*pair).item())


def test_every_step_is_taken_on_the_walks_of_the_policy_before_it():
    """What `collect` does while it samples is what `adapted` repeats with gradients."""
    settings = NavigationSettings(**SMALL, steps=3, step_size=0.5, later_steps=1.0)
    learner, generator = build(settings), torch.Generator().manual_seed(0)
    goals, _ = settings.world().goals(settings.tasks, generator)
    way = collect(learner, goals, 3, generator)
    theta, tau = adapted(learner, way.batch)
    assert len(way.thetas) == len(way.batch.stages) == 4
    for name, weights in way.thetas[-1].items():
        torch.testing.assert_close(weights, theta[name], atol=1e-5, rtol=1e-4)
    for block, vector in way.tau.items():
        torch.testing.assert_close(vector, tau[block])
    for theta, seen in zip(way.thetas, way.batch.stages, strict=True):
        mean = learner.policy.means(theta, seen.observations.flatten(1, 2), way.tau)
        log_std = theta["log_std"][:, None, None]
        found = log_density(seen.actions, mean.view(seen.actions.shape), log_std)
        torch.testing.assert_close(found, seen.log_probs, atol=1e-4, rtol=1e-4)


def test_advantages_are_made_with_the_settings_discount_and_trace():
    learner, batch = sampled(NavigationSettings(**SMALL, discount=0.5, trace=0.3, ends_within=0.5))
    seen = batch.stages[0]
    values = baseline(seen.observations, discounted(seen.rewards, 0.5), seen.alive)
    expected = normalised(generalised(seen.rewards, values, seen.alive, 0.5, 0.3), seen.alive)
    torch.testing.assert_close(learner.advantages(seen), expected)


def test_the_encoder_reads_what_its_scales_make_of_a_walk():
    learner, batch = sampled(NavigationSettings(**SMALL, encoder_scales=(2.0, 3.0, 0.5)))
    plain = with_settings(learner, NavigationSettings(**SMALL, encoder_scales=(1.0, 1.0, 0.0)))
    seen = batch.explore
    scaled = seen._replace(observations=2 * seen.observations, rewards=3 * (seen.rewards + 0.5))
    torch.testing.assert_close(learner.embed(seen), plain.embed(scaled))


def test_later_steps_are_shorter_by_their_factor():
    learner, batch = sampled(NavigationSettings(**SMALL, later_steps=0.25))
    theta, seen = per_task(dict(learner.theta), 4), batch.stages[0]
    tau = learner.modulate(learner.embed(batch.explore))
    moves = [learner.step(theta, tau, seen, step)["weight1"] - theta["weight1"] for step in (0, 3)]
    assert moves[0].abs().max() > 1e-5
    torch.testing.assert_close(moves[1], 0.25 * moves[0], atol=1e-6, rtol=1e-2)


def test_ppo_stops_before_it_writes_nan():
    learner, batch = sampled(NavigationSettings(**SMALL, outer="ppo"))
    batch.stages[0].actions[0, 0, 0] = float("nan")
    before = [p.detach().clone() for p in learner.parameters()]
    with pytest.raises(TrainingDiverged, match="smaller learning_rate"):
        module.ppo_steps(learner, batch, torch.optim.Adam(learner.parameters(), 1e-3))
    for a, b in zip(before, learner.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_follow_up_papers_forms():
    settings = NavigationSettings(
        **SMALL, modulation="scale", explore=5, first_step_plain=True, steps=2, step_size=0.5
    )
    learner, batch = sampled(settings)
    assert batch.explore.rewards.shape[1] == 5 and len(batch.stages) == 3
    assert batch.stages[0] is batch.explore, "the first step is on what the encoder read"
    plain, tau = adapted(learner, batch)
    theta = per_task(dict(learner.theta), settings.tasks)
    first = learner.step(theta, {}, batch.explore, 1)["weight0"] - theta["weight0"]
    found = learner.step(theta, tau, batch.explore, 0)["weight0"] - theta["weight0"]
    torch.testing.assert_close(found * settings.later_steps, first, atol=1e-6, rtol=1e-3)
    all_modulated = with_settings(learner, settings.replace(first_step_plain=False))
    modulated, _ = adapted(all_modulated, batch)
    assert (plain["weight0"] - modulated["weight0"]).abs().max() > 1e-5


def with_settings(learner, settings):
    """The same weights under other settings."""
    other = PolicyLearner(settings)
    other.load_state_dict(learner.state_dict())
    return other


@pytest.mark.parametrize("both_ways", [False, True])
def test_the_encoder_ignores_order_and_what_comes_after_the_end(both_ways):
    learner, batch = sampled(NavigationSettings(**SMALL, explore=3, encoder_both_ways=both_ways))
    seen = batch.explore
    turned = type(seen)(*(part.flip(1) for part in seen))
    torch.testing.assert_close(learner.embed(seen), learner.embed(turned))
    alive = seen.alive.clone()
    alive[..., 3:] = 0
    cut = seen._replace(alive=alive)
    junk = cut._replace(rewards=torch.where(alive > 0, seen.rewards, 99.0))
    torch.testing.assert_close(learner.embed(cut), learner.embed(junk))


def test_reading_both_ways_is_reading_a_walk_and_the_walk_turned_round():
    learner, batch = sampled(NavigationSettings(**SMALL, encoder_both_ways=True))
    encoder, seen = learner.encoder, batch.explore
    seen.alive[1, :, 4:] = 0  # it ends after four steps: what is turned round are these
    backwards = type(seen)(*(part.flip(2) for part in seen))
    backwards.observations[1, :, :4] = seen.observations[1, :, :4].flip(1)
    backwards.actions[1, :, :4] = seen.actions[1, :, :4].flip(1)
    backwards.rewards[1, :, :4] = seen.rewards[1, :, :4].flip(1)
    backwards.alive[1] = seen.alive[1]
    there = encoder(seen)
    encoder.gru, encoder.back = encoder.back, encoder.gru
    first = encoder.each[0].weight
    with torch.no_grad():
        first.copy_(torch.cat(first.chunk(2, dim=1)[::-1], dim=1))
    torch.testing.assert_close(encoder(backwards), there)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tasks": 1}, "cannot hold 2 modes"),
        ({"hidden": ()}, "hidden must be whole numbers from 1, at least one"),
        ({"first_step_plain": True, "explore": 3}, "needs a modulation and explore = trajectories"),
    ],
)
def test_wrong_settings_are_refused(changes, says):
    with pytest.raises(ValueError, match=says):
        NavigationSettings(**changes)
