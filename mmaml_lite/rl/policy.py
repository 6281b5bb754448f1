"""The policy: a block network gives the mean of a Gaussian, whose spread does not see the state.

Parameters are a flat dictionary as everywhere, so that `algorithm.adapt` takes its gradient steps,
and modulation vectors act on its blocks as on those of a regression network.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor

from mmaml_lite.core.networks import MLP, Dense, Tau, Theta

LOG_STD_LEAST = math.log(1e-6)


class GaussianPolicy:
    """MLP with tanh blocks and a shared, learned log standard deviation `log_std (actions,)`.

    std: its initial value; scale: an environment is given the policy's actions times this; told:
    whether the goal is among what it observes.
    """

    def __init__(
        self,
        observations: int,
        actions: int,
        hidden: tuple[int, ...] = (64, 64),
        std: float = 1.0,
        scale: float = 1.0,
        told: bool = False,
    ):
        self.network, self.actions = MLP(observations, hidden, actions, "tanh"), actions
        self.std, self.scale, self.told = std, scale, told

    def init(self) -> Theta:
        """Draw theta from torch's global generator: Xavier weights, zero biases."""
        theta = {}
        sizes = self.network.sizes
        for i, (inputs, outputs) in enumerate(pairwise(sizes)):
            theta[f"weight{i}"] = torch.nn.init.xavier_uniform_(torch.empty(outputs, inputs))
            theta[f"bias{i}"] = torch.zeros(outputs)
        return theta | {"log_std": torch.full((self.actions,), math.log(self.std))}

    def mean(self, theta: Theta, observations: Tensor, tau: Tau) -> Tensor:
        """One task: observations `(..., do)`, tau_i `(rows, units)` -> means `(..., da)`."""
        return self.network(theta, observations, tau)

    def means(self, theta: Theta, observations: Tensor, tau: Tau) -> Tensor:
        """Many tasks, each with its own theta, `(tasks, ...)` in every entry.

        observations `(tasks, n, do)`, tau_i `(tasks, rows, units)` -> means `(tasks, n, da)`.
        """
        layers = [
            Dense(theta[f"weight{i}"].mT, theta[f"bias{i}"][:, None])
            for i in range(self.network.layers)
        ]
        split = {i: t.split(1, dim=-2) for i, t in tau.items()}
        return self.network.trace(layers, observations, split)[-1]

    def log_prob(self, theta: Theta, observations: Tensor, actions: Tensor, tau: Tau) -> Tensor:
        """One task: log density of actions `(..., da)` at observations `(..., do)` -> `(...)`."""
        mean = self.mean(theta, observations, tau)
        return log_density(actions, mean, theta["log_std"])


def log_density(actions: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Log density of a Gaussian with independent entries, summed over them `(..., da) -> (...)`."""
    log_std = log_std.clamp(min=LOG_STD_LEAST)
    z = (actions - mean) * torch.exp(-log_std)
    return -(0.5 * z.square() + log_std + 0.5 * math.log(2 * math.pi)).sum(-1)


def divergence(mean: Tensor, log_std: Tensor, new_mean: Tensor, new_log_std: Tensor) -> Tensor:
    """KL(old || new) of two such Gaussians, summed over entries `(..., da) -> (...)`."""
    log_std, new_log_std = (s.clamp(min=LOG_STD_LEAST) for s in (log_std, new_log_std))
    square = (2 * log_std).exp() + (mean - new_mean).square()
    return (new_log_std - log_std + 0.5 * square * (-2 * new_log_std).exp() - 0.5).sum(-1)
