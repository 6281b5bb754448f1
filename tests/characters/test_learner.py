"""Embed, modulate, adapt on characters: against plain loops, by hand, and one query at a time."""

import ast
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

import mmaml_lite.characters
from mmaml_lite.characters.convnet import NORMALISATIONS, ConvNet, moments
from mmaml_lite.characters.domain import METHODS, named
from mmaml_lite.characters.encoder import ENDS, ImageSetEncoder, OverTasks, class_means
from mmaml_lite.characters.sources import Invented
from mmaml_lite.characters.tasks import Images, sample
from mmaml_lite.core.domain import build

SMALL = {"filters": 6, "encoder_filters": 5, "encoder_size": 7, "tasks": 3}
ALL = list(METHODS)


def learner(method="mumomaml-film", setting="strokes-5way-1shot", **changes):
    return build(named(setting, method, **(SMALL | changes)))


@pytest.fixture
def batch():
    return sample([Invented()], 3, 5, 2, 3, torch.Generator().manual_seed(0))


def loop(model, support, x, steps):
    """Predictions of one task after each step, by torch.autograd and the network alone."""
    s, net = model.settings, model.network
    tau = {i: t[0] for i, t in model.modulate(model.embed(support)).items()}
    theta, stages = dict(model.theta), []
    x_support, y_support, known = support.x[0], support.y[0], len(support.y[0])
    for step in range(steps + 1):
        both = net.features(theta, torch.cat([x_support, x[0]]), tau, known)
        stages.append(net.output(theta, both[known:]))
        if step == steps:
            return torch.stack(stages)
        loss = F.cross_entropy(net.output(theta, net.features(theta, x_support, tau)), y_support)
        names = [n for n in theta if n != "share"]
        grads = torch.autograd.grad(loss, [theta[n] for n in names], create_graph=True)
        if s.first_order:
            grads = [g.detach() for g in grads]
        theta = theta | {n: theta[n] - s.step_size * g for n, g in zip(names, grads, strict=True)}


@pytest.mark.parametrize("normalisation", ["support", "blend"])
@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("method", ["maml", "mumomaml-film"])
def test_batched_tasks_equal_a_loop_with_plain_autograd(batch, method, first_order, normalisation):
    """Predictions of every stage, and the outer gradients through two inner steps, in float64."""
    model = learner(method, first_order=first_order, normalisation=normalisation).double()
    support, x = Images(batch.support.x.double(), batch.support.y), batch.query.x.double()
    ours = model(support, x, steps=2)
    assert ours.shape == (3, 3, 15, 5)
    theirs = torch.stack(
        [
            loop(model, Images(support.x[t : t + 1], support.y[t : t + 1]), x[t : t + 1], 2)
            for t in range(3)
        ],
        1,
    )
    assert torch.allclose(ours, theirs, atol=1e-10)
    parameters = list(model.parameters())
    a, b = (
        torch.autograd.grad(
            F.cross_entropy(y[-1].flatten(0, 1), batch.query.y.flatten()), parameters
        )
        for y in (ours, theirs)
    )
    for mine, other in zip(a, b, strict=True):
        assert torch.allclose(mine, other, atol=1e-9)
    assert all(g.abs().sum() > 0 for g in a)


def test_pieces_of_a_batch_hold_all_of_it(batch):
    model = learner()
    parts = list(batch.pieces(images=50))  # 25 a task: two tasks, then one
    assert [len(part) for part in parts] == [2, 1] and len(list(batch.pieces(1))) == 3
    whole = model(batch.support, batch.query.x)
    joined = torch.cat([model(part.support, part.query.x) for part in parts], 1)
    assert torch.allclose(whole, joined, atol=1e-5)


def test_first_order_is_another_gradient(batch):
    grads = []
    for first_order in (False, True):
        model = learner("maml", first_order=first_order)
        logits = model(batch.support, batch.query.x, steps=1, only_last=True)[-1]
        F.cross_entropy(logits.flatten(0, 1), batch.query.y.flatten()).backward()
        grads.append(model.theta["weight0"].grad)
    assert not torch.allclose(*grads)


