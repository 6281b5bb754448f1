"""The face of a package: names for its users, each read from its module when it is first asked for.

So importing the package costs nothing, and files may move without anybody noticing.
"""

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def face(package: str, places: Mapping[str, str]) -> tuple[Callable[[str], Any], list[str]]:
    """A package's `__getattr__` and `__all__`.

    places: module, below `mmaml_lite` -> the names that it holds, functions, classes or modules in
    it, with spaces between.
    """
    home = {name: module for module, names in places.items() for name in names.split()}

    def find(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(f"mmaml_lite.{home[name]}")
        if name in vars(module):
            return vars(module)[name]
        return importlib.import_module(f"{module.__name__}.{name}")

    return find, sorted(home)


def moved(old: str, *places: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module whose names have moved to others; it warns and says where to.

    places: modules below `mmaml_lite`, searched in this order.
    """

    def find(name: str) -> Any:
        for place in places:
            module = importlib.import_module(f"mmaml_lite.{place}")
            if not name.startswith("__") and hasattr(module, name):
                public = name in importlib.import_module("mmaml_lite").__all__
                new = "mmaml_lite" if public else module.__name__
                warnings.warn(
                    f"{old}.{name} is now {new}.{name}; the old place goes with the next version",
                    FutureWarning,
                    stacklevel=2,
                )
                return getattr(module, name)
        raise AttributeError(f"module {old!r} has no attribute {name!r}")

    return find
