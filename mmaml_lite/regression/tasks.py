"""Families of functions, and mixtures of them: the paper's regression tasks, and any others.

A family is one *mode* of the task distribution. The five families and their ranges are those of the
authors' released code (they match the published tables and figures).
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from mmaml_lite.core.registry import Registry
from mmaml_lite.core.tasks import Examples, Tasks


@dataclass(frozen=True)
class Uniform:
    """The prior of one parameter, as a map from [0, 1) to its value.

    `signed` makes it uniform on [-high, -low] and [low, high], either with probability one half.
    """

    low: float
    high: float
    signed: bool = False

    def __call__(self, unit: Tensor) -> Tensor:
        """Map `unit` (any shape, values in [0, 1)) to parameter values of the same shape."""
        if not self.signed:
            return self.low + (self.high - self.low) * unit
        centred = 2 * unit - 1
        size = self.low + (self.high - self.low) * centred.abs()
        return torch.where(centred < 0, -size, size)


@dataclass(frozen=True)
class Family:
    """One mode: `function(x, *parameters)` and the prior of each parameter, in the same order.

    inputs: how many coordinates the function takes, each an argument of its own; outputs: how many
    values it returns, as a tuple where there are several.
    """

    name: str
    function: Callable[..., Tensor | tuple[Tensor, ...]]
    priors: dict[str, Uniform]
    inputs: int = 1
    outputs: int = 1

    def draw(self, unit: Tensor) -> Tensor:
        """Turn points of the unit cube `(..., P)` into parameters `(..., P)` under the prior."""
        return torch.stack(
            [prior(unit[..., i]) for i, prior in enumerate(self.priors.values())], dim=-1
        )

    def __call__(self, x: Tensor, parameters: Tensor) -> Tensor:
        """Evaluate a function of one variable: x `(..., points)`, parameters `(..., P)` -> y."""
        return self.function(x, *parameters[..., : len(self.priors), None].unbind(-2))

    def values(self, x: Tensor, parameters: Tensor) -> Tensor:
        """Noise-free: x `(..., points, dx)`, parameters `(..., P)` -> y `(..., points, dy)`."""
        given = parameters[..., : len(self.priors), None].unbind(-2)
        y = self.function(*x.unbind(-1), *given)
        return torch.stack(y, -1) if isinstance(y, tuple) else y[..., None]


FAMILIES: Registry[Family] = Registry("family", " (a family of your own: register_family)")


def register_family(name: str, inputs: int = 1, **priors: Uniform) -> Callable:
    """Register the decorated function of x and parameters as a task family under `name`.

    inputs: how many coordinates x has, each an argument of its own. The keyword arguments are the
    parameters' priors, in the order of the function's arguments. A function of several outputs
    returns them as a tuple. Raises ValueError for a name that is taken or a function that does not
    give finite values of one shape for each x.
    """

    def register(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        if "+" in name:
            raise ValueError(f"a family name may not contain '+', which joins families: {name!r}")
        if not priors:
            raise ValueError(f"family {name!r} needs at least one parameter, e.g. a=Uniform(-3, 3)")
        family = Family(name, function, dict(priors), inputs)
        x = torch.linspace(-5, 5, 7).expand(3, inputs, 7)
        unit = torch.full((3, len(priors)), 0.6)
        found = function(*x.unbind(1), *family.draw(unit)[..., None].unbind(-2))
        for y in found if isinstance(found, tuple) else (found,):
            if y.shape != x[:, 0].shape or not torch.isfinite(y).all():
                raise ValueError(
                    f"family {name!r} must return one finite y for each x on [-5, 5]; "
                    f"for x of shape {tuple(x[:, 0].shape)} it returned shape {tuple(y.shape)}"
                )
        if isinstance(found, tuple):
            family = dataclasses.replace(family, outputs=len(found))
        FAMILIES.add(name, family)
        return function

    return register


@register_family("sinusoid", amplitude=Uniform(0.1, 5.0), phase=Uniform(0.0, math.pi))
def sinusoid(x: Tensor, amplitude: Tensor, phase: Tensor) -> Tensor:
    """A sin(x - phi), frequency one."""
    return amplitude * torch.sin(x - phase)


@register_family("linear", slope=Uniform(-3.0, 3.0), intercept=Uniform(-3.0, 3.0))
def linear(x: Tensor, slope: Tensor, intercept: Tensor) -> Tensor:
    """A straight line a x + b."""
    return slope * x + intercept


@register_family(
    "quadratic",
    curvature=Uniform(0.02, 0.15, signed=True),
    centre=Uniform(-3.0, 3.0),
    offset=Uniform(-3.0, 3.0),
)
def quadratic(x: Tensor, curvature: Tensor, centre: Tensor, offset: Tensor) -> Tensor:
    """A parabola a (x - c)^2 + b, opening up or down."""
    return curvature * (x - centre) ** 2 + offset


@register_family(
    "tanh", scale=Uniform(-3.0, 3.0), centre=Uniform(-3.0, 3.0), offset=Uniform(-3.0, 3.0)
)
def tanh(x: Tensor, scale: Tensor, centre: Tensor, offset: Tensor) -> Tensor:
    """A smooth step of size a about c, moved up by b."""
    return scale * torch.tanh(x - centre) + offset


@register_family(
    "l1", slope=Uniform(-3.0, 3.0), centre=Uniform(-3.0, 3.0), offset=Uniform(-3.0, 3.0)
)
def l1(x: Tensor, slope: Tensor, centre: Tensor, offset: Tensor) -> Tensor:
    """The paper's transformed l1 norm a |x - c| + b: a V, upright or upside down."""
    return slope * (x - centre).abs() + offset


