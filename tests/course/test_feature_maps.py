"""What FiLM does to feature maps: what is drawn is what the network computes, for every tau."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmaml_lite.characters.domain import named
from mmaml_lite.core import runs, zoo
from mmaml_lite.core.domain import build
from mmaml_lite.core.modulation import modulate
from mmaml_lite.core.networks import averaged
from mmaml_lite.course import figures
from mmaml_lite.course.figures.feature_maps import BETWEEN, tiles
from mmaml_lite.course.studies import feature_maps as film
from mmaml_lite.course.studies.feature_maps import MEAN, MODE, OFF, OTHER, OWN
from mmaml_lite.course.studies.players import model as held
from mmaml_lite.course.studies.probes import deal
from mmaml_lite.course.widgets import feature_maps_explorer

SETTING, TWO = "strokes-5way-1shot", "strokes+inverted_strokes-5way-1shot"
SMALL = {"filters": 6, "encoder_filters": 6, "encoder_size": 12}


def put_into_zoo(setting, method="mumomaml-film"):
    """An untrained network whose FiLM is far from doing nothing, in the place of a trained one."""
    name = f"characters/{setting}/{method}"
    run = runs.start(zoo.zoo_settings(name, **SMALL), torch.device("cpu"))
    run.step = 1
    with torch.no_grad():
        for head in run.learner.heads.values():
            head.bias.normal_()
            head.weight.mul_(3)
    zoo.export(run, name)


@pytest.fixture
def small_zoo(tmp_path, data):
    put_into_zoo(SETTING)
    put_into_zoo(TWO)
    return tmp_path


@pytest.fixture
def learner(small_zoo):
    return held(SETTING, "mumomaml-film").learner


# --- tampering ------------------------------------------------------------------------------------


def test_off_is_an_ordinary_network(learner):
    episode = deal(learner.settings, 1, 1)
    tau = film.taus(learner, episode.support)
    off = film.unmodulated(tau)
    with torch.no_grad():
        plain = learner(episode.support, episode.query.x, {})
        assert torch.allclose(learner(episode.support, episode.query.x, off), plain, atol=1e-5)
    assert {i for i, t in film.unmodulated(tau, {2}).items() if t is not tau[i]} == {2}


@pytest.mark.parametrize("block", range(4))
def test_right_and_left_differ_by_gamma_and_beta_alone(learner, block):
    """With theta's bias in z: left relu(z), right relu(gamma z + beta), from the same input."""
    episode = deal(learner.settings, 1, 1)
    tau, image = film.taus(learner, episode.support), episode.query.x[0, 3]
    off, on = film.maps(learner, episode.support, image, tau, block)
    images = torch.cat([episode.support.x[0], image[None]])
    blocks = {i: t[0] for i, t in tau.items()}
    with torch.no_grad():
        theta = dict(learner.theta)
        states = [images, *learner.network.trace(theta, images, blocks, 5)]
        z = F.conv2d(states[block], theta[f"weight{block}"], stride=2, padding=1)
        mean = z[:5].mean((0, 2, 3), keepdim=True)
        spread = (z[:5] - mean).square().mean((0, 2, 3), keepdim=True)
        z = (z - mean) / (spread + 1e-5).sqrt() + theta[f"bias{block}"][:, None, None]
        z = z[-1]
    assert torch.allclose(off, F.relu(z), atol=1e-4)
    wanted = modulate(z.movedim(0, -1), tau[block][0]).movedim(-1, 0)
    assert torch.allclose(on, F.relu(wanted), atol=1e-4)


def test_scores_are_those_of_each_tau_alone(learner):
    episodes = deal(learner.settings, 2, 3)
    tau = film.taus(learner, episodes.support)
    used = film.tamperings(tau, episodes.mode, averaged(tau))
    assert list(used) == [OWN, OTHER, MEAN, OFF]
    found = film.scores(learner, episodes[:1], used)
    for name, (right, loss) in found.items():
        with torch.no_grad():
            last = learner(episodes[:1].support, episodes[:1].query.x, used[name])[-1]
        assert right == (last.argmax(-1) == episodes[:1].query.y).float().mean().item()
        assert loss == pytest.approx(F.cross_entropy(last[0], episodes.query.y[0]).item(), rel=1e-4)
    assert torch.equal(used[OTHER][2], tau[2][1:2])


def test_another_mode_lends_its_tau_too(small_zoo):
    learner = held(TWO, "mumomaml-film").learner
    episodes = deal(learner.settings, 4, 1)
    tau = film.taus(learner, episodes.support)
    for task, (near, far) in {0: (1, 2), 2: (3, 0)}.items():
        used = film.tamperings(tau, episodes.mode, tau, task)
        assert torch.equal(used[OTHER][0], tau[0][near : near + 1])
        assert torch.equal(used[MODE][0], tau[0][far : far + 1])
    assert set(film.table(learner, episodes)) == {OWN, OTHER, MODE, MEAN, OFF}


