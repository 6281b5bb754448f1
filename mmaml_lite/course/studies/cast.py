"""A cast: the trained models that a picture shows, by their key in the figures."""

from collections.abc import Mapping

from mmaml_lite.core import zoo

Cast = Mapping[str, zoo.Model]


def with_steps(cast: Cast) -> str:
    """The models of a cast, each with its outer steps: "MAML 70,000, MuMoMAML (FiLM) 20,000"."""
    return ", ".join(f"{m.label} {m.settings.iterations:,}" for m in cast.values())


def casts_shown(casts: Mapping[str, Cast]) -> str:
    """Which weights of several casts are shown, in Markdown, by a cast's name; "" if none are."""
    listed = [f"{name}: {with_steps(cast)}" for name, cast in casts.items() if cast]
    return f"Weights shown, with their outer steps. {'; '.join(listed)}." if listed else ""
