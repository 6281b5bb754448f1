"""When the encoder of few-shot characters dies in training, and what keeps it alive: trials.

A trial trains a MuMoMAML as the recipe `ours` does, with some settings changed, and watches the
encoder at log-spaced outer steps on validation tasks: how much embedding and tau vary between tasks
(`variation`: 0 is the same for all), how many units of the embedding are constant, how large a
gradient reaches encoder and heads, and what the modulation is worth: by how much the prototypes'
cross-entropy rises when every task gets the mean tau of all. Then accuracy after the inner
steps. Every trial adds one line of JSON to `benchmarks/trials/encoder.jsonl`. The small case has 16
filters everywhere and 2,500 steps, two minutes each on one thread; the full one is the zoo's size.
Variants of one call whose features are trained without modulation share that phase, bit for bit.
Run it as `python benchmarks/encoder.py --variants old norm`; `--list` names the variants, `--table`
prints what is stored. `variation.py` measures the zoo's weights.
"""

import argparse
import copy
import json
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mmaml_lite.characters.domain import episodes, named, outer_step
from mmaml_lite.characters.evaluation import accuracies
from mmaml_lite.core.descent import parameter_groups
from mmaml_lite.core.modulation import variation
from mmaml_lite.core.networks import averaged
from mmaml_lite.core.runs import Run, start
from mmaml_lite.core.statistics import interval

TRIALS = Path(__file__).parent / "trials" / "encoder.jsonl"
CASES: dict[str, dict[str, Any]] = {
    "small": {"filters": 16, "encoder_filters": 16, "iterations": 2_500},
    "full": {},
}
OLD: dict[str, Any] = {
    "features_first": 0.95,
    "features_modulated": True,
    "encoder_end": "relu",
    "encoder_contrast": False,
    "zero_heads": False,
}
PLAIN: dict[str, Any] = {"features_modulated": False, "features_first": 0.75}
VARIANTS: dict[str, dict[str, Any]] = {
    "old": {},
    "norm": {"encoder_end": "norm"},
    "tasks": {"encoder_end": "tasks"},
    "old, 5 characters": {"features_ways": None},
    "old, no features first": {"features_first": 0.0},
    "old, rate 0.001": {"learning_rate": 0.001},
    "old, constant rate": {"schedule": "constant"},
    "old, clipped at 0.1": {"outer_clip": 0.1},
    "old, no labels": {"encoder_labels": False},
    "norm, 5 characters": {"encoder_end": "norm", "features_ways": None},
    "maml, plain first": {"modulation": None, **PLAIN},
    "old, plain first": PLAIN,
    "norm, plain first": {"encoder_end": "norm", **PLAIN},
    "tasks, plain first": {"encoder_end": "tasks", **PLAIN},
    "tasks, plain first, zero heads": {"encoder_end": "tasks", "zero_heads": True, **PLAIN},
    "norm, contrast, plain first, zero heads": {
        "encoder_end": "norm",
        "encoder_contrast": True,
        "zero_heads": True,
        **PLAIN,
    },
    "tasks, contrast, plain first, zero heads": {
        "encoder_end": "tasks",
        "encoder_contrast": True,
        "zero_heads": True,
        **PLAIN,
    },
    "norm, plain first, zero heads": {"encoder_end": "norm", "zero_heads": True, **PLAIN},
}
SEED = 77  # of the validation tasks, apart from every training seed


def marks(last: int) -> set[int]:
    """Log-spaced outer steps, four in a factor of ten, and the last."""
    return {step for step in (0, last, *(round(10 ** (i / 4)) for i in range(20))) if step <= last}


def norm(parameters: list[Tensor]) -> float:
    """Norm of the gradients that are there."""
    squares = [p.grad.square().sum() for p in parameters if p.grad is not None]
    return torch.stack(squares).sum().sqrt().item() if squares else 0.0


class Watch:
    """Measures the encoder of a run at the marks, on the same validation tasks each time."""

    def __init__(self, settings: Any, tasks: int, last: int):
        generator = torch.Generator().manual_seed(SEED)
        self.batch = episodes(settings, tasks, generator, "validation", 3)
        first = int(settings.features_first * settings.iterations)
        self.marks = marks(last) | {first + step for step in marks(last - first)}
        self.records: list[dict[str, float]] = []

    @torch.no_grad()
    def note(self, run: Run, measured: dict[str, float]) -> None:
        """Add a record."""
        learner, batch = run.learner, self.batch
        encoder = learner.encoder
        if run.step not in self.marks or encoder is None:
            return
        each: list[Tensor] = []
        hook = encoder.each[1].register_forward_hook(lambda m, i, out: each.append(out))
        embedding = torch.cat([learner.embed(p.support) for p in batch.pieces()])
        hook.remove()
        hidden = torch.cat(each).flatten(0, 1)
        tau = learner.modulate(embedding)
        theta = {n: w for n, w in run.learner.theta.items()}
        own, mean = (self.loss(learner, theta, t) for t in (tau, averaged(tau)))
        still = embedding.std(0) < 1e-4 * embedding.abs().max()
        record = {
            "step": run.step,
            "embedding": variation(embedding),
            "tau": variation(tau),
            "constant units": int(still.sum()),
            "dead hidden units": int((hidden.amax(0) <= 0).sum()),
            "worth": mean - own,
            "own": own,
            "gradient of encoder": norm(list(encoder.parameters())),
            "gradient of encoder and heads": norm(parameter_groups(learner)[1]),
            "gradient of network": norm(parameter_groups(learner)[0]),
            **measured,
        }
        self.records.append({k: float(f"{v:.4g}") for k, v in record.items()})

    def loss(self, learner: Any, theta: dict[str, Tensor], tau: dict[int, Tensor]) -> float:
        """Cross-entropy of the prototypes on the validation tasks, with these tau."""
        total, first = 0.0, 0
        for part in self.batch.pieces():
            rows = slice(first, first + len(part))
            mine = {i: t.expand(len(self.batch), -1, -1)[rows] for i, t in tau.items()}
            args = theta, mine, part.support, part.query.x
            logits = learner.predict(*args, head="prototypes")
            loss = F.cross_entropy(logits.flatten(0, 1), part.query.y.flatten())
            total, first = total + loss.item() * len(part), rows.stop
        return total / len(self.batch)


