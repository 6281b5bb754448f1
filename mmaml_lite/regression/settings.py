"""Every constant of few-shot regression in one place, explained field by field."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass
from typing import Any, ClassVar

from mmaml_lite.core.settings import replaced, setting


@dataclass(frozen=True)
class Settings:
    """Everything that decides a training run; the same settings and seed give the same weights."""

    domain: ClassVar[str] = "regression"

    method: str = setting("mumomaml-film", "name under which the method is registered")
    recipe: str = setting("paper", "recipe these settings started from")
    families: tuple[str, ...] = setting(("sinusoid", "linear"), "task families, in mode order")
    shots: int = setting(5, "support points per task (K)")
    queries: int = setting(5, "query points per task in training")
    noise: float = setting(0.3, "standard deviation of the label noise, support and query")

    hidden: tuple[int, ...] = setting((100, 100, 100), "units of each block of the task network")
    activation: str = setting("relu", "activation of the blocks: relu, tanh or softplus")
    init: str = setting("small", "initial weights: small (std 0.01) or scaled")
    context: int = setting(0, "size of MAML's bias transformation, 0 for none")
    context_std: float = setting(0.0, "standard deviation of its initial value")
    adapt_context: bool = setting(True, "whether the inner loop adapts the bias transformation")

    modulation: str | None = setting(None, "film, sigmoid, softmax, or None for no encoder")
    blocks: tuple[int, ...] | None = setting(None, "modulated blocks, counted from 0; None for all")
    encoder: str = setting("lstm", "task encoder: lstm (authors') or set (order-independent)")
    encoder_hidden: int = setting(40, "width of the encoder")
    encoder_layers: int = setting(2, "layers of the encoder")
    per_mode: bool = setting(False, "one separate learner for each mode, told the true mode")

    steps: int = setting(5, "inner gradient steps, in training and test")
    train_steps: int | None = setting(
        None, "inner steps in training, where it trains with another number than it is tested with"
    )
    modulation_first: float = setting(
        0.0, "share of the outer steps that train modulation alone, without inner steps"
    )
    step_size: float = setting(0.001, "inner step size alpha, or its initial value when learned")
    learn_step_size: str | None = setting(
        None, "None (fixed), layer (one for each step and layer) or weight"
    )
    first_order: bool = setting(False, "treat the inner gradients as constants in the outer one")
    inner_clip: float | None = setting(None, "bound on every entry of the inner gradient")
    inner_clip_norm: float | None = setting(None, "bound on the norm of a task's inner gradient")
    engine: str = setting("auto", "inner loop: auto, fast (low rank) or reference (vmap)")

    tasks_per_mode: int = setting(25, "tasks of each mode in a meta-batch")
    iterations: int = setting(70_000, "outer steps")
    learning_rate: float = setting(0.001, "outer step size beta of Adam")
    schedule: str = setting(
        "constant", "learning rate: constant, or cosine (1 % warm-up, decay to 0)"
    )
    outer_clip: float = setting(
        2.0, "bound on the norm of the gradient: task network, encoder apart"
    )
    seed: int = setting(0, "seed of the initial weights and of the training tasks")

    def __post_init__(self):
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if isinstance(value, list):
                value = tuple(value)
            object.__setattr__(self, f.name, _checked(f.name, value))
        for name in ("shots", "queries", "tasks_per_mode", "iterations"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("steps", "train_steps"):
            if getattr(self, name) is not None and getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
        for name in ("step_size", "learning_rate", "outer_clip"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be positive and finite, got {getattr(self, name)}")
        if not 0 <= self.modulation_first <= 1:
            raise ValueError(
                f"modulation_first must be a share from 0 to 1, got {self.modulation_first}"
            )
        if not 0 <= self.noise < float("inf"):
            raise ValueError(f"noise is a standard deviation, expected >= 0, got {self.noise}")
        for name in ("inner_clip", "inner_clip_norm"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive or None, got {getattr(self, name)}")
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {known}, got {getattr(self, name)!r}")
        if self.blocks is not None and not set(self.blocks) <= set(range(len(self.hidden))):
            raise ValueError(f"blocks must lie in 0..{len(self.hidden) - 1}, got {self.blocks}")

    def replace(self, **changes: Any) -> Settings:
        """A copy with changes; raises ValueError for unknown names or wrong values."""
        return replaced(self, **changes)

    @property
    def may_be_longer(self) -> bool:
        """Whether a run may go on after its last step: nothing in it depends on its length."""
        return self.schedule == "constant" and self.modulation_first in (0, 1)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they are stored beside the weights."""
        return dataclasses.asdict(self)


CHOICES = {
    "learn_step_size": (None, "layer", "weight"),
    "engine": ("auto", "fast", "reference"),
    "schedule": ("constant", "cosine"),
}


def _checked(name: str, value: Any) -> Any:
    """The value in its declared type (an int serves as a float); ValueError otherwise."""
    expected = typing.get_type_hints(Settings)[name]
    options = typing.get_args(expected) if isinstance(expected, types.UnionType) else (expected,)
    for option in options:
        if typing.get_origin(option) is tuple:
            item = typing.get_args(option)[0]
            if isinstance(value, tuple) and all(type(v) is item for v in value):
                return value
        elif option is float and type(value) is int:
            return float(value)
        elif type(value) is option:
            return value
    shown = getattr(expected, "__name__", str(expected)) if len(options) == 1 else str(expected)
    raise ValueError(f"setting {name} must be {shown}, got {value!r}")
