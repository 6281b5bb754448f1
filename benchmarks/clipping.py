"""What element-wise clipping of the inner gradient does to the shipped FiLM models.

The authors clip every entry at 10; the zoo's models were trained without (see docs/regression.md).
Prints, for each setting, on how many tasks that clip would bite in each inner step, the largest
gradient norm, and the errors of the same weights with and without the clip; then, for two modes,
how a training with the clip (`train --recipe exact`) differs from each seed of those without. Run
it as `python benchmarks/clipping.py`; it takes about two minutes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import grad, vmap

from mmaml_lite.core import algorithm, zoo
from mmaml_lite.core.domain import build
from mmaml_lite.core.networks import Tau
from mmaml_lite.core.statistics import paired
from mmaml_lite.core.tasks import Examples, Tasks
from mmaml_lite.regression.evaluation import errors, shared_tasks
from mmaml_lite.regression.learner import RegressionLearner

TASKS = 4000
BOUND = 10.0


@torch.no_grad()
def gradients(learner: RegressionLearner, tasks: Tasks) -> tuple[Tensor, Tensor]:
    """Largest entry and norm of every inner gradient, two `(tasks, steps)`."""

    def one_task(tau: Tau, support: Examples) -> tuple[Tensor, Tensor]:
        def loss(theta):
            return F.mse_loss(learner.network(theta, support.x, tau), support.y)

        path = algorithm.adapt(loss, dict(learner.theta), learner.step_sizes()[:-1])
        flat = [torch.cat([g.flatten() for g in grad(loss)(theta).values()]) for theta in path]
        return torch.stack([g.abs().max() for g in flat]), torch.stack([g.norm() for g in flat])

    parts = [tasks[i : i + 500] for i in range(0, len(tasks), 500)]
    taus = [learner.modulate(learner.embed(part.support)) for part in parts]
    found = [vmap(one_task)(tau, part.support) for tau, part in zip(taus, parts, strict=True)]
    return torch.cat([f[0] for f in found]), torch.cat([f[1] for f in found])


def trainings(setting: str) -> None:
    """Print the paired differences of the training with the clip and every one without."""
    name = f"regression/{setting}/mumomaml-film"
    held = zoo.available(f"regression/{setting}")
    seeds = [seed for at, recipe, seed in held if (at, recipe) == (name, "paper")]
    tasks = shared_tasks(zoo.zoo_settings(name))
    last = {seed: errors(zoo.load(name, seed=seed).learner, tasks)[-1] for seed in seeds}
    exact = errors(zoo.load(name, "exact").learner, tasks)[-1]
    print(f"{setting}, {len(tasks)} tasks: trained with the clip (seed 0) {exact.mean():.3f}")
    pairs = [(f"with it - seed {seed} without", exact, e) for seed, e in last.items()]
    pairs += [(f"seed {s} - seed 0, both without", e, last[0]) for s, e in last.items() if s]
    for label, first, second in pairs:
        change = paired(first, second)
        print(f"{label}: {change['mean']:+.3f} ± {change['ci95']:.3f}")


def main() -> None:
    """Print one paragraph of Markdown for each setting."""
    torch.set_num_threads(1)
    for setting in ("2-modes", "3-modes"):
        model = zoo.load(f"regression/{setting}/mumomaml-film")
        tasks = shared_tasks(model.settings, TASKS)
        entry, norm = gradients(model.learner, tasks)
        clipped = build(model.settings.replace(inner_clip=BOUND, inner_clip_norm=None))
        clipped.load_state_dict(model.learner.state_dict())
        bites = ", ".join(f"{s:.0%}" for s in (entry > BOUND).double().mean(0))
        print(f"{setting}: an entry above {BOUND:g} at steps 1 to 5 in {bites} of {TASKS} tasks; ")
        print(
            f"gradient norm: median {norm[:, 0].median():.0f} at step 1, largest {norm.max():.0f}; "
        )
        found = {"as trained": errors(model.learner, tasks), "with it": errors(clipped, tasks)}
        for label, stages in found.items():
            print(f"{label}: errors {', '.join(f'{e.mean():.3f}' for e in stages)}")
        change = paired(found["with it"][-1], found["as trained"][-1])
        print(f"the clip changes the last by {change['mean']:+.3f} ± {change['ci95']:.3f}")
    trainings("2-modes")


if __name__ == "__main__":
    main()
