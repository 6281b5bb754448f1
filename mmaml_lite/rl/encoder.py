"""The trajectory encoder h: what was seen of a task goes in, its embedding upsilon comes out."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mmaml_lite.core.registry import Registry
from mmaml_lite.rl.sampling import Trajectories


class TrajectoryEncoder(nn.Module):
    """A GRU over observation, action and reward of every step; then two layers, mean, two layers.

    Trajectories of one task are pooled by their mean, so their order does not matter. Steps after
    the end of an episode are not read. scales: of observations and rewards, and what is added to
    the rewards before, so that all that is read varies by about one. both_ways: a second GRU reads
    from the end to the start, so that the first steps of a long episode are not long forgotten.
    """

    def __init__(
        self, features: int, hidden: int, scales: tuple[float, float, float], both_ways: bool
    ):
        super().__init__()
        self.scales = scales
        self.gru = nn.GRU(features, hidden, batch_first=True)
        self.back = nn.GRU(features, hidden, batch_first=True) if both_ways else None
        read = 2 * hidden if both_ways else hidden
        self.each = nn.Sequential(nn.Linear(read, hidden), nn.ReLU(), nn.Linear(hidden, hidden))
        self.pooled = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, hidden))
        self.size = hidden
        for gru in (self.gru, self.back):
            for name, weights in gru.named_parameters() if gru else ():
                for gate in weights.data.chunk(3):  # PyTorch's own learn half as fast
                    if "weight" in name:
                        recurrent = gate.shape == (hidden, hidden)
                        (nn.init.orthogonal_ if recurrent else nn.init.xavier_uniform_)(gate)
                    else:
                        nn.init.zeros_(gate)

    def forward(self, seen: Trajectories) -> Tensor:
        """Trajectories of tasks -> upsilon `(tasks, size)`."""
        far, high, shift = self.scales
        rewards = high * (seen.rewards[..., None] + shift)
        steps = torch.cat([far * seen.observations, seen.actions, rewards], dim=-1).flatten(0, 1)
        each, (tasks, n, length) = torch.arange(len(steps), device=steps.device), seen.rewards.shape
        last = seen.alive.sum(-1).long().clamp(min=1).flatten() - 1
        read = self.gru(steps)[0][each, last]
        if self.back is not None:
            order = last[:, None] - torch.arange(length, device=steps.device)
            reversed_ = steps[each[:, None], order.clamp(min=0)]
            read = torch.cat([read, self.back(reversed_)[0][each, last]], dim=-1)
        return self.pooled(self.each(read).view(tasks, n, -1).mean(1))


ENCODERS: Registry[Callable[[Any, int], nn.Module]] = Registry(
    "encoder", " (an encoder of your own: ENCODERS.add)"
)
ENCODERS.add(
    "gru",
    lambda s, features: TrajectoryEncoder(
        features, s.encoder_hidden, s.encoder_scales, s.encoder_both_ways
    ),
)