PAPER_ORDER = ("sinusoid", "linear", "quadratic", "tanh", "l1")


class Mixture:
    """The paper's multimodal task distribution: equal shares of several families, noisy labels.

    families: names in mode order; shots: K support points; queries: Q query points;
    noise: standard deviation of the Gaussian added to every label, support and query alike
    (0.3 in the paper, so 0.09 is inside every mean squared error); domain: x ~ U(domain).
    """

    def __init__(
        self,
        families: Sequence[str],
        shots: int = 5,
        queries: int = 5,
        noise: float = 0.3,
        domain: tuple[float, float] = (-5.0, 5.0),
    ):
        if not families:
            raise ValueError(
                f"a mixture needs at least one family, known are {', '.join(FAMILIES)}"
            )
        if len(set(families)) != len(families):
            raise ValueError(f"each family may stand in a mixture once, got {list(families)}")
        if shots < 1 or queries < 1:
            raise ValueError(f"expected shots >= 1 and queries >= 1, got {shots} and {queries}")
        if not noise >= 0 or math.isinf(noise):
            raise ValueError(
                f"noise is a standard deviation, expected >= 0 and finite, got {noise}"
            )
        if not domain[0] < domain[1]:
            raise ValueError(f"domain must be (low, high) with low < high, got {domain}")
        self.families = tuple(FAMILIES[name] for name in families)
        sizes = {(family.inputs, family.outputs) for family in self.families}
        if len(sizes) > 1:
            raise ValueError(
                f"families of one mixture need equally many inputs and outputs: {list(families)}"
            )
        ((self.inputs, self.outputs),) = sizes
        self.shots, self.queries, self.noise, self.domain = shots, queries, float(noise), domain

    @property
    def names(self) -> tuple[str, ...]:
        """The families' names in mode order."""
        return tuple(family.name for family in self.families)

    def modes(self, tasks: int) -> Tensor:
        """Mode of each of `tasks` tasks `(tasks,)`: blocks in mode order, sizes equal up to one."""
        return torch.arange(tasks) * len(self.families) // tasks

    def sample(self, tasks: int, generator: Generator) -> Tasks:
        """Draw a meta-batch of `tasks` tasks on the generator's device.

        Every mode gets an equal share (up to one task), in mode order, as in the authors' code.
        Raises ValueError when there are fewer tasks than modes.
        """
        if tasks < len(self.families):
            raise ValueError(
                f"{tasks} tasks cannot hold {len(self.families)} modes in equal shares"
            )
        device = generator.device
        most = max(len(family.priors) for family in self.families)
        shape = tasks, self.shots + self.queries
        low, high = self.domain
        x = torch.rand(*shape, self.inputs, generator=generator, device=device)
        x = low + (high - low) * x
        unit = torch.rand(tasks, most, generator=generator, device=device)
        noise = torch.randn(*shape, self.outputs, generator=generator, device=device)

        mode = self.modes(tasks).to(device)
        parameters = torch.zeros_like(unit)
        for i, family in enumerate(self.families):
            parameters[mode == i, : len(family.priors)] = family.draw(unit[mode == i])
        y = self.values(x, mode, parameters) + self.noise * noise
        k = self.shots
        return Tasks(Examples(x[:, :k], y[:, :k]), Examples(x[:, k:], y[:, k:]), mode, parameters)

    def values(self, x: Tensor, mode: Tensor, parameters: Tensor) -> Tensor:
        """Noise-free `(tasks, points, dy)` at x `(tasks, points, dx)` of these tasks."""
        y = x.new_empty(*x.shape[:2], self.outputs)
        for i, family in enumerate(self.families):
            y[mode == i] = family.values(x[mode == i], parameters[mode == i])
        return y

    def curves(self, x: Tensor, mode: Tensor, parameters: Tensor) -> Tensor:
        """The same for functions of one variable: x `(tasks, points)` -> `(tasks, points)`."""
        return self.values(x[..., None], mode, parameters)[..., 0]


def mixture_of(settings: Any) -> Mixture:
    """The task distribution of these settings; raises ValueError for unknown families."""
    return Mixture(settings.families, settings.shots, settings.queries, settings.noise)
