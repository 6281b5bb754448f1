"""Human against machine: one drawing of each character is shown, the next ones are to be sorted.

One line in a notebook of your own:

    Sorting(seed=3)
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import ipywidgets as W
import numpy as np
import plotly.graph_objects as go

from mmaml_lite.characters.domain import named
from mmaml_lite.core import zoo
from mmaml_lite.course import figures
from mmaml_lite.course.figures import METHOD_STYLES
from mmaml_lite.course.figures.sorting import WHO, Player, SortingView
from mmaml_lite.course.studies import sorting as game
from mmaml_lite.course.studies.players import cast, lacking, players_shown
from mmaml_lite.course.studies.sorting import NOTHING, Answers, Key, Score
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets.explorer import Explorer, is_live
from mmaml_lite.course.widgets.sorting_board import Board
from mmaml_lite.course.widgets.sorting_words import data, panel, say

SIZES = (5, 20)  # characters to tell apart


class Sorting(Explorer):
    """A game: sort new drawings of characters of which one example each is shown.

    MAML, MuMoMAML and a prototypical network (those the zoo has weights of) get the same examples
    and drawings, and answer in the background, each after all its gradient steps; what they say is
    seen after each answer of the reader's, or at the end of the deal.

    seed: of the sequence of deals, the same for the same seed; setting: whose drawings, how many
    characters and examples, such as omniglot-5way-1shot; where Omniglot is not at hand, invented
    characters take its place, and the game says so. `answer(0, 3, ...)` sorts as a reader would;
    `set(deal=2)` goes on to the second deal: answers are kept, an unfinished deal can be taken up
    again. `score` tells how everyone did. Raises ValueError for an unknown setting.
    """

    def __init__(self, seed: int = 0, setting: str = "strokes-5way-1shot"):
        asked, self.seed = named(setting, "maml"), seed
        self.setting, note = game.at_hand(setting)
        self._notes = [note] if note else []
        self._deals: dict[Key, game.Deal] = {}
        self._answered: dict[Key, Future] = {}
        self._casts: dict[int, dict[str, zoo.Model]] = {}
        self._working = ThreadPoolExecutor(1)
        self.board = Board(questions=game.QUESTIONS, at=[asked.ways, 0])
        self.panel = W.HTML(layout={"width": "100%"})
        controls = {"deal": C.Again("New deal", int(is_live()))}
        number = controls["deal"].children[1]
        number.min, number.description = int(is_live()), "deal"
        sizes = [n for n in SIZES if n == asked.ways or self.cast(n)]
        self._ways = asked.ways
        if len(sizes) > 1:
            controls["ways"] = C.choice("characters", {str(n): n for n in sizes}, asked.ways)
        if any(self.cast(n) for n in sizes):
            controls["reveal"] = C.choice(
                "machines' answers", {"after each of yours": "each", "at the end": "end"}, "each"
            )
        controls["answers"] = self.board
        self.board.on_msg(self._wish)
        super().__init__(
            "sorting",
            controls,
            self._look,
            figures.sorting,
            self._show,
            say,
            screen=self.board,
            arrange=self._arrange,
        )

    def cast(self, ways: int) -> dict[str, zoo.Model]:
        """The machines that play with so many characters, in the order of the table."""
        if ways not in self._casts:
            held = cast(game.with_ways(self.setting, ways))
            self._casts[ways] = {key: held[key] for key in WHO if key in held}
        return self._casts[ways]

    def deal(self, ways: int, number: int) -> game.Deal:
        """A deal; the machines start on it at once, in the background."""
        key = ways, number
        if key not in self._deals:
            setting = game.with_ways(self.setting, ways)
            dealt = game.deal(setting, self.seed, number)
            self._answered[key] = self._working.submit(self._play, dealt)
            self._deals[key] = dealt  # last: an interrupted kernel deals it again
        return self._deals[key]

    def _play(self, deal: game.Deal) -> dict[str, Answers]:
        """What every machine answers; one that cannot is told of, and the others go on."""
        found = {}
        for key, model in self.cast(deal.ways).items():
            try:
                if deal.number in (0, 1):  # the first time takes longer: PyTorch sets itself up
                    game.machine(model, deal)
                found[key] = game.machine(model, deal)
            except Exception as error:  # in a thread nobody else would hear of it
                self._notes.append(f"{METHOD_STYLES[key].label} could not answer: {error}")
        return found

    def answer(self, *picks: int, seconds: float = 1.0) -> "Sorting":
        """Sort the next drawings of this deal into these characters, numbered from 0."""
        at = [self.state.get("ways", self._ways), self.state["deal"]]
        rows = [[*at, pick, seconds] for pick in picks]
        return self.set(answers=[*self.board.value, *rows])

    @property
    def score(self) -> dict[str, Score]:
        """Who sorted how many rightly, over all deals with as many characters as now."""
        return {who: Score(*player.total) for who, player in self.view.players.items()}

    def twin(self) -> go.Figure:
        """The static twin: the deal as it stands; before the first answer, an example deal."""
        if self.view.players["you"].picks or not self.view.number:
            return super().twin()
        return figures.sorting(self._look(0, [], ways=self.view.ways))

    def _look(
        self, deal: int, answers: Sequence, reveal: str = "end", ways: int | None = None
    ) -> SortingView:
        """The game as it stands: what is seen and said. Deal 0 is played by machines alone."""
        now = ways or self._ways, deal
        given = {now: NOTHING} | game.by_deal(answers)
        here = self.deal(*now)
        asked, done = len(here.truth), len(given[now].picks)
        over = done >= asked or deal == 0
        seen = asked if over else done if reveal == "each" else 0
        shown = {who: its.first(seen) for who, its in self._machines(now, wait=over).items()}
        shown["you"] = given[now]
        cast = self.cast(now[0])
        labels = {"you": "you"} | {key: METHOD_STYLES[key].label for key in cast}
        played = [key for key in given if key[0] == now[0] and (key != now or over)]
        totals, seconds = self._totals(given, played, list(labels))
        players = {}
        for who, label in labels.items():
            its = shown.get(who, NOTHING)
            score = game.score(here, its)
            players[who] = Player(label, its.picks, score, totals[who], seconds[who])
        return SortingView(
            setting=here.setting,
            number=here.number,
            examples=here.examples.numpy(),
            drawings=here.drawings.numpy(),
            truth=here.truth,
            data=data(here.source),
            over=over,
            players=players,
            deals=len(played),
            weights=players_shown(cast),
            lacks=lacking(cast),
            provisional=[METHOD_STYLES[key].label for key, m in cast.items() if m.provisional],
            notes=self._notes,
        )

    def _totals(
        self, given: Mapping[Key, Answers], played: Sequence[Key], players: Sequence[str]
    ) -> tuple[dict[str, Score], dict[str, list[float]]]:
        """Scores and seconds of all players over some deals, on the drawings the reader sorted."""
        scores: dict[str, list[Score]] = {who: [] for who in players}
        seconds: dict[str, list[float]] = {who: [] for who in players}
        for key in played:
            deal = self.deal(*key)
            count = len(given[key].picks) if deal.number else len(deal.truth)
            for who, its in ({"you": given[key]} | self._machines(key, wait=True)).items():
                scores[who].append(game.score(deal, its.first(count)))
                seconds[who] += its.first(count).seconds
        return {who: game.total(found) for who, found in scores.items()}, seconds

    def _machines(self, key: Key, wait: bool) -> dict[str, Answers]:
        """What the machines answered in a deal; nothing yet where they are not to be waited for."""
        self.deal(*key)
        working = self._answered[key]
        return working.result() if wait or working.done() else {}

    def _show(self, board: Board, view: SortingView) -> None:
        """Lay out the deal, if it is another one; marks and scores in any case."""
        at = [view.ways, view.number]
        if board.at != at:
            images = np.concatenate([*view.examples, view.drawings])
            note = view.data.replace("<b>", "").replace("</b>", "")
            board.show(at, view.examples.shape[1], images, list(view.truth), note)
        board.machines = [
            {"label": player.label, "color": WHO[who], "picks": list(player.picks)}
            for who, player in view.players.items()
            if who != "you"
        ]
        self.panel.value = panel(view)

    def _wish(self, _board, content: Mapping[str, Any], _buffers) -> None:
        """The button on the board."""
        if content.get("wish") == "again":
            self.controls["deal"].value += 1

    def _arrange(self, controls: Mapping[str, W.Widget], board: W.Widget) -> W.Widget:
        row = [control for name, control in controls.items() if name != "answers"]
        return W.VBox([C.line(row), board, self.panel])
