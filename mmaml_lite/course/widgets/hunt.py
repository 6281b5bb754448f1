"""You are the agent: a goal is hidden in the plane, and every step is answered by its reward alone.

One line in a notebook of your own:

    Hunt(seed=3)
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import ipywidgets as W
import numpy as np
import plotly.graph_objects as go

from mmaml_lite.core import zoo
from mmaml_lite.course import figures
from mmaml_lite.course.figures import METHOD_STYLES
from mmaml_lite.course.figures.hunt import REACH, Earned, HuntView, dots, lines
from mmaml_lite.course.studies import hunt as game
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets.explorer import Explorer, is_live
from mmaml_lite.course.widgets.hunt_words import panel, say
from mmaml_lite.course.widgets.pad import Pad
from mmaml_lite.rl.navigation import STEP

FOUND = 0.1  # a last step that ends this near has found the goal


class Hunt(Explorer):
    """A game: walk from the origin to a goal that is not shown, led by nothing but rewards.

    Arrow keys, buttons and clicks take one step of the environment's (0.1, clipped); each is
    answered by its reward alone. After `steps` steps, or with the button "Reveal", goal, modes and
    shortest way appear, and the return beside those of others for the same goal: told the goal,
    MAML after a gradient step, MuMoMAML after modulation (those the zoo has weights of).

    seed: of the sequence of goals, the same for the same seed; steps: how many may be taken;
    modes: of the goals, 2 as in the paper, or 4 or 6. `set(moves=[[0.1, 0], ...])` walks,
    `set(reveal=True)` ends the hunt, `set(goal=2)` goes on to the second goal, moves forgotten.
    """

    def __init__(self, seed: int = 0, steps: int = 25, modes: int = 2):
        self.seed, self.steps, self.setting = seed, steps, f"{modes}-mode{'s' if modes > 1 else ''}"
        self.world = zoo.zoo_settings(f"navigation/{self.setting}/maml").world()
        self._goals: dict[int, np.ndarray] = {}
        self._costs: dict[int, float | None] = {}  # goal number -> of its first search, if found
        self._rivals: dict[int, Future] = {}  # goal number -> measured while the reader plays
        self._measuring = ThreadPoolExecutor(1)
        live = is_live()
        pad = Pad(
            kind="steps",
            step=STEP,
            at_most=steps,
            value=[] if live else self.example(),
            xrange=[-REACH, REACH],
            yrange=[-REACH, REACH],
            width=394,
            height=388,
        )
        self.panel = W.HTML(layout={"flex": "1 1 400px", "min_width": "0"})
        controls = {
            "goal": C.Again("New goal", 1),
            "moves": pad,
            "reveal": W.ToggleButton(value=not live, description="Reveal", icon="eye"),
            "circles": C.check("hint: what a reward says"),
            "modes": C.check("hint: where goals come from"),
        }
        number = controls["goal"].children[1]
        number.min, number.description = 1, "goal"
        controls["goal"].children[0].layout.width = "110px"
        controls["goal"].observe(lambda _: self._forget(), "value")
        super().__init__(
            "hunt",
            controls,
            self._look,
            figures.hunt,
            self._show,
            say,
            screen=pad,
            arrange=self._arrange,
        )

    def goal(self, number: int) -> np.ndarray:
        """The hidden goal `(2,)` of this number, from 1."""
        if number not in self._goals:
            self._goals[number] = game.hidden_goal(self.world, self.seed, number)
        return self._goals[number]

    def example(self) -> list[list[float]]:
        """A script's moves on the first goal: half as many as there may be."""
        return game.seeker(self.world, self.goal(1), self.steps // 2)

    def twin(self) -> go.Figure:
        """The static twin: the hunt as it stands, and before the first step a script's."""
        if len(self.view.rewards):
            return super().twin()
        return figures.hunt(self._look(1, self.example(), True, False, False))

    def _look(
        self, goal: int, moves: Sequence, reveal: bool, circles: bool, modes: bool
    ) -> HuntView:
        """The hunt as it stands: everything that is drawn and said."""
        place, n = self.goal(goal), len(moves)
        if n and goal not in self._rivals:
            self._rivals[goal] = self._measuring.submit(game.rivals, self.setting, place)
        positions, rewards = game.walked(self.world, place, moves)
        revealed = reveal or n >= self.steps
        pinned = game.pinned(positions[1:], rewards)
        told_by = range(max(0, n - 3), n) if circles else []
        if revealed:
            told_by = [] if pinned is None else [0, pinned - 2, pinned - 1]
        script = goal == 1 and moves == self.example()
        return HuntView(
            number=goal,
            steps=self.steps,
            goal=place,
            positions=positions,
            rewards=rewards,
            pinned=pinned,
            shortest=game.straight_way(self.world, place),
            centres=np.array(self.world.centres),
            spread=self.world.spread,
            modes=modes or revealed,
            circles=list(told_by),
            revealed=revealed,
            script=script,
            earned=self._earned(goal, rewards, script) if revealed and n else {},
        )

    def _earned(self, number: int, rewards: np.ndarray, script: bool) -> dict[str, Earned]:
        """Who earned what over as many steps as were taken, and what each had seen before."""
        n, rivals = len(rewards), self._rivals[number].result()
        told = game.told(self.world, self.goal(number), n)
        mine = Earned("the script" if script else "you", "nothing", rewards.sum())
        earned = {"you": mine, "goal": Earned("told the goal", "the goal itself", told)}
        for key, rival in rivals.items():
            seen = f"{rival.walks} × {len(rival.rewards)} steps"
            total = rival.rewards[:n].sum()
            earned[key] = Earned(METHOD_STYLES[key].label, seen, total, rival.provisional)
        return earned

    def _show(self, pad: Pad, view: HuntView) -> None:
        """Draw a view on the pad, and the panel beside it."""
        over = "The hunt is over: the star is the goal"
        with pad.hold_sync():
            pad.lines, pad.dots = lines(view), dots(view)
            pad.at = [float(v) for v in view.positions[-1]]
            pad.at_most = len(view.rewards) if view.revealed else self.steps
            pad.heading = over if view.revealed else "A goal is hidden here: walk to it"
        if view.earned:
            cost = view.earned["goal"].total - view.earned["you"].total
            found = -view.rewards[-1] < FOUND
            self._costs.setdefault(view.number, float(cost) if found else None)
        self.panel.value = panel(view, self._costs)

    def _forget(self) -> None:
        """Another goal: back to the origin."""
        self.controls["moves"].value, self.controls["reveal"].value = [], False

    def _arrange(self, controls: Mapping[str, W.Widget], pad: W.Widget) -> W.Widget:
        for name in ("circles", "modes"):
            controls[name].layout.width = "auto"
        row = [controls[name] for name in ("goal", "reveal", "circles", "modes")]
        return W.VBox([C.line(row), C.line([pad, self.panel])])
