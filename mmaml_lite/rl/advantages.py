"""From rewards to advantages: a linear feature baseline, fitted for each task, and GAE.

Features and settings are those of the MAML-RL reference implementations (Duan et al. 2016); the
estimator is Schulman et al. 2016.
"""

import torch
from torch import Tensor

RIDGE = 1e-5


def discounted(rewards: Tensor, discount: float) -> Tensor:
    """Discounted sum of what is still to come, at every step: `(..., H) -> (..., H)`."""
    out, running = torch.empty_like(rewards), torch.zeros_like(rewards[..., 0])
    for t in reversed(range(rewards.shape[-1])):
        running = rewards[..., t] + discount * running
        out[..., t] = running
    return out


def features(observations: Tensor) -> Tensor:
    """Observation, its square, time, time^2, time^3, 1: `(..., H, do) -> (..., H, 2 do + 4)`."""
    time = torch.arange(observations.shape[-2], device=observations.device) / 100
    time = time.to(observations)[:, None].expand(*observations.shape[:-1], 1)
    parts = [observations, observations**2, time, time**2, time**3, torch.ones_like(time)]
    return torch.cat(parts, dim=-1)


def baseline(observations: Tensor, returns: Tensor, alive: Tensor) -> Tensor:
    """Ridge regression of the returns on the features, for each task: a value at every step.

    observations `(tasks, n, H, do)`, returns and alive (1 until the episode has ended)
    `(tasks, n, H)` -> `(tasks, n, H)`.
    """
    table = features(observations) * alive[..., None]
    rows, targets = table.flatten(1, 2), (returns * alive).flatten(1, 2)
    square = rows.mT @ rows
    ridge = RIDGE * torch.eye(square.shape[-1], dtype=square.dtype, device=square.device)
    weights = torch.linalg.lstsq(
        (square + ridge).double().cpu(),
        (rows.mT @ targets[..., None]).double().cpu(),
        driver="gelsd",
    ).solution
    return torch.einsum("bnhf,bf->bnh", table, weights[..., 0].to(table))


def generalised(
    rewards: Tensor, values: Tensor, alive: Tensor, discount: float, trace: float
) -> Tensor:
    """Generalised advantage estimates (gamma = discount, lambda = trace): `(..., H) -> (..., H)`.

    After the last step, and after the end of an episode, nothing more is earned.
    """
    after = torch.cat([values[..., 1:] * alive[..., 1:], torch.zeros_like(values[..., :1])], -1)
    surprise = (rewards + discount * after - values) * alive
    return discounted(surprise, discount * trace) * alive


def normalised(advantages: Tensor, alive: Tensor) -> Tensor:
    """Mean zero and variance one over the steps of each task `(tasks, n, H)`."""
    count = alive.sum(dim=(1, 2), keepdim=True).clamp(min=1)
    mean = (advantages * alive).sum(dim=(1, 2), keepdim=True) / count
    centred = (advantages - mean) * alive
    std = (centred.square().sum(dim=(1, 2), keepdim=True) / count).sqrt()
    return centred / (std + 1e-8)