@pytest.mark.parametrize("normalisation", ["support", "blend"])
@pytest.mark.parametrize("method", ALL)
def test_a_querys_answer_does_not_depend_on_the_others(batch, method, normalisation):
    model = learner(method, normalisation=normalisation).double().eval()
    support, x = Images(batch.support.x.double(), batch.support.y), batch.query.x.double()
    together = model(support, x)
    alone = model(support, x[:, 4:5])
    assert torch.allclose(together[:, :, 4:5], alone, atol=1e-10)
    changed = torch.cat([x[:, :5], 1 - x[:, 5:]], 1)
    assert torch.allclose(together[:, :, :5], model(support, changed)[:, :, :5], atol=1e-10)


def test_how_the_encoder_ends(batch):
    """With a ReLU, a LayerNorm, or statistics over tasks: all start from the same weights."""
    models = {end: learner(encoder_end=end) for end in ENDS}
    assert learner().settings.encoder_end == "relu" == next(iter(ENDS))
    for model in models.values():
        for name, weight in models["relu"].named_parameters():
            assert torch.equal(weight, dict(model.named_parameters())[name])
    raw = models["tasks"].eval().embed(batch.support) * (1 + 1e-5) ** 0.5  # of mean 0, variance 1
    torch.testing.assert_close(models["relu"].embed(batch.support), raw.relu())
    torch.testing.assert_close(models["norm"].embed(batch.support), F.layer_norm(raw, (7,)))


def test_statistics_over_tasks_follow_training_alone():
    """The mean of what was seen at first, then a hundredth of what comes; not read from others."""
    end = OverTasks(2)
    first = torch.tensor([[0.0, 1.0], [2.0, 1.0]], requires_grad=True)
    torch.testing.assert_close(
        end(first), torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), atol=1e-4, rtol=0
    )
    assert end.mean.tolist() == [1, 1] and end.variance.tolist() == [1, 0]
    end(torch.tensor([[3.0, 1.0]]))
    assert end.mean.tolist() == [2, 1] and end.variance.tolist() == [1, 0]
    end.seen.fill_(1e3)
    end(torch.tensor([[12.0, 1.0]]))
    assert end.mean[0].item() == pytest.approx(2.1)
    before = end.mean.clone()
    with torch.no_grad():
        end(first)
    end.eval()(first)
    assert torch.equal(end.mean, before) and end(first)[:1].equal(end(first[:1]))


def test_heads_may_start_at_zero(batch):
    model = learner(zero_heads=True)
    for tau in model.modulate(model.embed(batch.support)).values():
        assert (tau[:, 0] == 1).all() and (tau[:, 1] == 0).all()


