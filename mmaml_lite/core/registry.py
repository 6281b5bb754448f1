"""Named things that users may add to: families, modulations, encoders, methods, recipes."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(dict[str, T], Generic[T]):
    """A dictionary that explains itself: an unknown name raises a ValueError listing the known.

    kind: what the things are, for messages; hint: what else the reader may do.
    """

    def __init__(self, kind: str, hint: str = ""):
        super().__init__()
        self.kind, self.hint = kind, hint

    def __missing__(self, name: str) -> T:
        raise ValueError(f"unknown {self.kind} {name!r}: known are {', '.join(self)}{self.hint}")

    def add(self, name: str, thing: T) -> T:
        """Register a thing; raises ValueError for a name that is taken."""
        if name in self:
            raise ValueError(f"{self.kind} name {name!r} is taken, choose another")
        self[name] = thing
        return thing
