"""Live training of policies: how the walks to a few hidden goals change, step after step.

One line in a notebook of your own:

    LivePolicyTraining("navigation/2-modes/mumomaml-film", iterations=200)
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmaml_lite.core import zoo
from mmaml_lite.course import figures
from mmaml_lite.course.figures.navigation import earned
from mmaml_lite.course.figures.policy_training import PolicyTrainingView
from mmaml_lite.course.widgets.live_training import LiveRun, live_path
from mmaml_lite.rl.collect import collect
from mmaml_lite.rl.evaluation import shared_goals
from mmaml_lite.rl.learner import PolicyLearner

PANELS, WALKS = 4, 5  # goals, and trajectories drawn for each
# A long inner step on few tasks learns less in the end, but something worth seeing in a minute.
QUICK = {"tasks": 20, "trajectories": 10, "step_size": 0.1, "schedule": "constant"}


def policy_view(
    learner: PolicyLearner, goals: Tensor, curve: np.ndarray, levels: Mapping[str, float]
) -> PolicyTrainingView:
    """What the figure shows of a learner at one moment, always with the same random numbers.

    goals `(panels, 2)`; curve, levels: returns so far, and the floors.
    """
    settings = learner.settings
    world = settings.world()
    stages = collect(learner, goals, settings.steps, torch.Generator().manual_seed(1)).batch.stages
    ends = [stages[0], stages[-1]]
    return PolicyTrainingView(
        goals=goals.numpy(),
        paths=np.stack([seen.observations[:, :WALKS].numpy() for seen in ends]),
        returns=np.stack([seen.returns().mean(1).numpy() for seen in ends]),
        curve=curve,
        centres=np.array(world.centres),
        spread=world.spread,
        floors=levels,
        modulated=settings.modulation is not None,
    )


class LivePolicyTraining(LiveRun):
    """Buttons and pictures around one training run of a policy learner: MAML, or MuMoMAML.

    While it trains, one sees the walks to four fixed goals, before the gradient step and after
    it, and the mean return of every meta-batch before and after, with the floors.

    name: as in the zoo, "navigation/2-modes/maml" or ".../mumomaml-film"; iterations: outer steps
    until it is finished (40: about a minute); path: file of the run, by default under
    data/runs/live/; changes: to QUICK or other settings, such as tasks=10.
    `start()`, `pause()`, `wait()` and `again()` do what the buttons do.
    """

    def __init__(
        self,
        name: str = "navigation/2-modes/maml",
        iterations: int = 40,
        seed: int = 0,
        path: Path | str | None = None,
        **changes: Any,
    ):
        settings = zoo.zoo_settings(name, seed=seed, iterations=iterations, **(QUICK | changes))
        world = settings.world()
        self._goals, _ = world.goals(PANELS, torch.Generator().manual_seed(5))
        best = world.floors(*shared_goals(world))
        self._floors = {key: value.mean().item() for key, value in best.items()}
        tag = "".join(f"-{key}={value}" for key, value in sorted(changes.items()))
        path = path or live_path(name, f"seed{seed}-{iterations}{tag}")
        super().__init__(
            "policy-training",
            settings,
            path,
            figures.policy_training,
            figures.redraw_policy_training,
        )

    def look(self) -> PolicyTrainingView:
        """Walks to the goals, and the returns so far."""
        last = f"step {self.settings.steps}"
        curve = np.array([(r["step"], r["step 0"], r[last]) for r in self.curve], float)
        return policy_view(self.run.learner, self._goals, curve.reshape(-1, 3), self._floors)

    def say(self, view: PolicyTrainingView) -> str:
        """Mean return of the latest meta-batch."""
        if not len(view.curve):
            return ""
        _, before, after = view.curve[-1]
        return (
            f", return {earned(before)} before the gradient step and <b>{earned(after)}</b> after "
            f"it (told the goal {earned(self._floors['goal'])})"
        )
