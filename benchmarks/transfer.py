"""Does one network for all modes learn better, or worse, than one network for each?

MuMoMAML beside `multi-mumomaml`, one MuMoMAML for each mode, told which: both saw as many tasks of
every mode. Only tasks count whose mode their five points give away (Bayes: 99 %), so being told is
no advantage there, and what is left is what the modes share or spoil. Prints, for each setting and
mode, both errors beside Bayes and their difference with its 95 % interval over tasks; the targets
are noise-free. `python benchmarks/transfer.py [settings]`, about a minute for each.
"""

import sys

import torch
from torch import Tensor

from mmaml_lite.core import zoo
from mmaml_lite.core.statistics import interval, paired
from mmaml_lite.regression.domain import mixture_of
from mmaml_lite.regression.evaluation import shared_tasks
from mmaml_lite.regression.floors import bayes

TASKS = 12_000
SEED = 8  # apart from the test tasks and from every training seed
SURE = 0.99
METHODS = {"one for all": "mumomaml-film", "one for each": "multi-mumomaml"}
HEAD = ["mode", "its tasks that are sure", *METHODS, "Bayes", "one for all - one for each"]


def errors(setting: str) -> tuple[tuple[str, ...], Tensor, Tensor, dict[str, Tensor]]:
    """Families, mode `(tasks,)`, whether Bayes is sure of it, noise-free error by method."""
    models = {k: zoo.load(f"regression/{setting}/{name}", "ours") for k, name in METHODS.items()}
    settings = models["one for all"].settings
    mixture, tasks = mixture_of(settings), shared_tasks(settings, TASKS, SEED)
    truth = mixture.curves(tasks.query.x[..., 0], tasks.mode, tasks.parameters)
    posterior = bayes(mixture, tasks)
    with torch.no_grad():
        said = {
            key: model.learner(tasks.support, tasks.query.x, tasks.mode, only_last=True)[-1, ..., 0]
            for key, model in models.items()
        }
    said["Bayes"] = posterior.mean
    found = {key: (y - truth).square().mean(1) for key, y in said.items()}
    sure = posterior.probability.gather(1, tasks.mode[:, None])[:, 0] > SURE
    return settings.families, tasks.mode, sure, found


def main() -> None:
    """Print one table for each setting."""
    torch.set_num_threads(1)
    for setting in sys.argv[1:] or ["2-modes", "3-modes", "5-modes"]:
        lacking = [
            name
            for name in (f"regression/{setting}/{method}" for method in METHODS.values())
            if not zoo.weights_path(name, "ours").is_file()
        ]
        if lacking:
            print(f"\n{zoo.untrained(lacking, recipe='ours')}")
            continue
        families, mode, sure, found = errors(setting)
        print(f"\n{setting}\n\n| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}")
        rows = {name: mode == i for i, name in enumerate(families)}
        for name, mine in (rows | {"all": torch.ones_like(sure)}).items():
            chosen = {key: e[mine & sure] for key, e in found.items()}
            cells = [f"{s['mean']:.3f} ± {s['ci95']:.3f}" for s in map(interval, chosen.values())]
            gap = paired(*(chosen[key] for key in METHODS))
            cells.append(f"{gap['mean']:+.3f} ± {gap['ci95']:.3f}")
            print(f"| {name} | {sure[mine].double().mean():.0%} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
