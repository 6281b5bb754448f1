"""Pen lines to images: many drawings at once, by spreading points of the line over its pixels."""

import torch
from torch import Tensor

from mmaml_lite.characters import SIDE

WIDTH = 1.6  # of a line, in pixels, as full ink


def render(points: Tensor, width: float | Tensor = WIDTH) -> Tensor:
    """Draw lines: points `(images, lines, n, 2)`, as x to the right and y down, on [-1, 1].

    Every piece between two points leaves its length times `width` (a number, or `(images, lines)`;
    0 draws nothing) as ink on the four pixels around its middle; no pixel holds more than 1. Points
    should lie closer than a pixel. Returns `(images, 28, 28)`.
    """
    pixels = (points + 1) * (SIDE / 2) - 0.5  # centre of the first pixel: 0
    middle = (pixels[..., 1:, :] + pixels[..., :-1, :]) / 2
    ink = (pixels[..., 1:, :] - pixels[..., :-1, :]).norm(dim=-1)  # (images, lines, n - 1)
    ink = ink * (width[..., None] if isinstance(width, Tensor) else width)
    middle = middle.clamp(0, SIDE - 1.001).flatten(1, 2)  # (images, pieces, 2)
    corner = middle.floor()
    right, down = (middle - corner).unbind(-1)
    ink = ink.flatten(1)
    corner = corner.long()
    first = corner[..., 1] * SIDE + corner[..., 0]
    shares = torch.stack(
        [
            (1 - down) * (1 - right),
            (1 - down) * right,
            down * (1 - right),
            down * right,
        ]
    )
    offsets = torch.tensor([0, 1, SIDE, SIDE + 1], device=points.device)[:, None, None]
    canvas = points.new_zeros(len(points), SIDE * SIDE)
    for share, offset in zip(shares, offsets, strict=True):
        canvas.scatter_add_(1, first + offset, share * ink)
    return canvas.clamp_(max=1).view(-1, SIDE, SIDE)
