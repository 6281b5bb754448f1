"""A diagram whose boxes can be clicked, or reached with Tab and pressed with Enter."""

import anywidget
import traitlets as T

from mmaml_lite.course.widgets.shared import FOLDER, module


class Diagram(anywidget.AnyWidget):
    """Boxes and arrows; `value` is the key of the chosen box.

    boxes: dictionaries with key, label (lines split by a newline), x, y, width, height (top left
    corner, in the diagram's own units) and color. arrows: dictionaries with `path`, a list of
    `[x, y]`, and optionally label, color and dash. size: width and height of the whole.
    """

    _esm = module("diagram")
    _css = FOLDER / "diagram.css"

    value = T.Unicode("").tag(sync=True)
    boxes = T.List().tag(sync=True)
    arrows = T.List().tag(sync=True)
    size = T.List([700, 260]).tag(sync=True)
    heading = T.Unicode("").tag(sync=True)

    @T.validate("value")
    def _known(self, proposal):
        keys = [box["key"] for box in self.boxes]
        if keys and proposal["value"] not in keys:
            raise T.TraitError(f"no box {proposal['value']!r}: known are {', '.join(keys)}")
        return proposal["value"]
