"""The modulation microscope: two tasks, the tau that acts on each, and what it does to their fits.

One line in a notebook of your own, with a model of your own:

    microscope_explorer({"film": zoo.load("regression/3-modes/mumomaml-film")})
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmaml_lite.core import zoo
from mmaml_lite.core.networks import Tau, averaged
from mmaml_lite.core.tasks import Examples, Tasks
from mmaml_lite.course import figures
from mmaml_lite.course.figures.microscope import MicroscopeView
from mmaml_lite.course.lesson import GRID
from mmaml_lite.course.studies.interventions import between, own, without
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets import panes as P
from mmaml_lite.course.widgets.explorer import Explorer, is_live
from mmaml_lite.regression.domain import mixture_of
from mmaml_lite.regression.evaluation import shared_tasks

KINDS = {
    "its own τ": "own",
    "τ = its mean": "mean",
    "τ off": "off",
    "MAML, trained without": "maml",
}


@dataclass(frozen=True)
class Specimen:
    """A trained model on the slide: its mean tau over many tasks, and a fixed order of its units.

    mean_i `(1, rows, units)`; order_i `(rows, units)`: by mean, the same for every task; bounds_i
    `(rows, 2)`: axes that hold all but the rarest entries.
    """

    model: zoo.Model
    mean: Tau
    order: Mapping[int, Tensor]
    bounds: Mapping[int, np.ndarray]


def specimen(model: zoo.Model, tasks: int = 1500) -> Specimen:
    """Look at a model's tau over many tasks, once."""
    tau = own(model, shared_tasks(model.settings, tasks))
    mean = averaged(tau)
    ends = {i: t.movedim(1, 0).flatten(1).numpy() for i, t in tau.items()}  # (rows, tasks * units)
    bounds = {
        i: np.stack(
            [
                np.minimum(np.quantile(t, 0.005, axis=1), mean[i][0].amin(-1).numpy()),
                np.maximum(np.quantile(t, 0.995, axis=1), mean[i][0].amax(-1).numpy()),
            ],
            axis=1,
        )
        for i, t in ends.items()
    }
    return Specimen(model, mean, {i: m[0].argsort(-1) for i, m in mean.items()}, bounds)


def one_task(model: zoo.Model, family: str, seed: int) -> Tasks:
    """Task number `seed` of a family, that is not nearly flat and fits into the picture."""
    mixture = mixture_of(model.settings)
    mode = mixture.names.index(family)
    generator = torch.Generator().manual_seed(7919 * mode + seed)
    draws = mixture.sample(40 * len(mixture.names), generator)
    draws = draws[draws.mode == mode]
    y = mixture.curves(GRID.expand(len(draws), -1), draws.mode, draws.parameters)
    span = y.amax(1) - y.amin(1)
    good = (span > 4) & (y.abs().amax(1) < 7)
    first = int(good.float().argmax())  # the first that is good, or else simply the first
    return draws[first : first + 1]


def joined(first: Tasks, second: Tasks) -> Tasks:
    """Two batches of tasks one behind the other."""

    def both(a: Tensor, b: Tensor) -> Tensor:
        return torch.cat([a, b])

    return Tasks(
        Examples(*map(both, first.support, second.support)),
        Examples(*map(both, first.query, second.query)),
        both(first.mode, second.mode),
        both(first.parameters, second.parameters),
    )


@torch.no_grad()
def microscope_view(
    slide: Specimen,
    pair: Tasks,
    kind: str = "own",
    share: float = 0.0,
    layers: Sequence[bool] = (True, True, True),
    steps: int = 5,
    maml: zoo.Model | None = None,
    opened: bool = True,
) -> MicroscopeView:
    """All that `figures.microscope` draws, for two tasks A and B.

    kind: own, mean, off or maml; share: how far each embedding is moved to the other's (with own);
    layers: which blocks are modulated; steps: inner gradient steps; maml: for that kind;
    opened: whether the layers are drawn.
    """
    model, mixture = slide.model, mixture_of(slide.model.settings)
    x = GRID.expand(2, -1)[..., None]
    blocks = sorted(slide.mean)
    off = [block for block, on in zip(blocks, layers, strict=True) if not on]
    if kind == "own":
        full = between(model, pair.support, share)
    else:
        full = {i: t.expand(2, -1, -1) for i, t in slide.mean.items()} if kind == "mean" else {}
    tau = without(full, off)
    acts = maml if kind == "maml" else model
    curves = acts.learner(pair.support, x, tau=None if kind == "maml" else tau, steps=steps)
    trained = own(model, pair)
    alike = kind == "own" and share == 0 and not off  # nothing tampered with: once is enough
    usual = curves if alike else model.learner(pair.support, x, tau=trained, steps=steps)
    truth = mixture.curves(GRID.expand(2, -1), pair.mode, pair.parameters)
    miss = (curves[[0, -1], ..., 0] - truth).square().mean(-1)
    usual_miss = (usual[[0, -1], ..., 0] - truth).square().mean(-1)
    return MicroscopeView(
        x=GRID.numpy(),
        truth=truth.numpy(),
        kind=kind,
        share=share,
        steps=steps,
        names=[mixture.names[m] for m in pair.mode.tolist()],
        off=off,
        method="maml" if kind == "maml" else "mumomaml",
        gate=model.settings.modulation,
        seen_x=pair.support.x[..., 0].numpy(),
        seen_y=pair.support.y[..., 0].numpy(),
        curves=curves[[0, -1], ..., 0].numpy(),
        usual=usual[[0, -1], ..., 0].numpy(),
        miss=miss.numpy(),
        usual_miss=usual_miss.numpy(),
        bars={i: _sorted(tau[i][0], slide.order[i]) if i in tau else None for i in blocks},
        other={i: _sorted(trained[i][1], slide.order[i]) for i in blocks},
        mean={i: _sorted(slide.mean[i][0], slide.order[i]) for i in blocks},
        bounds={i: slide.bounds[i] for i in blocks},
        opened=opened,
    )


