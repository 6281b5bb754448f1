"""How much embedding and tau of the zoo's weights vary between tasks, trained and untrained.

`variation` is 0 where all tasks get the same tau: then nothing is modulated. Tasks of the weights'
own setting, of every domain; of characters also drawings in two inks. Run it as
`python benchmarks/variation.py`.
"""

from typing import Any

import torch

from mmaml_lite.characters.domain import episodes
from mmaml_lite.core import zoo
from mmaml_lite.core.domain import build
from mmaml_lite.core.modulation import variation
from mmaml_lite.regression.evaluation import shared_tasks
from mmaml_lite.rl.collect import collect
from mmaml_lite.rl.evaluation import shared_goals

INVERTED = ("strokes", "inverted_strokes")  # tasks as unlike as can be
SEED = 77  # of the tasks, apart from every training seed


@torch.no_grad()
def spread(learner: Any, settings: Any, sources: tuple[str, ...] = ()) -> tuple[float, float]:
    """Variation of embedding and tau over tasks of the settings; of characters, validation tasks.

    sources: other ones than the settings', for characters.
    """
    generator = torch.Generator().manual_seed(SEED)
    if settings.domain == "regression":
        seen = shared_tasks(settings, 1_000).support
    elif settings.domain == "characters":
        settings = settings.replace(sources=sources or settings.sources)
        seen = episodes(settings, 200, generator, "validation", 1).support
    else:
        world = settings.world()
        goals, _ = shared_goals(world, 100 if settings.domain == "navigation" else 40)
        seen = collect(learner, goals, 0, generator, world).batch.explore
    embedding = learner.embed(seen)
    return variation(embedding), variation(learner.modulate(embedding))


def zoo_table() -> None:
    """How much embedding and tau vary, of every MuMoMAML in the zoo: trained and untrained."""
    print(
        "| weights | tasks | embedding, % | untrained | tau, % | untrained |\n" + "|---" * 6 + "|"
    )
    for name, recipe, seed in zoo.available():
        model = zoo.read(zoo.weights_path(name, recipe, seed))
        if not getattr(model.settings, "modulation", None):
            continue
        untrained = build(model.settings).eval()
        both = [(model.learner, untrained)]
        if hasattr(model.learner, "learners"):  # one for each mode
            both = list(zip(model.learner.learners, untrained.learners, strict=True))
        kinds = [(), INVERTED] if model.settings.domain == "characters" else [()]
        for sources in kinds:
            for i, pair in enumerate(both):
                found = [spread(learner, model.settings, sources) for learner in pair]
                numbers = [f"{100 * part[k]:.3g}" for k in (0, 1) for part in found]
                tasks = " and ".join(sources) or (f"all, learner {i}" if len(both) > 1 else "own")
                print(f"| {name} ({recipe}, seed {seed}) | {tasks} | {' | '.join(numbers)} |")


if __name__ == "__main__":
    torch.set_num_threads(1)
    zoo_table()
