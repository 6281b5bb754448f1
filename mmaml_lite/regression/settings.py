"""Every constant of few-shot regression in one place, explained field by field."""

from dataclasses import dataclass
from typing import ClassVar

from mmaml_lite.core.modulation import MODULATIONS
from mmaml_lite.core.networks import ACTIVATIONS, NETWORKS
from mmaml_lite.core.settings import Settings, setting
from mmaml_lite.regression.encoder import ENCODERS


@dataclass(frozen=True)
class RegressionSettings(Settings):
    """Everything that decides a training run; the same settings and seed give the same weights."""

    domain: ClassVar[str] = "regression"

    method: str = setting("mumomaml-film", "name under which the method is registered", named=True)
    recipe: str = setting("paper", "recipe these settings started from", named=True)
    families: tuple[str, ...] = setting(
        ("sinusoid", "linear"), "task families, in mode order", named=True
    )
    shots: int = setting(5, "support points per task (K)", least=1)
    queries: int = setting(5, "query points per task in training", least=1)
    noise: float = setting(0.3, "standard deviation of the label noise, support and query", least=0)

    network: str = setting("mlp", "task network", among=NETWORKS)
    hidden: tuple[int, ...] = setting(
        (100, 100, 100), "units of each block of the task network", least=1
    )
    activation: str = setting("relu", "activation of the blocks", among=ACTIVATIONS)
    init: str = setting(
        "small", "initial weights: small have a deviation of 0.01", among=("small", "scaled")
    )
    context: int = setting(0, "size of MAML's bias transformation, 0 for none", least=0)
    context_std: float = setting(0.0, "standard deviation of its initial value", least=0)
    adapt_context: bool = setting(True, "whether the inner loop adapts the bias transformation")

    modulation: str | None = setting(
        None, "modulation of the blocks; None: no encoder", among=MODULATIONS, named=True
    )
    blocks: tuple[int, ...] | None = setting(
        None, "modulated blocks, counted from 0; None for all", least=0
    )
    encoder: str = setting(
        "lstm", "task encoder; lstm is the authors', set knows no order", among=ENCODERS
    )
    encoder_hidden: int = setting(40, "width of the encoder", least=1)
    encoder_layers: int = setting(2, "layers of the encoder", least=1)
    per_mode: bool = setting(False, "one separate learner for each mode, told the true mode")

    steps: int = setting(5, "inner gradient steps, in training and test", least=0)
    train_steps: int | None = setting(
        None,
        "inner steps in training, where it trains with another number than it is tested with",
        least=0,
    )
    modulation_first: float = setting(
        0.0,
        "share of the outer steps that train modulation alone, without inner steps",
        least=0,
        most=1,
    )
    step_size: float = setting(
        0.001, "inner step size alpha, or its initial value when learned", above=0
    )
    learn_step_size: str | None = setting(
        None,
        "one alpha for each step and layer, or weight; None: fixed",
        among=("layer", "weight"),
    )
    first_order: bool = setting(False, "treat the inner gradients as constants in the outer one")
    inner_clip: float | None = setting(None, "bound on every entry of the inner gradient", above=0)
    inner_clip_norm: float | None = setting(
        None, "bound on the norm of a task's inner gradient", above=0
    )
    engine: str = setting(
        "auto",
        "inner loop: fast is low rank, reference vmap",
        among=("auto", "fast", "reference"),
    )

    tasks_per_mode: int = setting(25, "tasks of each mode in a meta-batch", least=1)
    iterations: int = setting(70_000, "outer steps", least=1)
    learning_rate: float = setting(0.001, "outer step size beta of Adam", above=0)
    schedule: str = setting(
        "constant",
        "learning rate; cosine has 1 % warm-up and ends at 0",
        among=("constant", "cosine"),
    )
    outer_clip: float = setting(
        2.0, "bound on the norm of the gradient: task network, encoder apart", above=0
    )
    seed: int = setting(0, "seed of the initial weights and of the training tasks", least=0)

    def check(self) -> None:
        """Blocks are counted from 0."""
        if self.blocks is not None and not set(self.blocks) <= set(range(len(self.hidden))):
            raise ValueError(f"blocks must lie in 0..{len(self.hidden) - 1}, got {self.blocks}")

    @property
    def may_be_longer(self) -> bool:
        """Whether a run may go on after its last step: nothing in it depends on its length."""
        return super().may_be_longer and self.modulation_first in (0, 1)