PHASES: dict[Any, Any] = {}  # theta, Adam's state of it, generator and step after a plain phase


def phase(settings: Any) -> Any:
    """What a phase without modulation depends on: these settings, of which the encoder is none."""
    own = ("method", "modulation", "zero_heads", "train_steps", "steps")
    return repr(
        {k: v for k, v in settings.to_dict().items() if k not in own and "encoder" not in k}
    )


def keep(run: Run) -> None:
    """Remember where the features' phase ended, if nothing was modulated in it."""
    if not run.settings.features_modulated:
        state = {n: copy.deepcopy(run.optimiser.state[w]) for n, w in run.learner.theta.items()}
        theta = {n: w.detach().clone() for n, w in run.learner.theta.items()}
        PHASES[phase(run.settings)] = theta, state, run.generator.get_state(), run.step


def begin(settings: Any) -> Run:
    """A run at step 0, or after a plain phase that another variant went through already."""
    run = start(settings, torch.device("cpu"))
    if not settings.features_modulated and phase(settings) in PHASES:
        theta, state, generator, run.step = copy.deepcopy(PHASES[phase(settings)])
        run.learner.theta.load_state_dict(theta)
        run.optimiser.state.update({run.learner.theta[n]: held for n, held in state.items()})
        run.generator.set_state(generator)
    return run


def trial(
    setting: str, case: str, variant: str, tasks: int, stop: int | None, **changes: Any
) -> dict[str, Any]:
    """Train one variant, its first `stop` steps; what was seen on the way, accuracy at the end."""
    changed = CASES[case] | OLD | VARIANTS[variant] | changes
    settings = named(setting, "mumomaml-film", "ours", **changed)
    last = min(stop or settings.iterations, settings.iterations)
    watch, run, began = Watch(settings, tasks, last), begin(settings), time.process_time()
    watch.note(run, {})
    while run.step < last:
        measured = outer_step(run)
        run.count(measured)
        watch.note(run, measured)
        if run.step == int(settings.features_first * settings.iterations):
            keep(run)
    learner = run.learner.eval()
    generator = torch.Generator().manual_seed(SEED + 1)
    dealt = (episodes(settings, 50, generator, "validation", 15) for _ in range(6))
    right, _ = accuracies(learner, dealt)
    return {
        "setting": setting,
        "case": case,
        "variant": variant,
        "changes": changed,
        "seconds": round(time.process_time() - began),
        "accuracy": {k: round(v, 5) for k, v in interval(right[-1]).items()},
        "records": watch.records,
    }


def show(line: dict[str, Any]) -> str:
    """A stored trial as a line of a Markdown table: at the start, in between, at the end."""
    records = line["records"]
    chosen = [r for r in records if r["step"] in (0, 100, 1000)] + records[-1:]
    if not records:  # MAML has no encoder
        records = [{"worth": 0.0}]
    tau = " / ".join(f"{100 * r['tau']:.2g}" for r in chosen)
    embedding = " / ".join(f"{100 * r['embedding']:.2g}" for r in chosen)
    still = " / ".join(f"{r['constant units']:.0f}" for r in chosen)
    right = f"{100 * line['accuracy']['mean']:.2f} ± {100 * line['accuracy']['ci95']:.2f}"
    cells = line["case"], line["setting"], line["variant"], embedding, tau, still
    return f"| {' | '.join(cells)} | {records[-1]['worth']:.4f} | {right} |"


def main() -> None:
    """Run trials and store them, or print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--setting", default="strokes+inverted_strokes-5way-1shot")
    parser.add_argument("--case", choices=CASES, default="small")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=["old", "norm"])
    parser.add_argument("--iterations", type=int, help="other than the case's")
    parser.add_argument("--stop", type=int, help="stop after so many steps of them")
    parser.add_argument("--tasks", type=int, default=64, help="validation tasks that are watched")
    parser.add_argument("--list", action="store_true", help="name the variants")
    parser.add_argument("--table", action="store_true", help="print the stored trials")
    args = parser.parse_args()
    if args.list:
        print("\n".join(f"{name}: {changes}" for name, changes in VARIANTS.items()))
        return
    torch.set_num_threads(1)
    print(
        "| case | setting | variant | embedding varies by %, steps 0 / 100 / 1,000 / last | tau, % "
        "| constant units | worth | accuracy |\n" + "|---" * 8 + "|"
    )
    if args.table:
        for line in TRIALS.read_text(encoding="utf-8").splitlines():
            print(show(json.loads(line)))
        return
    changes = {} if args.iterations is None else {"iterations": args.iterations}
    TRIALS.parent.mkdir(exist_ok=True)
    for variant in args.variants:
        line = trial(args.setting, args.case, variant, args.tasks, args.stop, **changes)
        with TRIALS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(show(line), flush=True)


if __name__ == "__main__":
    main()
