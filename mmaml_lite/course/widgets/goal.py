"""A control for a place on the plane: a pad to click and drag on, and two sliders, kept equal."""

from collections.abc import Callable, Sequence

import ipywidgets as W
import numpy as np

from mmaml_lite.course.figures.navigation import WINDOW
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets import panes as P
from mmaml_lite.course.widgets.pad import Pad

GREY = "#9a9a9a"


def round_modes(centres: Sequence[Sequence[float]], spread: float) -> list[dict]:
    """Lines for a pad: each mode as its circle of 2 spreads, numbered."""
    turn = np.linspace(0, 2 * np.pi, 33)
    return [
        {
            "x": (x + 2 * spread * np.cos(turn)).tolist(),
            "color": GREY,
            "width": 1.5,
            "dash": "dash",
            "y": (y + 2 * spread * np.sin(turn)).tolist(),
        }
        for x, y in centres
    ]


class Goal(W.Box):
    """A place `value` [x, y], set by pointer, arrow keys or sliders; observers hear it once.

    heading: over the pad.
    """

    def __init__(self, value: Sequence[float] = (0.5, 0.5), heading: str = "the goal: drag it"):
        window = [-WINDOW, WINDOW]
        self.pad = Pad(
            heading=heading,
            value=[list(value)],
            at_least=1,
            at_most=1,
            names=["★"],
            step=0.05,
            xrange=window,
            yrange=window,
            width=250,
            height=244,
        )
        self.sliders = [
            C.slider(f"goal {axis}", v, -WINDOW, WINDOW, 0.01)
            for axis, v in zip("xy", value, strict=True)
        ]
        for slider in self.sliders:
            slider.style.description_width, slider.layout.width = "44px", "auto"
        self._following = False
        self._column = W.VBox(self.sliders, layout={"flex": "1 1 250px", "max_width": "340px"})
        beneath = {"flex_flow": "row wrap", "flex": "1 1 292px", "grid_gap": "4px 20px"}
        super().__init__([self.pad, self._column], layout=beneath)
        self.pad.observe(self._to_sliders, "value")
        for slider in self.sliders:
            slider.observe(self._to_pad, "value")

    @property
    def value(self) -> list[float]:
        """Where it is, [x, y]."""
        return list(self.pad.value[0])

    @value.setter
    def value(self, place: Sequence[float]) -> None:
        self.pad.value = [[float(v) for v in place]]

    def beside(self, screen: W.Widget, *others: W.Widget) -> W.Widget:
        """The place with other controls under its sliders, and right of it what they move.

        Where there is no room for both, the screen stands below.
        """
        self._column.children = [*self.sliders, *others]
        return P.split(self, screen, least=480)

    def _to_sliders(self, change) -> None:
        self._following = True
        try:
            for slider, v in zip(self.sliders, change["new"][0], strict=True):
                slider.value = min(WINDOW, max(-WINDOW, round(v, 2)))
        finally:
            self._following = False

    def _to_pad(self, _change) -> None:
        if not self._following:
            self.value = [slider.value for slider in self.sliders]

    def observe(self, handler: Callable, names="value", type="change") -> None:
        """As a widget's own `observe`: `value` is the place."""
        target = self.pad if names == "value" else super()
        target.observe(handler, names, type)
