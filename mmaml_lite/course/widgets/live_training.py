"""Live training: start, pause and go on, with the pictures changing while the kernel stays free.

The run goes on in a thread of its own, is saved every half minute and when paused, and is taken up
again from its file, also by another kernel: nothing is lost.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import ipywidgets as W
import numpy as np
import torch

from mmaml_lite.core import zoo
from mmaml_lite.core.device import pick_device
from mmaml_lite.core.results import read_results
from mmaml_lite.core.runs import Run, resume, start
from mmaml_lite.core.tasks import Tasks
from mmaml_lite.core.training import Callback, train
from mmaml_lite.course import figures
from mmaml_lite.course.figures.live_training import TrainingView
from mmaml_lite.course.lesson import GRID
from mmaml_lite.course.studies import maps
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets.explorer import Explorer
from mmaml_lite.regression.domain import mixture_of
from mmaml_lite.regression.learner import RegressionLearner

EVERY = 0.8  # seconds between two pictures
CROWD = 200  # tasks on the map
RUNNING: WeakValueDictionary[Path, "LiveRun"] = WeakValueDictionary()  # one for each file


def live_path(name: str, tag: str) -> Path:
    """Where the file of a live run is kept by default: data/runs/live/."""
    return zoo.data_folder() / "runs" / "live" / name / f"{tag}.safetensors"


class LiveRun:
    """Buttons and a picture around one training run; subclasses say what is seen of it.

    handle: of its explorer; settings: of any domain; path: file of the run; figure, redraw: of the
    explorer. A subclass has `look()`, the view of `self.run` at this moment, and `say(view)`, a few
    words; `self.curve` holds what was measured so far, means in records like those of `run.log`.
    `start()`, `pause()`, `wait()` and `again()` do what the buttons do.
    """

    def __init__(
        self, handle: str, settings: Any, path: Path | str, figure: Callable, redraw: Callable
    ):
        self.settings, self.path = settings, Path(path)
        self._stop, self._rests = threading.Event(), threading.Event()
        self._rests.set()  # no `join`: interrupted, it makes Python 3.11 take the thread for dead
        if (elsewhere := RUNNING.get(self.path)) is not None:  # the cell was run again
            elsewhere.pause()
        RUNNING[self.path] = self
        self._begin()
        self.button = W.Button(icon="play", button_style="primary")
        self.reset = W.Button(description="Start over", icon="refresh")
        self._label(*self._stands())
        self.button.on_click(lambda _: self.pause() if self.going else self.start())
        self.reset.on_click(lambda _: self.again())
        self.progress = W.IntProgress(
            value=self.run.step,
            max=settings.iterations,
            description="outer steps",
            style={"description_width": "90px"},
            layout={"width": "400px"},
        )
        self.explorer = Explorer(
            handle,
            {"step": self.progress},
            self._look,
            figure,
            redraw,
            self._say,
            arrange=self._arrange,
        )

    def look(self) -> Any:
        """What the figure shows of the run as it stands; its steps are filled in later."""
        raise NotImplementedError

    def say(self, view: Any) -> str:
        """What was measured last, in a few words after the number of steps; "" at the beginning."""
        raise NotImplementedError

    def _begin(self) -> None:
        """Stand at the beginning of the run, or where its file left it."""
        cpu = pick_device("cpu")
        there = self.path.exists()
        self.run = resume(self.settings, self.path, cpu) if there else start(self.settings, cpu)
        self.curve = list(self.run.log)

    @property
    def going(self) -> bool:
        """Whether the run goes on at this moment."""
        return not self._rests.is_set()

    def start(self) -> "LiveRun":
        """Start or go on, in the background."""
        if not self.going and not self.run.finished:
            self._stop.clear()
            self._rests.clear()
            self._label("Pause", "pause")
            threading.Thread(target=self._work, daemon=True).start()
        return self

    def pause(self) -> "LiveRun":
        """Stop after the outer step at hand; the run is saved."""
        self._stop.set()
        return self.wait()

    def wait(self) -> "LiveRun":
        """Wait until the run is finished or paused."""
        self._rests.wait()
        return self

    def again(self) -> "LiveRun":
        """Throw the run away and stand at its beginning."""
        self.pause()
        self.path.unlink(missing_ok=True)
        self._begin()
        self._label(*self._stands())
        self.progress.value = self.run.step
        return self

    def _work(self) -> None:
        monitor = self

        class Watch(Callback):
            def __init__(self):
                self.shown, self.measured = time.monotonic(), []

            def on_start(self, run: Run) -> None:
                monitor.run = run

            def on_step(self, run: Run, measured: dict[str, float]) -> None:
                self.measured.append(measured)
                if time.monotonic() - self.shown > EVERY:
                    means = {key: _mean(self.measured, key) for key in measured}
                    monitor.curve.append({"step": run.step, **means})
                    self.measured.clear()
                    monitor.progress.value = run.step  # the explorer follows
                    self.shown = time.monotonic()

        problem = ""
        try:
            self.run = train(
                self.settings, self.path, "cpu", [Watch()], thread_count=1, stop=self._stop
            )
        except Exception as error:  # in a thread nobody else would hear of it
            problem = f"the training stopped: {error}"
        try:
            self.progress.value = self.run.step
            if problem:
                self.explorer.complain(problem)
            self._label(*self._stands())
        finally:
            self._rests.set()

    def _stands(self) -> tuple[str, str]:
        """What the button says while the run rests, and its icon."""
        if self.run.finished:
            return "Finished", "check"
        return ("Continue" if self.run.step else "Start"), "play"

    def _label(self, text: str, icon: str) -> None:
        self.button.description, self.button.icon = text, icon

    def _look(self, step: int) -> Any:
        stands = {"step": self.run.step, "iterations": self.settings.iterations}
        return replace(self.look(), **stands)

    def _say(self, view: Any) -> str:
        done = f"Step {view.step:,} of {view.iterations:,}{self.say(view)}"
        return f"{done}. The run is kept in a file: it can go on at any time."

    def _arrange(self, controls: dict[str, W.Widget], screen: W.Widget) -> W.Widget:
        row = C.line([self.button, self.reset, controls["step"]], gap=None)
        return W.VBox([row, screen])

    def _ipython_display_(self) -> None:
        self.explorer._ipython_display_()


def _mean(measured: list[dict[str, float]], key: str) -> float:
    return float(np.mean([step[key] for step in measured]))


@torch.no_grad()
def training_view(
    learner: RegressionLearner, examples: Tasks, crowd: Tasks, before: np.ndarray | None = None
) -> TrainingView:
    """What the figure shows of a learner at one moment; nothing of the run.

    examples: one task of each mode, for the fits; crowd: tasks for the map; before: the map of an
    earlier moment `(n, 2)`, onto which this one is turned.
    """
    mixture = mixture_of(learner.settings)
    x = GRID.expand(len(examples), -1)
    y = learner(examples.support, x[..., None], examples.mode)[..., 0].movedim(0, 1)
    points = maps.pca(learner.embed(crowd.support).numpy()).points
    return TrainingView(
        x=GRID.numpy(),
        curves=y.numpy(),
        names=mixture.names,
        truth=mixture.curves(x, examples.mode, examples.parameters).numpy(),
        seen_x=examples.support.x[..., 0].numpy(),
        seen_y=examples.support.y[..., 0].numpy(),
        points=points if before is None else maps.turned_onto(points, before),
        mode=crowd.mode.numpy(),
    )


class LiveTraining(LiveRun):
    """Buttons and pictures around one training run of a modulated learner.

    name: as in the zoo, such as "regression/3-modes/mumomaml-film"; examples: one task of each
    mode; iterations: outer steps until it is finished; path: file of the run, by default
    data/runs/live/. `start()`, `pause()`, `wait()` and `again()` do what the buttons do.
    """

    def __init__(
        self,
        name: str,
        examples: Tasks,
        iterations: int = 3000,
        seed: int = 0,
        path: Path | str | None = None,
    ):
        settings = zoo.zoo_settings(name, seed=seed, iterations=iterations)
        if settings.modulation is None or settings.per_mode:
            raise ValueError(f"live training shows embeddings, and {name} has none: take MuMoMAML")
        self._examples = examples
        self._crowd = mixture_of(settings).sample(CROWD, torch.Generator().manual_seed(5))
        try:
            self._floor = read_results(name.rpartition("/")[0])["floors"]["bayes"]["mean"]
        except (OSError, KeyError, ValueError):  # a mixture of the reader's own has none stored
            self._floor = None
        path = path or live_path(name, f"seed{seed}-{iterations}")
        super().__init__("training", settings, path, figures.training, figures.redraw_training)

    def _begin(self) -> None:
        super()._begin()
        self._map = None

    def look(self) -> TrainingView:
        """Fits, map of embeddings and loss so far."""
        view = training_view(self.run.learner, self._examples, self._crowd, self._map)
        self._map = view.points
        curve = np.array([(r["step"], r["loss"]) for r in self.curve] or [(np.nan, np.nan)])
        return replace(view, losses=(curve[:, 0], curve[:, 1]), floor=self._floor)

    def say(self, view: TrainingView) -> str:
        """The latest loss, and Bayes' error."""
        latest = f", loss {self.curve[-1]['loss']:.2f}" if self.curve else ""
        floor = f" (Bayes {self._floor:.2f})" if self._floor else ""
        return f"{latest}{floor}"
