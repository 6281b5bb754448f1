"""The race track of lesson 6: filmed half-cheetahs in lanes, with play, pause and a time slider.

All stages are sent at once, so that the browser plays, scrubs and changes between them by itself,
also while the kernel is busy.
"""

from collections.abc import Mapping
from typing import Any

import anywidget
import numpy as np
import traitlets as T

from mmaml_lite.course.widgets.shared import FOLDER, module


class Track(anywidget.AnyWidget):
    """Lanes with one animal each, and below them what the target is compared with over time.

    kind: location or speed; target, unit; stage: index into names. lanes: dictionaries with label,
    color, dash, note ("" or why the lane is empty), heads (a line
    for every stage) and blown (the step at which the simulation blew up, -1: never). The lanes
    without a note are filmed, see `show`. busy: what is being computed, "" if nothing. film: counts
    up with every new film, which is then played unless the reader wants no motion.
    """

    _esm = module("cheetah")
    _css = FOLDER / "cheetah.css"

    kind = T.Enum(["location", "speed"], "location").tag(sync=True)
    target = T.Float(0.0).tag(sync=True)
    unit = T.Unicode("m").tag(sync=True)
    names = T.List().tag(sync=True)
    stage = T.Int(0).tag(sync=True)
    lanes = T.List().tag(sync=True)
    busy = T.Unicode("").tag(sync=True)
    seconds = T.Float(0.05).tag(sync=True)
    thickness = T.Float(0.092).tag(sync=True)
    shape = T.List([0, 0, 0]).tag(sync=True)
    poses = T.Bytes(b"").tag(sync=True)
    curves = T.Bytes(b"").tag(sync=True)
    film = T.Int(0).tag(sync=True)

    def show(self, poses: np.ndarray, curves: np.ndarray, **words: Any) -> None:
        """Put another film on.

        poses `(lanes, stages, frames, parts, 2, 2)`: the ends of every part; curves `(lanes,
        stages, 3, frames)`: the torso's x, then what the target is compared with and its running
        mean, NaN where there is none. words: kind, target, unit, names, lanes.
        """
        with self.hold_sync():  # all of it arrives together
            for name, value in words.items():
                setattr(self, name, value)
            self.shape = list(poses.shape[1:4])
            self.poses = np.ascontiguousarray(poses, "<f4").tobytes()
            self.curves = np.ascontiguousarray(curves, "<f4").tobytes()
            self.film += 1


def lane(style: Any, note: str = "", **more: Any) -> Mapping[str, Any]:
    """A lane in the style of a method; more: heads and blown."""
    return {
        "label": style.label,
        "color": style.color,
        "dash": style.dash,
        "note": note,
        "heads": [],
        "blown": [],
        **more,
    }
