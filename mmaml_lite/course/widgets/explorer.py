"""What every explorer of the course has in common: controls joined to one picture, and its twin.

An explorer has three layers. A pure function turns the state of the controls into arrays (the
view, whose class stands beside its figure), a figure function turns the view into a picture, and
this thin class connects them:

    state --compute--> view --figure, once--> picture      (a plotly figure)
                            --redraw, always--> the same picture, changed in place

`figure(view)` must end with `redraw(fig, view)`, so that the live picture and its static twin
(what papermill, nbval, a printed page and a screen reader get) cannot differ.
"""

import html
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from weakref import WeakValueDictionary

import ipywidgets as W
import plotly.graph_objects as go

from mmaml_lite.core import zoo
from mmaml_lite.core.device import threads
from mmaml_lite.course import figures
from mmaml_lite.course.display import provisional_note
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets.page import Page

View = Any
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
EXPLORERS: WeakValueDictionary[str, "Explorer"] = WeakValueDictionary()  # by name, the newest


def is_live() -> bool:
    """Whether explorers are live; with $MMAML_LITE_STATIC set, only their static twins appear."""
    return not os.environ.get("MMAML_LITE_STATIC")


class Explorer:
    """Controls joined to one picture that follows them, with a line that says what is seen.

    name: handle of its CSS class, `explorer-<name>`. controls: state name -> a widget with a
    `value`; state names are the keyword arguments of `compute`. compute: state -> view. figure:
    view -> plotly figure. redraw: (figure, view), in place. summary: view -> one line. screen: a
    widget that `redraw` draws on instead of a plotly figure, such as a Pad. arrange: (controls,
    screen) -> the widget shown; without it controls stand above the screen. models: those whose
    weights are shown; the caption names the provisional ones.
    """

    def __init__(
        self,
        name: str,
        controls: Mapping[str, W.Widget],
        compute: Callable[..., View],
        figure: Callable[[View], go.Figure],
        redraw: Callable[[Any, View], None],
        summary: Callable[[View], str],
        screen: W.Widget | None = None,
        arrange: Callable[[Mapping[str, W.Widget], W.Widget], W.Widget] | None = None,
        models: Iterable[zoo.Model] = (),
    ):
        self.name, self.controls = name, dict(controls)
        self._compute, self._figure, self._redraw, self._summary = compute, figure, redraw, summary
        self._note = provisional_note(models)
        self.view = compute(**self.state)
        self.seconds = 0.0  # what the last update took
        self.message = W.HTML().add_class("mmaml-summary")
        self.problem = W.HTML().add_class("mmaml-problem")
        self._held = False
        self.screen, self.box = screen, None
        EXPLORERS[name] = self
        if is_live():
            self._go_live(arrange or stacked)

    @property
    def state(self) -> dict[str, Any]:
        """The value of every control, by its state name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values: Any) -> "Explorer":
        """Move controls by name, as a reader would, and redraw once; raises what goes wrong."""
        for name in values:
            if name not in self.controls:
                raise ValueError(f"no control {name!r}: known are {', '.join(self.controls)}")
        before = {name: self.controls[name].value for name in values}
        self._held = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
            self._follow()
        except Exception:
            for name, value in before.items():
                self.controls[name].value = value
            raise
        finally:
            self._held = False
        return self

    def twin(self) -> go.Figure:
        """The static twin: a plain plotly figure of the present state."""
        return self._figure(self.view)

    @property
    def summary(self) -> str:
        """What is seen at present, in one line; words of weight stand in <b>."""
        return self._summary(self.view)

    def _go_live(self, arrange) -> None:
        if self.screen is None:
            fig = self._figure(self.view)  # finished before it is wrapped: later changes get lost
            self.screen = go.FigureWidget(fig)
            self.screen._config = {"responsive": True}  # it follows the page's width
        else:
            self._redraw(self.screen, self.view)
        shown = [arrange(self.controls, self.screen), self.message, self.problem, Page()]
        self.box = W.VBox(shown)
        self.box.add_class("mmaml-explorer").add_class(f"explorer-{self.name}")
        self._tell()
        for control in self.controls.values():
            control.observe(self._on_change, "value")

    def _on_change(self, _change) -> None:
        """A control moved: redraw; an error is shown to the reader and the picture stays."""
        if self._held:
            return
        try:
            self._follow()
        except Exception as error:  # whatever it is, the reader must see it
            self.complain(
                f"{type(error).__name__}: {error}. The picture still shows the last state that did."
            )

    def complain(self, text: str) -> None:
        """Show the reader what went wrong, under the picture."""
        self.problem.value = (
            "<div role='alert' style='color:#a40000;padding:4px 0'><b>This did not work:</b> "
            f"{html.escape(text)}</div>"
        )

    def _follow(self) -> None:
        began = time.perf_counter()
        with threads(1):  # such small work is slower on two
            view = self._compute(**self.state)
        held, self._held = self._held, True  # controls that redraw itself moves do not count
        try:
            if hasattr(self.screen, "batch_update"):  # go.FigureWidget, which is slow to import
                with self.screen.batch_update():
                    self._redraw(self.screen, view)
            elif self.screen is not None:
                self._redraw(self.screen, view)
        finally:
            self._held = held
        self.view = view
        self.problem.value = ""
        self._tell()
        self.seconds = time.perf_counter() - began

    def _tell(self) -> None:
        look = "role='status' aria-live='polite' style='line-height:1.5'"
        self.message.value = f"<div {look}>{self.summary}</div>"

    def _ipython_display_(self) -> None:
        """Live where there is a kernel, the twin elsewhere (one output holds both); the caption."""
        from IPython.display import Markdown, display

        fig = self.twin()
        bundle = {"text/plain": re.sub("<[^>]*>", "", f"{figures.alt(fig)} {self.summary}")}
        bundle |= fig._repr_mimebundle_() or {}
        if self.box is not None:
            model = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
            bundle[WIDGET_VIEW] = model
        display(bundle, raw=True)
        now = "" if self.box is not None else f"\n\n*Now:* {self.summary}"
        display(Markdown(figures.caption(fig) + self._note + now))


def stacked(controls: Mapping[str, W.Widget], screen: W.Widget) -> W.Widget:
    """Controls in rows that wrap, the screen below."""
    return W.VBox([C.line(controls.values()), screen])


def as_output(fig: go.Figure) -> dict[str, Any]:
    """A figure as an output area keeps it."""
    data = {"application/vnd.plotly.v1+json": json.loads(fig.to_json())}
    data["text/plain"] = figures.alt(fig)
    return {"output_type": "display_data", "data": data, "metadata": {}}
