"""Training on characters: episodes per second, sampling and training apart, against a loop.

The loop takes one task after the other through the same network with plain `torch.autograd`, as
most MAML code does; its sampling draws one episode after the other. One outer step each, without
the optimiser, in turns; on a CPU one thread and processor time, on a GPU wall clock. Run it as
`python benchmarks/characters.py`; about three minutes. With Omniglot at hand it also times the
reading of an episode's images from their files, as code does that keeps no tensor.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmaml_lite.characters import omniglot
from mmaml_lite.characters.domain import named
from mmaml_lite.characters.learner import CharacterLearner
from mmaml_lite.characters.sources import default, source
from mmaml_lite.characters.tasks import Episodes, Images, sample
from mmaml_lite.core.device import pick_device
from mmaml_lite.core.domain import build

CASES = (
    ("5way-1shot", "maml"),
    ("5way-1shot", "mumomaml-film"),
    ("5way-5shot", "maml"),
    ("20way-1shot", "maml"),
    ("5way-1shot", "prototypes"),
)


def one_task(learner: CharacterLearner, tau: dict[int, Tensor], shown: Images, x: Tensor) -> Tensor:
    """Logits of one task after the inner loop, theta's gradient by `torch.autograd.grad`."""
    s, network, theta = learner.settings, learner.network, learner.start()
    for _ in range(s.train_steps):
        features = network.features(theta, shown.x, tau)
        loss = F.cross_entropy(network.output(theta, features), shown.y)
        gradient = torch.autograd.grad(loss, list(theta.values()), create_graph=True)
        theta = {n: w - s.step_size * g for (n, w), g in zip(theta.items(), gradient, strict=True)}
    known = len(shown.y)
    features = network.features(theta, torch.cat([shown.x, x]), tau, known)
    if s.head == "linear":
        return network.output(theta, features[known:])
    means = features[:known].view(s.ways, s.shots, -1).mean(1)
    return -torch.cdist(features[known:], means).square()


def looped(learner: CharacterLearner, batch: Episodes) -> Tensor:
    """Logits `(tasks, Q, N)`, task by task."""
    tau = learner.modulate(learner.embed(batch.support))
    return torch.stack(
        [
            one_task(
                learner,
                {i: part[t] for i, part in tau.items()},
                Images(batch.support.x[t], batch.support.y[t]),
                batch.query.x[t],
            )
            for t in range(len(batch))
        ]
    )


def batched(learner: CharacterLearner, batch: Episodes) -> Tensor:
    """Logits `(tasks, Q, N)`, all tasks at once."""
    steps = learner.settings.train_steps
    return learner(batch.support, batch.query.x, steps=steps, only_last=True)[-1]


def learn(answer: Callable, learner: CharacterLearner, pieces: list[Episodes]) -> float:
    """Forward and backward of an outer step, piece by piece; returns the loss."""
    learner.zero_grad()
    total, tasks = 0.0, sum(len(part) for part in pieces)
    for part in pieces:
        loss = F.cross_entropy(answer(learner, part).flatten(0, 1), part.query.y.flatten())
        loss = loss * (len(part) / tasks)
        loss.backward()
        total += loss.item()
    return total


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Processor time of some work on a CPU, wall clock on a GPU."""
    if device.type == "cpu":
        began = time.process_time()
        work()
        return time.process_time() - began
    torch.cuda.synchronize()
    began = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - began


def compare(works: dict[str, Callable], rounds: int, device: torch.device) -> dict[str, float]:
    """Median seconds of each work, done in turns after one round that warms up."""
    spent: dict[str, list[float]] = {name: [] for name in works}
    for round in range(rounds + 1):
        for name, work in works.items():
            took = seconds(work, device)
            if round:
                spent[name].append(took)
    return {name: statistics.median(times) for name, times in spent.items()}


def reading(images: int) -> float | None:
    """Seconds to read that many drawings from Omniglot's files; None where they are not here."""
    folder = omniglot.folder_of()
    if not omniglot.has_parts(folder):
        return None
    content = [c for _, (_, c) in zip(range(100), omniglot.files(folder, "images_background"))]  # noqa: B905
    return (
        images / 100 * seconds(lambda: [omniglot.shrunk(c) for c in content], torch.device("cpu"))
    )


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--filters", type=int, default=64)
    parser.add_argument("--cases", type=int, default=len(CASES), help="only the first few")
    args = parser.parse_args()
    torch.set_num_threads(1)
    device = pick_device(args.device)
    kind = default(lambda line: None)
    drawings = source(kind, device=device)
    print(f"{kind}, {args.filters} filters, {device}\n")
    print(
        "| setting | method | tasks | sampling ms | loop's sampling | files' | step ms | "
        "loop's step | sampling / step | episodes/s | ours / loop |\n" + "|---" * 11 + "|"
    )
    for setting, method in CASES[: args.cases]:
        s = named(f"{kind}-{setting}", method, filters=args.filters)
        learner = build(s).to(device)
        generator = torch.Generator(device).manual_seed(0)

        def draw(tasks: int, s=s, generator=generator) -> Episodes:
            return sample([drawings], tasks, s.ways, s.shots, s.queries, generator)

        batch = draw(s.tasks)
        ours, theirs = list(batch.pieces()), [batch[t : t + 1] for t in range(len(batch))]
        losses = learn(batched, learner, ours), learn(looped, learner, theirs)
        assert abs(losses[0] - losses[1]) < 1e-3, f"the loop computes something else: {losses}"
        took = compare(
            {
                "sample": lambda draw=draw, s=s: draw(s.tasks),
                "sample one by one": lambda draw=draw, s=s: [draw(1) for _ in range(s.tasks)],
                "step": lambda learner=learner, ours=ours: learn(batched, learner, ours),
                "loop": lambda learner=learner, theirs=theirs: learn(looped, learner, theirs),
            },
            args.rounds,
            device,
        )
        files = reading(s.tasks * s.ways * (s.shots + s.queries)) if kind == "omniglot" else None
        one, other = took["sample"] + took["step"], took["sample one by one"] + took["loop"]
        cells = [
            setting,
            method,
            str(s.tasks),
            f"{1e3 * took['sample']:.1f}",
            f"{1e3 * took['sample one by one']:.1f}",
            f"{1e3 * files:.0f}" if files else "",
            f"{1e3 * took['step']:.0f}",
            f"{1e3 * took['loop']:.0f}",
            f"{took['sample'] / took['step']:.1%}",
            f"{s.tasks / one:.0f}",
            f"{other / one:.2f}",
        ]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
