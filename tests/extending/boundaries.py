"""A fourth domain, whole: which side of a hidden boundary? Nothing of the library is edited for it.

A task hides a boundary in the plane, a straight line (mode 1) or a circle (mode 2), shows K points
with the side on which they lie, and asks for the side of others. The network gives the logit of one
side; inner and outer loss are the cross-entropy of logistic regression. `docs/extending.md` walks
through this file.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from mmaml_lite.core.descent import descend
from mmaml_lite.core.domain import Domain, Method, numbered_modes, register_domain
from mmaml_lite.core.evaluation import TEST_SEED, Found, Test
from mmaml_lite.core.learner import Learner
from mmaml_lite.core.modulation import MODULATIONS
from mmaml_lite.core.networks import MLP, Tau, Theta
from mmaml_lite.core.registry import Registry
from mmaml_lite.core.runs import Run
from mmaml_lite.core.settings import Settings, setting
from mmaml_lite.core.tasks import Examples, Tasks

# --- settings -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BoundarySettings(Settings):
    """Everything that decides a training run."""

    domain: ClassVar[str] = "boundaries"

    method: str = setting("mumomaml-film", "name under which the method is registered", named=True)
    recipe: str = setting("paper", "recipe these settings started from", named=True)
    modes: int = setting(2, "1: lines, 2: lines and circles", least=1, most=2, named=True)
    shots: int = setting(10, "points shown of each task (K)", least=1)
    queries: int = setting(10, "points asked of each task, in training", least=1)

    hidden: tuple[int, ...] = setting((40, 40), "units of each block", least=1)
    modulation: str | None = setting(
        None, "modulation of every block; None: no encoder", among=MODULATIONS, named=True
    )
    width: int = setting(40, "width of the encoder", least=1)

    steps: int = setting(3, "inner gradient steps", least=0)
    step_size: float = setting(0.3, "inner step size alpha", above=0)

    tasks: int = setting(32, "tasks in a meta-batch", least=2)
    iterations: int = setting(1000, "outer steps", least=1)
    learning_rate: float = setting(0.003, "outer step size beta of Adam", above=0)
    outer_clip: float = setting(10.0, "bound on the norm of the outer gradient", above=0)
    seed: int = setting(0, "seed of weights and tasks", least=0)


# --- tasks ----------------------------------------------------------------------------------------


def sides(x: Tensor, mode: Tensor, parameters: Tensor) -> Tensor:
    """On which side of its task's boundary a point lies, 0 or 1.

    x `(tasks, points, 2)`; mode `(tasks,)`; parameters `(tasks, 3)`: of a line its direction and
    distance from the origin, of a circle its centre and radius -> `(tasks, points, 1)`.
    """
    angle, away, radius = parameters[:, None].unbind(-1)
    beyond = x[..., 0] * angle.cos() + x[..., 1] * angle.sin() - away
    centre = torch.stack([away * angle.cos(), away * angle.sin()], -1)
    inside = radius - (x - centre).norm(dim=-1)
    return (torch.where(mode[:, None] == 0, beyond, inside) > 0).float()[..., None]


def sample(settings: BoundarySettings, tasks: int, queries: int, generator: Generator) -> Tasks:
    """Draw a meta-batch on the generator's device, in equal shares of the modes."""
    s, device = settings, generator.device
    unit = torch.rand(tasks, 3, generator=generator, device=device)
    parameters = torch.stack(
        [2 * math.pi * unit[:, 0], 0.8 * unit[:, 1], 0.5 + 0.7 * unit[:, 2]], dim=1
    )
    x = 4 * torch.rand(tasks, s.shots + queries, 2, generator=generator, device=device) - 2
    mode = torch.arange(tasks, device=device) * s.modes // tasks
    y, k = sides(x, mode, parameters), s.shots
    return Tasks(Examples(x[:, :k], y[:, :k]), Examples(x[:, k:], y[:, k:]), mode, parameters)


# --- learner --------------------------------------------------------------------------------------


class PointEncoder(nn.Module):
    """Reads every labelled point alone; the embedding is made of their mean."""

    def __init__(self, width: int):
        super().__init__()
        self.each = nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, width))
        self.pooled = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.size = width

    def forward(self, support: Examples) -> Tensor:
        """x `(tasks, K, 2)`, y `(tasks, K, 1)` -> upsilon `(tasks, size)`."""
        labelled = torch.cat([support.x, 2 * support.y - 1], dim=-1)
        return self.pooled(self.each(labelled).mean(1))


