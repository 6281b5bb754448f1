"""What could gradient steps still do for our recipe's MuMoMAML? Learn their sizes alone, and see.

The recipe `ours` learns step sizes in its last tenth only, when the learning rate is nearly 0, and
they hardly move. Here everything else is frozen and the step sizes alone are trained on, until they
stand. Prints the error on fresh tasks after modulation, after the steps as shipped, and after the
steps with these sizes, beside Bayes; then the sizes, the geometric mean over the steps for every
layer. `python benchmarks/step_sizes.py [settings]`, about a minute for each.
"""

import sys

import torch

from mmaml_lite.core import zoo
from mmaml_lite.core.statistics import interval, paired
from mmaml_lite.regression.domain import mixture_of, query_loss
from mmaml_lite.regression.evaluation import errors, shared_tasks
from mmaml_lite.regression.report import floor_errors

TASKS = 8_000
STEPS = 400
LEARNING_RATE = 0.03


def main() -> None:
    """Print one row of Markdown for each setting."""
    torch.set_num_threads(1)
    print(
        "| setting | Bayes | after modulation | steps as shipped | steps of best size "
        "| best - modulation | their sizes, layer by layer |\n|" + " --- |" * 7
    )
    for setting in sys.argv[1:] or ["2-modes", "3-modes", "5-modes"]:
        model = zoo.load(f"regression/{setting}/mumomaml-film", "ours")
        learner, s = model.learner, model.settings
        tasks = shared_tasks(s, TASKS, seed=99)
        bayes = floor_errors(f"regression/{setting}", tasks, lambda _: None)["bayes"]
        shipped = errors(learner, tasks)
        learner.requires_grad_(False)
        sizes = list(learner.log_step_sizes.requires_grad_(True).values())
        optimiser = torch.optim.Adam(sizes, LEARNING_RATE)
        generator, mixture = torch.Generator().manual_seed(7), mixture_of(s)
        for _ in range(STEPS):
            optimiser.zero_grad()
            fresh = mixture.sample(s.tasks_per_mode * len(s.families), generator)
            query_loss(learner, fresh).backward()
            optimiser.step()
        best = errors(learner, tasks)[-1]
        cells = [f"{interval(e)['mean']:.3f}" for e in (bayes, shipped[0], shipped[-1], best)]
        gain = paired(best, shipped[0])
        alphas = "; ".join(f"{a.mean().exp():.1g}" for a in sizes)
        print(
            f"| {setting} | {' | '.join(cells)} | {gain['mean']:+.4f} ± {gain['ci95']:.4f} "
            f"| {alphas} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
