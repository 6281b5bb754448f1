"""Every constant of few-shot characters in one place, explained field by field.

The recipe `paper` follows MAML's Omniglot experiment (Finn et al. 2017), which the paper builds on
and whose own constants could not be retrieved; `ours` trains more cheaply (see `domain`).
"""

from dataclasses import dataclass
from typing import ClassVar

from mmaml_lite.characters import DRAWINGS
from mmaml_lite.characters.convnet import NORMALISATIONS
from mmaml_lite.characters.encoder import ENCODERS, ENDS
from mmaml_lite.characters.sources import INVERTED, SOURCES
from mmaml_lite.characters.splits import SPLITS
from mmaml_lite.core.modulation import MODULATIONS
from mmaml_lite.core.settings import Settings, setting


@dataclass(frozen=True)
class CharacterSettings(Settings):
    """Everything that decides a training run; the same settings and seed give the same weights."""

    domain: ClassVar[str] = "characters"

    method: str = setting("mumomaml-film", "name under which the method is registered", named=True)
    recipe: str = setting("paper", "recipe these settings started from", named=True)
    sources: tuple[str, ...] = setting(
        ("omniglot",), "where drawings come from, in mode order", named=True
    )
    split: str = setting(
        "characters", "Omniglot's split: characters (MAML's) or alphabets", among=SPLITS, named=True
    )
    rotations: bool = setting(True, "turn each class by a multiple of 90 degrees, as a new class")
    ways: int = setting(5, "classes per task (N)", least=2, named=True)
    shots: int = setting(1, "support images per class (K)", least=1, named=True)
    queries: int = setting(1, "query images per class, in training", least=1)

    filters: int = setting(64, "channels of each block", least=1)
    blocks: int = setting(4, "blocks of the network", least=1)
    pool: bool = setting(True, "mean over the last block's pixels, else all of them")
    feature_spread: float | None = setting(
        None,
        "features of an image are brought to mean 0 and this spread; None: left as they are",
        above=0,
    )
    zero_output: bool = setting(False, "the output layer starts every task at zero, not learned")
    head: str = setting(
        "linear",
        "output layer, or class means and no gradient steps",
        among=("linear", "prototypes"),
        named=True,
    )
    normalisation: str = setting(
        "support",
        "statistics: support (set), transductive (queries too) or blend (with its own)",
        among=NORMALISATIONS,
    )
    modulation: str | None = setting(
        None, "modulation of every block; None: no encoder", among=MODULATIONS, named=True
    )
    encoder: str = setting("images", "task encoder", among=ENCODERS)
    encoder_filters: int = setting(64, "channels of the encoder's blocks", least=1)
    encoder_size: int = setting(128, "width of the embedding", least=1)
    encoder_labels: bool = setting(True, "the encoder reads the labels too")
    encoder_end: str = setting(
        "relu",
        "how the encoder ends: relu, norm (LayerNorm) or tasks (each unit, over tasks)",
        among=ENDS,
    )
    encoder_contrast: bool = setting(
        False, "the encoder learns from what differs between the tasks at hand alone"
    )
    zero_heads: bool = setting(False, "the heads start at zero: what they make is learned")

    steps: int = setting(3, "inner gradient steps in test", least=0)
    train_steps: int = setting(1, "inner gradient steps in training", least=0)
    step_size: float = setting(
        0.4, "inner step size alpha, or its initial value when learned", above=0
    )
    output_step_size: float | None = setting(
        None, "alpha of the output layer; None: as the others", above=0
    )
    learn_step_size: bool = setting(False, "learn alpha of every step and layer")
    first_order: bool = setting(False, "treat the inner gradients as constants in the outer one")
    inner_clip: float | None = setting(None, "bound on every entry of the inner gradient", above=0)

    tasks: int = setting(32, "tasks in a meta-batch", least=1)
    iterations: int = setting(60_000, "outer steps", least=1)
    features_first: float = setting(
        0.0,
        "share of the steps that first train features and encoder as a prototypical network's",
        least=0,
        most=1,
    )
    features_ways: int | None = setting(
        None, "classes of the tasks in these steps; None: N", least=2
    )
    features_modulated: bool = setting(True, "encoder and heads are used and trained in them, too")
    learning_rate: float = setting(0.001, "outer step size beta of Adam", above=0)
    schedule: str = setting(
        "constant",
        "learning rate: constant, or cosine (1 % warm-up, to 0)",
        among=("constant", "cosine"),
    )
    outer_clip: float = setting(
        10.0, "bound on the norm of the gradient: network, encoder apart", above=0
    )
    seed: int = setting(0, "seed of the initial weights and of the training tasks", least=0)

    def check(self) -> None:
        """Sources that there are, enough tasks and drawings, and a head that fits the steps."""
        if not self.sources:
            raise ValueError("sources must be one at least, got none")
        for name in self.sources:
            SOURCES[name.removeprefix(INVERTED)]
        if len(set(self.sources)) != len(self.sources) or self.tasks < len(self.sources):
            raise ValueError(f"{self.tasks} tasks cannot hold the sources {self.sources}")
        if self.shots + self.queries > DRAWINGS:
            raise ValueError(
                f"{self.shots} shots and {self.queries} queries make "
                f"{self.shots + self.queries} drawings of a character, there are {DRAWINGS}"
            )
        if self.head == "prototypes" and (self.steps or self.train_steps):
            raise ValueError("prototypes take no gradient steps: steps and train_steps must be 0")

    @property
    def may_be_longer(self) -> bool:
        """Whether a run may go on after its last step: nothing in it depends on its length."""
        return super().may_be_longer and self.features_first in (0, 1)

    @property
    def any_ways(self) -> bool:
        """Whether the weights serve tasks of any number of classes: no output layer is learned."""
        return self.zero_output or self.head == "prototypes"
