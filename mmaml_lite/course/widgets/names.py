"""Names for what a screen reader meets: ipywidgets' slider handles come without one."""

import anywidget

from mmaml_lite.course.widgets.shared import module


class Names(anywidget.AnyWidget):
    """Invisible; gives every slider of the explorer around it its visible label and readout."""

    _esm = module("names")
