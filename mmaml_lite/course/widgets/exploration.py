"""What the encoder saw: drag the goal, and watch the rewards change and the embedding move.

One line in a notebook of your own:

    encoder_explorer(Crowd(zoo.load("navigation/2-modes/mumomaml-film"), 300))
"""

from collections.abc import Sequence

import numpy as np
import torch

from mmaml_lite.core import zoo
from mmaml_lite.course import figures
from mmaml_lite.course.figures.exploration import ExplorationView
from mmaml_lite.course.figures.navigation import earned
from mmaml_lite.course.studies import maps
from mmaml_lite.course.studies.navigation import explore, positions
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets.explorer import Explorer
from mmaml_lite.course.widgets.goal import Goal, round_modes
from mmaml_lite.course.widgets.navigation import FAR, beside
from mmaml_lite.rl.evaluation import shared_goals

NEIGHBOURS = 15
CROWD_SEED = 5  # of the crowd's walks: a reader's own walk has other luck


class Crowd:
    """Test tasks of a trained MuMoMAML, each embedded from one exploratory walk, and their map.

    goals `(count, d)`, mode `(count,)`; seen: what the encoder read; embedding `(count, e)`; kind:
    "t-SNE" or "PCA".
    """

    def __init__(self, model: zoo.Model, count: int = 400, seed: int = 0, kind: str = "t-SNE"):
        self.model, self.world = model, model.settings.world()
        self.goals, self.mode = shared_goals(self.world, count)
        self.seen = explore(model.learner, self.goals, CROWD_SEED + seed)
        self.embedding = self.embed(self.seen)
        vectors = self.embedding.numpy()
        self.map = maps.tsne(vectors, seed) if kind == "t-SNE" else maps.pca(vectors)

    @torch.no_grad()
    def embed(self, seen) -> torch.Tensor:
        """Embeddings `(tasks, d)` of exploratory trajectories."""
        return self.model.learner.embed(seen)

    def neighbours(self, here: torch.Tensor) -> torch.Tensor:
        """Which tasks lie nearest to an embedding `(1, d)`, at most NEIGHBOURS of them."""
        count = min(NEIGHBOURS, len(self.mode))
        return torch.cdist(here, self.embedding)[0].topk(count, largest=False).indices


def exploration_view(
    crowd: Crowd, goal: Sequence[float], colour: str = "mode", seed: int = 0
) -> ExplorationView:
    """All that `figures.exploration` draws for one goal; the seed decides the walk's luck."""
    learner, world = crowd.model.learner, crowd.world
    seen = explore(learner, torch.tensor([list(goal)]), seed)
    here = crowd.embed(seen)
    return ExplorationView(
        goal=list(goal),
        centres=world.centres,
        spread=world.spread,
        colour=colour,
        path=positions(seen, learner.policy.scale)[0, 0].numpy(),
        rewards=seen.rewards[0, 0].numpy(),
        points=crowd.map.points,
        kind=crowd.map.kind,
        mode=crowd.mode.numpy(),
        goals=crowd.goals.numpy(),
        place=crowd.map.place(here.numpy())[0],
        near=crowd.neighbours(here).numpy(),
    )


def exploration_summary(view: ExplorationView) -> str:
    """What the neighbours in the embedding say about the mode and about the goal."""
    x, y = view.goal
    centres, near = np.asarray(view.centres), view.near
    votes = np.bincount(view.mode[near], minlength=len(centres))
    first = int(votes.argmax())
    off = np.linalg.norm(view.goals[near] - np.array(view.goal), axis=1).mean()
    spreads = np.linalg.norm(centres - np.array(view.goal), axis=1).min() / view.spread
    says = (
        f"Goal ({x:.2f}, {y:.2f}), the walk earned {earned(view.rewards.sum())}. <b>"
        f"{votes[first]} of its {len(near)} nearest neighbours</b> are of mode {first + 1}; their "
        f"goals lie {off:.2f} from this one on average (two goals of one mode: "
        f"{np.sqrt(np.pi) * view.spread:.2f})."
    )
    if spreads > FAR:
        says += " <b>Such goals were never trained</b>: neighbours there are, but no relatives."
    return says


def encoder_explorer(crowd: Crowd, goal: Sequence[float] | None = None, seed: int = 0) -> Explorer:
    """Explorer of one goal: what the exploratory walk earns, and where its embedding lies.

    goal: where it starts, by default beside the first mode's centre.
    """
    world = crowd.world
    place = Goal(goal or beside(world), "the goal: click, or drag the star")
    place.pad.lines = round_modes(world.centres, world.spread)
    controls = {
        "goal": place,
        "colour": C.choice("colour by", {"mode": "mode", "place in the mode": "place"}, "mode"),
        "seed": C.Again("another walk", seed),
    }

    def compute(goal, colour, seed):
        return exploration_view(crowd, goal, colour, seed)

    return Explorer(
        "exploration",
        controls,
        compute,
        figures.exploration,
        figures.redraw_exploration,
        exploration_summary,
        models=[crowd.model],
        arrange=lambda c, screen: place.beside(screen, c["colour"], c["seed"]),
    )
