"""The sorting game: fair deals, machines that are the library's, and honest words."""

import base64
import io

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image

from mmaml_lite.characters import omniglot, sources
from mmaml_lite.characters.domain import named
from mmaml_lite.characters.tasks import Images
from mmaml_lite.core import runs, zoo
from mmaml_lite.core.domain import build
from mmaml_lite.course import figures
from mmaml_lite.course.figures.sorting import LETTERS, mark, png, tiled
from mmaml_lite.course.studies import players as casting
from mmaml_lite.course.studies import sorting as game
from mmaml_lite.course.widgets import Sorting
from mmaml_lite.course.widgets.sorting_board import Board

FIVE, TWENTY = "strokes-5way-1shot", "strokes-20way-1shot"


@pytest.fixture
def empty_zoo(tmp_path, data):
    return tmp_path


def hold(setting, method, recipe="paper", step=1):
    """Put a small, untrained learner into the zoo, as if after so many outer steps."""
    name = f"characters/{setting}/{method}"
    settings = zoo.zoo_settings(name, recipe, filters=8, encoder_filters=8)
    run = runs.start(settings, torch.device("cpu"))
    run.step = step
    zoo.export(run, name)


@pytest.fixture
def small_zoo(empty_zoo):
    for setting in (FIVE, TWENTY):
        for method in ("maml", "mumomaml-film", "prototypes"):
            hold(setting, method)
    return empty_zoo


@pytest.fixture
def no_omniglot(monkeypatch):
    def missing(device):
        raise omniglot.OmniglotMissing("not here")

    sources.source.cache_clear()
    monkeypatch.setattr(sources, "_omniglot_on", missing)
    yield
    sources.source.cache_clear()


def play(sorting, wrong=()):
    """Sort the rest of a deal; the drawings in `wrong` are taken for the next character."""
    view = sorting.view
    done = len(view.players["you"].picks)
    picks = [(t + (i in wrong)) % view.ways for i, t in enumerate(view.truth)]
    return sorting.answer(*picks[done:], seconds=2.0)


# --- the game -------------------------------------------------------------------------------------


def test_a_deal_is_an_episode_that_its_seed_and_number_decide():
    deal = game.deal(FIVE, 3, 1)
    assert deal.examples.shape == (5, 1, 28, 28) and deal.drawings.shape == (10, 28, 28)
    assert deal.ways == 5 and set(deal.truth) <= set(range(5)) and deal.source == "strokes"
    again = game.deal(FIVE, 3, 1)
    assert torch.equal(deal.drawings, again.drawings) and deal.truth == again.truth
    for other in (game.deal(FIVE, 3, 2), game.deal(FIVE, 4, 1)):
        assert not torch.equal(deal.examples, other.examples)
    many = game.deal("strokes-20way-5shot", 0, 1)
    assert many.examples.shape == (20, 5, 28, 28) and len(many.truth) == game.QUESTIONS


def test_drawings_belong_to_the_characters_that_the_truth_names():
    near = []
    for number in range(1, 21):
        deal = game.deal(FIVE, 0, number)
        apart = torch.cdist(deal.drawings.flatten(1), deal.examples[:, 0].flatten(1))
        near += [int(d.argmin()) == t for d, t in zip(apart, deal.truth, strict=True)]
    assert np.mean(near) > 0.3, "even pixels tell more than chance, 0.2"


def test_nobody_can_count_what_is_left():
    counts = {
        tuple(sorted(np.bincount(game.deal(FIVE, 0, n).truth, minlength=5))) for n in range(1, 31)
    }
    assert len(counts) > 3


def test_several_sources_take_turns():
    setting = "strokes+inverted_strokes-5way-1shot"
    deals = [game.deal(setting, 0, n) for n in (1, 2, 3)]
    assert [d.source for d in deals] == ["inverted_strokes", "strokes", "inverted_strokes"]
    assert deals[0].drawings.mean() > 0.7 > 0.3 > deals[1].drawings.mean()


