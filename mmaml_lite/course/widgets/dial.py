"""The mode-mix dial: add families one by one, look at sinusoid tasks alone.

dial_explorer()
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from mmaml_lite.core import zoo
from mmaml_lite.course import figures
from mmaml_lite.course.figures import METHOD_STYLES
from mmaml_lite.course.figures.adaptation import AdaptationView
from mmaml_lite.course.figures.dial import Dial, DialErrors, DialView
from mmaml_lite.course.lesson import GRID
from mmaml_lite.course.studies.dial import DIAL_METHODS, mean_curve, read_dial, setting_of
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets import panes as P
from mmaml_lite.course.widgets.explorer import Explorer
from mmaml_lite.course.widgets.fit import (
    adaptation_view,
    draw_points,
    median_errors,
    ordinary_seed,
)
from mmaml_lite.regression.domain import mixture_of
from mmaml_lite.regression.tasks import PAPER_ORDER, Mixture

Models = list[dict[str, zoo.Model]]

TASK = 3.5, 2.2  # amplitude and phase where it opens
OPENING = 8  # of its points; found by `opening_seed()`


def opening_seed() -> int:
    """The seed of the first 20 whose errors are nearest to the medians over sinusoid tasks."""
    models = [model for held in dial_models() for model in held.values()]
    alone = Mixture(PAPER_ORDER[:1])
    tasks = alone.sample(400, torch.Generator().manual_seed(0))
    return ordinary_seed(models, alone, 0, TASK, 0, median_errors(models, alone, tasks))


def dial_models() -> Models:
    """For one to five families, the shipped models that there are, by key of the figures."""
    found = []
    for number in range(1, len(PAPER_ORDER) + 1):
        names = {key: f"{setting_of(number)}/{method}" for key, method in DIAL_METHODS.items()}
        held = {key: name for key, name in names.items() if zoo.weights_path(name).is_file()}
        found.append({key: zoo.load(name) for key, name in held.items()})
    return found


@torch.no_grad()
def prior(model: zoo.Model) -> np.ndarray:
    """The curve of a model without encoder before any gradient step, on GRID `(grid,)`."""
    learner = model.learner
    return learner.network(dict(learner.theta), GRID[:, None], {})[:, 0].numpy()


def measured(results: Mapping[str, Any]) -> DialErrors:
    """Stored errors of the dial as arrays `(families,)`, NaN where a model was missing."""
    mixtures = results["mixtures"]
    error = {"bayes": np.array([m["bayes"]["mean"] for m in mixtures])}
    half = {"bayes": np.array([m["bayes"]["ci95"] for m in mixtures])}
    times, times_half = {}, {}
    nothing = {"mean": np.nan, "ci95": np.nan}
    for key in DIAL_METHODS:
        records = [m["methods"].get(key, {}) for m in mixtures]
        last = [r["stages"][-1] if r else nothing for r in records]
        share = [r.get("x_bayes", nothing) for r in records]
        error[key] = np.array([e["mean"] for e in last])
        half[key] = np.array([e["ci95"] for e in last])
        times[key] = np.array([s["mean"] for s in share])
        times_half[key] = np.array([s["ci95"] for s in share])
    return DialErrors(results["tasks"], error, half, times, times_half)


def weights_note(results: Mapping[str, Any]) -> str:
    """Which weights the stored errors belong to, and whether they are provisional; Markdown."""
    parts, provisional = [], False
    for key in DIAL_METHODS:
        records = [m["methods"][key] for m in results["mixtures"] if key in m["methods"]]
        steps = ", ".join(f"{r['iterations']:,}" for r in records)
        parts.append(f"{METHOD_STYLES[key].label} {steps}")
        provisional |= any(r["provisional"] for r in records)
    text = f"Training iterations, from one family to five: {'; '.join(parts)}."
    if provisional:
        text += " *Provisional weights: some were trained for less than the paper's 70,000.*"
    return text


@torch.no_grad()
def dial_view(
    static: Dial,
    models: Models,
    number: int,
    amplitude: float,
    phase: float,
    seed: int,
) -> DialView:
    """All that `figures.dial` draws: static parts, and one sinusoid task for these families."""
    alone = Mixture(PAPER_ORDER[:1])
    points = draw_points(alone, 0, [amplitude, phase], alone.shots, alone.noise, seed)
    truth = alone.families[0](GRID[None], torch.tensor([[amplitude, phase]]))[0].numpy()
    curves = dict.fromkeys(DIAL_METHODS, np.full((2, len(GRID)), np.nan))
    for key, model in models[number - 1].items():
        curves[key] = model.learner(points, GRID[None, :, None])[[0, -1], 0, :, 0].numpy()
    return DialView(
        **vars(static),
        number=number,
        truth=truth,
        seen_x=points.x[0, :, 0].numpy(),
        seen_y=points.y[0, :, 0].numpy(),
        curves=curves,
        miss={key: np.square(both - truth).mean(1) for key, both in curves.items()},
    )


def sinusoid_fit(
    models: Mapping[str, zoo.Model], amplitude: float, phase: float, seed: int
) -> AdaptationView:
    """All that `figures.adaptation` draws of one sinusoid task, for models that know sinusoids."""
    alone = Mixture(PAPER_ORDER[:1])
    points = draw_points(alone, 0, [amplitude, phase], alone.shots, alone.noise, seed)
    truth = alone.families[0](GRID[None], torch.tensor([[amplitude, phase]]))[0].numpy()
    return adaptation_view(models, points, truth)


def dial_summary(view: DialView) -> str:
    """Where the dial stands, in one line."""
    at = view.number - 1
    parts = [
        f"<b>{METHOD_STYLES[key].label}</b> {view.ratio[key][at]:.2f} ± "
        f"{view.ratio_half[key][at]:.2f} times Bayes"
        for key in DIAL_METHODS
        if np.isfinite(view.ratio[key][at])
    ]
    height = np.sqrt(np.square(view.priors[at]).mean())
    mean = np.sqrt(np.square(view.means[at]).mean())
    return (
        f"Trained on {', '.join(view.names[: at + 1])}; on sinusoid tasks: {', '.join(parts)}. "
        f"MAML's first curve is {height:.2f} high (root mean square), the mean curve {mean:.2f}."
    )


def dial_explorer(families: int = 1, seed: int = 0) -> Explorer:
    """Explorer of what every family more does to sinusoid tasks; `families` is where it starts.

    seed: added to the one of its ordinary task. Raises ValueError when the dial has not been
    measured or a MAML model is missing.
    """
    results, models = read_dial(), dial_models()
    missing = [setting_of(n) for n, held in enumerate(models, 1) if "maml" not in held]
    if missing:
        raise ValueError(f"the zoo lacks MAML for {', '.join(missing)}: train it first")
    mixtures = [mixture_of(held["maml"].settings) for held in models]
    static = Dial(
        **vars(measured(results)),
        names=list(PAPER_ORDER),
        x=GRID.numpy(),
        priors=np.stack([prior(held["maml"]) for held in models]),
        means=np.stack([mean_curve(mixture, GRID).numpy() for mixture in mixtures]),
        note=weights_note(results),
    )
    controls = {
        "number": C.slider("families", families, 1, len(PAPER_ORDER), 1),
        "amplitude": C.slider("amplitude", TASK[0], 0.1, 5.0, 0.1),
        "phase": C.slider("phase", TASK[1], 0.0, 3.14, 0.01),
        "seed": C.Again("other points", OPENING + seed),
    }

    def compute(**state):
        return dial_view(static, models, **state)

    def arrange(controls, screen):
        rows = [("number", "seed"), ("amplitude", "phase")]
        return P.above([[controls[name] for name in row] for row in rows], screen)

    return Explorer(
        "dial",
        controls,
        compute,
        figures.dial,
        figures.redraw_dial,
        dial_summary,
        arrange=arrange,
    )
