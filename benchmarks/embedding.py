"""What the distance between two embeddings says: about the functions, and about the modes.

For each trained encoder, and for untrained ones as a control: how the order of the distances
between embeddings follows the order of the distances between the true functions, between the means
of the Bayes posterior (what five points can tell of the functions) and between the Bayes posteriors
over the modes (Spearman's rank correlation over all pairs of tasks, and over pairs of one mode).
Two made-up codes say what to compare with: the name of the family alone, and the true function.
Then a linear probe: what a logistic regression on the embedding says of the mode, beside Bayes.
`python benchmarks/embedding.py [settings]`, about a minute for each setting.
"""

import sys
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mmaml_lite.core import zoo
from mmaml_lite.core.domain import build
from mmaml_lite.core.tasks import Tasks
from mmaml_lite.regression.domain import mixture_of
from mmaml_lite.regression.evaluation import shared_tasks
from mmaml_lite.regression.floors import Posterior, bayes
from mmaml_lite.regression.tasks import Mixture

TASKS = 4000  # half of them train the probe, the others test it
PAIRED = 1500  # tasks whose pairs are ranked
GRID = 51
SEED = 7  # apart from the test tasks and from every training seed


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Spearman's rank correlation of two samples `(n,)`; ties share their mean rank."""
    return torch.corrcoef(torch.stack([ranks(a), ranks(b)]))[0, 1].item()


def ranks(v: Tensor) -> Tensor:
    """Rank of every entry of v `(n,)`, the mean rank where several are equal."""
    _, place, counts = v.unique(return_inverse=True, return_counts=True)
    return (counts.cumsum(0) - (counts - 1) / 2.0)[place].double()


def pair_distances(v: Tensor, p: float = 2.0) -> Tensor:
    """Distances of all pairs of rows of v `(n, d)` -> `(n (n - 1) / 2,)`."""
    return F.pdist(v.double(), p)


def probe(v: Tensor, mode: Tensor, modes: int) -> Tensor:
    """Probabilities of the modes `(n / 2, modes)` by logistic regression on embeddings `(n, d)`.

    Trained on the first half with a weak penalty, asked about the second.
    """
    half = len(v) // 2
    v = (v - v[:half].mean(0)) / v[:half].std(0).clamp(min=1e-6)
    layer = torch.nn.Linear(v.shape[1], modes)
    optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=300, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(layer(v[:half]), mode[:half])
        loss = loss + 1e-4 * layer.weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return layer(v[half:]).softmax(-1).detach()


def print_correlations(
    tasks: Tasks,
    embedded: dict[str, Tensor],
    mixture: Mixture,
    posterior: Posterior,
    grid: Tensor,
) -> None:
    """Which similarity of tasks the distance between their embeddings follows."""
    few = tasks[:PAIRED]
    truth = mixture.curves(grid.expand(PAIRED, -1), few.mode, few.parameters)
    similar = {
        "functions": pair_distances(truth),
        "Bayes means": pair_distances(posterior.mean[:PAIRED]),
        "Bayes over modes": pair_distances(posterior.probability[:PAIRED], 1.0),
    }
    named = F.one_hot(few.mode).double()
    noise = torch.randn(named.shape, generator=torch.Generator().manual_seed(SEED))
    codes = {"the family's name alone": named + 0.05 * noise, "the true function": truth}
    one_mode = pair_distances(few.mode[:, None]) == 0
    print(f"{PAIRED:,} tasks, {len(one_mode):,} pairs\n")
    print(f"| encoder | {' | '.join(similar)} | functions, pairs of one mode |")
    print("|" + " --- |" * (len(similar) + 2))
    for label, v in (embedded | codes).items():
        apart = pair_distances(v[:PAIRED])
        cells = [rank_correlation(apart, d) for d in similar.values()]
        cells.append(rank_correlation(apart[one_mode], similar["functions"][one_mode]))
        print(f"| {label} | {' | '.join(f'{c:.2f}' for c in cells)} |")


def print_probes(mode: Tensor, embedded: Mapping[str, Tensor], certain: Tensor) -> None:
    """What a linear probe says of the mode, beside Bayes' probabilities `(tasks, modes)`."""
    torch.manual_seed(0)
    late = slice(len(mode) // 2, None)
    said = {label: probe(v, mode, certain.shape[1]) for label, v in embedded.items()}
    print("\n| reads the mode | names it | surprise, nats | differs from Bayes |")
    print("|" + " --- |" * 4)
    for label, p in (said | {"Bayes": certain[late]}).items():
        right = (p.argmax(-1) == mode[late]).double().mean()
        surprise = -p.double().gather(1, mode[late, None]).clamp(min=1e-9).log().mean()
        differs = (p - certain[late]).abs().sum(-1).mean() / 2
        print(f"| {label} | {right:.1%} | {surprise:.3f} | {differs:.3f} |")


def main() -> None:
    """Print two tables for each setting."""
    torch.set_num_threads(1)
    for setting in sys.argv[1:] or ["2-modes", "3-modes", "5-modes"]:
        name = f"regression/{setting}/mumomaml-film"
        settings = zoo.zoo_settings(name)
        learners = {
            f"{recipe}, seed {seed}": zoo.load(name, recipe, seed).learner
            for found, recipe, seed in zoo.available(f"regression/{setting}")
            if found == name
        }
        learners |= {
            f"{recipe}, untrained": build(zoo.zoo_settings(name, recipe)).eval()
            for recipe in ("paper", "ours")
        }
        tasks = shared_tasks(settings, TASKS, SEED)
        tasks = tasks[torch.randperm(TASKS, generator=torch.Generator().manual_seed(SEED))]
        embedded = {label: m.embed(tasks.support).detach() for label, m in learners.items()}
        mixture = mixture_of(settings)
        grid = torch.linspace(*mixture.domain, GRID)
        posterior = bayes(mixture, tasks, grid.expand(TASKS, -1)[..., None])
        print(f"\n{setting}", end=": ")
        print_correlations(tasks, embedded, mixture, posterior, grid)
        print_probes(tasks.mode, embedded, posterior.probability)


if __name__ == "__main__":
    main()
