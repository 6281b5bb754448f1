"""Methods as configurations: recipes, settings, oracles, and a method of one's own."""

import pytest
import torch

from mmaml_lite.core import algorithm
from mmaml_lite.core.domain import build
from mmaml_lite.core.training import train
from mmaml_lite.core.zoo import zoo_settings
from mmaml_lite.regression import lowrank
from mmaml_lite.regression.domain import (
    METHODS,
    mixture_of,
    query_loss,
    register_method,
    settings_for,
)
from mmaml_lite.regression.learner import PerMode
from mmaml_lite.regression.recipes import RECIPES, families_of
from mmaml_lite.regression.settings import RegressionSettings

TWO = ("sinusoid", "linear")


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_under_every_recipe(method, recipe):
    """One real outer step each; stages and shapes are what tables and figures expect."""
    settings = settings_for(method, TWO, recipe, iterations=1, tasks_per_mode=2)
    run = train(settings, device="cpu")
    assert run.finished
    tasks = mixture_of(settings).sample(4, torch.Generator().manual_seed(0))
    y = run.learner(tasks.support, tasks.query.x, tasks.mode)
    assert y.shape == (settings.steps + 1, 4, settings.queries, 1) and torch.isfinite(y).all()


def test_paper_recipe_follows_the_released_code():
    film2 = settings_for("mumomaml-film", families_of("2-modes"))
    film3 = settings_for("mumomaml-film", families_of("3-modes"))
    maml = settings_for("maml", families_of("2-modes"))
    multi = settings_for("multi-maml", families_of("2-modes"))
    assert (film2.blocks, film3.blocks) == ((0,), None)
    assert (film2.inner_clip, maml.inner_clip) == (10.0, None)
    assert (film2.context, maml.context, multi.context) == (0, 20, 20)
    assert (maml.adapt_context, multi.adapt_context, multi.context_std) == (True, False, 1.0)
    for s in (film2, maml, multi):
        assert (s.step_size, s.steps, s.learning_rate, s.outer_clip) == (0.001, 5, 0.001, 2.0)
        assert (s.tasks_per_mode, s.iterations, s.init, s.first_order) == (
            25,
            70_000,
            "small",
            False,
        )
    count = sum(p.numel() for p in build(film3).parameters())
    assert count == 20_501 + 53_120 + 3 * (80 * 200 + 200)


def test_modulated_blocks_are_those_of_the_recipe():
    tasks = mixture_of(settings_for("maml", TWO)).sample(2, torch.Generator().manual_seed(0))
    for setting, blocks in [("2-modes", {0}), ("3-modes", {0, 1, 2})]:
        learner = build(settings_for("mumomaml-sigmoid", families_of(setting)))
        tau = learner.modulate(learner.embed(tasks.support))
        assert set(tau) == blocks and tau[0].shape == (2, 1, 100)


def test_oracles_route_by_the_true_mode():
    """Each task is answered by its own mode's learner, whatever the order of the tasks."""
    settings = settings_for("multi-maml", TWO)
    oracle = build(settings)
    assert isinstance(oracle, PerMode)
    tasks = mixture_of(settings).sample(6, torch.Generator().manual_seed(0))
    shuffled = tasks[torch.tensor([5, 0, 3, 2, 4, 1])]
    y = oracle(shuffled.support, shuffled.query.x, shuffled.mode)
    for i in range(6):
        one = shuffled[i : i + 1]
        alone = oracle.learners[one.mode.item()](one.support, one.query.x)
        torch.testing.assert_close(y[:, i : i + 1], alone)
    with pytest.raises(ValueError, match="needs the true mode"):
        oracle(tasks.support, tasks.query.x)
    with pytest.raises(ValueError, match="index below 2"):
        oracle(tasks.support, tasks.query.x, tasks.mode + 1)
    lines = tasks[tasks.mode == 1]  # a batch may lack a mode
    assert oracle(lines.support, lines.query.x, lines.mode).shape == (6, 3, 5, 1)


def test_modulation_can_be_replaced_and_turned_off():
    """tau given from outside is used as it is: this is what the microscope turns."""
    learner = build(settings_for("mumomaml-film", families_of("3-modes"), init="scaled"))
    tasks = mixture_of(learner.settings).sample(6, torch.Generator().manual_seed(0))
    tau = learner.modulate(learner.embed(tasks.support))
    as_is = learner(tasks.support, tasks.query.x)
    torch.testing.assert_close(learner(tasks.support, tasks.query.x, tau=tau), as_is)
    mean = {i: t.mean(0, keepdim=True).expand_as(t) for i, t in tau.items()}
    for other in ({}, mean):
        assert not torch.allclose(learner(tasks.support, tasks.query.x, tau=other), as_is)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_lstm_learner_may_be_shown_with_steps(recipe):
    """Trained without gradient steps, it takes those it is asked for at the recipe's step size."""
    learner = build(settings_for("lstm-learner", TWO, recipe))
    tasks = mixture_of(learner.settings).sample(2, torch.Generator().manual_seed(0))
    assert learner(tasks.support, tasks.query.x).shape[0] == 1
    assert learner(tasks.support, tasks.query.x, steps=5).shape[0] == 6


def test_learned_step_sizes_are_positive_per_step_and_layer_and_repeat():
    learner = build(settings_for("tuned-maml", TWO))
    alpha = learner.step_sizes(8)
    assert len(alpha) == 8 and alpha[7]["weight3"] is not None
    assert alpha[4]["weight1"].item() == alpha[7]["weight1"].item() == pytest.approx(0.001)
    assert len(learner.log_step_sizes) == 4 and learner.log_step_sizes["layer0"].shape == (5,)
    with pytest.raises(ValueError, match="at least 0"):
        learner.step_sizes(-1)


