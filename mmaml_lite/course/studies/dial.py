"""The mode-mix dial: what adding families does to the error on one and the same family's tasks.

Tasks are sinusoids throughout and the same for every mixture; only what the methods were trained on
changes, and what the Bayes-optimal predictor must reckon with. Every family brings as many tasks to
a meta-batch as any other, so a method sees equally many sinusoids whatever else it is trained on.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mmaml_lite.core import zoo
from mmaml_lite.core.results import read_results, store
from mmaml_lite.core.statistics import interval, ratio
from mmaml_lite.core.tasks import Tasks
from mmaml_lite.regression.evaluation import TEST_QUERIES, TEST_SEED, errors
from mmaml_lite.regression.posterior import sobol
from mmaml_lite.regression.recipes import families_of
from mmaml_lite.regression.report import floor_errors
from mmaml_lite.regression.tasks import PAPER_ORDER, Mixture

DIAL = "regression/dial"  # where its results are kept
DIAL_TASKS = 4_000
DIAL_METHODS = {"maml": "maml", "mumomaml": "mumomaml-film"}  # key in figures -> method
FLOORS = ("bayes", "label_linear")


def setting_of(families: int) -> str:
    """The zoo's name for the paper's first so many families: 2 -> "regression/2-modes"."""
    setting = f"{families}-mode" + "s" * (families > 1)
    families_of(setting)  # raises ValueError for a number that there is not
    return f"regression/{setting}"


def dial_tasks(count: int = DIAL_TASKS) -> Tasks:
    """Test tasks of the first family alone: every point of the dial is measured on these."""
    asked = zoo.zoo_settings(f"{setting_of(1)}/maml")
    mixture = Mixture(asked.families, asked.shots, TEST_QUERIES, asked.noise)
    return mixture.sample(count, torch.Generator().manual_seed(TEST_SEED))


def mean_curve(mixture: Mixture, x: Tensor, points: int = 8192) -> Tensor:
    """Mean of all functions of a mixture at x `(grid,)`, by Sobol points through the priors."""
    curves = []
    for family in mixture.families:
        drawn = family.draw(sobol(points, len(family.priors), 0))
        curves.append(family(x.double(), drawn).mean(0))
    return torch.stack(curves).mean(0).to(x.dtype)


def measure(count: int = DIAL_TASKS, tell: Callable[[str], None] = print) -> dict[str, Any]:
    """Errors on sinusoid tasks for one to five families: each method at every stage, each floor."""
    tasks, mixtures = dial_tasks(count), []
    for number in range(1, len(PAPER_ORDER) + 1):
        setting = setting_of(number)
        floor = floor_errors(setting, tasks, tell)
        point: dict[str, Any] = {
            "families": list(PAPER_ORDER[:number]),
            "mode_accuracy": floor["mode_right"].float().mean().item(),
            "methods": {},
        }
        point |= {name: interval(floor[name]) for name in FLOORS}
        for key, method in DIAL_METHODS.items():
            path = zoo.weights_path(f"{setting}/{method}")
            if not path.is_file():
                tell(f"{setting}/{method}: not in the zoo, left out")
                continue
            model = zoo.read(path)
            found = errors(model.learner, tasks)
            point["methods"][key] = {
                "label": model.label,
                "iterations": model.settings.iterations,
                "seed": model.settings.seed,
                "provisional": model.provisional,
                "stages": [interval(stage) for stage in found],
                "x_bayes": ratio(found[-1], floor["bayes"]),
            }
            told = point["methods"][key]["x_bayes"]
            tell(
                f"{setting} {key}: {found[-1].mean():.3f}, "
                f"{told['mean']:.2f} ± {told['ci95']:.2f} times Bayes"
            )
        mixtures.append(point)
    return {
        "setting": DIAL,
        "family": PAPER_ORDER[0],
        "tasks": count,
        "queries": TEST_QUERIES,
        "test_seed": TEST_SEED,
        "mixtures": mixtures,
    }


def measure_and_store(
    count: int = DIAL_TASKS, tell: Callable[[str], None] = print
) -> dict[str, Any]:
    """Measure the dial and write it; on fewer tasks than the stored one, it is only measured."""
    return store(measure(count, tell), count, DIAL_TASKS, tell)


def read_dial() -> dict[str, Any]:
    """The stored dial; raises ValueError that says which command makes it."""
    return read_results(DIAL, "dial")
