"""What teaches a network's features fastest: trials at equal processor time, on one thread.

Every trial trains a prototypical network as the recipe `ours` does first, for as many seconds and
with as many images a step: on tasks of five characters, of twenty, and of twenty and eighty with
features brought to one length. Then, on the same validation tasks of five new characters (one
example each), how often the nearest class mean is right, and how often one inner step from an
output layer of zeros, with the same features. Run it as `python benchmarks/features.py`; about
eleven minutes, on Omniglot where it is at hand, else on invented characters.
"""

import argparse
import math
import time
from types import SimpleNamespace
from typing import Any

import torch

from mmaml_lite.characters.domain import episodes, named, outer_step
from mmaml_lite.characters.evaluation import accuracies
from mmaml_lite.characters.learner import CharacterLearner
from mmaml_lite.characters.settings import CharacterSettings
from mmaml_lite.characters.sources import default
from mmaml_lite.core.domain import build
from mmaml_lite.core.statistics import interval

TRIALS: dict[str, dict[str, Any]] = {
    "5 characters": {"features_ways": None, "feature_spread": None},
    "20 characters": {"features_ways": 20, "feature_spread": None},
    "20 characters, features of one length": {"features_ways": 20, "feature_spread": 0.4},
    "80 characters, features of one length": {"features_ways": 80, "feature_spread": 0.4},
}


def trained(settings: CharacterSettings, seconds: float) -> tuple[CharacterLearner, int]:
    """A learner after so many seconds of processor time, and its steps; cosine over that time."""
    learner, beta = build(settings), settings.learning_rate
    optimiser = torch.optim.Adam(learner.parameters(), beta)
    run = SimpleNamespace(
        settings=settings,
        learner=learner,
        optimiser=optimiser,
        step=0,
        generator=torch.Generator().manual_seed(1),
    )
    began = time.process_time()
    while (spent := time.process_time() - began) < seconds:
        share = 0.5 * (1 + math.cos(math.pi * spent / seconds))
        run.settings = settings.replace(learning_rate=max(beta * share, 1e-9))
        outer_step(run)
        run.step += 1
    return learner, run.step


def right(learner: CharacterLearner, settings: CharacterSettings, steps: int, tasks: int) -> str:
    """Accuracy on validation tasks with its interval, in per cent."""
    generator = torch.Generator().manual_seed(77)
    dealt = (episodes(settings, 50, generator, "validation", 15) for _ in range(tasks // 50))
    found, _ = accuracies(learner, dealt, steps)
    stats = interval(found[-1])
    return f"{100 * stats['mean']:.1f} ± {100 * stats['ci95']:.1f}"


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=150.0, help="processor time of a trial")
    parser.add_argument("--tasks", type=int, default=400, help="validation tasks")
    args = parser.parse_args()
    torch.set_num_threads(1)
    setting = f"{default(lambda line: None)}-5way-1shot"
    print(f"{setting}, {args.seconds:g} s of processor time each\n")
    print("| features first on tasks of | steps | class means | one step from zero |")
    print("|---|---|---|---|")
    for name, changes in TRIALS.items():
        ours = named(setting, "prototypes", "ours", schedule="constant", **changes)
        learner, steps = trained(ours, args.seconds)
        linear = named(setting, "maml", "ours", **changes)
        stepped = build(linear)
        stepped.load_state_dict(learner.state_dict(), strict=False)
        cells = name, f"{steps:,}", right(learner, ours, 0, args.tasks)
        print(f"| {' | '.join(cells)} | {right(stepped, linear, 1, args.tasks)} |", flush=True)


if __name__ == "__main__":
    main()
