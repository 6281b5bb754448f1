"""The image-set encoder h: a support set of images goes in, the task embedding upsilon comes out.

The images' features are averaged, so their order does not matter. With labels, each class has its
mean first, and a small network reads every class beside the mean of all; without, as in the
follow-up paper's code, it reads every image alone (with one shot, the labels add that comparison).
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmaml_lite.characters.tasks import Images
from mmaml_lite.core.registry import Registry


def class_means(features: Tensor, labels: Tensor, ways: int) -> Tensor:
    """Mean of each class: features `(..., images, d)`, labels `(..., images)` -> `(..., N, d)`."""
    member = F.one_hot(labels, ways).to(features.dtype).mT  # (..., N, images)
    return member @ features / member.sum(-1, keepdim=True).clamp(min=1)


class OverTasks(nn.Module):
    """Bring every unit to mean 0 and spread 1 over tasks, by those that training saw lately.

    What all tasks have in common is taken out of the embedding: it belongs into the heads' biases.
    The statistics follow the tasks in training alone, so that an answer depends on its own task.
    """

    def __init__(self, size: int, share: float = 0.01):
        super().__init__()
        self.share = share  # of the tasks at hand, once many have been seen
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("variance", torch.ones(size))

    def forward(self, embedding: Tensor) -> Tensor:
        """Embeddings `(tasks, size)`, each by itself."""
        if self.training and torch.is_grad_enabled():
            self.follow(embedding.detach())
        return (embedding - self.mean) * torch.rsqrt(self.variance + 1e-5)

    def follow(self, embedding: Tensor) -> None:
        """Move the statistics towards these tasks' `(tasks, size)`: the mean of all at first."""
        self.seen += 1
        share = (1 / self.seen).clamp(min=self.share)
        self.mean += share * (embedding.mean(0) - self.mean)
        self.variance += share * ((embedding - self.mean).square().mean(0) - self.variance)


ENDS: dict[str, Callable[[int], nn.Module]] = {
    "relu": lambda size: nn.ReLU(),
    "norm": nn.LayerNorm,
    "tasks": OverTasks,
}


class ImageSetEncoder(nn.Module):
    """Four convolutions with a normalisation of each image by itself, then two small networks.

    `size`: width of the embedding. No image sees another one, or another task, before the means.
    """

    def __init__(
        self,
        filters: int = 64,
        size: int = 128,
        blocks: int = 4,
        labels: bool = True,
        end: str = "relu",
    ):
        super().__init__()
        self.size, self.labels = size, labels
        layers: list[nn.Module] = []
        for i in range(blocks):
            layers += [
                nn.Conv2d(filters if i else 1, filters, 3, stride=2, padding=1, bias=False),
                nn.GroupNorm(1, filters),
                nn.ReLU(),
            ]
        self.convolutions = nn.Sequential(*layers)
        self.each = nn.Sequential(
            nn.Linear((2 if labels else 1) * filters, size), nn.ReLU(), nn.Linear(size, size)
        )
        self.pooled = nn.Sequential(nn.LayerNorm(size), nn.Linear(size, size), ENDS[end](size))

    def forward(self, support: Images, ways: int) -> Tensor:
        """Support images of tasks with N = ways classes -> upsilon `(tasks, size)`."""
        tasks, images = support.y.shape
        seen = self.convolutions(support.x.flatten(0, 1)).mean((2, 3)).view(tasks, images, -1)
        if self.labels:
            every = seen.mean(1, keepdim=True).expand(-1, ways, -1)
            seen = torch.cat([class_means(seen, support.y, ways), every], -1)
        return self.pooled(self.each(seen).mean(1))


ENCODERS: Registry[Callable[[Any], nn.Module]] = Registry(
    "encoder", " (an encoder of your own: ENCODERS.add)"
)
ENCODERS.add(
    "images",
    lambda s: ImageSetEncoder(
        s.encoder_filters, s.encoder_size, s.blocks, s.encoder_labels, s.encoder_end
    ),
)
