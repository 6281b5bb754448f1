"""Names for what a screen reader meets: ipywidgets' slider handles come without one."""

from pathlib import Path

import anywidget

HERE = Path(__file__).parent


class Names(anywidget.AnyWidget):
    """Invisible; gives every slider of the explorer around it its visible label and readout."""

    _esm = HERE / "names.js"
