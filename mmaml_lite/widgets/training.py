"""Live training: start, pause and go on, with fits and map changing while the kernel stays free.

The run goes on in a thread of its own, is saved every half minute and when paused, and is taken up
again from its file, also by another kernel: nothing is lost.
"""

import threading
import time
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import ipywidgets as W
import numpy as np
import torch

from mmaml_lite import figures, maps, zoo
from mmaml_lite.device import pick_device
from mmaml_lite.lesson import GRID
from mmaml_lite.methods import Learner, mixture_of
from mmaml_lite.recipes import Settings
from mmaml_lite.report import read_results
from mmaml_lite.runs import Run, resume, start
from mmaml_lite.tasks import Tasks
from mmaml_lite.training import Callback, train
from mmaml_lite.widgets.explorer import Explorer

EVERY = 0.8  # seconds between two pictures
CROWD = 200  # tasks on the map
RUNNING: WeakValueDictionary[Path, "LiveTraining"] = WeakValueDictionary()  # one for each file


@torch.no_grad()
def training_view(
    learner: Learner, examples: Tasks, crowd: Tasks, before: np.ndarray | None = None
) -> dict[str, Any]:
    """What the figure shows of a learner at one moment.

    examples: one task of each mode, for the fits; crowd: tasks for the map; before: the map of an
    earlier moment `(n, 2)`, onto which this one is turned.
    """
    mixture = mixture_of(learner.settings)
    x = GRID.expand(len(examples), -1)
    y = learner(examples.support, x[..., None], examples.mode)[..., 0].movedim(0, 1)
    points = maps.pca(learner.embed(crowd.support).numpy()).points
    return {
        "x": GRID.numpy(), "curves": y.numpy(), "names": mixture.names,
        "truth": mixture.curves(x, examples.mode, examples.parameters).numpy(),
        "seen_x": examples.support.x[..., 0].numpy(), "seen_y": examples.support.y[..., 0].numpy(),
        "points": points if before is None else maps.turned_onto(points, before),
        "mode": crowd.mode.numpy(),
    }  # fmt: skip


class LiveTraining:
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
        self.settings: Settings = zoo.zoo_settings(name, seed=seed, iterations=iterations)
        if self.settings.modulation is None or self.settings.per_mode:
            raise ValueError(f"live training shows embeddings, and {name} has none: take MuMoMAML")
        place = zoo.data_folder() / "runs" / "live" / name / f"seed{seed}-{iterations}.safetensors"
        self.path = Path(path or place)
        self._examples = examples
        self._crowd = mixture_of(self.settings).sample(CROWD, torch.Generator().manual_seed(5))
        try:
            self._floor = read_results(name.rpartition("/")[0])["floors"]["bayes"]["mean"]
        except (OSError, KeyError, ValueError):  # a mixture of the reader's own has none stored
            self._floor = None
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
            value=self.run.step, max=iterations, description="outer steps",
            style={"description_width": "90px"}, layout={"width": "420px"},
        )  # fmt: skip
        self.explorer = Explorer(
            "training", {"step": self.progress}, self._look, figures.training,
            figures.redraw_training, self._say, arrange=self._arrange,
        )  # fmt: skip

    def _begin(self) -> None:
        """Stand at the beginning of the run, or where its file left it."""
        cpu = pick_device("cpu")
        there = self.path.exists()
        self.run = resume(self.settings, self.path, cpu) if there else start(self.settings, cpu)
        self._curve = [(record["step"], record["loss"]) for record in self.run.log]
        self._map = None

    @property
    def going(self) -> bool:
        """Whether the run goes on at this moment."""
        return not self._rests.is_set()

    def start(self) -> "LiveTraining":
        """Start or go on, in the background."""
        if not self.going and not self.run.finished:
            self._stop.clear()
            self._rests.clear()
            self._label("Pause", "pause")
            threading.Thread(target=self._work, daemon=True).start()
        return self

    def pause(self) -> "LiveTraining":
        """Stop after the outer step at hand; the run is saved."""
        self._stop.set()
        return self.wait()

    def wait(self) -> "LiveTraining":
        """Wait until the run is finished or paused."""
        self._rests.wait()
        return self

    def again(self) -> "LiveTraining":
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
                self.shown, self.losses = time.monotonic(), []

            def on_start(self, run: Run) -> None:
                monitor.run = run

            def on_step(self, run: Run, measured: dict[str, float]) -> None:
                self.losses.append(measured["loss"])
                if time.monotonic() - self.shown > EVERY:
                    monitor._curve.append((run.step, float(np.mean(self.losses))))
                    self.losses.clear()
                    monitor.progress.value = run.step  # the explorer follows
                    self.shown = time.monotonic()

        problem = ""
        try:
            self.run = train(self.settings, self.path, "cpu", [Watch()], stop=self._stop)
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

    def _look(self, step: int) -> dict[str, Any]:
        view = training_view(self.run.learner, self._examples, self._crowd, self._map)
        self._map = view["points"]
        curve = np.array(self._curve or [(np.nan, np.nan)])
        return view | {
            "losses": (curve[:, 0], curve[:, 1]), "floor": self._floor, "step": self.run.step,
            "iterations": self.settings.iterations,
        }  # fmt: skip

    def _say(self, view: dict[str, Any]) -> str:
        done = f"Step {view['step']:,} of {view['iterations']:,}"
        latest = f", loss {self._curve[-1][1]:.2f}" if self._curve else ""
        floor = f" (Bayes {self._floor:.2f})" if self._floor else ""
        return f"{done}{latest}{floor}. The run is kept in a file: it can go on at any time."

    def _arrange(self, controls: dict[str, W.Widget], screen: W.Widget) -> W.Widget:
        return W.VBox([W.HBox([self.button, self.reset, controls["step"]]), screen])

    def _ipython_display_(self) -> None:
        self.explorer._ipython_display_()
