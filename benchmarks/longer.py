"""What more steps would give: FiLM by the paper's recipe, five modes, 100,000 for 70,000.

Trains it (resumably, two hours on one core), then prints both errors on the shared test tasks and
their paired difference, with 95 % intervals over tasks. `python benchmarks/longer.py`.
"""

import torch

from mmaml_lite.core import zoo
from mmaml_lite.core.progress import Progress
from mmaml_lite.core.statistics import interval, paired
from mmaml_lite.regression.evaluation import errors, shared_tasks

NAME = "regression/5-modes/mumomaml-film"
ITERATIONS = 100_000


def main() -> None:
    """Print one line for each length of training, and one for the difference."""
    torch.set_num_threads(1)
    models = [
        zoo.load(NAME),
        zoo.load(NAME, iterations=ITERATIONS, callbacks=(Progress(NAME),)),
    ]
    tasks = shared_tasks(models[0].settings)
    shorter, longer = (errors(model.learner, tasks)[-1] for model in models)
    for model, error in zip(models, (shorter, longer), strict=True):
        found = interval(error)
        print(f"{model.settings.iterations:,} steps: {found['mean']:.3f} ± {found['ci95']:.3f}")
    change = paired(longer, shorter)
    print(f"difference, {len(tasks):,} tasks: {change['mean']:+.3f} ± {change['ci95']:.3f}")


if __name__ == "__main__":
    main()
