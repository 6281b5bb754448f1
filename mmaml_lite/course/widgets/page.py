"""The browser's half of every explorer: it names sliders and lets plots follow width and theme."""

from pathlib import Path

import anywidget

from mmaml_lite.course.widgets.shared import module


class Page(anywidget.AnyWidget):
    """Invisible; attends to the explorer around it.

    ipywidgets' slider handles come without a name: each gets its visible label and readout, for
    screen readers. Plots are drawn anew when the explorer's width changes, also where the window's
    does not. Its style sheet, once in the page, turns every plot dark where the theme is.
    """

    _esm = module("page")
    _css = Path(__file__).with_name("page.css")
