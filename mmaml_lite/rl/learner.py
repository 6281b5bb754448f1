"""Embed, modulate, adapt, for policies: the same three functions as in regression.

One trajectory of the unmodulated prior is read by the encoder; tau modulates the policy; gradient
steps follow on trajectories of the modulated policy. How that first trajectory, and with it tau,
depends on theta is *not* differentiated: theta is not told how to explore so that the encoder
learns more (nor is it in the paper).
"""

from torch import Tensor, nn
from torch.func import vmap

from mmaml_lite.core import algorithm
from mmaml_lite.core.modulation import MODULATIONS
from mmaml_lite.core.networks import Tau, Theta
from mmaml_lite.rl.advantages import baseline, discounted, generalised, normalised
from mmaml_lite.rl.encoder import TrajectoryEncoder
from mmaml_lite.rl.objective import SURROGATES
from mmaml_lite.rl.policy import GaussianPolicy
from mmaml_lite.rl.sampling import Trajectories
from mmaml_lite.rl.settings import MetaSettings


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
