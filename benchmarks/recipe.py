"""The trials behind the recipe `ours`: short trainings, the seconds of each beside its error.

`order`: MuMoMAML without an inner loop for its first steps, without any at all, and with one from
the start for fewer steps. `reader`: modulation alone by the recipe, and with one thing as in the
paper's. `maml`: tuned MAML by the recipe, and with one thing changed. All on one thread, on tasks
of one seed. Then the error on the same fresh tasks, by stage, beside Bayes'. Run it as
`python benchmarks/recipe.py order` (or `reader`, `maml`); about ten minutes each.
"""

import argparse
import time
from typing import Any

from mmaml_lite.core import zoo
from mmaml_lite.core.statistics import interval, paired
from mmaml_lite.core.training import train
from mmaml_lite.regression.evaluation import errors, shared_tasks
from mmaml_lite.regression.report import floor_errors

SAME = {"inner_clip_norm": 1000.0}  # apart from the order of learning, they are alike
Trials = dict[str, tuple[float, dict[str, Any]]]  # steps, as a share of --steps; settings
ORDER: Trials = {
    "modulation first": (1.0, SAME | {"modulation_first": 0.85}),
    "modulation alone": (1.0, SAME | {"modulation_first": 1.0}),
    "inner loop from the start": (0.4, SAME | {"modulation_first": 0.0, "step_size": 0.001}),
}
ALONE = {"modulation_first": 1.0}
READER: Trials = {
    "the recipe": (1.0, ALONE),
    "the authors' LSTM": (1.0, ALONE | {"encoder": "lstm", "encoder_hidden": 40}),
    "initial weights small": (1.0, ALONE | {"init": "small"}),
    "first block modulated alone": (1.0, ALONE | {"blocks": (0,)}),
    "25 tasks of each mode, 5 queries": (1.0, ALONE | {"tasks_per_mode": 25, "queries": 5}),
    "constant learning rate": (1.0, ALONE | {"schedule": "constant"}),
}
MAML: Trials = {
    "the recipe": (1.0, {}),
    "step sizes not learned": (1.0, {"learn_step_size": None}),
    "no bias transformation": (1.0, {"context": 0}),
    "learning rate 0.001": (1.0, {"learning_rate": 0.001}),
    "learning rate 0.01": (1.0, {"learning_rate": 0.01}),
    "twice the tasks, half the steps": (0.5, {"tasks_per_mode": 50}),
}
GROUPS = {
    "order": ("mumomaml-film", ORDER, 20_000),
    "reader": ("mumomaml-film", READER, 10_000),
    "maml": ("tuned-maml", MAML, 5_000),
}


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("--setting", default="2-modes")
    parser.add_argument("--steps", type=int, help="outer steps of the longest training")
    parser.add_argument("--tasks", type=int, default=8_000, help="tasks to compare on")
    args = parser.parse_args()
    method, trials, steps = GROUPS[args.group]
    setting = f"regression/{args.setting}"
    tasks = shared_tasks(zoo.zoo_settings(f"{setting}/maml"), args.tasks, seed=99)
    bayes = floor_errors(setting, tasks, print)["bayes"]
    print(f"{setting}, {args.tasks:,} fresh tasks, Bayes-optimal {interval(bayes)['mean']:.3f}\n")
    print("| training | outer steps | s | before any step | after all steps | above Bayes |")
    print("|---|---|---|---|---|---|")
    for name, (share, changes) in trials.items():
        settings = zoo.zoo_settings(f"{setting}/{method}", "ours", **changes)
        settings = settings.replace(iterations=int(share * (args.steps or steps)))
        began = time.process_time()
        learner = train(settings, device="cpu", thread_count=1).learner.eval()
        spent = time.process_time() - began
        steps_in_test = 0 if settings.modulation_first == 1 else None  # sizes were never learned
        found = errors(learner, tasks, steps_in_test)
        stats = [interval(found[0]), interval(found[-1]), paired(found[-1], bayes)]
        cells = [f"{s['mean']:.3f} ± {s['ci95']:.3f}" for s in stats]
        print(
            f"| {name} | {settings.iterations:,} | {spent:.0f} | {' | '.join(cells)} |", flush=True
        )


if __name__ == "__main__":
    main()
