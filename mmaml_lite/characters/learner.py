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

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmaml_lite.characters.convnet import ConvNet
from mmaml_lite.characters.encoder import ENCODERS, class_means
from mmaml_lite.characters.settings import CharacterSettings
from mmaml_lite.characters.tasks import Images
from mmaml_lite.core.algorithm import StepSizes
from mmaml_lite.core.learner import Learner
from mmaml_lite.core.networks import Tau, Theta


class CharacterLearner(Learner):
    """A convolutional network's theta and, with modulation, encoder and heads omega."""

    def __init__(self, settings: CharacterSettings):
        s = settings
        network = ConvNet(s.ways, s.filters, s.blocks, s.pool, s.normalisation, s.feature_spread)
        theta = network.init()
        if s.any_ways:  # no output layer is learned
            theta = {n: w for n, w in theta.items() if n not in names_of(s.blocks)}
        super().__init__(settings, theta)
        self.network = network
        if s.modulation is not None:
            encoder = ENCODERS[s.encoder](s)
            self.read_by(encoder, s.modulation, dict.fromkeys(range(s.blocks), s.filters))
        self.alphas = [s.step_size] * s.blocks + [s.output_step_size or s.step_size]
        self.log_step_sizes = None
        if s.learn_step_size and s.train_steps:
            start = torch.tensor(self.alphas).log().expand(s.train_steps, -1)
            self.log_step_sizes = nn.Parameter(start.clone())

    def alpha(self, step: int) -> StepSizes:
        """Of every layer; learned ones repeat the last beyond training.

        Raises ValueError for prototypes, which take no step.
        """
        s, alphas = self.settings, self.alphas
        if s.head == "prototypes":
            raise ValueError("prototypes take no gradient steps: steps must be 0")
        if self.log_step_sizes is not None:
            alphas = self.log_step_sizes[min(step, s.train_steps - 1)].exp()
        return {n: alphas[i] for i in range(self.network.layers) for n in names_of(i)}

    def start(self) -> Theta:
        """theta as every task starts from it, an output layer of zeros included.

        That one is not learned: since numbers are dealt anew, what could be learned of it belongs
        to no character and only disturbs the first step (Kao, Chiu and Chen 2022).
        """
        s, theta = self.settings, dict(self.theta)
        if s.zero_output and s.head == "linear":
            weight, bias = names_of(s.blocks)
            theta[weight] = theta["weight0"].new_zeros(s.ways, self.network.size)
            theta[bias] = theta["weight0"].new_zeros(s.ways)
        return theta

    def head(self, inputs: int, outputs: int) -> nn.Linear:
        """A fresh head; from zero, if the settings say so."""
        head = super().head(inputs, outputs)
        if self.settings.zero_heads:
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        return head

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

    def loss(self, theta: Theta, tau: Tau, support: Images) -> Tensor:
        """Cross-entropy of one task."""
        features = self.network.features(theta, support.x, tau)
        return F.cross_entropy(self.network.output(theta, features), support.y)

    def answer(
        self,
        theta: Theta,
        tau: Tau,
        support: Images,
        x: Tensor,
        normalisation: str | None = None,
        head: str | None = None,
        ways: int | None = None,
    ) -> Tensor:
        """One task's logits `(Q, N)` for x `(Q, 1, 28, 28)`.

        The support set is there for its statistics, and as prototypes. normalisation, head, ways:
        others than the settings' (ways with prototypes only); with "transductive" a query's answer
        depends on the other queries.
        """
        s, network, known = self.settings, self.network, len(support.y)
        kind, head = normalisation or s.normalisation, head or s.head
        if kind == "transductive":
            asked = network.features(theta, x, tau, None, kind)
            if head == "prototypes":
                shown = network.features(theta, support.x, tau, None, kind)
        else:
            both = network.features(theta, torch.cat([support.x, x]), tau, known, kind)
            shown, asked = both[:known], both[known:]
        if head == "prototypes":
            means = class_means(shown, support.y, ways or s.ways)
            return -(asked[:, None] - means).square().sum(-1)
        return network.output(theta, asked)

    def compare(self, support: Images, x: Tensor, ways: int, modulated: bool = True) -> Tensor:
        """Logits `(tasks, Q, N)` of a prototypical network with these features, modulated or not.

        ways: N, which may be another number than the settings'.
        """
        tau = self.modulate(self.embed(support, ways)) if modulated else {}
        return self.predict(dict(self.theta), tau, support, x, head="prototypes", ways=ways)


def names_of(layer: int) -> tuple[str, str]:
    """The names of a layer's parameters."""
    return f"weight{layer}", f"bias{layer}"
