"""Embed, modulate, adapt, for policies: the same three functions as in regression.

One trajectory of the unmodulated prior is read by the encoder; tau modulates the policy; gradient
steps follow on trajectories of the modulated policy. How that first trajectory, and with it tau,
depends on theta is *not* differentiated: theta is not told how to explore so that the encoder
learns more (nor is it in the paper).
"""

import torch
from torch import Tensor, nn
from torch.func import vmap

from mmaml_lite import algorithm
from mmaml_lite.modulation import MODULATIONS
from mmaml_lite.networks import Tau, Theta
from mmaml_lite.rl.advantages import baseline, discounted, generalised, normalised
from mmaml_lite.rl.objective import SURROGATES
from mmaml_lite.rl.policy import GaussianPolicy
from mmaml_lite.rl.sampling import Trajectories
from mmaml_lite.rl.settings import MetaSettings


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


class PolicyLearner(nn.Module):
    """MuMoMAML's policy and, without modulation, MAML's: theta, encoder and heads omega."""

    def __init__(self, settings: MetaSettings):
        super().__init__()
        s, world = settings, settings.world()
        self.settings, actions = settings, world.actions
        seen = world.observations + (world.goal_size if s.told else 0)
        self.policy = GaussianPolicy(seen, actions, s.hidden, s.init_std, s.action_scale, s.told)
        self.theta = nn.ParameterDict(self.policy.init())
        self.encoder, self.heads = None, nn.ModuleDict()
        if s.modulation is not None:
            self.modulation = MODULATIONS[s.modulation]
            self.encoder = TrajectoryEncoder(
                seen + actions + 1, s.encoder_hidden, s.encoder_scales, s.encoder_both_ways
            )
            for i, units in enumerate(s.hidden):
                head = nn.Linear(self.encoder.size, self.modulation.rows * units)
                nn.init.xavier_uniform_(head.weight, gain=1.0)
                nn.init.zeros_(head.bias)
                self.heads[str(i)] = head

    def embed(self, seen: Trajectories | None) -> Tensor | None:
        """Task embedding upsilon `(tasks, d)` of exploratory trajectories; None without encoder."""
        return None if self.encoder is None else self.encoder(seen)

    def modulate(self, embedding: Tensor | None) -> Tau:
        """Modulation vectors tau_i `(tasks, rows, units)` of every block."""
        if embedding is None:
            return {}
        return {int(i): self.modulation.vector(head(embedding)) for i, head in self.heads.items()}

    def advantages(self, seen: Trajectories) -> Tensor:
        """Normalised advantages of every step `(tasks, n, H)`, with each task's own baseline."""
        s = self.settings
        values = baseline(seen.observations, discounted(seen.rewards, s.discount), seen.alive)
        found = generalised(seen.rewards, values, seen.alive, s.discount, s.trace)
        return normalised(found, seen.alive)

    def adapt(self, theta: Theta, tau: Tau, seen: Trajectories, step: int = 0) -> Theta:
        """One gradient step of every task from its own theta `(tasks, ...)`, differentiable.

        step: its number; in the follow-up paper's form the first one is not modulated.
        """
        surrogate, alpha = SURROGATES[self.settings.surrogate], self.settings.step_size
        if step > 0:
            alpha = alpha * self.settings.later_steps
        if self.settings.first_step_plain and step == 0:
            tau = {}

        def one_task(theta: Theta, tau: Tau, seen: Trajectories, advantages: Tensor) -> Theta:
            def loss(theta: Theta) -> Tensor:
                log_prob = self.policy.log_prob(theta, seen.observations, seen.actions, tau)
                gain = surrogate(log_prob, seen.log_probs, advantages, seen.alive).sum()
                return -gain / seen.alive.sum()

            return algorithm.adapt(loss, theta, [dict.fromkeys(theta, alpha)])[-1]

        return vmap(one_task)(theta, tau, seen, self.advantages(seen))