@pytest.mark.parametrize("setting", [FIVE, TWENTY, "strokes-5way-5shot"])
@pytest.mark.parametrize("method", ["maml", "mumomaml-film", "prototypes"])
def test_a_machine_answers_as_the_library_does_after_all_its_steps(setting, method):
    settings = named(setting, method, filters=8, encoder_filters=8)
    learner, deal = build(settings), game.deal(setting, 0, 1)
    ways, shots = deal.examples.shape[:2]
    support = Images(
        deal.examples.reshape(1, -1, 1, 28, 28), torch.arange(ways).repeat_interleave(shots)[None]
    )
    logits = learner(support, deal.drawings.reshape(1, -1, 1, 28, 28), steps=settings.steps)
    found = game.machine(zoo.Model("", learner, settings, [], {}, 0.0), deal)
    assert found.picks == tuple(logits[-1, 0].argmax(-1).tolist())
    assert len(found.seconds) == len(deal.truth) and sum(found.seconds) > 0
    one = learner(support, deal.drawings[:1].reshape(1, 1, 1, 28, 28))[-1, 0]
    torch.testing.assert_close(one, logits[-1, 0, :1].detach(), atol=1e-4, rtol=1e-4, msg="alone")


def test_scores_and_mistakes():
    deal = game.deal(FIVE, 0, 1)
    right = game.Answers(deal.truth, (1.0,) * 10)
    off = tuple((t + 1) % 5 if i == 4 else t for i, t in enumerate(deal.truth))
    assert game.score(deal, right) == (10, 10) and game.score(deal, right.first(3)) == (3, 3)
    assert game.score(deal, game.NOTHING) == (0, 0)
    assert game.mistakes(deal.truth, {"you": right.picks}) == []
    found = game.mistakes(deal.truth, {"you": right.first(6).picks, "maml": off})
    assert [m.drawing for m in found] == [4]
    assert found[0].picks == {"you": deal.truth[4], "maml": off[4]}
    assert game.total([game.Score(3, 4), game.Score(0, 2)]) == (3, 6)
    assert game.by_deal([[5, 1, 3, 1.5], [5, 2, 0, 2.0], [5, 1, 4, 0.5]]) == {
        (5, 1): ((3, 4), (1.5, 0.5)),
        (5, 2): ((0,), (2.0,)),
    }