def test_the_pretrained_network_trains_without_looking_ahead():
    """Zero steps in training, the recipe's in test: the loss is that of the unadapted network."""
    settings = settings_for("pretrained", TWO, step_size=0.01)
    assert (settings.train_steps, settings.steps, settings.adapt_context) == (0, 5, True)
    learner = build(settings)
    tasks = mixture_of(settings).sample(6, torch.Generator().manual_seed(0))
    stages = learner(tasks.support, tasks.query.x)
    assert len(stages) == 6 and not torch.allclose(stages[0], stages[-1])
    loss = query_loss(learner, tasks)
    torch.testing.assert_close(loss, (stages[0] - tasks.query.y).square().mean())
    as_maml = build(settings.replace(train_steps=None))
    assert not torch.isclose(query_loss(as_maml, tasks), loss)


def test_a_pretrained_network_learns_nothing_through_its_step_sizes():
    """Its meta-gradient does not know alpha: that is what tells it from MAML."""
    gradients = []
    for alpha in (0.001, 0.1):
        settings = settings_for("pretrained", TWO, step_size=alpha)
        tasks = mixture_of(settings).sample(6, torch.Generator().manual_seed(0))
        learner = build(settings)
        query_loss(learner, tasks).backward()
        gradients.append(learner.theta["weight1"].grad)
    assert torch.equal(*gradients)


@pytest.mark.parametrize("method", ["maml", "tuned-maml", "multi-maml", "mumomaml-film"])
def test_a_factor_multiplies_every_inner_step_size(method):
    """As if the step size itself were another one; stage 0 takes no step and stays."""
    settings = settings_for(method, TWO, init="scaled", inner_clip=None)
    tasks = mixture_of(settings).sample(4, torch.Generator().manual_seed(0))
    given = (tasks.support, tasks.query.x, tasks.mode)
    learner, bolder = build(settings), build(settings.replace(step_size=0.003))
    y = learner(*given, factor=3.0)
    torch.testing.assert_close(y, bolder(*given), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(y[0], learner(*given)[0])
    torch.testing.assert_close(learner(*given, factor=0.0), y[:1].expand_as(y))


def test_same_seed_same_weights_and_the_global_generator_is_left_alone():
    settings = settings_for("mumomaml-film", TWO)
    before = torch.random.get_rng_state()
    a, b, c = build(settings), build(settings), build(settings.replace(seed=1))
    assert torch.equal(before, torch.random.get_rng_state())
    for (name, p), q, r in zip(a.named_parameters(), b.parameters(), c.parameters(), strict=True):
        assert torch.equal(p, q)
        assert "bias" in name or not torch.equal(p, r)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"shot": 5}, "unknown setting 'shot': known are method, recipe"),
        ({"blocks": (3,)}, "blocks must lie in 0..2"),
    ],
)
def test_bad_settings_say_what_was_expected(changes, message):
    with pytest.raises(ValueError, match=message):
        settings_for("mumomaml-film", TWO).replace(**changes)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match="unknown method 'protonet': known are pretrained, maml"):
        METHODS["protonet"]
    with pytest.raises(ValueError, match="unknown recipe 'theirs': known are paper, exact, ours"):
        settings_for("maml", TWO, "theirs")
    with pytest.raises(ValueError, match="unknown family 'sine'"):
        mixture_of(settings_for("maml", ("sine",)))
    with pytest.raises(ValueError, match="encoder must be one of lstm, set, got 'gru'"):
        build(settings_for("mumomaml-film", TWO, encoder="gru"))
    for setting in ("6-modes", "0-modes", ""):
        with pytest.raises(ValueError, match="1-mode to 5-modes"):
            families_of(setting)


def test_a_bad_method_is_refused_when_it_is_registered():
    with pytest.raises(ValueError, match="taken"):
        register_method("maml", label="MAML")
    with pytest.raises(ValueError, match="unknown setting 'modulaton'"):
        register_method("mine", label="Mine", modulaton="film")
    assert "mine" not in METHODS


def test_settings_are_plain_values_and_come_back_equal():
    settings = settings_for("mumomaml-film", TWO, blocks=[0, 1], noise=1)
    assert settings.blocks == (0, 1) and settings.noise == 1.0
    assert RegressionSettings(**settings.to_dict()) == settings


def test_the_exact_recipe_is_the_papers_in_the_zoo_too():
    name = "regression/2-modes/mumomaml-film"
    asked = settings_for("mumomaml-film", TWO)
    exact = zoo_settings(name, "exact")
    assert exact == asked.replace(recipe="exact") and exact.inner_clip == 10
    here = zoo_settings(name)
    assert here.inner_clip is None and here.inner_clip_norm  # for the fast engine
    assert build(exact).engine is algorithm and build(here).engine is lowrank


def test_ours_keeps_mamls_bias_transformation():
    context = {m: settings_for(m, TWO, "ours").context for m in ("tuned-maml", "mumomaml-film")}
    assert context == {"tuned-maml": 20, "mumomaml-film": 0}


def test_ours_reads_before_it_steps():
    """Modulation first where there is an encoder and an inner loop; MAML has nothing to read."""
    share = {m: settings_for(m, TWO, "ours").modulation_first for m in METHODS}
    modulated = {"mumomaml-film", "mumomaml-sigmoid", "mumomaml-softmax", "multi-mumomaml"}
    assert {m for m in share if share[m] > 0} == modulated | {"mumomaml-small"}


def test_the_small_encoder_has_at_most_55000_parameters():
    learner = build(settings_for("mumomaml-small", TWO, "ours"))
    omega = [*learner.encoder.parameters(), *learner.heads.parameters()]
    assert sum(p.numel() for p in omega) <= 55_000
