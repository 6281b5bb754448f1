"""Task encoders h: K support examples go in, the task embedding upsilon comes out (eq. 1)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmaml_lite.core.registry import Registry
from mmaml_lite.core.tasks import Examples


class LSTMEncoder(nn.Module):
    """The authors' encoder: a bidirectional LSTM over the support pairs in the order they come.

    upsilon joins the top layer's last forward and first backward state, so it depends on the order
    of the examples. `size`: width of the embedding, 2 * hidden.
    """

    def __init__(self, features: int = 2, hidden: int = 40, layers: int = 2):
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, layers, bidirectional=True, batch_first=True)
        self.size = 2 * hidden

    def forward(self, support: Examples) -> Tensor:
        """x `(tasks, K, dx)`, y `(tasks, K, dy)` -> upsilon `(tasks, size)`."""
        states, _ = self.lstm(torch.cat([support.x, support.y], dim=-1))  # (tasks, K, size)
        forward, backward = states.chunk(2, dim=-1)
        return torch.cat([forward[:, -1], backward[:, 0]], dim=-1)


class AttentionBlock(nn.Module):
    """Self-attention between the examples of a task, then a small MLP; both residual."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, h: Tensor) -> Tensor:
        """h `(tasks, K, width)` -> `(tasks, K, width)`."""
        tasks, points, width = h.shape
        qkv = self.qkv(self.norm1(h)).view(tasks, points, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (tasks, heads, K, width / heads)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(h.shape)
        h = h + self.out(mixed)
        return h + self.mlp(self.norm2(h))


class SetEncoder(nn.Module):
    """An encoder that does not depend on the order of the examples: attention, then their mean."""

    def __init__(self, features: int = 2, hidden: int = 40, layers: int = 2, heads: int = 4):
        super().__init__()
        if hidden % heads:
            raise ValueError(f"hidden must be a multiple of {heads} attention heads, got {hidden}")
        self.embed = nn.Sequential(
            nn.Linear(features, hidden), nn.GELU(), nn.Linear(hidden, hidden)
        )
        self.blocks = nn.Sequential(*(AttentionBlock(hidden, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(hidden)
        self.size = hidden

    def forward(self, support: Examples) -> Tensor:
        """x `(tasks, K, dx)`, y `(tasks, K, dy)` -> upsilon `(tasks, size)`."""
        h = self.embed(torch.cat([support.x, support.y], dim=-1))
        return self.norm(self.blocks(h).mean(dim=1))


ENCODERS: Registry[type[nn.Module]] = Registry("encoder")
ENCODERS.update(lstm=LSTMEncoder, set=SetEncoder)
