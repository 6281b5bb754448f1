"""The runner of lesson 6: set a hidden target, and watch two half-cheetahs adapt to it.

One line in a notebook of your own:

    cheetah()
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import ipywidgets as W
import numpy as np

from mmaml_lite.core.device import threads
from mmaml_lite.course.figures import METHOD_STYLES
from mmaml_lite.course.figures import cheetah as figure
from mmaml_lite.course.figures.cheetah import CheetahView, Lane
from mmaml_lite.course.figures.navigation import SIDES
from mmaml_lite.course.figures.numerals import number
from mmaml_lite.course.studies.cast import Cast
from mmaml_lite.course.studies.cheetahs import load_casts, name, skipped
from mmaml_lite.course.studies.recording import record, thickness
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets.cheetah_track import Track, lane
from mmaml_lite.course.widgets.explorer import Explorer
from mmaml_lite.course.widgets.navigation import FAR, NAMES, STEPS, far_off
from mmaml_lite.course.widgets.reel import UNITS, Key, Reel, goal
from mmaml_lite.rl.simulation import CONTROL_STEP

TRAJECTORIES = 5  # episodes at every stage, as in training; the test takes ten, twice as long
KEPT = 24  # targets whose films are kept
RANGES = {"location": (-10.0, 10.0, 0.5), "speed": (-2.5, 2.5, 0.1)}  # ends and step of a slider
WIDE = {"flex": "1 1 300px", "width": "auto", "max_width": "600px"}
FIRST = {"location": -6.5, "speed": 1.5}  # where both methods earn about their mean over targets


def reels(cast: Cast, key: Key) -> dict[str, Reel]:
    """What each method of SIDES with weights does with one target; a second or two each."""
    task, target, seed = key
    return {
        side: Reel(record(cast[side].learner, target, STEPS, seed, TRAJECTORIES), task)
        for side in SIDES
        if side in cast
    }


def cheetah_view(
    cast: Cast, found: Mapping[str, Reel], key: Key, stage: int, wanted: Key | None = None
) -> CheetahView:
    """All that `figures.cheetah` draws, of what `reels` found; wanted: a target not yet found."""
    task, target, _ = key
    _, spreads = far_off(next(iter(cast.values())).settings.world(), [target])
    absent = {side: Lane(f"no trained weights yet ({name(task, side)})") for side in SIDES}
    return CheetahView(
        task=task,
        target=target,
        unit=UNITS[task],
        seconds=CONTROL_STEP,
        lanes=absent | {side: _lane(reel, stage, task) for side, reel in found.items()},
        key=key,
        stage=stage,
        spreads=spreads,
        reels=found,
        wanted=wanted,
    )


def _lane(reel: Reel, stage: int, task: str) -> Lane:
    """One stage of a reel."""
    return Lane(
        poses=reel.poses[stage],
        value=reel.curves[stage, 1],
        mean=reel.curves[stage, 2],
        head=reel.head(stage),
        end=reel.end(stage, task),
    )


def say(view: CheetahView) -> str:
    """Where the target lies, how the runs shown end, and what is earned from stage to stage."""
    text = f"Target {goal(view.key)}, {view.spreads:.1f} spreads from the nearest mode's centre"
    if view.spreads > FAR:
        text += ": <b>such targets were hardly ever trained</b>"
    text += ". "
    for side, reel in view.reels.items():
        stages = [runs.mean() for runs in reel.returns]
        means = [number(mean, 0) for mean in stages[0 if reel.modulated else 1 :]]
        text += (
            f"<b>{METHOD_STYLES[side].label}</b>: {reel.end(view.stage, view.task)} and earns "
            f"{number(reel.shown[view.stage], 0)}, {against_mean(reel, view.stage)}; "
            f"means, stage by stage: {' → '.join(means)}. "
        )
    if view.wanted is not None:
        text += f"<b>Adapting to {goal(view.wanted)} …</b>"
    return text.strip()


def against_mean(reel: Reel, stage: int) -> str:
    """How the run shown compares with the mean of all."""
    runs = reel.returns[stage]
    off = reel.shown[stage] - runs.mean()
    if len(runs) == 1:
        return "the only run"
    how = (
        "the mean"
        if abs(off) < 0.5
        else f"{number(abs(off), 0)} {'above' if off > 0 else 'below'} the mean"
    )
    return f"{how} of {len(runs)}"


class Runner(Explorer):
    """The explorer that `cheetah` returns.

    A new target is adapted to in a thread of its own (one core, a second or two), while the last
    film goes on; stages, time and targets that were seen before answer at once. `set` waits until
    the new film is there; `wait` does so after a control was moved.
    """

    def __init__(
        self,
        casts: Mapping[str, Cast],
        task: str,
        targets: Mapping[str, float],
        stage: int,
        seed: int,
    ):
        self._casts, self._found, self._shown = dict(casts), {}, None
        self._working, self._patient = ThreadPoolExecutor(1), True
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:  # no notebook: one calls `wait`
            self._loop = None
        self.track = Track(names=NAMES, seconds=CONTROL_STEP, thickness=thickness())
        self.sliders = {
            t: W.FloatSlider(
                value=targets[t],
                min=low,
                max=high,
                step=step,
                description=f"target ({UNITS[t]})",
                continuous_update=False,
                style=C.STYLE,
                layout=WIDE,
                readout_format=".1f",
            )
            for t, (low, high, step) in RANGES.items()
            if t in casts
        }
        controls = {
            "task": C.choice("target", {t: t for t in casts}, task),
            **self.sliders,
            "stage": W.SelectionSlider(
                options=[(n, i) for i, n in enumerate(NAMES)],
                value=stage,
                description="stage",
                style=C.STYLE,
                layout=WIDE,
            ),
            "seed": C.Again("run again", seed),
        }
        models = [c[side] for c in casts.values() for side in SIDES if side in c]
        models = {m.settings.method: m for m in sorted(models, key=lambda m: m.provisional)}
        super().__init__(
            "cheetah",
            controls,
            self._look,
            figure,
            self._show,
            say,
            screen=self.track,
            arrange=self._arrange,
            models=models.values(),
        )
        self._patient = False

    def set(self, **values: Any) -> "Runner":
        """Move controls by name, and wait for the film; raises what goes wrong."""
        self._patient = True
        try:
            return super().set(**values)
        finally:
            self._patient = False

    def wait(self) -> "Runner":
        """Wait for what is being computed, and show it."""
        return self.set()

    def complain(self, text: str) -> None:
        """Show the reader what went wrong; nothing is being computed any more."""
        self.track.busy = ""
        super().complain(text)

    def _look(self, task: str, stage: int, seed: int, **targets: float) -> CheetahView:
        key = task, round(targets[task], 3), seed
        found = self._film(key)
        if found is not None:
            self._shown = key, found
            return cheetah_view(self._casts[task], found, key, stage)
        (shown, found) = self._shown  # the last film stays until the new one is there
        return cheetah_view(self._casts[shown[0]], found, shown, stage, wanted=key)

    def _film(self, key: Key) -> dict[str, Reel] | None:
        """What was found for a target; None while it is looked for, in the background."""
        if key not in self._found:
            for other in [k for k, job in self._found.items() if job.cancel()]:
                del self._found[other]  # asked for in passing, and not begun
            for other in list(self._found)[:-KEPT]:
                if self._found[other].done():
                    del self._found[other]
            job = self._found[key] = self._working.submit(self._adapt, key)
            job.add_done_callback(lambda job: self._arrived(job))
        job = self._found[key]
        try:
            return job.result() if self._patient or job.done() else None
        except Exception:
            del self._found[key]  # it may be tried again
            raise

    def _adapt(self, key: Key) -> dict[str, Reel]:
        with threads(1):
            return reels(self._casts[key[0]], key)

    def _arrived(self, job: Future) -> None:
        """A film is there: show it, in the thread of the notebook."""
        if self._loop is not None and not job.cancelled() and not self._patient:
            self._loop.call_soon_threadsafe(self._on_change, None)

    def _show(self, track: Track, view: CheetahView) -> None:
        """Another film only if there is one; the stage and the busy line in any case."""
        for t, slider in self.sliders.items():
            slider.layout.display = None if t == self.controls["task"].value else "none"
        if getattr(track, "shown", None) != view.key:
            found = view.reels.values()
            track.show(
                np.stack([reel.poses for reel in found]),
                np.stack([reel.curves for reel in found]),
                kind=view.task,
                target=view.target,
                unit=view.unit,
                lanes=[lane_of(view, side) for side in SIDES],
            )
            track.shown = view.key
        track.stage = view.stage
        sides = " and ".join(METHOD_STYLES[side].label for side in view.reels)
        track.busy = (
            ""
            if view.wanted is None
            else (
                f"{sides} adapting to {goal(view.wanted)}: "
                f"{STEPS} gradient steps, {TRAJECTORIES} episodes each time …"
            )
        )

    def _arrange(self, controls: Mapping[str, W.Widget], track: W.Widget) -> W.Widget:
        # linked in the browser: stages change also while the kernel is busy
        self._link = W.jslink((controls["stage"], "index"), (track, "stage"))
        several = [controls["task"]] if len(self.sliders) > 1 else []
        rows = [[*several, *self.sliders.values()], [controls["stage"], controls["seed"]]]
        return W.VBox([*map(C.line, rows), track], layout={"width": "100%"})


def lane_of(view: CheetahView, side: str) -> Mapping[str, Any]:
    """A lane of the track in words, for all stages."""
    reel = view.reels.get(side)
    if reel is None:
        return lane(METHOD_STYLES[side], view.lanes[side].note)
    blown = [-1 if step is None else step for step in reel.blew_up]
    heads = [reel.head(stage) for stage in range(len(NAMES))]
    return lane(METHOD_STYLES[side], heads=heads, blown=blown)


class Missing:
    """Stands where the explorer would: one line that says what is not here."""

    def __init__(self, line: str):
        self.summary = line

    def _repr_markdown_(self) -> str:
        return self.summary


def cheetah(
    casts: Mapping[str, Cast] | None = None,
    task: str | None = None,
    target: float | None = None,
    stage: int = 1,
    seed: int = 0,
) -> Runner | Missing:
    """Explorer of one hidden target: both methods run before and after modulation and every step.

    casts: "location" and "speed" -> models by key, by default `cheetahs.load_casts()`; methods
    without weights leave their lane empty. task, target, stage: where it starts. Where MuJoCo is
    not installed, or no method of any task has weights, one line stands in its place. Raises
    ValueError for an unknown task or stage and a target beyond its slider.
    """
    casts = load_casts() if casts is None else casts
    if task is not None and task not in RANGES:
        raise ValueError(f"unknown task {task!r}: expected one of {', '.join(RANGES)}")
    if stage not in range(len(NAMES)):
        raise ValueError(f"stage {stage!r} is none of 0..{len(NAMES) - 1}: {', '.join(NAMES)}")
    held = {t: casts[t] for t in RANGES if any(side in casts.get(t, {}) for side in SIDES)}
    if lacks := skipped("location", {}):
        return Missing(lacks)
    asked = task or next(iter(held), "location")
    if asked not in held:
        return Missing(skipped(asked, {}, *SIDES))
    targets = dict(FIRST)
    if target is not None:
        low, high, _ = RANGES[asked]
        if not low <= target <= high:
            raise ValueError(f"target {target!r} lies beyond {low:g}..{high:g} {UNITS[asked]}")
        targets[asked] = target
    return Runner(held, asked, targets, stage, seed)
