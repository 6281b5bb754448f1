"""Where controls stand: beside the picture while there is room for both, else above it."""

from collections.abc import Iterable, Mapping
from typing import Any

import ipywidgets as W

from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets.pad import Pad

COLUMN, PICTURE = 308, 400  # pixels: of a column of controls; the least for a picture beside it
WRAPS = {"flex_flow": "row wrap", "align_items": "flex-start", "grid_gap": "4px 14px"}


def fitted(control: W.Widget, label: int = 96) -> W.Widget:
    """A control that fills its column; label: pixels for its name."""
    if isinstance(control, W.Box) and not isinstance(control, C.Again):
        return control
    control.layout.width = "auto"
    control.layout.margin = "1px 0"
    style = getattr(control, "style", None)
    if style is not None and style.has_trait("description_width"):
        style.description_width = f"{label}px"
    return control


def column(controls: Iterable[W.Widget], label: int = 96) -> W.VBox:
    """Controls one below the other, as wide as their column and aligned."""
    return W.VBox([fitted(c, label) for c in controls])


def beside(columns: Iterable[W.Widget], screen: W.Widget) -> W.Widget:
    """Columns one below the other on the left of the screen; where it is narrow, above it."""
    left = row(columns)
    left.layout.flex = f"1 1 {COLUMN}px"
    return split(left, screen)


def split(left: W.Widget, screen: W.Widget, least: int = PICTURE) -> W.Box:
    """A box, which says how wide it wants to be, left of the screen or above it.

    least: pixels of the screen below which it stands under the box.
    """
    right = W.VBox([screen], layout={"flex": f"999 1 {least}px", "min_width": "0"})
    return W.Box([left, right], layout=WRAPS)


def above(rows: Iterable[Iterable[W.Widget]], screen: W.Widget) -> W.Widget:
    """Rows of controls that share the width equally, the screen below."""
    return W.VBox([*(row(column([c]) for c in controls) for controls in rows), screen])


def row(columns: Iterable[W.Widget]) -> W.Box:
    """Columns side by side, one below the other where they do not fit."""
    columns = list(columns)
    for each in columns:
        each.layout.flex = f"1 1 {COLUMN}px"
    return W.Box(columns, layout=WRAPS)


def growing(pad: Pad, most: float = 1.5) -> Pad:
    """A pad that is drawn larger where the page is wide, up to so many times its size."""
    pad.add_class("mmaml-grow")
    pad.layout.max_width = f"{most * pad.width:.0f}px"
    return pad


def only(boxes: Mapping[Any, W.Widget], choice: W.Widget) -> None:
    """Show of these boxes the one that is filed under the choice's value, now and from now on."""

    def show(_=None) -> None:
        for name, box in boxes.items():
            box.layout.display = None if name == choice.value else "none"

    choice.observe(show, "value")
    show()