def _sorted(tau: Tensor, order: Tensor) -> np.ndarray:
    """tau of one block and task `(rows, units)`, every row in its fixed order."""
    return tau.gather(-1, order).numpy()


def microscope_summary(view: MicroscopeView) -> str:
    """What acts, and the distances from the true functions before and after the gradient steps."""
    share = view.share
    acting = {
        "own": "Each task has its own τ"
        if share == 0
        else "The embeddings are <b>swapped</b>: each task's points, the other's τ"
        if share == 1
        else f"Each embedding is moved {100 * share:.0f} % of the way to the other's",
        "mean": "Both tasks get the same τ, its mean over many tasks",
        "off": "τ is off: the plain network with its trained θ",
        "maml": "A separately trained MAML, which never had a modulation",
    }[view.kind]
    if view.off and view.kind in ("own", "mean"):
        acting += "; off in layer " + " and ".join(str(i + 1) for i in view.off)
    told = [
        f"<b>{letter}</b> ({name}) {figures.error_text(view.miss[0, k])} → "
        f"{figures.error_text(view.miss[1, k])}"
        for k, (letter, name) in enumerate(zip("AB", view.names, strict=True))
    ]
    steps = f"{view.steps} gradient step" + ("s" if view.steps != 1 else "")
    return f"{acting}. Squared distance from the truth before → after {steps}: {'; '.join(told)}."


def microscope_explorer(
    models: Mapping[str, zoo.Model], maml: zoo.Model | None = None, start: str = "", seed: int = 0
) -> Explorer:
    """Explorer of the tau of trained models, two tasks at a time.

    models: by name of their modulation, all trained on the same families; maml: one trained
    without; start: the model to begin with; seed: of the first two tasks.
    """
    slides = {name: specimen(model) for name, model in models.items()}
    model = next(iter(models.values()))
    families, blocks = mixture_of(model.settings).names, sorted(next(iter(slides.values())).mean)
    kinds = {k: v for k, v in KINDS.items() if v != "maml" or maml is not None}
    controls = {
        "family_a": C.menu("task A", families, families[0]),
        "seed_a": C.Again("another task A", seed),
        "family_b": C.menu("task B", families, families[1 % len(families)]),
        "seed_b": C.Again("another task B", seed),
        "share": C.slider("walk A ↔ B", 0.0, 0.0, 1.0, 0.05),
        "steps": C.slider("gradient steps", 5, 0, 20, 1),
        "opened": C.check("open the layers", not is_live()),  # the twin shows all there is
        "gate": C.choice("modulation", list(models), start or next(iter(models))),
        "kind": C.menu("each task gets", kinds, "own"),
        **{f"layer{i + 1}": C.check(f"modulate layer {i + 1}", True) for i in blocks},
    }

    def compute(gate, family_a, seed_a, family_b, seed_b, kind, share, steps, opened, **ticks):
        pair = joined(one_task(model, family_a, seed_a), one_task(model, family_b, seed_b))
        layers = [ticks[f"layer{i + 1}"] for i in blocks]
        return microscope_view(slides[gate], pair, kind, share, layers, steps, maml, opened)

    def arrange(controls, screen):
        first = ("family_a", "seed_a", "family_b", "seed_b", "share", "steps", "opened")
        then = ("gate", "kind", *(f"layer{i + 1}" for i in blocks))
        layers = P.column(controls[name] for name in then)
        P.only({True: layers}, controls["opened"])
        return P.beside([P.column([*(controls[name] for name in first), layers])], screen)

    return Explorer(
        "microscope",
        controls,
        compute,
        figures.microscope,
        figures.redraw_microscope,
        microscope_summary,
        arrange=arrange,
        models=[*models.values(), *([maml] if maml else [])],
    )
