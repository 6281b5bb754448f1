"""Embed, modulate, adapt, for policies: the same three functions as in regression.

One trajectory of the unmodulated prior is read by the encoder; tau modulates the policy; gradient
steps follow on trajectories of the modulated policy. How that first trajectory, and with it tau,
depends on theta is *not* differentiated: theta is not told how to explore so that the encoder
learns more (nor is it in the paper).
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.func import vmap

from mmaml_lite.core import algorithm
from mmaml_lite.core.algorithm import StepSizes
from mmaml_lite.core.learner import Learner
from mmaml_lite.core.networks import Tau, Theta
from mmaml_lite.rl.advantages import baseline, discounted, generalised, normalised
from mmaml_lite.rl.encoder import ENCODERS
from mmaml_lite.rl.objective import SURROGATES
from mmaml_lite.rl.policy import GaussianPolicy
from mmaml_lite.rl.sampling import Trajectories, per_task
from mmaml_lite.rl.settings import MetaSettings


class PolicyLearner(Learner):
    """MuMoMAML's policy and, without modulation, MAML's: theta, encoder and heads omega."""

    def __init__(self, settings: MetaSettings):
        s, world = settings, settings.world()
        seen = world.observations + (world.goal_size if s.told else 0)
        policy = GaussianPolicy(seen, world.actions, s.hidden, s.init_std, s.action_scale, s.told)
        super().__init__(settings, policy.init())
        self.policy = policy
        if s.modulation is not None:
            encoder = ENCODERS[s.encoder](s, seen + world.actions + 1)
            self.read_by(encoder, s.modulation, dict(enumerate(s.hidden)))

    def head(self, inputs: int, outputs: int) -> nn.Linear:
        """A fresh head with Xavier weights."""
        head = nn.Linear(inputs, outputs)
        nn.init.xavier_uniform_(head.weight, gain=1.0)
        nn.init.zeros_(head.bias)
        return head

    def advantages(self, seen: Trajectories) -> Tensor:
        """Normalised advantages of every step `(tasks, n, H)`, with each task's own baseline."""
        s = self.settings
        values = baseline(seen.observations, discounted(seen.rewards, s.discount), seen.alive)
        found = generalised(seen.rewards, values, seen.alive, s.discount, s.trace)
        return normalised(found, seen.alive)

    def alpha(self, step: int) -> StepSizes:
        """The same for all parameters; later steps are `later_steps` times as long as the first."""
        s = self.settings
        return dict.fromkeys(self.theta, s.step_size * (s.later_steps if step else 1))

    def step(self, theta: Theta, tau: Tau, seen: Trajectories, number: int = 0) -> Theta:
        """One gradient step of every task from its own theta `(tasks, ...)`, differentiable.

        number: of the step; in the follow-up paper's form the first one is not modulated.
        """
        surrogate, alpha = SURROGATES[self.settings.surrogate], self.alpha(number)
        if self.settings.first_step_plain and number == 0:
            tau = {}

        def one_task(theta: Theta, tau: Tau, seen: Trajectories, advantages: Tensor) -> Theta:
            def loss(theta: Theta) -> Tensor:
                log_prob = self.policy.log_prob(theta, seen.observations, seen.actions, tau)
                gain = surrogate(log_prob, seen.log_probs, advantages, seen.alive).sum()
                return -gain / seen.alive.sum()

            return algorithm.adapt(loss, theta, [alpha])[-1]

        return vmap(one_task)(theta, tau, seen, self.advantages(seen))

    def adapt(
        self, support: Sequence[Trajectories], tau: Tau, steps: int | None = None
    ) -> list[Theta]:
        """The path of fast weights, theta first, `(tasks, ...)` in each entry.

        support: what was seen before each step and, last, after them all; steps: fewer of them.
        """
        path = [per_task(dict(self.theta), len(support[0].rewards))]
        for number, seen in enumerate(support[:-1][:steps]):
            path.append(self.step(path[-1], tau, seen, number))
        return path