def test_the_interval_is_wilsons():
    low, high = game.interval(7, 10)
    assert (low, high) == pytest.approx((0.3968, 0.8922), abs=1e-4)
    assert game.interval(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert game.interval(0, 10)[0] == 0 and game.interval(0, 0) == (0, 1)


def test_without_omniglot_invented_characters_take_its_place(no_omniglot):
    assert game.at_hand(FIVE) == (FIVE, "")
    setting, note = game.at_hand("omniglot+inverted_omniglot-20way-5shot-alphabets")
    assert setting == "strokes+inverted_strokes-20way-5shot" and "Omniglot is not at hand" in note
    assert game.at_hand("omniglot+strokes-5way-1shot")[0] == FIVE
    assert game.with_ways("strokes-5way-5shot", 20) == "strokes-20way-5shot"


def test_real_omniglot_is_dealt_from_its_test_part():
    try:
        data = omniglot.load(tell=lambda _: None)
    except omniglot.OmniglotMissing as error:
        pytest.skip(str(error))
    part = sources.split(data, "characters")["test"]
    pages = {page.tobytes() for page in data.ink[part].flatten(2).numpy().reshape(-1, 784)}
    deal = game.deal("omniglot-5way-1shot", 0, 1)
    levels = (deal.drawings * omniglot.LEVELS).round().to(torch.uint8)
    for drawing in levels:
        assert any(drawing.rot90(k).contiguous().numpy().tobytes() in pages for k in range(4))
    assert game.at_hand("omniglot-5way-1shot") == ("omniglot-5way-1shot", "")


# --- the cast -------------------------------------------------------------------------------------


def test_the_cast_is_what_the_zoo_holds_and_nothing_is_trained(empty_zoo):
    assert casting.cast(FIVE) == {}
    hold(FIVE, "prototypes")
    found = casting.cast(FIVE)
    assert list(found) == ["prototypes"]
    assert casting.lacking(found) == ["MAML", "MuMoMAML FiLM"]
    assert casting.players_shown(found) == (
        "Weights shown, with their outer steps: prototypical network (provisional) 1. "
        "No trained weights here of MAML, MuMoMAML FiLM."
    )
    assert casting.cast(FIVE)["prototypes"] is found["prototypes"], "read once"


def test_our_recipe_comes_first_unless_it_is_unfinished(empty_zoo):
    hold(FIVE, "maml", "ours", step=5)
    hold(FIVE, "maml", "paper", step=5)
    assert casting.model(FIVE, "maml").settings.recipe == "ours"
    hold(FIVE, "maml", "paper", step=60_000)
    assert casting.model(FIVE, "maml").settings.recipe == "paper"
    hold(FIVE, "maml", "ours", step=20_000)
    assert casting.model(FIVE, "maml").settings.recipe == "ours"


@pytest.mark.parametrize("method", ["maml", "mumomaml-film", "prototypes"])
def test_five_way_weights_without_an_output_layer_play_any_number_of_characters(empty_zoo, method):
    hold(FIVE, method, "ours")
    assert casting.model("strokes-20way-5shot", method) is casting.model(
        "strokes-20way-5shot", method
    )
    many = casting.model(TWENTY, method)
    s = many.settings
    assert (s.ways, s.shots) == (20, 1) and many.name == f"characters/{FIVE}/{method}"
    told = casting.players_shown(casting.cast(TWENTY))
    assert f"Trained for {FIVE}" in told and "any number of characters" in told
    assert "Trained for" not in casting.players_shown(casting.cast(FIVE))
    deal = game.deal(TWENTY, 0, 1)
    assert set(game.machine(many, deal).picks) <= set(range(20))
    if method != "prototypes":
        first, then = (sizes["weight4"].item() for sizes in many.learner.step_sizes())
        assert first == then == pytest.approx(64.0), "the recipe's own"
    hold(TWENTY, method, "ours", step=2)
    assert casting.model(TWENTY, method).name.startswith(f"characters/{TWENTY}"), "its own"


def test_a_learned_output_layer_serves_its_own_number_of_characters_alone(empty_zoo):
    hold(FIVE, "maml", "paper")
    assert casting.cast(FIVE) and not casting.cast(TWENTY)
    with pytest.raises(ValueError, match="has a learned output layer for 5 ways"):
        casting.dealt(casting.model(FIVE, "maml"), 20, 1)


# --- the explorer ---------------------------------------------------------------------------------


def test_machines_are_seen_after_each_answer_and_not_before(small_zoo):
    sorting = Sorting(seed=1)
    sorting._machines((5, 1), wait=True)
    assert [m["picks"] for m in sorting.board.machines] == [[], [], []]
    sorting.answer(0, 1)
    assert [len(m["picks"]) for m in sorting.board.machines] == [2, 2, 2]
    assert "2 of 10 sorted" in sorting.summary
    sorting.set(reveal="end")
    assert [m["picks"] for m in sorting.board.machines] == [[], [], []]
    play(sorting)
    expected = game.machine(sorting.cast(5)["maml"], sorting.deal(5, 1)).picks
    shown = {m["label"]: m["picks"] for m in sorting.board.machines}
    assert list(shown) == ["MuMoMAML", "MAML", "prototypical network"]
    assert shown["MAML"] == list(expected)


def test_the_score_stays_over_deals_and_compares_the_same_drawings(small_zoo):
    sorting = Sorting(seed=1)
    play(sorting, wrong=[2, 5])
    assert sorting.score["you"] == (8, 10) and "you <b>8 of 10</b>" in sorting.summary
    assert "The score so far: one deal" in sorting.panel.value
    sorting.controls["deal"].children[0].click()
    assert sorting.board.at == [5, 2] and sorting.score["you"] == (8, 10)
    sorting.answer(*sorting.view.truth[:4])  # interrupted after four
    sorting.controls["deal"].children[0].click()
    assert sorting.board.at == [5, 3] and sorting.score["you"] == (12, 14)
    assert {s.of for s in sorting.score.values()} == {14}
    by_hand = [game.machine(sorting.cast(5)["maml"], sorting.deal(5, n)) for n in (1, 2)]
    right = game.score(sorting.deal(5, 1), by_hand[0]).right
    right += game.score(sorting.deal(5, 2), by_hand[1].first(4)).right
    assert sorting.score["maml"] == (right, 14)
    sorting.set(deal=2)  # and taken up again
    assert "4 of 10 sorted" in sorting.summary
    play(sorting)
    assert sorting.score["you"] == (18, 20) and "2 deals" in sorting.panel.value
    assert "2.0 s" in sorting.panel.value, "the median time of a drawing"


def test_five_and_twenty_ways_keep_their_own_score(small_zoo):
    sorting = Sorting(seed=1)
    play(sorting)
    sorting.set(ways=20)
    assert sorting.board.at == [20, 1] and sorting.score["you"] == (0, 0)
    assert len(sorting.board.ink) == (20 + 10) * 784
    play(sorting, wrong=range(10))
    assert sorting.score["you"] == (0, 10)
    sorting.set(ways=5)
    assert sorting.score["you"] == (10, 10)


def test_confusions_are_shown_as_pictures_with_everyone_who_shares_them(small_zoo):
    sorting = Sorting(seed=1)
    deal = sorting.deal(5, 1)
    theirs = game.machine(sorting.cast(5)["mumomaml"], deal).picks
    sorting.answer(*theirs)  # agrees with MuMoMAML throughout
    text = sorting.panel.value
    assert ">MuMoMAML took it" not in text
    first = next(i for i in range(10) if theirs[i] != deal.truth[i])
    assert "You and MuMoMAML" in text or "You, MuMoMAML" in text
    assert png(deal.drawings[first].numpy()) in text
    assert png(deal.examples[theirs[first], 0].numpy()) in text


def test_nobody_was_wrong(empty_zoo):
    sorting = play(Sorting())
    assert "Nobody confused anything" in sorting.panel.value


def test_the_board_gets_the_deal_as_it_is_drawn(empty_zoo):
    sorting = Sorting(seed=2)
    deal, board = sorting.deal(5, 1), sorting.board
    ink = np.frombuffer(board.ink, np.uint8).reshape(-1, 28, 28)
    np.testing.assert_allclose(ink[:5] / 255, deal.examples[:, 0], atol=0.003)
    np.testing.assert_allclose(ink[5:] / 255, deal.drawings, atol=0.003)
    assert board.truth == list(deal.truth) and board.at == [5, 1]
    assert "invented characters" in board.note


def test_without_weights_one_sorts_alone_and_is_told_so(empty_zoo):
    sorting = Sorting()
    assert "reveal" not in sorting.controls and "ways" not in sorting.controls
    assert "No machine plays" in sorting.panel.value and "You sort alone" in sorting.panel.value
    play(sorting)
    assert list(sorting.score) == ["you"] and "you <b>10 of 10</b>" in sorting.summary
    assert "you 10 of 10" in figures.alt(sorting.twin())


def test_who_is_missing_is_named(empty_zoo):
    hold(FIVE, "maml")
    sorting = Sorting()
    assert "Not everyone plays" in sorting.panel.value and "MuMoMAML FiLM" in sorting.panel.value
    assert "Provisional weights: MAML" in sorting.panel.value


def test_a_missing_data_set_is_replaced_and_named(small_zoo, no_omniglot):
    sorting = Sorting(setting="omniglot-5way-1shot")
    assert "Omniglot is not at hand" in sorting.panel.value
    assert "invented characters" in sorting.board.note
    assert len(sorting.cast(5)) == 3 and sorting.setting == FIVE
    assert "invented characters" in figures.caption(sorting.twin())


def test_a_machine_that_fails_does_not_stop_the_game(small_zoo, monkeypatch):
    true = game.machine

    def sometimes(model, deal):
        if model.settings.method == "maml":
            raise RuntimeError("out of order")
        return true(model, deal)

    monkeypatch.setattr(game, "machine", sometimes)
    sorting = play(Sorting())
    assert "MAML could not answer: out of order" in sorting.panel.value
    assert sorting.score["maml"] == (0, 0) and sorting.score["prototypes"].of == 10


@pytest.mark.parametrize(
    "setting", ["strokes", "letters-5way-1shot", "strokes-0way-1shot", "strokes-1way-1shot"]
)
def test_an_unknown_setting_is_refused(empty_zoo, setting):
    with pytest.raises(ValueError, match=r"unknown setting|unknown source|ways must be"):
        Sorting(setting=setting)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ([5, 1, 0], "an answer is"),
        ([5, 1, 5, 1.0], "there are 5 characters"),
        ([5, 1, -1, 1.0], "whole numbers"),
        ([5, 1, 0.5, 1.0], "whole numbers"),
        ([5, 0, 1, 1.0], "numbered from 1"),
        ([5, 1, 1, float("nan")], "seconds"),
        ([5, 1, 1, -1], "seconds"),
        ("abc", "an answer is"),
    ],
)
def test_an_answer_that_is_none_is_refused(empty_zoo, row, says):
    sorting = Sorting().answer(1)
    with pytest.raises(traitlets.TraitError, match=says):
        sorting.set(answers=[*sorting.board.value, row])
    assert sorting.state["answers"] == [[5, 1, 1, 1.0]] and "1 of 10" in sorting.summary


