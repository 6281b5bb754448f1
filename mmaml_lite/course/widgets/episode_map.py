"""The map of episodes: what does the embedding tell about them? Choose what colours it.

One line in a notebook of your own:

    episode_explorer(cast("strokes-5way-1shot")["mumomaml"])
"""

from collections.abc import Mapping

import ipywidgets as W

from mmaml_lite.core import zoo
from mmaml_lite.core.domain import build
from mmaml_lite.course import figures
from mmaml_lite.course.figures.episode_map import EpisodeMapView
from mmaml_lite.course.studies import maps
from mmaml_lite.course.studies.episode_map import Trait, gather
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets.explorer import Explorer, as_output

TRAITS = {
    "source": "real or invented",
    "alphabet": "alphabet",
    "strokes": "number of strokes",
    "ink": "ink",
    "turn": "how they are turned",
}


def said(traits: Mapping[str, Trait], i: int) -> str:
    """The traits of one episode in words."""
    return "<br>".join(t.names[t.label[i]] for t in traits.values() if t.label[i] >= 0)


def episode_explorer(
    model: zoo.Model, count: int = 300, real: bool = False, seed: int = 0
) -> Explorer:
    """Explorer of the embeddings of `count` episodes: trait that colours, kind of map.

    real: every second episode from Omniglot. Raises ValueError for a model without an encoder,
    OmniglotMissing where Omniglot is asked for and not there.
    """
    if model.learner.encoder is None:
        raise ValueError(f"{model.label} has no encoder, so there is nothing to map")
    crowd = gather(count, model.settings.ways, real, seed)
    embedding = crowd.embedding(model.learner)
    untrained = crowd.embedding(build(model.settings))
    vectors = embedding.numpy()
    drawn = {"t-SNE": maps.tsne(vectors, seed), "PCA": maps.pca(vectors)}
    hover = [said(crowd.traits, i) for i in range(count)]
    votes = {n: (t.vote(embedding), t.vote(untrained)) for n, t in crowd.traits.items()}
    words = {TRAITS[name]: name for name in crowd.traits}
    controls = {
        "trait": C.choice("colour by", words, "ink"),
        "kind": C.choice("map", list(drawn), "t-SNE"),
    }

    def compute(trait: str, kind: str) -> EpisodeMapView:
        shared = crowd.traits[trait]
        return EpisodeMapView(
            points=drawn[kind].points,
            kind=kind,
            trait=TRAITS[trait],
            label=shared.label.numpy(),
            names=shared.names,
            hover=hover,
            vote=votes[trait][0],
            chance=shared.chance(),
            untrained=votes[trait][1],
        )

    def draw(screen: W.Output, view: EpisodeMapView) -> None:
        screen.outputs = (as_output(figures.episode_map(view)),)

    return Explorer(
        "episodes",
        controls,
        compute,
        figures.episode_map,
        draw,
        episode_summary,
        screen=W.Output(layout={"min_height": "450px"}),
        models=[model],
    )


def episode_summary(view: EpisodeMapView) -> str:
    """How often the nearest neighbour shares the trait, beside chance and an untrained encoder."""
    vote, chance, untrained = view.vote, view.chance, view.untrained
    count = (view.label >= 0).sum()

    def beyond(level: float) -> bool:  # by more than luck: three standard errors
        return vote > level + 3 * max(level * (1 - level) / count, 1e-4) ** 0.5

    verdict = (
        "about what chance gives: it is not there, or not as nearness"
        if not beyond(chance)
        else "it is there, but the untrained encoder tells it as well"
        if not beyond(untrained)
        else "it is there, and training made it clearer"
    )
    return (
        f"By <b>{view.trait}</b>: the nearest neighbour in the full embedding shares it in "
        f"<b>{100 * vote:.0f} %</b> of {count} episodes; by chance {100 * chance:.0f} %, in an "
        f"encoder that was <b>never trained</b> {100 * untrained:.0f} %: {verdict}."
    )
