"""What a lesson shows: figures with captions, sentences, the source that runs, its metrics."""

import inspect
import json
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from mmaml_lite.core import checkpoint, zoo
from mmaml_lite.core.domain import domain
from mmaml_lite.course import figures
from mmaml_lite.course.studies.cast import Cast


def write_metrics(folder: str, values: Mapping[str, Any]) -> None:
    """Write metrics.json into `folder`; an empty name writes nothing."""
    if folder:
        text = json.dumps(values, indent=1) + "\n"
        checkpoint.write_atomically(Path(folder) / "metrics.json", text.encode())


def provisional_note(models: Iterable[zoo.Model]) -> str:
    """The end of a caption, in Markdown: which of the models shown are provisional; "" if none."""
    shown = [(domain(m.settings.domain), m.settings.method) for m in models if m.provisional]
    marked = [kind.label(method) for kind, method in shown]
    return f" *Provisional weights: {', '.join(marked)}.*" if marked else ""


def show(fig: Any, cast: Cast) -> None:
    """Display a figure, its caption under it, and which of the models shown are provisional."""
    from IPython.display import Markdown, display

    display(fig)
    display(Markdown(figures.caption(fig) + provisional_note(cast.values())))


def say(text: str) -> None:
    """Display Markdown."""
    from IPython.display import Markdown, display

    display(Markdown(text))


def file_of(function: Callable) -> str:
    """The file that holds a function of ours: "mmaml_lite/core/algorithm.py"."""
    return inspect.unwrap(function).__module__.replace(".", "/") + ".py"


def source(function: Callable) -> None:
    """Display the source of a library function: the code that runs, not a copy of it."""
    text = textwrap.dedent(inspect.getsource(function))
    say(f"`{file_of(function)}`\n```python\n{text}```")