def test_more_answers_than_drawings_are_refused(empty_zoo):
    sorting = play(Sorting())
    with pytest.raises(traitlets.TraitError, match="10 drawings"):
        sorting.answer(0)
    board = Board(questions=2, value=[[5, 1, 0, 1.0], [5, 1, 1, 1.0], [5, 2, 0, 1.0]])
    assert len(board.value) == 3


def test_an_answer_sent_just_before_a_new_deal_finds_its_own(empty_zoo):
    sorting = Sorting().answer(0, 1)
    sorting.set(deal=2)
    sorting.board.value = [*sorting.board.value, [5, 1, 2, 1.0]]
    assert sorting.view.players["you"].picks == ()
    sorting.set(deal=1)
    assert sorting.view.players["you"].picks == (0, 1, 2)


def test_the_button_on_the_board_deals_anew(empty_zoo):
    sorting = Sorting()
    sorting._wish(sorting.board, {"wish": "again"}, [])
    assert sorting.state["deal"] == 2 and sorting.board.at == [5, 2]
    sorting._wish(sorting.board, {"other": 1}, [])
    assert sorting.state["deal"] == 2


def test_an_interrupted_kernel_loses_no_answer(small_zoo, monkeypatch):
    sorting = Sorting()
    true = Sorting._machines

    def interrupted(self, key, wait):
        raise KeyboardInterrupt

    monkeypatch.setattr(Sorting, "_machines", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sorting.board.value = [[5, 1, 0, 1.0]]
    with pytest.raises(KeyboardInterrupt):
        sorting.controls["deal"].children[0].click()
    monkeypatch.setattr(Sorting, "_machines", true)
    sorting.set(deal=1)
    assert "1 of 10 sorted" in sorting.summary
    sorting.set(deal=2)
    assert sorting.board.at == [5, 2] and sorting.score["you"].of == 1


def test_an_answer_costs_little_once_the_machines_are_done(small_zoo):
    sorting = Sorting()
    sorting._machines((5, 1), wait=True)
    costs = [sorting.answer(0).seconds for _ in range(10)]
    assert np.median(costs) < 0.05


# --- the static twin ------------------------------------------------------------------------------


def test_the_static_twin_is_an_example_that_machines_play(small_zoo, monkeypatch):
    live = Sorting(seed=4)
    fig = live.twin()
    assert "machines only" in fig.layout.title.text and "you" not in figures.alt(fig)
    example = game.deal(FIVE, 4, 0)
    texts = [trace.text for trace in fig.data]
    assert list(texts[0]) == [LETTERS[t] for t in example.truth]
    assert [trace.name for trace in fig.data] == [
        "it is",
        "MuMoMAML",
        "MAML",
        "prototypical network",
    ]
    picks = game.machine(live.cast(5)["maml"], example).picks
    assert list(texts[2]) == [mark(*pair) for pair in zip(picks, example.truth, strict=True)]
    assert len(fig.layout.images) == 5 + 10

    monkeypatch.setenv("MMAML_LITE_STATIC", "1")
    still = Sorting(seed=4)
    assert still.box is None and still.twin() == fig
    assert "An example deal" in still.summary and "MAML <b>" in still.summary
    assert "you" not in still.summary


def test_the_twin_shows_the_deal_that_was_played(small_zoo):
    sorting = Sorting(seed=1)
    sorting._machines((5, 1), wait=True)
    fig = sorting.answer(0, 1, 2).twin()
    assert "human against machine" in fig.layout.title.text
    marks = {trace.name: len(trace.text) for trace in fig.data}
    assert marks == {"it is": 10, "you": 3, "MuMoMAML": 3, "MAML": 3, "prototypical network": 3}


def test_an_empty_zoo_has_a_twin_too(empty_zoo, monkeypatch):
    monkeypatch.setenv("MMAML_LITE_STATIC", "1")
    still = Sorting(setting=TWENTY)
    assert "nobody has sorted" in still.summary and len(still.twin().layout.images) == 30
    assert "No trained weights" in figures.caption(still.twin())


def test_an_image_becomes_a_png():
    ink = np.linspace(-0.25, 1.25, 12).reshape(3, 4)  # what lies outside 0 to 1 is cut off
    head, _, data = png(ink).partition(",")
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert head == "data:image/png;base64"
    assert (image.format, image.mode, image.size) == ("PNG", "L", (4, 3))
    np.testing.assert_array_equal(image, np.round(255 * (1 - ink.clip(0, 1))))
    assert tiled(np.ones((5, 2, 2))).shape == (4, 6) and tiled(np.ones((1, 2, 2))).shape == (2, 2)