class BoundaryLearner(Learner):
    """A network that gives the logit of one side and, with modulation, an encoder of points."""

    def __init__(self, settings: BoundarySettings):
        network = MLP(2, settings.hidden, 1)
        super().__init__(settings, network.init())
        self.network = network
        if settings.modulation is not None:
            units = dict(enumerate(settings.hidden))
            self.read_by(PointEncoder(settings.width), settings.modulation, units)

    def loss(self, theta: Theta, tau: Tau, support: Examples) -> Tensor:
        """Cross-entropy of one task."""
        return F.binary_cross_entropy_with_logits(self.network(theta, support.x, tau), support.y)

    def answer(self, theta: Theta, tau: Tau, support: Examples, x: Tensor) -> Tensor:
        """One task's logits `(Q, 1)` at x `(Q, 2)`."""
        return self.network(theta, x, tau)


# --- training -------------------------------------------------------------------------------------

METHODS: Registry[Method] = Registry("method")
METHODS.add("maml", Method("MAML", {}))
METHODS.add("mumomaml-film", Method("MuMoMAML FiLM", {"modulation": "film"}))
METHODS.add("reader", Method("reads, takes no step", {"modulation": "film", "steps": 0}))


def outer_step(run: Run) -> dict[str, float]:
    """One meta-update on fresh tasks; returns the cross-entropy on their queries."""
    s = run.settings
    batch = sample(s, s.tasks, s.queries, run.generator)
    run.optimiser.zero_grad()
    logits = run.learner(batch.support, batch.query.x, only_last=True)[-1]
    loss = F.binary_cross_entropy_with_logits(logits, batch.query.y)
    loss.backward()
    descend(run, loss.item(), lambda: "try a smaller step_size or learning_rate")
    return {"loss": loss.item()}


def parse(setting: str) -> dict[str, Any]:
    """What the name of a setting says: "1-mode" or "2-modes"."""
    modes = numbered_modes(setting)
    if modes not in (1, 2):
        raise ValueError(f"unknown setting {setting!r}: expected 1-mode or 2-modes")
    return {"modes": modes}


RECIPES: Registry[Any] = Registry("recipe")
RECIPES.add("paper", lambda method, **told: {})

register_domain(
    Domain(
        settings=BoundarySettings,
        methods=METHODS,
        recipes=RECIPES,
        parse=parse,
        spell=lambda settings: f"{settings.modes}-mode{'s' * (settings.modes > 1)}",
        learner=BoundaryLearner,
        outer_step=outer_step,
        report=__name__,
    )
)

# --- test -----------------------------------------------------------------------------------------


class Shared(NamedTuple):
    """The test tasks: 100 queries each."""

    tasks: Tasks


def shared(settings: BoundarySettings, count: int) -> Shared:
    """The shared test tasks, made on the CPU."""
    return Shared(sample(settings, count, 100, torch.Generator().manual_seed(TEST_SEED)))


@torch.no_grad()
def evaluate(model: Any, shared: Shared) -> Mapping[str, Found]:
    """Share of right answers of each task at every stage."""
    tasks = shared.tasks
    logits = model.learner(tasks.support, tasks.query.x)  # (stages, tasks, Q, 1)
    right = (logits > 0).float() == tasks.query.y
    return {"": Found(right.float().mean(dim=(2, 3)))}


def nearest(settings: BoundarySettings, shared: Shared) -> dict[str, Tensor]:
    """What the label of the nearest shown point gets right: no learning at all."""
    support, query = shared.tasks.support, shared.tasks.query
    index = torch.cdist(query.x, support.x).argmin(-1, keepdim=True)
    return {"nearest shown point": (support.y.gather(1, index) == query.y).float().mean(dim=(1, 2))}


TEST = Test(
    tasks=shared,
    evaluate=evaluate,
    count=1000,
    same=("modes", "shots"),
    modes=lambda settings, shared: (shared.tasks.mode, ("line", "circle")[: settings.modes]),
    floors=nearest,
    says="Share of points put on the right side, ten shown;",
    higher=True,
)
