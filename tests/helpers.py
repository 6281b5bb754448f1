"""What tests in several folders make use of."""

from mmaml_lite.core import zoo
from mmaml_lite.core.domain import build


def untrained(name, **changes):
    """A model of a named experiment whose weights are fresh; changes: of its settings."""
    settings = zoo.zoo_settings(name, **changes)
    return zoo.Model(name, build(settings), settings, [], {}, 0.0)
