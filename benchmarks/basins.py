"""One method, one recipe, two outcomes: MAML trained on lines alone, seed after seed.

Prints, for each seed, the error on the same fresh tasks before any step and after each one, and how
much of the tangent kernel (its trace) the first and the last layer bring: what moves in the first
gradient step. Whoever compares single runs compares draws of this kind. `--as-multi-maml` trains
with the bias transformation of Multi-MAML's networks: drawn, and not adapted. `--shipped` prints
the same for the zoo's networks with two modes, mode by mode, without training.
`python benchmarks/basins.py`, four minutes on one core.
"""

import argparse

import torch

from mmaml_lite.core import zoo
from mmaml_lite.core.statistics import interval
from mmaml_lite.core.training import train
from mmaml_lite.course.studies.kernels import features
from mmaml_lite.regression.evaluation import errors, shared_tasks
from mmaml_lite.regression.learner import RegressionLearner


def shares(learner: RegressionLearner) -> tuple[float, float]:
    """Parts of the tangent kernel's trace on [-5, 5] that the first and the last layer bring."""
    names = list(learner.step_sizes(1)[0])
    squares = features(learner, torch.linspace(-5, 5, 41)[:, None], {}).square().sum(0)
    parts = squares.split([learner.theta[name].numel() for name in names])
    part = dict(zip(names, (p.sum().item() for p in parts), strict=True))
    last, total = learner.network.layers - 1, sum(part.values())
    first = part["weight0"] + part["bias0"] + part.get("context", 0.0)
    return first / total, (part[f"weight{last}"] + part[f"bias{last}"]) / total


def shipped() -> None:
    """Print one row of Markdown for each network of the zoo's that answers for a mode."""
    setting = "regression/2-modes"
    print("| method | recipe | seed | mode | after all steps | first layer | last layer |")
    print("|" + " --- |" * 7)
    for name, recipe, seed in zoo.available(setting):
        model = zoo.read(zoo.weights_path(name, recipe, seed))
        if model.learner.settings.modulation is not None:
            continue
        tasks = shared_tasks(model.settings, 8_000, seed=99)
        found = errors(model.learner, tasks)[-1]
        for i, mode in enumerate(model.settings.families):
            network = model.learner.learners[i] if model.settings.per_mode else model.learner
            error = interval(found[tasks.mode == i])
            moves = " | ".join(f"{share:.1%}" for share in shares(network))
            print(
                f"| {model.label} | {recipe} | {seed} | {mode} "
                f"| {error['mean']:.2f} ± {error['ci95']:.2f} | {moves} |"
            )


def main() -> None:
    """Print one row of Markdown for each seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--setting", default="linear")
    parser.add_argument("--method", default="maml")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=1_000, help="outer steps of each training")
    parser.add_argument("--as-multi-maml", action="store_true", help="its bias transformation")
    parser.add_argument("--shipped", action="store_true", help="the zoo's networks instead")
    args = parser.parse_args()
    if args.shipped:
        shipped()
        return
    name = f"regression/{args.setting}/{args.method}"
    told = zoo.zoo_settings(f"regression/{args.setting}/multi-maml")
    context = {"context_std": told.context_std, "adapt_context": told.adapt_context}
    changes = context if args.as_multi_maml else {}
    tasks = shared_tasks(zoo.zoo_settings(name), 8_000, seed=99)
    print(f"{name}, {args.steps:,} outer steps, {len(tasks):,} fresh tasks\n")
    print(
        "| seed | before any step | "
        + " | ".join(f"step {i}" for i in range(1, 6))
        + " | first layer | last layer |\n|"
        + " --- |" * 9
    )
    for seed in range(args.seeds):
        settings = zoo.zoo_settings(name, iterations=args.steps, seed=seed, **changes)
        learner = train(settings, device="cpu", thread_count=1).learner.eval()
        found = errors(learner, tasks)
        cells = [f"{e.mean():.2f}" for e in found[:-1]]
        last = interval(found[-1])
        cells.append(f"{last['mean']:.2f} ± {last['ci95']:.2f}")
        cells += [f"{share:.0%}" for share in shares(learner)]
        print(f"| {seed} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
