"""Read the parameters that a lesson takes, and check values for them before it runs.

Papermill reads them from the lesson's one cell tagged `parameters`, each a plain literal on a line
with no other `=` in it:

    modes = 2  # one of: 2 | 3 | 5
    alpha = 0.01  # inner step size

But it only logs unknown names and lets values of any type through.
"""

import ast
from contextlib import suppress
from pathlib import Path
from typing import Any


def parameters_of(lesson: Path) -> dict[str, tuple[Any, list[str]]]:
    """Return {name: (default, choices)} of the cell tagged `parameters`.

    Choices stand in the comment beside a default, `one of: a | b | c`; most have none. Raises
    ValueError if a default is not a plain literal, or the notebook names no kernel.
    """
    import papermill  # takes a second

    found = {}
    for name, told in papermill.inspect_notebook(lesson).items():
        try:
            default = ast.literal_eval(told["default"])
        except (ValueError, SyntaxError):
            raise ValueError(f"{lesson.stem}: {name} is not a plain literal") from None
        _, _, listed = told["help"].partition("one of:")
        found[name] = (default, [c.strip(" '\".") for c in listed.split("|") if listed])
    return found


def check_parameters(lesson: Path, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values as the lesson wants them: of the default's type, among the choices.

    An int serves as a float, a bool is not an int; text is read as a number, list or truth value
    where the default is one (so it comes from a command line). Raises ValueError for an unknown
    name or an unfit value, saying what is known and what was expected.
    """
    known = parameters_of(lesson)
    checked = {}
    for name, value in values.items():
        if name not in known or name == "out_dir":  # out_dir is ours to set
            own = ", ".join(k for k in known if k != "out_dir") or "none"
            raise ValueError(f"{lesson.stem}: unknown parameter {name!r}; known: {own}")
        default, choices = known[name]
        if isinstance(value, str) and not isinstance(default, str):
            with suppress(ValueError, SyntaxError):  # stays text, and is refused below
                value = ast.literal_eval({"true": "True", "false": "False"}.get(value, value))
        if not _fits(value, default) or (choices and str(value) not in choices):
            wanted = f"one of {' | '.join(choices)}" if choices else _kind(default)
            raise ValueError(
                f"{lesson.stem}: {name} must be {wanted}, as its default {default!r}; got {value!r}"
            )
        checked[name] = value
    return checked


def _fits(value: Any, default: Any) -> bool:
    if isinstance(default, list):
        return isinstance(value, list) and all(_fits(v, default[0]) for v in value if default)
    also = (int,) if isinstance(default, float) else ()
    return default is None or type(value) in (type(default), *also)  # None tells no type


def _kind(default: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    return names.get(type(default), f"a {type(default).__name__}")
