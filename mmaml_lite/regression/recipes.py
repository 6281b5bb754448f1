"""The recipes: settings by which every method is trained on a mixture of families.

`paper` follows the authors' released code setting by setting (`exact`: in the zoo, too); `ours` is
whatever is best with the same K, the same number of inner steps and the same information.
"""

from collections.abc import Mapping
from typing import Any

from mmaml_lite.core.domain import Recipe, numbered_modes
from mmaml_lite.core.registry import Registry
from mmaml_lite.regression.tasks import PAPER_ORDER

# Gradients of this norm are rare (the largest of 4,000 tasks had 850 with a trained MAML, 280 with
# FiLM), but a run of 70,000 steps meets tasks whose inner loop explodes without a bound.
INNER_CLIP_NORM = 1000.0


def paper(method: Mapping[str, Any], families: tuple[str, ...]) -> dict[str, Any]:
    """The authors' settings for a method, given as the settings that define it.

    With one or two modes only the first block is modulated, with more all of them; only MAML and
    Multi-MAML have the bias transformation (Multi-MAML's is drawn from N(0, 1) and not adapted);
    only modulated networks clip the inner gradient, entry by entry, at 10.
    """
    modulated, per_mode = method.get("modulation") is not None, method.get("per_mode", False)
    return {
        "blocks": (0,) if len(families) <= 2 else None,
        "inner_clip": 10.0 if modulated and method.get("steps") != 0 else None,
        "context": 0 if modulated else 20,
        "context_std": 1.0 if per_mode else 0.0,
        "adapt_context": not per_mode,
    }


def exact(method: Mapping[str, Any], families: tuple[str, ...]) -> dict[str, Any]:
    """The authors' settings to the letter, also in the zoo: clipped entry by entry.

    The zoo's "paper" bounds the norm instead, for the fast engine; this one takes the reference,
    about three times as long.
    """
    return paper(method, families)


def ours(method: Mapping[str, Any], families: tuple[str, ...]) -> dict[str, Any]:
    """Ours: an order-independent encoder, learned step sizes, larger batches, a schedule.

    Modulated networks first learn to read the examples without an inner loop: such a step costs a
    quarter. At equal processor time that gave the smaller error (docs/regression.md). Their inner
    steps begin shorter and are bounded closer, since what is modulated answers strongly to a change
    of theta: without the bound a few tasks explode, and carry the mean. MAML and Multi-MAML keep
    the bias transformation, and learn from half as many tasks a step: their steps cost four times
    as much. MAML learns faster, with up to three modes. With more its training went astray at that
    rate after 3,000 steps, tuned Multi-MAML's with two after 20,000: they learn as slowly as the
    rest. Multi-MAML is bounded closer, and both are with more than three modes: with five,
    Multi-MAML's training went astray after 5,000 steps under the bound for two and three.
    """
    encodes, per_mode = method.get("modulation") is not None, method.get("per_mode", False)
    modulated, many = encodes and method.get("steps") != 0, not encodes and len(families) > 3
    bound = 10.0 if modulated else 100.0 if per_mode else INNER_CLIP_NORM
    return {
        "init": "scaled",
        "encoder": "set",
        "encoder_hidden": 64,
        "context": 0 if encodes else 20,
        "modulation_first": 0.9 if modulated else 0.0,
        "step_size": 0.0003 if modulated else 0.001,
        "learn_step_size": "layer",
        "inner_clip_norm": 0.3 * bound if many else bound,
        "tasks_per_mode": 50 if encodes else 25,
        "queries": 10,
        "iterations": 50_000,
        "learning_rate": 0.001 if encodes or per_mode or many else 0.003,
        "schedule": "cosine",
    }


RECIPES: Registry[Recipe] = Registry("recipe")
RECIPES.update(paper=paper, exact=exact, ours=ours)


def families_of(setting: str) -> tuple[str, ...]:
    """Families of a named setting: "3-modes" is the paper's first three, "linear+l1" names them.

    Raises ValueError that says what a setting looks like.
    """
    modes = numbered_modes(setting)
    if modes and modes <= len(PAPER_ORDER):
        return PAPER_ORDER[:modes]
    if setting and modes is None:
        return tuple(setting.split("+"))
    raise ValueError(
        f"unknown setting {setting!r}: expected 1-mode to {len(PAPER_ORDER)}-modes, "
        "or families joined by '+', such as sinusoid+linear"
    )
