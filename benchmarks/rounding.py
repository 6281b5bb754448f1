"""Which weights may be kept in half precision? Shake them by as much, and see.

Every matrix of the encoder and heads, or of theta, is multiplied entry by entry with 1 + u, u
uniform within half a unit in the last place of half precision: what rounding does to weights that
were not rounded before. Prints how far that moves the error after adaptation, on the same tasks,
the mean and the task that moved most. theta suffers: where inner steps are large, five of them
carry a long way what was rounded. `python benchmarks/rounding.py [settings]`, half a minute each.
"""

import sys

import torch

from mmaml_lite.core import zoo
from mmaml_lite.core.domain import build
from mmaml_lite.regression.domain import compact
from mmaml_lite.regression.evaluation import errors, shared_tasks

TASKS = 4_000
HALF_ULP = 2.0**-11  # relative to the weight, at most


def shaken(model: zoo.Model, part: str) -> torch.nn.Module:
    """The learner with the matrices of a part shaken: "reader" (encoder and heads) or "theta"."""
    generator = torch.Generator().manual_seed(11)
    state = model.learner.state_dict()
    kept = compact(state)
    for name, weight in state.items():
        halved = kept[name].dtype == torch.half
        if weight.ndim > 1 and (halved if part == "reader" else "theta" in name):
            u = 2 * torch.rand(weight.shape, generator=generator) - 1
            state[name] = weight * (1 + HALF_ULP * u)
    learner = build(model.settings)
    learner.load_state_dict(state)
    return learner.eval()


def main() -> None:
    """Print one row of Markdown for each entry of the zoo."""
    torch.set_num_threads(1)
    print("| entry | error | reader shaken | most | theta shaken | most |\n|" + " --- |" * 6)
    for setting in sys.argv[1:] or ["2-modes", "3-modes", "5-modes"]:
        for name, recipe, seed in zoo.available(f"regression/{setting}"):
            model = zoo.read(zoo.weights_path(name, recipe, seed))
            tasks = shared_tasks(model.settings, TASKS, seed=99)
            before = errors(model.learner, tasks)[-1]
            cells = [f"{name.removeprefix('regression/')} {recipe} {seed}", f"{before.mean():.3f}"]
            for part in ("reader", "theta"):
                moved = errors(shaken(model, part), tasks)[-1] - before
                cells += [f"{moved.mean():+.5f}", f"{moved.abs().max():.3f}"]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
