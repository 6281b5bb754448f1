"""Every constant of few-shot characters in one place, explained field by field.

The recipe `paper` follows MAML's Omniglot experiment (Finn et al. 2017), which the paper builds on
and whose own constants could not be retrieved; `ours` trains more cheaply (see `domain`).
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

from mmaml_lite.characters import DRAWINGS
from mmaml_lite.characters.convnet import NORMALISATIONS
from mmaml_lite.characters.sources import SOURCES
from mmaml_lite.characters.splits import SPLITS
from mmaml_lite.core.modulation import MODULATIONS
from mmaml_lite.core.settings import replaced, setting

HEADS = ("linear", "prototypes")
ENDS = ("relu", "norm", "tasks")
SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True)
class CharacterSettings:
    """Everything that decides a training run; the same settings and seed give the same weights."""

    domain: ClassVar[str] = "characters"

    method: str = setting("mumomaml-film", "name under which the method is registered")
    recipe: str = setting("paper", "recipe these settings started from")
    sources: tuple[str, ...] = setting(("omniglot",), "where drawings come from, in mode order")
    split: str = setting("characters", "Omniglot's split: characters (MAML's) or alphabets")
    rotations: bool = setting(True, "turn each class by a multiple of 90 degrees, as a new class")
    ways: int = setting(5, "classes per task (N)")
    shots: int = setting(1, "support images per class (K)")
    queries: int = setting(1, "query images per class, in training")

    filters: int = setting(64, "channels of each block")
    blocks: int = setting(4, "blocks of the network")
    pool: bool = setting(True, "mean over the last block's pixels, else all of them")
    feature_spread: float | None = setting(
        None, "features of an image are brought to mean 0 and this spread; None: left as they are"
    )
    zero_output: bool = setting(False, "the output layer starts every task at zero, not learned")
    head: str = setting("linear", "linear, or prototypes (class means, no gradient steps)")
    normalisation: str = setting(
        "support", "statistics: support (set), transductive (queries too) or blend (with its own)"
    )
    modulation: str | None = setting(None, "film, scale, sigmoid, softmax; None: no encoder")
    encoder_filters: int = setting(64, "channels of the encoder's blocks")
    encoder_size: int = setting(128, "width of the embedding")
    encoder_labels: bool = setting(True, "the encoder reads the labels too")
    encoder_end: str = setting(
        "relu", "how the encoder ends: relu, norm (LayerNorm) or tasks (each unit, over tasks)"
    )
    encoder_contrast: bool = setting(
        False, "the encoder learns from what differs between the tasks at hand alone"
    )
    zero_heads: bool = setting(False, "the heads start at zero: what they make is learned")

    steps: int = setting(3, "inner gradient steps in test")
    train_steps: int = setting(1, "inner gradient steps in training")
    step_size: float = setting(0.4, "inner step size alpha, or its initial value when learned")
    output_step_size: float | None = setting(None, "alpha of the output layer; None: as the others")
    learn_step_size: bool = setting(False, "learn alpha of every step and layer")
    first_order: bool = setting(False, "treat the inner gradients as constants in the outer one")
    inner_clip: float | None = setting(None, "bound on every entry of the inner gradient")

    tasks: int = setting(32, "tasks in a meta-batch")
    iterations: int = setting(60_000, "outer steps")
    features_first: float = setting(
        0.0, "share of the steps that first train features and encoder as a prototypical network's"
    )
    features_ways: int | None = setting(None, "classes of the tasks in these steps; None: N")
    features_modulated: bool = setting(True, "encoder and heads are used and trained in them, too")
    learning_rate: float = setting(0.001, "outer step size beta of Adam")
    schedule: str = setting("constant", "learning rate: constant, or cosine (1 % warm-up, to 0)")
    outer_clip: float = setting(10.0, "bound on the norm of the gradient: network, encoder apart")
    seed: int = setting(0, "seed of the initial weights and of the training tasks")

    def __post_init__(self):
        object.__setattr__(self, "sources", tuple(self.sources))  # a list, where JSON was read
        least = {"ways": 2, "steps": 0, "train_steps": 0, "seed": 0}
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if f.type is int and (type(value) is not int or value < least.get(f.name, 1)):
                raise ValueError(
                    f"{f.name} must be a whole number from {least.get(f.name, 1)}, got {value!r}"
                )
            if f.type is bool and type(value) is not bool:
                raise ValueError(f"{f.name} must be True or False, got {value!r}")
            number = type(value) in (int, float) and math.isfinite(value)
            if f.name == "features_first" and not (number and 0 <= value <= 1):
                raise ValueError(f"features_first must be a share from 0 to 1, got {value!r}")
            if f.type is float and f.name != "features_first" and not (number and value > 0):
                raise ValueError(f"{f.name} must be positive and finite, got {value!r}")
        choices = {"split": SPLITS, "head": HEADS, "schedule": SCHEDULES, "encoder_end": ENDS}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {known}, got {getattr(self, name)!r}")
        if not self.sources or set(self.sources) - set(SOURCES):
            raise ValueError(f"sources must be some of {SOURCES}, got {self.sources}")
        if len(set(self.sources)) != len(self.sources) or self.tasks < len(self.sources):
            raise ValueError(f"{self.tasks} tasks cannot hold the sources {self.sources}")
        NORMALISATIONS[self.normalisation]
        if self.modulation is not None:
            MODULATIONS[self.modulation]
        for name in ("inner_clip", "output_step_size", "feature_spread"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive or None, got {value}")
        ways = self.features_ways
        if ways is not None and (type(ways) is not int or ways < 2):
            raise ValueError(f"features_ways must be a whole number from 2 or None, got {ways!r}")
        if self.shots + self.queries > DRAWINGS:
            raise ValueError(
                f"{self.shots} shots and {self.queries} queries make "
                f"{self.shots + self.queries} drawings of a character, there are {DRAWINGS}"
            )
        if self.head == "prototypes" and (self.steps or self.train_steps):
            raise ValueError("prototypes take no gradient steps: steps and train_steps must be 0")

    def replace(self, **changes: Any) -> "CharacterSettings":
        """A copy with changes; raises ValueError for unknown names or wrong values."""
        return replaced(self, **changes)

    @property
    def may_be_longer(self) -> bool:
        """Whether a run may go on after its last step: nothing in it depends on its length."""
        return self.schedule == "constant" and self.features_first in (0, 1)

    @property
    def any_ways(self) -> bool:
        """Whether the weights serve tasks of any number of classes: no output layer is learned."""
        return self.zero_output or self.head == "prototypes"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they are stored beside the weights."""
        return dataclasses.asdict(self)
