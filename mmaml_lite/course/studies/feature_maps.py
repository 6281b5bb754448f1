"""What modulation does to the feature maps of characters, and what that does to the answers.

Every tampering is a tau to use instead of the encoder's. Turned off means gamma = 1 and beta = 0:
an ordinary network with the same theta.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmaml_lite.characters.learner import CharacterLearner
from mmaml_lite.characters.tasks import Episodes, Images
from mmaml_lite.core.networks import Tau, averaged
from mmaml_lite.core.statistics import interval

OWN, OTHER, MODE, MEAN, OFF = (
    "own τ",
    "another task's τ",
    "another mode's τ",
    "mean τ",
    "τ off",
)


class Maps(NamedTuple):
    """A block's output on one image without and with its modulation, both `(filters, h, w)`."""

    off: Tensor
    on: Tensor


@torch.no_grad()
def taus(learner: CharacterLearner, support: Images) -> Tau:
    """The tau that a learner gives each task: tau_i `(tasks, rows, filters)`."""
    if learner.encoder is None:
        raise ValueError(f"{learner.settings.method} has no modulation: take a MuMoMAML")
    return learner.modulate(learner.embed(support))


def unmodulated(tau: Tau, blocks: set[int] | None = None) -> Tau:
    """tau with the given blocks (None: all) turned off: gamma 1, beta 0."""

    def off(t: Tensor) -> Tensor:
        return torch.cat([torch.ones_like(t[:, :1]), torch.zeros_like(t[:, 1:])], 1)

    return {i: off(t) if blocks is None or i in blocks else t for i, t in tau.items()}


def tamperings(tau: Tau, mode: Tensor, mean: Tau, task: int = 0) -> dict[str, Tau]:
    """By name, the tau `(1, rows, filters)` that one task gets: its own, another's, none, ...

    tau and mode: of several tasks, the first of which of the task's own mode, and of another one,
    lend theirs; mean: tau `(1, rows, filters)`, the mean over many tasks.
    """

    def of(index: int) -> Tau:
        return {i: t[index : index + 1] for i, t in tau.items()}

    others = [i for i in range(len(mode)) if i != task]
    near = [i for i in others if mode[i] == mode[task]]
    far = [i for i in others if mode[i] != mode[task]]
    found = {OWN: of(task)}
    found |= {OTHER: of(near[0])} if near else {}
    found |= {MODE: of(far[0])} if far else {}
    return found | {MEAN: mean, OFF: unmodulated(of(task))}


@torch.no_grad()
def maps(learner: CharacterLearner, support: Images, image: Tensor, tau: Tau, block: int) -> Maps:
    """What comes out of a block on one image `(1, 28, 28)`, with tau and with it off in this block.

    support: of one task, `(1, n, 1, 28, 28)`, which the statistics are from; blocks before this one
    are modulated in both, so both get the same input; theta is that before any gradient step.
    """
    x, theta, n = torch.cat([support.x[0], image[None]]), dict(learner.theta), len(support.y[0])
    found = [
        learner.network.trace(theta, x, {i: t[0] for i, t in used.items()}, n)[block][-1]
        for used in (unmodulated(tau, {block}), tau)
    ]
    return Maps(*found)


@torch.no_grad()
def scores(
    learner: CharacterLearner, episode: Episodes, used: Mapping[str, Tau]
) -> dict[str, tuple[float, float]]:
    """Accuracy and cross-entropy on one task's queries after all steps, by the tau's name.

    All of them at once, as if they were as many tasks.
    """
    many = len(used)
    support = Images(*(t.expand(many, *t.shape[1:]) for t in episode.support))
    query = Images(*(t.expand(many, *t.shape[1:]) for t in episode.query))
    tau = {i: torch.cat([t[i] for t in used.values()]) for i in next(iter(used.values()))}
    logits = learner(support, query.x, tau, only_last=True)[-1]
    right = (logits.argmax(-1) == query.y).float().mean(-1).tolist()
    loss = F.cross_entropy(logits.mT, query.y, reduction="none").mean(-1).tolist()
    return dict(zip(used, zip(right, loss, strict=True), strict=True))


def table(learner: CharacterLearner, episodes: Episodes) -> dict[str, dict[str, float]]:
    """Over many tasks: mean accuracy after all steps with its interval, by the tau's name."""
    tau = taus(learner, episodes.support)
    mean = averaged(tau)
    found: dict[str, list[float]] = {}
    for task in range(len(episodes)):
        order = [task, *(i % len(episodes) for i in range(task + 1, task + len(episodes)))]
        mine = {i: t[order] for i, t in tau.items()}
        used = tamperings(mine, episodes.mode[order], mean)
        for name, (right, _) in scores(learner, episodes[task : task + 1], used).items():
            found.setdefault(name, []).append(right)
    return {name: interval(torch.tensor(right)) for name, right in found.items()}


def own_share(tau: Tau) -> dict[int, float]:
    """Of each block: how far tau is from task to task, as a share of how far it is from off.

    Root mean squares over channels and tasks: of tau minus its mean, and of tau minus (1, 0).
    0: the same tau for every task.
    """
    off = unmodulated(tau)
    return {
        i: float((t - t.mean(0)).square().mean().sqrt() / (t - off[i]).square().mean().sqrt())
        for i, t in tau.items()
    }
