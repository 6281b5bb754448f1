"""Settings of experiments: dataclasses whose every field says what it means."""

import dataclasses
from typing import Any


def setting(default: Any, help: str) -> Any:
    """A field of a settings dataclass: its default, and what it means."""
    return dataclasses.field(default=default, metadata={"help": help})


def replaced(settings: Any, **changes: Any) -> Any:
    """A copy of a settings dataclass with changes; raises ValueError for unknown names."""
    known = [f.name for f in dataclasses.fields(settings)]
    for name in changes:
        if name not in known:
            raise ValueError(f"unknown setting {name!r}: known are {', '.join(known)}")
    return dataclasses.replace(settings, **changes)
