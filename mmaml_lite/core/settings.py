"""Settings of an experiment: every field says what it means, what it may be, and whose it is.

A domain declares them as a frozen dataclass on `Settings`; types, ranges and choices are checked
here, for all domains alike.
"""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Collection
from typing import Any, ClassVar

from mmaml_lite.core.registry import Registry


def setting(
    default: Any,
    help: str,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    among: Collection[str] | None = None,
    named: bool = False,
) -> Any:
    """A field of a settings dataclass: its default, what it means, and what it may be.

    least, most: its bounds; above: a bound that it must exceed; among: the names it may have, such
    as a registry's. Of a tuple, they are asked of each item; None, where the type allows it, always
    passes. named: it belongs to the name of an experiment (or to the method, which is part of it),
    so that nobody changes it behind that name.
    """
    limits = {"least": least, "above": above, "most": most, "among": among}
    return dataclasses.field(default=default, metadata={"help": help, "named": named, **limits})


class Settings:
    """Everything that decides a training run; the same settings and seed give the same weights.

    domain: whose settings they are. A domain's own have `method`, `recipe`, `iterations`,
    `learning_rate` and `seed` among them. Raises ValueError, one line that names the field, for a
    value of a wrong type, out of its range or not among its choices.
    """

    domain: ClassVar[str]

    def __post_init__(self):
        for f in dataclasses.fields(self):
            object.__setattr__(self, f.name, checked(f, _types(type(self))[f.name], self))
        self.check()

    def check(self) -> None:
        """Raise ValueError for values that do not go together."""

    def replace(self, **changes: Any) -> typing.Self:
        """A copy with changes; raises ValueError for unknown names or wrong values."""
        known = [f.name for f in dataclasses.fields(self)]
        for name in changes:
            if name not in known:
                raise ValueError(f"unknown setting {name!r}: known are {', '.join(known)}")
        return dataclasses.replace(self, **changes)

    @property
    def may_be_longer(self) -> bool:
        """Whether a run may go on after its last step: nothing in it depends on its length."""
        return getattr(self, "schedule", "constant") == "constant"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they are stored beside the weights."""
        return dataclasses.asdict(self)

    @classmethod
    def in_the_name(cls) -> set[str]:
        """The settings that belong to the name of an experiment."""
        return {f.name for f in dataclasses.fields(cls) if f.metadata["named"]}


@functools.cache
def _types(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def checked(f: dataclasses.Field, kind: Any, settings: Any) -> Any:
    """A field's value as its type has it (a list as a tuple, an int as a float); or ValueError."""
    given, unset = getattr(settings, f.name), object()
    for option in _options(kind):
        value = _read(given, option, unset)
        if value is not unset and _allowed(value, f.metadata):
            return value
    raise ValueError(f"{f.name} must be {expected(f, _options(kind))}, got {given!r}")


def _options(kind: Any) -> tuple[Any, ...]:
    """The types that `a | b` allows."""
    return typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)


def _read(value: Any, kind: Any, unset: Any) -> Any:
    """The value as one of this type; `unset` where it is none."""
    if typing.get_origin(kind) is tuple:
        items = typing.get_args(kind)
        if not isinstance(value, list | tuple):
            return unset
        every = (items[0],) * len(value) if items[-1] is Ellipsis else items
        found = tuple(_read(v, k, unset) for v, k in zip(value, every, strict=False))
        return found if len(found) == len(value) == len(every) and unset not in found else unset
    if kind is float and type(value) in (int, float):
        return float(value) if math.isfinite(value) else unset
    return value if type(value) is kind else unset


def _allowed(value: Any, limits: typing.Mapping[str, Any]) -> bool:
    if value is None:
        return True
    least, above, most, among = (limits[k] for k in ("least", "above", "most", "among"))
    return all(
        (least is None or v >= least)
        and (above is None or v > above)
        and (most is None or v <= most)
        and (among is None or v in among)
        for v in (value if isinstance(value, tuple) else (value,))
    )


WORDS = {bool: "True or False", int: "a whole number", float: "a number", str: "text"}
MANY = {int: "whole numbers", float: "numbers", str: "names"}


def expected(f: dataclasses.Field, options: tuple[Any, ...], hint: bool = True) -> str:
    """What a field may be, in words: "a number above 0 or None".

    hint: how a registry takes more names, too.
    """
    words, limits = [], f.metadata
    for option in options:
        if option is types.NoneType:
            words.append("None")
        elif limits["among"] is not None:
            known = limits["among"]
            more = known.hint if hint and isinstance(known, Registry) else ""
            words.append(f"one of {', '.join(known)}{more}")
        else:
            items = typing.get_args(option)
            count = "" if not items or items[-1] is Ellipsis else f"{len(items)} "
            plain = f"{count}{MANY[items[0]]}" if items else WORDS[option]
            bounds = [
                f"{word} {limits[key]:g}"
                for key, word in (("least", "from"), ("above", "above"), ("most", "to"))
                if limits[key] is not None
            ]
            words.append(" ".join([plain, *bounds]))
    return " or ".join(words)


def described(settings: Settings) -> list[str]:
    """A line for every setting: its name, its value, what it means and what it may be."""
    lines = []
    for f in dataclasses.fields(settings):
        kind, limits = _types(type(settings))[f.name], f.metadata
        may_be = ""
        if any(limits[key] is not None for key in ("least", "above", "most", "among")):
            may_be = f" [{expected(f, _options(kind), hint=False)}]"
        lines.append(f"{f.name:19} {getattr(settings, f.name)!s:24} {limits['help']}{may_be}")
    return lines
