"""Controls with a visible label, all of them operable from the keyboard."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import ipywidgets as W

WIDTH = "290px"
STYLE = {"description_width": "110px"}


def line(controls: Iterable[W.Widget], gap: str | None = "4px 18px") -> W.Box:
    """Controls side by side, on more lines where one is too short; gap: between lines, controls."""
    return W.Box(list(controls), layout={"flex_flow": "row wrap", "grid_gap": gap})


def hint(text: str) -> W.HTML:
    """A line of help, in the theme's softer ink."""
    look = "line-height:1.4;color:var(--jp-ui-font-color2,#5f6368)"
    return W.HTML(f"<div style='{look}'>{text}</div>")


def slider(label: str, value: float, low: float, high: float, step: float = 0.1) -> W.Widget:
    """A slider of whole numbers where `step` is an int, else of numbers; it acts while it moves."""
    kind = W.IntSlider if isinstance(step, int) else W.FloatSlider
    return kind(
        value=value,
        min=low,
        max=high,
        step=step,
        description=label,
        style=STYLE,
        layout={"width": WIDTH},
        readout_format="d" if kind is W.IntSlider else ".2f",
    )


def scale(label: str, value: float, low: float, high: float, per_decade: int = 10) -> W.Widget:
    """A logarithmic slider from `low` to `high`, such as for a step size."""
    return W.FloatLogSlider(
        value=value,
        base=10,
        min=math.log10(low),
        max=math.log10(high),
        step=1 / per_decade,
        description=label,
        style=STYLE,
        layout={"width": WIDTH},
        readout_format=".2g",
    )


def choice(label: str, options: Sequence[Any] | Mapping[str, Any], value: Any) -> W.Widget:
    """Buttons of which one is down; options: names, or name -> value."""
    pairs = list(options.items()) if isinstance(options, Mapping) else list(options)
    return W.ToggleButtons(
        options=pairs,
        value=value,
        description=label,
        style={"description_width": "110px", "button_width": "auto"},
    )


def menu(label: str, options: Sequence[Any] | Mapping[str, Any], value: Any) -> W.Widget:
    """A drop-down menu, for more options than fit side by side."""
    pairs = list(options.items()) if isinstance(options, Mapping) else list(options)
    return W.Dropdown(
        options=pairs, value=value, description=label, style=STYLE, layout={"width": WIDTH}
    )


def check(label: str, value: bool = False) -> W.Widget:
    """A box to tick."""
    return W.Checkbox(value=value, description=label, indent=False, layout={"width": WIDTH})


class Again(W.HBox):
    """A button that counts how often it was pressed, such as "other points"; `value` is a seed."""

    def __init__(self, label: str, value: int = 0):
        button = W.Button(description=label, layout={"width": "170px"})
        self._count = W.BoundedIntText(
            value=value,
            min=0,
            max=10**6,
            description="seed",
            style={"description_width": "36px"},
            layout={"width": "112px"},
        )
        super().__init__([button, self._count])
        button.on_click(lambda _: setattr(self._count, "value", self._count.value + 1))

    @property
    def value(self) -> int:
        """The seed."""
        return self._count.value

    @value.setter
    def value(self, seed: int) -> None:
        self._count.value = seed

    @property
    def disabled(self) -> bool:
        """Whether neither button nor seed can be changed."""
        return self._count.disabled

    @disabled.setter
    def disabled(self, off: bool) -> None:
        for part in self.children:
            part.disabled = off

    def observe(self, handler, names="value", type="change") -> None:
        """As a widget's own `observe`: `value` is the seed's."""
        target = self._count if names == "value" else super()
        target.observe(handler, names, type)
