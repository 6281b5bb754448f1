"""How long the output layer's inner steps should be with several examples: a table.

The trained MuMoMAML of 5 ways and 1 shot meets validation tasks with more examples; its output
layer starts at zero and takes steps of so many times N. Beside it the nearest class mean, with the
same features. Run it as `python benchmarks/output_layer.py`; about ten minutes for 1,000 tasks, on
Omniglot where it is at hand, else on invented characters.
"""

import argparse

import torch

from mmaml_lite.characters.domain import episodes
from mmaml_lite.characters.evaluation import dealt, rebuilt
from mmaml_lite.characters.sources import default
from mmaml_lite.core import zoo
from mmaml_lite.core.statistics import interval

SIZES = (0.2, 0.3, 0.4, 1.0, 3.2)  # times N


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ways", type=int, default=5)
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=1000, help="validation tasks")
    parser.add_argument("--steps", type=int, default=2, help="inner steps")
    args = parser.parse_args()
    torch.set_num_threads(1)
    setting = f"{default(lambda line: None)}-5way-1shot"
    path = zoo.weights_path(f"characters/{setting}/mumomaml-film", "ours")
    model = dealt(zoo.read(path), args.ways, args.shots)
    rivals = {size: rebuilt(model, output_step_size=size * args.ways).learner for size in SIZES}
    right: dict[float | None, list[torch.Tensor]] = {size: [] for size in (*SIZES, None)}
    generator = torch.Generator().manual_seed(12)
    with torch.no_grad():
        batches = (
            episodes(model.settings, 20, generator, "validation", 15)
            for _ in range(args.tasks // 20)
        )
        for support, query in ((p.support, p.query) for e in batches for p in e.pieces()):
            logits = {s: rival(support, query.x, None, args.steps) for s, rival in rivals.items()}
            logits[None] = model.learner.compare(support, query.x, args.ways)[None]
            for size, found in logits.items():
                right[size].append((found.argmax(-1) == query.y).float().mean(-1))
    print(f"{setting}, {args.ways} ways, {args.shots} shots, {args.tasks:,} validation tasks\n")
    print(f"| steps of | {' | '.join(f'step {i + 1}' for i in range(args.steps))} |")
    print("|---" * (args.steps + 1) + "|")
    for size, stages in right.items():
        accuracy = [interval(stage) for stage in torch.cat(stages, 1)][-args.steps :]
        cells = [f"{100 * a['mean']:.2f} ± {100 * a['ci95']:.2f}" for a in accuracy]
        cells = cells if size else [""] * (args.steps - 1) + cells
        print(
            f"| {'nearest class mean' if size is None else f'{size:g} N'} | {' | '.join(cells)} |"
        )


if __name__ == "__main__":
    main()
