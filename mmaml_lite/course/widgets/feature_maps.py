"""What FiLM does to the feature maps of a character, and what that is worth in right answers.

One line in a notebook of your own:

    feature_maps_explorer("omniglot-5way-1shot")
"""

from functools import lru_cache

import ipywidgets as W
import numpy as np
import torch

from mmaml_lite.characters.domain import named
from mmaml_lite.core import zoo
from mmaml_lite.core.networks import averaged
from mmaml_lite.course.figures.feature_maps import (
    FeatureMapsView,
    feature_maps,
    redraw_feature_maps,
)
from mmaml_lite.course.figures.sorting import LETTERS
from mmaml_lite.course.studies import feature_maps as film
from mmaml_lite.course.studies.feature_maps import MODE, OTHER, OWN
from mmaml_lite.course.studies.players import model as held
from mmaml_lite.course.studies.probes import deal, described
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets.explorer import Explorer

QUERIES = 4  # of each class: a share of right answers moves in steps of 5 % with five classes
MANY = 32  # tasks over which tau is averaged


class Subject:
    """A trained MuMoMAML and the tasks it is shown; what is slow is found once and kept."""

    def __init__(self, model: zoo.Model):
        self.model, self.learner = model, model.learner
        self.sources = model.settings.sources
        many = deal(model.settings, MANY * len(self.sources), 1, seed=1)
        tau = film.taus(self.learner, many.support)
        self.mean = averaged(tau)
        self.share = film.own_share(tau)
        self.task = lru_cache(maxsize=32)(self._task)

    def _task(self, seed: int):
        """A task, all taus for it and for the comparison, and how well each one serves."""
        count = len(self.sources)
        episodes = deal(self.model.settings, 2 * count, QUERIES, seed=100 + seed)
        at = 2 * (seed % count)  # tasks of every mode in turn
        tau = film.taus(self.learner, episodes.support)
        used = film.tamperings(tau, episodes.mode, self.mean, at)
        episode = episodes[at : at + 1]
        return episode, used, film.scores(self.learner, episode, used)

    def view(self, block: int, image: int, used: str, seed: int) -> FeatureMapsView:
        """All that `figures.feature_maps` draws; image: first the examples, then a new one each."""
        episode, taus, scores = self.task(seed)
        ways = self.model.settings.ways
        shown = episode.support.x[0, :: len(episode.support.y[0]) // ways]
        asked = episode.query.x[0, :: len(episode.query.y[0]) // ways]
        picture = torch.cat([shown, asked])[image]
        found = film.maps(self.learner, episode.support, picture, taus[used], block)
        lender = MODE if MODE in taus else OTHER
        own, other = (taus[name][block][0].numpy() for name in (OWN, lender))
        off = film.unmodulated(taus[OWN])[block][0].numpy()
        order = np.linalg.norm(own - off, axis=0).argsort()[::-1]
        return FeatureMapsView(
            block=block,
            used=used,
            image=picture[0].numpy(),
            order=order,
            off=found.off.numpy()[order],
            on=found.on.numpy()[order],
            own=own[:, order],
            other=other[:, order],
            scores=scores,
            beside="a task of another mode" if lender == MODE else "another task",
            queries=len(episode.query.y[0]),
            steps=self.model.settings.steps,
            share=self.share[block],
            says=self.says(),
        )

    def says(self) -> str:
        """Data and weights of the caption."""
        setting = self.model.name.split("/")[1]
        return (
            f"Drawings: {described(setting)}. Weights: {self.model.settings.iterations:,} outer "
            "steps."
        )


def say(view: FeatureMapsView) -> str:
    """What tau does to a block's channels, how much of it is the task's own, what it is worth."""
    on, off = (maps.max((1, 2)) > 0 for maps in (view.on, view.off))
    count, gamma = len(on), view.own[0]
    told = (
        f"Block {view.block + 1}, {view.used}: on this image <b>{(off & ~on).sum()}</b> of "
        f"{count} channels fall silent, <b>{(on & ~off).sum()}</b> wake up; γ of this task goes "
        f"from {gamma.min():.1f} to {gamma.max():.1f}. From task to task τ moves by "
        f"<b>{100 * view.share:.0f} %</b> of its distance from doing nothing"
    )
    scores = ", ".join(
        f"{name} {100 * right:.0f} % (loss {loss:.2f})"
        for name, (right, loss) in view.scores.items()
    )
    return f"{told}. Right answers: {scores}."


def feature_maps_explorer(setting: str = "strokes-5way-1shot", seed: int = 0) -> Explorer:
    """Explorer of FiLM in the convolutional blocks of a setting's trained MuMoMAML.

    Raises ValueError for an unknown setting, or where the zoo has no weights for it.
    """
    ways = named(setting, "mumomaml-film").ways
    model = held(setting, "mumomaml-film")
    if model is None:
        raise ValueError(
            f"no trained weights of MuMoMAML FiLM for {setting}: nothing to look into "
            f"(python -m mmaml_lite train characters/{setting}/mumomaml-film makes them)"
        )
    subject = Subject(model)
    names = [f"example {i}" for i in _letters(ways)] + [f"new {i}" for i in _letters(ways)]
    taus = list(subject.task(seed)[1])
    controls = {
        "block": C.choice("block", {str(i + 1): i for i in range(model.settings.blocks)}, 0),
        "image": C.menu("image", {name: i for i, name in enumerate(names)}, 0),
        "used": C.menu("on the right", taus, OWN),
        "seed": C.Again("Another task", seed),
    }
    controls["block"].layout.width = f"{8 + 42 * model.settings.blocks}px"
    for name, label, wide in (("image", "44px", "155px"), ("used", "84px", "226px")):
        controls[name].style.description_width, controls[name].layout.width = label, wide
    button, count = controls["seed"].children
    button.layout.width, count.layout.width = "105px", "95px"
    return Explorer(
        "feature-maps",
        controls,
        subject.view,
        feature_maps,
        redraw_feature_maps,
        say,
        models=[model],
        arrange=lambda controls, screen: W.VBox([C.line(controls.values(), "4px 8px"), screen]),
    )


def _letters(ways: int) -> list[str]:
    """What the characters of a task are called."""
    return [LETTERS[i] for i in range(ways)]
