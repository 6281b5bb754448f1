"""Embed, modulate, adapt, for characters: MAML, MuMoMAML and prototypical networks in one learner.

Without an encoder it is MAML; with the head "prototypes" and no gradient step a prototypical
network (Snell et al. 2017), which compares features with the mean of each class.

Everything is written for one task and lifted by `vmap`. Measured on a CPU with one thread, forward
and second-order backward of 32 tasks (5-way 1-shot, one step, 64 filters): vmap 0.29 s of processor
time, one grouped convolution over all tasks 0.29 s, a loop over tasks 0.38 s; patches and batched
products took 1.7 times as long as vmap. A convolution of a few images keeps one core busy as it is;
with 16 filters, where starting kernels counts, vmap is three times as fast as the loop. It won
because it needs no code of its own, shares theta in the first step, and starts as many kernels for
a hundred tasks as for one (PyTorch's second derivative of a grouped convolution loops over groups).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import vmap

from mmaml_lite.characters.convnet import ConvNet
from mmaml_lite.characters.encoder import ImageSetEncoder, class_means
from mmaml_lite.characters.settings import CharacterSettings
from mmaml_lite.characters.tasks import Images
from mmaml_lite.core import algorithm
from mmaml_lite.core.algorithm import StepSizes
from mmaml_lite.core.modulation import MODULATIONS
from mmaml_lite.core.networks import Tau, Theta


class CharacterLearner(nn.Module):
    """A network's theta and, with modulation, encoder and heads omega."""

    def __init__(self, settings: CharacterSettings):
        super().__init__()
        s = self.settings = settings
        self.network = ConvNet(
            s.ways, s.filters, s.blocks, s.pool, s.normalisation, s.feature_spread
        )
        theta = self.network.init()
        if s.any_ways:  # no output layer is learned
            theta = {n: w for n, w in theta.items() if n not in self._layer(s.blocks)}
        self.theta = nn.ParameterDict({name: nn.Parameter(w) for name, w in theta.items()})
        self.encoder, self.heads = None, nn.ModuleDict()
        if s.modulation is not None:
            self.modulation = MODULATIONS[s.modulation]
            self.encoder = ImageSetEncoder(
                s.encoder_filters, s.encoder_size, s.blocks, s.encoder_labels, s.encoder_end
            )
            for i in range(s.blocks):
                self.heads[str(i)] = nn.Linear(s.encoder_size, self.modulation.rows * s.filters)
                if s.zero_heads:
                    nn.init.zeros_(self.heads[str(i)].weight)
                    nn.init.zeros_(self.heads[str(i)].bias)
        self.alpha = [s.step_size] * s.blocks + [s.output_step_size or s.step_size]
        self.log_step_sizes = None
        if s.learn_step_size and s.train_steps:
            start = torch.tensor(self.alpha).log().expand(s.train_steps, -1)
            self.log_step_sizes = nn.Parameter(start.clone())

    @staticmethod
    def _layer(i: int) -> tuple[str, str]:
        return f"weight{i}", f"bias{i}"

    def step_sizes(self, steps: int | None = None) -> Sequence[StepSizes]:
        """alpha of every inner step, by parameter name; steps beyond training repeat the last."""
        s = self.settings
        steps = s.steps if steps is None else steps
        if steps < 0:
            raise ValueError(f"the number of inner steps must be at least 0, got {steps}")
        if s.head == "prototypes" and steps:
            raise ValueError("prototypes take no gradient steps: steps must be 0")
        names = {n: i for i in range(self.network.layers) for n in self._layer(i)}
        if self.log_step_sizes is None:
            return [{n: self.alpha[i] for n, i in names.items()}] * steps
        alpha, last = self.log_step_sizes.exp(), s.train_steps - 1
        return [{n: alpha[min(t, last), i] for n, i in names.items()} for t in range(steps)]

    def start(self) -> Theta:
        """theta as every task starts from it, an output layer of zeros included.

        That one is not learned: since numbers are dealt anew, what could be learned of it belongs
        to no character and only disturbs the first step (Kao, Chiu and Chen 2022).
        """
        s, theta = self.settings, dict(self.theta)
        if s.zero_output and s.head == "linear":
            weight, bias = self._layer(s.blocks)
            theta[weight] = theta["weight0"].new_zeros(s.ways, self.network.size)
            theta[bias] = theta["weight0"].new_zeros(s.ways)
        return theta

    def embed(self, support: Images, ways: int | None = None) -> Tensor | None:
        """Task embedding upsilon `(tasks, d)` of the support set; None without encoder.

        ways: the number of its classes, where it is another one than the settings'.
        """
        if self.encoder is None:
            return None
        embedding = self.encoder(support, ways or self.settings.ways)
        if self.settings.encoder_contrast:
            common = embedding.mean(0)  # no gradient moves it: it would drown what differs
            embedding = embedding - (common - common.detach())
        return embedding

    def modulate(self, embedding: Tensor | None) -> Tau:
        """Modulation vectors tau_i `(tasks, rows, filters)` of every block."""
        if embedding is None:
            return {}
        return {int(i): self.modulation.vector(head(embedding)) for i, head in self.heads.items()}

    def adapt(self, support: Images, tau: Tau, steps: int | None = None) -> list[Theta]:
        """theta, shared by all tasks, and the fast weights `(tasks, ...)` after each step."""
        s, alphas = self.settings, self.step_sizes(steps)
        theta = self.start()
        if not alphas:
            return [theta]

        def one_task(tau: Tau, support: Images) -> list[Theta]:
            def loss(theta: Theta) -> Tensor:
                features = self.network.features(theta, support.x, tau)
                return F.cross_entropy(self.network.output(theta, features), support.y)

            path = algorithm.adapt(loss, theta, alphas, s.first_order, s.inner_clip)
            return path[1:]

        return [theta, *vmap(one_task)(tau, support)]

    def predict(
        self,
        theta: Theta,
        tau: Tau,
        support: Images,
        x: Tensor,
        normalisation: str | None = None,
        head: str | None = None,
        ways: int | None = None,
    ) -> Tensor:
        """Logits `(tasks, Q, N)` for x `(tasks, Q, 1, 28, 28)`, theta shared or of each task.

        The support set is there for its statistics, and as prototypes. normalisation, head, ways:
        others than the settings' (ways with prototypes only); with "transductive" a query's answer
        depends on the other queries.
        """
        s, network = self.settings, self.network
        kind, head = normalisation or s.normalisation, head or s.head
        ways = ways or s.ways

        def one_task(theta: Theta, tau: Tau, support: Images, x: Tensor) -> Tensor:
            known = len(support.y)
            if kind == "transductive":
                asked = network.features(theta, x, tau, None, kind)
                if head == "prototypes":
                    shown = network.features(theta, support.x, tau, None, kind)
            else:
                both = network.features(theta, torch.cat([support.x, x]), tau, known, kind)
                shown, asked = both[:known], both[known:]
            if head == "prototypes":
                means = class_means(shown, support.y, ways)
                return -(asked[:, None] - means).square().sum(-1)
            return network.output(theta, asked)

        own = 0 if theta["weight0"].ndim == 5 else None
        return vmap(one_task, in_dims=(own, 0, 0, 0))(theta, tau, support, x)

    def compare(self, support: Images, x: Tensor, ways: int, modulated: bool = True) -> Tensor:
        """Logits `(tasks, Q, N)` of a prototypical network with these features, modulated or not.

        ways: N, which may be another number than the settings'.
        """
        tau = self.modulate(self.embed(support, ways)) if modulated else {}
        return self.predict(dict(self.theta), tau, support, x, head="prototypes", ways=ways)

    def forward(
        self,
        support: Images,
        x: Tensor,
        tau: Tau | None = None,
        steps: int | None = None,
        only_last: bool = False,
        normalisation: str | None = None,
    ) -> Tensor:
        """Logits at x before any gradient step (post modulation) and after each one.

        tau: use these modulation vectors instead of the encoder's ({} turns modulation off).
        Returns `(stages, tasks, Q, N)`, stages = steps + 1, or 1 with `only_last`.
        """
        tau = self.modulate(self.embed(support)) if tau is None else tau
        path = self.adapt(support, tau, steps)
        path = path[-1:] if only_last else path
        return torch.stack([self.predict(t, tau, support, x, normalisation) for t in path])
