"""The pad: a plane on which points are placed, moved and sketched, by pointer, touch or keyboard.

It is the one widget of ours that takes positions: support points, theta in a landscape, a sketch of
a curve, strokes of a character, steps through a plane. What lies behind (curves, arrows, an image)
is set from Python.
"""

from typing import Any

import anywidget
import numpy as np
import traitlets as T

from mmaml_lite.course.widgets.shared import FOLDER, module


class Pad(anywidget.AnyWidget):
    """A plane with movable points, free strokes, or one who takes steps: `kind` says which.

    value: the points `[[x, y], ...]`; for strokes a list of such lists; for steps the moves asked
    for, one after the other, from where `at` says that one stands. at_least, at_most: how
    many points there may be (equal: none can be added or removed). names: what each point is
    called; heading: what the pad is for, visible and read aloud. step: what an arrow key moves by.
    at_end: strokes are sent when the pen is lifted, not while it moves.
    Behind the points: `lines` (dictionaries with x, y and color, dash, width, label), `arrows`
    (tail, head, color, dash, label), `dots` (x, y, size, color, label, symbol "star") and an
    `image` (see `paint`). Raises traitlets.TraitError for
    points that are not pairs of finite numbers or are too many.
    """

    _esm = module("pad")
    _css = FOLDER / "pad.css"

    kind = T.Enum(["points", "strokes", "steps"], "points").tag(sync=True)
    value = T.List().tag(sync=True)
    at_least = T.Int(0).tag(sync=True)
    at_most = T.Int(10).tag(sync=True)
    names = T.List().tag(sync=True)
    heading = T.Unicode("").tag(sync=True)
    xrange = T.List([-5.0, 5.0]).tag(sync=True)
    yrange = T.List([-5.0, 5.0]).tag(sync=True)
    xlabel = T.Unicode("x").tag(sync=True)
    ylabel = T.Unicode("y").tag(sync=True)
    axes = T.Bool(True).tag(sync=True)
    step = T.Float(0.1).tag(sync=True)
    width = T.Int(290).tag(sync=True)
    height = T.Int(240).tag(sync=True)
    enabled = T.Bool(True).tag(sync=True)
    at_end = T.Bool(False).tag(sync=True)
    lines = T.List().tag(sync=True)
    arrows = T.List().tag(sync=True)
    dots = T.List().tag(sync=True)
    at = T.List([0.0, 0.0]).tag(sync=True)
    image = T.Bytes(b"").tag(sync=True)
    image_size = T.List([0, 0]).tag(sync=True)

    @T.validate("value")
    def _finite_pairs(self, proposal: dict[str, Any]) -> list:
        strokes = proposal["value"] if self.kind == "strokes" else [proposal["value"]]
        for stroke in strokes:
            for point in stroke:
                pair = isinstance(point, list | tuple) and len(point) == 2
                if not (pair and all(isinstance(c, int | float) for c in point)):
                    raise T.TraitError(f"a point is a pair of numbers [x, y], got {point!r}")
                if not np.isfinite(point).all():
                    raise T.TraitError(f"a point must be finite, got {point!r}")
        if self.kind != "strokes" and len(proposal["value"]) > self.at_most:
            raise T.TraitError(
                f"at most {self.at_most} {self.kind} fit here, got {len(proposal['value'])}"
            )
        return proposal["value"]

    def paint(self, colors: np.ndarray) -> None:
        """Put an image behind the points: `(height, width, 3)`, 0 to 255, first row at the top."""
        colors = np.asarray(colors)
        if colors.ndim != 3 or colors.shape[2] != 3:
            raise ValueError(f"expected colours (height, width, 3), got {colors.shape}")
        opaque = np.full((*colors.shape[:2], 1), 255)
        with self.hold_sync():  # size and pixels arrive together
            self.image_size = [colors.shape[1], colors.shape[0]]
            self.image = np.concatenate([colors, opaque], axis=2).astype(np.uint8).tobytes()