def test_how_much_of_tau_is_the_tasks_own():
    same = {0: torch.tensor([[[2.0, 2.0], [1.0, 1.0]]]).repeat(3, 1, 1)}
    assert film.own_share(same) == {0: 0.0}
    apart = {0: torch.tensor([[[1.0], [1.0]], [[1.0], [-1.0]]])}
    assert film.own_share(apart)[0] == pytest.approx(1.0), "mean tau is no modulation at all"


def test_without_modulation_there_is_nothing_to_look_at():
    learner = build(named(SETTING, "maml", filters=4))
    with pytest.raises(ValueError, match="no modulation"):
        film.taus(learner, deal(learner.settings, 1, 1).support)


# --- the explorer ---------------------------------------------------------------------------------


def test_the_picture_shows_the_librarys_numbers(small_zoo):
    explorer = feature_maps_explorer(SETTING).set(block=1, image=7, used=OTHER, seed=5)
    learner = held(SETTING, "mumomaml-film").learner
    episodes = deal(learner.settings, 2, 4, seed=105)
    tau = film.taus(learner, episodes.support)
    image = episodes.query.x[0, 2 * 4]  # the third character's first new drawing
    off, on = film.maps(learner, episodes.support, image, {i: t[1:] for i, t in tau.items()}, 1)
    change = (tau[1][0] - torch.tensor([[1.0], [0.0]])).norm(dim=0)
    order = change.argsort(descending=True)
    drawn = explorer.screen.data
    assert np.allclose(drawn[0].z, image[0], atol=1e-3)
    assert np.allclose(drawn[1].z, tiles(off[order].numpy()), atol=1e-3)
    assert np.allclose(drawn[2].z, tiles(on[order].numpy()), atol=1e-3)
    assert np.allclose([drawn[6].x, drawn[6].y], tau[1][0, :, order])
    assert np.allclose([drawn[5].x, drawn[5].y], tau[1][1, :, order])
    assert list(drawn[6].text) == [str(c + 1) for c in order.tolist()]
    scores = explorer.view.scores
    assert np.allclose(drawn[7].x, [right for right, _ in scores.values()])
    for name, (right, loss) in scores.items():
        assert f"{name} {100 * right:.0f} % (loss {loss:.2f})" in explorer.summary


def test_redrawn_equals_drawn_anew(small_zoo):
    explorer = feature_maps_explorer(SETTING)
    fig = figures.feature_maps(explorer.view)
    explorer.set(block=3, image=9, used=OFF, seed=2)
    figures.redraw_feature_maps(fig, explorer.view)
    assert fig == figures.feature_maps(explorer.view)


def test_every_channel_has_a_tile_and_the_rest_is_space():
    z = tiles(np.arange(5.0)[:, None, None] * np.ones((5, 7, 7)))
    assert z.shape == (2 * 8 + 1, 3 * 8 + 1)
    assert [z[4, 4], z[4, 12], z[4, 20], z[12, 4], z[12, 12]] == [0, 1, 2, 3, 4]
    assert (z[9:16, 17:24] == BETWEEN).all() and (z[:, 0] == BETWEEN).all()


def test_off_on_the_right_changes_nothing(small_zoo):
    explorer = feature_maps_explorer(SETTING).set(used=OFF)
    assert np.array_equal(explorer.view.on, explorer.view.off)
    assert "<b>0</b> of 6 channels fall silent, <b>0</b> wake up" in explorer.summary


def test_all_ends_of_all_controls(small_zoo):
    explorer = feature_maps_explorer(TWO)
    assert MODE in explorer.view.scores
    for block in range(4):
        for image in (0, 9):
            for used in explorer.view.scores:
                explorer.set(block=block, image=image, used=used)
                assert np.isfinite(explorer.view.on).all()
    for seed in (1, 10**6):  # a task of the other mode too
        explorer.set(seed=seed)
        assert list(explorer.view.scores) == [OWN, OTHER, MODE, MEAN, OFF]


def test_nothing_live_holds_nan(small_zoo):
    """A live figure sends images as JSON, which has no NaN."""
    explorer = feature_maps_explorer(SETTING)
    assert all(np.isfinite(np.asarray(trace.z)).all() for trace in explorer.screen.data[:3])


def test_errors_are_shown_and_the_picture_stays(small_zoo, monkeypatch):
    explorer = feature_maps_explorer(SETTING)
    shown = explorer.view
    monkeypatch.setattr(film, "maps", lambda *_: 1 / 0)
    explorer.controls["block"].value = 2
    assert "division by zero" in explorer.problem.value and explorer.view is shown


def test_missing_weights_and_unknown_settings_are_refused(small_zoo):
    with pytest.raises(ValueError, match="no trained weights of MuMoMAML FiLM for strokes-20way"):
        feature_maps_explorer("strokes-20way-1shot")
    with pytest.raises(ValueError, match="unknown setting"):
        feature_maps_explorer("letters")


def test_every_control_has_a_visible_label(small_zoo):
    controls = feature_maps_explorer(SETTING).controls
    assert all(c.description for name, c in controls.items() if name != "seed")
    assert controls["seed"].children[0].description == "Another task"
