"""The block network for images, a pure function of its parameters: every block is a convolution.

A block: convolution (3 x 3, every second pixel), normalisation, bias, modulation of each channel,
ReLU. Four of them turn 28 x 28 pixels into 2 x 2; their mean goes through a linear layer. It is
written for one task; `vmap` lifts it to a meta-batch (`learner` says why).
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmaml_lite.characters import SIDE
from mmaml_lite.core.modulation import modulate
from mmaml_lite.core.networks import Tau, Theta
from mmaml_lite.core.registry import Registry

EPSILON = 1e-5
Moments = tuple[Tensor, Tensor]

NORMALISATIONS: Registry[Callable[[Tensor, int, Tensor | None], Moments]] = Registry(
    "normalisation"
)


def moments(z: Tensor, axes: tuple[int, ...]) -> Moments:
    """Mean and variance over some axes, which stay with length one."""
    mean = z.mean(axes, keepdim=True)
    return mean, (z - mean).square().mean(axes, keepdim=True)


def support(z: Tensor, known: int, share: Tensor | None) -> Moments:
    """Statistics of each channel over the first `known` images: those of the support set."""
    return moments(z[:known], (0, 2, 3))


def transductive(z: Tensor, known: int, share: Tensor | None) -> Moments:
    """Statistics of each channel over the images given together, queries and all."""
    return moments(z, (0, 2, 3))


def blend(z: Tensor, known: int, share: Tensor | None) -> Moments:
    """A learned share of the support set's statistics, the rest of the image's own.

    TaskNorm-I (Bronskill et al. 2020), but for its share, which there depends on the number of
    shots. A query's statistics do not depend on the other queries.
    """
    (mean_set, var_set), (mean_own, var_own) = moments(z[:known], (0, 2, 3)), moments(z, (2, 3))
    share = torch.sigmoid(share)
    mean = share * mean_set + (1 - share) * mean_own
    spread_set = var_set + (mean_set - mean).square()
    spread_own = var_own + (mean_own - mean).square()
    return mean, share * spread_set + (1 - share) * spread_own


NORMALISATIONS.update(support=support, transductive=transductive, blend=blend)


class ConvNet:
    """Four blocks of `filters` channels and a linear layer to `ways` classes.

    pool: mean over the last 2 x 2 pixels, as MAML does; else they all go on, side by side.
    normalisation: one of NORMALISATIONS. feature_spread: the features of every image are brought to
    mean zero and this spread (None: left as they are); then all are equally long, and inner
    products compare them as distances do. It holds no parameters: `init` makes theta.
    """

    def __init__(
        self,
        ways: int,
        filters: int = 64,
        blocks: int = 4,
        pool: bool = True,
        normalisation: str = "support",
        feature_spread: float | None = None,
    ):
        if ways < 2 or filters < 1 or blocks < 1:
            raise ValueError(
                f"expected ways >= 2, filters and blocks >= 1, got {ways}, {filters}, {blocks}"
            )
        NORMALISATIONS[normalisation]
        self.ways, self.filters, self.blocks, self.pool = ways, filters, blocks, pool
        self.normalisation, self.feature_spread = normalisation, feature_spread
        side = SIDE
        for _ in range(blocks):
            side = (side + 1) // 2
        self.size = filters if pool else filters * side * side  # features of an image

    @property
    def layers(self) -> int:
        """Number of layers with weights, the output layer included."""
        return self.blocks + 1

    def init(self) -> Theta:
        """Draw theta from torch's global generator; biases are zero, the output is near zero."""
        theta, channels = {}, 1
        for i in range(self.blocks):
            std = math.sqrt(2 / (9 * channels))
            theta[f"weight{i}"] = std * torch.randn(self.filters, channels, 3, 3)
            theta[f"bias{i}"] = torch.zeros(self.filters)
            channels = self.filters
        if self.normalisation == "blend":
            theta["share"] = torch.zeros(self.blocks)
        theta[f"weight{self.blocks}"] = (
            0.1 / math.sqrt(self.size) * torch.randn(self.ways, self.size)
        )
        theta[f"bias{self.blocks}"] = torch.zeros(self.ways)
        return theta

    def trace(
        self,
        theta: Theta,
        x: Tensor,
        tau: Tau,
        known: int | None = None,
        normalisation: str | None = None,
    ) -> list[Tensor]:
        """What comes out of every block: `(images, filters, h, w)` each.

        x `(images, 1, 28, 28)`, of which the first `known` are the support set (None: all); tau_i
        `(rows, filters)`; normalisation: another one than the network's own.
        """
        statistics = NORMALISATIONS[normalisation or self.normalisation]
        known = len(x) if known is None else known
        states = []
        for i in range(self.blocks):
            z = F.conv2d(x, theta[f"weight{i}"], stride=2, padding=1)
            share = theta["share"][i] if "share" in theta else None
            mean, variance = statistics(z, known, share)
            z = (z - mean) * torch.rsqrt(variance + EPSILON) + theta[f"bias{i}"][:, None, None]
            if i in tau:  # phi_i = theta_i (.) tau_i, channel by channel
                z = modulate(z.movedim(1, -1), tau[i]).movedim(-1, 1)
            x = F.relu(z)
            states.append(x)
        return states

    def features(
        self,
        theta: Theta,
        x: Tensor,
        tau: Tau,
        known: int | None = None,
        normalisation: str | None = None,
    ) -> Tensor:
        """Features of images `(images, size)`; arguments as of `trace`."""
        last = self.trace(theta, x, tau, known, normalisation)[-1]
        found = last.mean((2, 3)) if self.pool else last.flatten(1)
        if self.feature_spread is None:
            return found
        return self.feature_spread * F.layer_norm(found, (self.size,))

    def output(self, theta: Theta, features: Tensor) -> Tensor:
        """The linear layer: features `(images, size)` -> logits `(images, ways)`."""
        return F.linear(features, theta[f"weight{self.blocks}"], theta[f"bias{self.blocks}"])
