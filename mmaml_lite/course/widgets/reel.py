"""A reel of lesson 6: all that the runner draws of one method on one target, stage by stage."""

import numpy as np

from mmaml_lite.course.figures.numerals import number
from mmaml_lite.course.studies.recording import Film, Recording, poses
from mmaml_lite.course.widgets.navigation import NAMES
from mmaml_lite.rl.half_cheetah import TargetLocation, TargetSpeed
from mmaml_lite.rl.simulation import CONTROL_STEP, X

WINDOW = 10  # steps of the running mean, half a second
UNITS = {"location": TargetLocation.UNIT, "speed": TargetSpeed.UNIT}
Key = tuple[str, float, int]  # task, target, seed


class Reel:
    """All that is drawn of one method on one target: of every stage in NAMES, 0 is before tau.

    poses `(stages, T, parts, 2, 2)`, curves `(stages, 3, T)` as for `Track.show`, returns: of every
    stage `(n,)`, blew_up: a step or None each. A method without encoder begins at stage 1: stage 0
    repeats it.
    """

    def __init__(self, found: Recording, task: str):
        self.modulated = found.before is not None
        films = [found.before or found.stages[0], *found.stages]
        self.poses = np.stack([poses(film.states) for film in films])
        self.curves = np.stack([course(film, task) for film in films])
        self.returns = [film.returns for film in films]
        self.shown = [film.returns[film.shown] for film in films]
        self.blew_up = [film.blew_up for film in films]

    def head(self, stage: int) -> str:
        """The stage, and what it earns, in a line over a lane."""
        named = NAMES[stage]
        if stage < 2 and not self.modulated:
            named = "its start, nothing to modulate"
        earns = f"{named}: earns {number(self.shown[stage], 0)}"
        count = len(self.returns[stage])
        if count > 1:
            earns += f" (mean of {count} runs {number(self.returns[stage].mean(), 0)})"
        return earns

    def end(self, stage: int, task: str) -> str:
        """Where the run ended, or how fast it was, in words."""
        if self.blew_up[stage] is not None:
            return f"its simulation blew up after {self.blew_up[stage] * CONTROL_STEP:.1f} s"
        if task == "location":
            return f"it ends at {number(self.curves[stage, 0, -1], 1)} m"
        return f"its mean speed is {number(np.nanmean(self.curves[stage, 1]), 2)} m/s"


def goal(key: Key) -> str:
    """A target with its unit."""
    return f"{number(key[1], 1)} {UNITS[key[0]]}"


def course(film: Film, task: str) -> np.ndarray:
    """The torso's x, what the target is compared with, and its running mean `(3, T)`."""
    x = film.states[:, X]
    if task == "location":
        return np.stack([x, x, x])
    raw = np.concatenate([film.reached[:1], film.reached])
    reach = min(WINDOW, len(raw))
    inside = np.convolve(np.ones_like(raw), np.ones(reach), "same")
    return np.stack([x, raw, np.convolve(raw, np.ones(reach), "same") / inside])