def test_what_tasks_have_in_common_moves_no_encoder(batch):
    """A gradient common to all tasks is taken out, what differs stays, and the embedding too."""
    plain, model = learner(), learner(encoder_contrast=True)
    found = model.embed(batch.support)
    assert torch.equal(found, plain.embed(batch.support))
    found.sum().backward()
    assert all(not p.grad.any() for p in model.encoder.parameters())
    weights = torch.tensor([[1.0], [0.0], [-4.0]])
    (weights * model.embed(batch.support)).sum().backward()
    ((weights - weights.mean()) * plain.embed(batch.support)).sum().backward()
    for mine, other in zip(model.encoder.parameters(), plain.encoder.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("method", ALL)
def test_transductively_it_does(batch, method):
    model = learner(method)
    together = model(batch.support, batch.query.x, normalisation="transductive")
    alone = model(batch.support, batch.query.x[:, :3], normalisation="transductive")
    assert not torch.allclose(together[:, :, :3], alone, atol=1e-4)
    own = learner(method, normalisation="transductive")
    assert torch.allclose(own(batch.support, batch.query.x), together, atol=1e-5)


def test_a_task_does_not_depend_on_the_other_tasks(batch):
    model = learner()
    whole = model(batch.support, batch.query.x)
    first = model(Images(batch.support.x[:1], batch.support.y[:1]), batch.query.x[:1])
    assert torch.allclose(whole[:, :1], first, atol=1e-5)


@pytest.mark.parametrize("method", ALL)
def test_every_method_answers_through_one_interface(batch, method):
    model = learner(method)
    tau = model.modulate(model.embed(batch.support))
    steps = 0 if method == "prototypes" else 3
    logits = model(batch.support, batch.query.x)
    assert logits.shape == (steps + 1, 3, 15, 5)
    path = model.adapt(batch.support, tau)
    by_hand = [model.predict(t, tau, batch.support, batch.query.x) for t in path]
    assert torch.allclose(logits, torch.stack(by_hand))
    last = model(batch.support, batch.query.x, only_last=True)
    assert torch.allclose(last[0], logits[-1], atol=1e-5)
    if method.startswith("mumomaml"):
        rows = 2 if method.endswith("film") else 1
        assert {i: t.shape for i, t in tau.items()} == dict.fromkeys(range(4), (3, rows, 6))
        assert model.embed(batch.support).shape == (3, 7)
        off = model(batch.support, batch.query.x, tau={})
        assert not torch.allclose(off, logits)
        film = torch.tensor([[[1.0] * 6, [0.0] * 6][:rows]] * 3)
        neutral = dict.fromkeys(range(4), film)
        assert torch.allclose(model(batch.support, batch.query.x, tau=neutral), off, atol=1e-5)
    else:
        assert tau == {} and model.embed(batch.support) is None


def test_prototypes_are_class_means_compared_by_distance(batch):
    model = learner("prototypes")
    assert model.network.size == 6 and "weight4" not in model.theta
    logits = model(batch.support, batch.query.x)[0]
    theta, task = dict(model.theta), 1
    x = torch.cat([batch.support.x[task], batch.query.x[task]])
    features = model.network.features(theta, x, {}, 10)
    shown = features[:10].view(5, 2, -1).mean(1)  # class after class, two shots
    distance = torch.cdist(features[10:], shown).square()
    assert torch.allclose(logits[task], -distance, atol=1e-4)
    with pytest.raises(ValueError, match="no gradient steps"):
        model(batch.support, batch.query.x, steps=1)


def test_adapting_lowers_the_loss_on_the_support_set(batch):
    model = learner("maml")
    stages = model(batch.support, batch.support.x, steps=5)
    losses = [F.cross_entropy(y.flatten(0, 1), batch.support.y.flatten()) for y in stages]
    assert all(after < before for before, after in pairwise(losses))


def test_step_sizes_are_learned_by_layer_and_the_last_is_repeated(batch):
    model = learner("maml", learn_step_size=True, train_steps=2, steps=3)
    assert model.log_step_sizes.shape == (2, 5)
    with torch.no_grad():
        model.log_step_sizes += torch.arange(10.0).view(2, 5) / 10
    alphas = model.step_sizes()
    assert len(alphas) == 3 and alphas[1]["bias2"] == alphas[2]["bias2"]
    assert alphas[0]["weight3"].item() == pytest.approx(0.4 * 2.718281828**0.3, rel=1e-5)
    model(batch.support, batch.query.x, only_last=True).sum().backward()
    assert model.log_step_sizes.grad.abs().sum() > 0
    assert len(learner("maml").step_sizes(0)) == 0
    with pytest.raises(ValueError, match="at least 0"):
        model.step_sizes(-1)


# Network


def test_statistics_of_each_kind():
    z = torch.randn(5, 3, 4, 4)
    mean, variance = NORMALISATIONS["support"](z, 2, None)
    assert torch.allclose(mean.flatten(), z[:2].mean((0, 2, 3)))
    expected = z[:2].var((0, 2, 3), correction=0)
    assert torch.allclose(variance.flatten(), expected, atol=1e-6)
    everyone = NORMALISATIONS["transductive"](z, 2, None)
    assert torch.allclose(everyone[0], NORMALISATIONS["support"](z, 5, None)[0])
    only_set = NORMALISATIONS["blend"](z, 2, torch.tensor(50.0))
    assert torch.allclose(only_set[1].expand(5, -1, 1, 1), variance.expand(5, -1, 1, 1), atol=1e-5)
    only_own = NORMALISATIONS["blend"](z, 2, torch.tensor(-50.0))
    assert torch.allclose(only_own[0], moments(z, (2, 3))[0], atol=1e-5)


def test_the_blocks_shrink_the_image():
    net = ConvNet(5, filters=8)
    theta = net.init()
    x = torch.rand(2, 1, 28, 28)
    assert [tuple(s.shape) for s in net.trace(theta, x, {})] == [
        (2, 8, 14, 14),
        (2, 8, 7, 7),
        (2, 8, 4, 4),
        (2, 8, 2, 2),
    ]
    assert net.features(theta, x, {}).shape == (2, 8) and net.size == 8
    assert ConvNet(5, 8, pool=False).size == 32 and net.layers == 5
    assert sum(w.numel() for w in ConvNet(5).init().values()) == 111_749  # 64 filters
    with pytest.raises(ValueError, match="ways >= 2"):
        ConvNet(1)
    with pytest.raises(ValueError, match="unknown normalisation"):
        ConvNet(5, normalisation="layer")


def test_film_scales_and_shifts_channels():
    net = ConvNet(3, filters=4, blocks=1)
    theta, x = net.init(), torch.rand(2, 1, 28, 28)
    plain = net.trace(theta, x, {})[0]
    tau = {0: torch.tensor([[2.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, -100.0]])}
    film = net.trace(theta, x, tau)[0]
    assert torch.allclose(film[:, 0], 2 * plain[:, 0]) and film[:, 1].abs().max() == 0
    assert torch.allclose(film[:, 2], plain[:, 2]) and film[:, 3].abs().max() == 0


# Encoder


def test_means_of_classes():
    features = torch.tensor([[1.0], [3.0], [10.0]])
    labels = torch.tensor([1, 1, 0])
    assert class_means(features, labels, 3).flatten().tolist() == [10, 2, 0]


@pytest.mark.parametrize("labels", [True, False])
def test_the_encoder_does_not_mind_the_order_or_the_names_of_classes(batch, labels):
    encoder = ImageSetEncoder(5, 7, labels=labels)
    found = encoder(batch.support, 5)
    order = torch.randperm(10)
    shuffled = Images(batch.support.x[:, order], batch.support.y[:, order])
    assert found.shape == (3, 7)
    assert torch.allclose(found, encoder(shuffled, 5), atol=1e-5)
    renamed = Images(batch.support.x, (batch.support.y + 2) % 5)
    assert torch.allclose(found, encoder(renamed, 5), atol=1e-5)
    mixed = Images(batch.support.x, batch.support.y[:, torch.tensor([0, 2, 4, 6, 8] * 2)])
    assert torch.allclose(found, encoder(mixed, 5), atol=1e-6) != labels  # who belongs together


def test_the_core_of_characters_imports_four_packages_and_the_standard_library():
    """At the top of its modules; pillow and torchvision only where Omniglot is read."""
    allowed = {"mmaml_lite", "torch", "numpy", "safetensors"} | sys.stdlib_module_names
    for path in Path(mmaml_lite.characters.__file__).parent.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [a.name for a in node.names]
                names = names if isinstance(node, ast.Import) else [node.module]
                assert {n.split(".")[0] for n in names} <= allowed, path.name


@pytest.mark.parametrize("learned", [False, True])
def test_the_output_layer_may_have_a_step_size_of_its_own(learned):
    model = learner("maml", output_step_size=3.0, step_size=0.1, learn_step_size=learned)
    with torch.no_grad():
        (alphas,) = model.step_sizes(1)
    for part in ("weight", "bias"):
        found = torch.tensor([alphas[f"{part}{i}"] for i in range(5)])
        assert found.tolist() == pytest.approx([0.1] * 4 + [3.0])


@pytest.mark.parametrize("method", ["maml", "mumomaml-film"])
def test_from_zero_the_first_step_answers_as_prototypes_do(method):
    """One shot, features of equal length: only the output layer moves, to the class means."""
    one = sample([Invented()], 3, 5, 1, 4, torch.Generator().manual_seed(1))
    model = learner(method, zero_output=True, feature_spread=0.4, output_step_size=8.0).double()
    assert not {"weight4", "bias4"} & set(model.theta), "nothing of it is learned"
    support, x = Images(one.support.x.double(), one.support.y), one.query.x.double()
    start, after = model(support, x, steps=1)
    assert torch.equal(start, torch.zeros_like(start))
    nearest = model.compare(support, x, 5)
    assert torch.equal(after.argmax(-1), nearest.argmax(-1))
    theta, written = model.adapt(support, model.modulate(model.embed(support)), 1)
    for name in model.theta:
        torch.testing.assert_close(written[name][0], theta[name], msg=f"{name} waits a step")
    after.sum().backward()
    assert all(p.grad is not None for n, p in model.named_parameters() if "theta" in n)


def test_features_are_brought_to_a_mean_and_spread_of_their_own(batch):
    model = learner("maml", feature_spread=0.4)
    found = model.network.features(dict(model.theta), batch.query.x[0], {})
    torch.testing.assert_close(found.mean(1), torch.zeros(15), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        found.std(1, correction=0), torch.full((15,), 0.4), rtol=0.02, atol=0
    )
