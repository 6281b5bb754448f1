"""Strokes of a pen, as a person draws them on a pad: to images, and ready ones to begin with.

A drawing is a list of strokes, a stroke a list of points `[x, y]` on a paper from -1 to 1, y up.
The paper is the image. Nobody fills it as the training's drawings do, so `tidied` moves and scales
a drawing: with places and sizes that vary as people's do (a few pixels, a quarter), invented
characters cost the networks up to half of their right answers otherwise.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmaml_lite.characters import SIDE, strokes
from mmaml_lite.characters.ink import render

Drawing = Sequence[Sequence[Sequence[float]]]

APART = 0.4  # pixels between two points of a line, at most
DOT = 0.08  # length of a tap: about a pixel
# Of the drawings of Omniglot, and of the invented characters alike: the longer side of half of them
# is longer than MEDIAN pixels, of nine in ten between SIDES; the middle of nine in ten lies at most
# OFF pixels from the paper's.
MEDIAN, SIDES, OFF = 18.0, (11.0, 24.0), 2.5


def image(drawing: Drawing) -> Tensor:
    """What a network sees of a drawing: `(28, 28)`, ink 0 to 1, the pen as wide as in training.

    No stroke gives an empty image.
    """
    if not drawing:
        return torch.zeros(SIDE, SIDE)
    paths = [_path(stroke) for stroke in drawing]
    longest = max(length for _, length in paths)
    count = 2 + int(longest * SIDE / 2 / APART)
    lines = np.stack([_spread(points, count) for points, _ in paths])
    lines[..., 1] *= -1  # y of an image goes down
    return render(torch.from_numpy(lines)[None])[0].float()


def _path(stroke: Sequence[Sequence[float]]) -> tuple[np.ndarray, float]:
    """A stroke's points `(n, 2)` and its length; a single point becomes a short line."""
    points = np.asarray(stroke, float).reshape(-1, 2)
    if np.ptp(points, axis=0).max() < DOT / 2:
        points = points[0] + np.array([[-DOT / 2, 0], [DOT / 2, 0]])
    return points, float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


def _spread(points: np.ndarray, count: int) -> np.ndarray:
    """`count` points evenly along a path `(n, 2)`."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    along = np.concatenate([[0], steps.cumsum()])
    at = np.linspace(0, along[-1], count)
    return np.stack([np.interp(at, along, points[:, axis]) for axis in (0, 1)], 1)


def extent(drawing: Drawing) -> tuple[np.ndarray, float]:
    """Middle `(2,)` of the box around a drawing and its longer side, on the paper."""
    points = np.concatenate([np.asarray(stroke, float).reshape(-1, 2) for stroke in drawing])
    low, high = points.min(0), points.max(0)
    return (low + high) / 2, float((high - low).max())


def tidied(drawing: Drawing) -> list[list[list[float]]]:
    """A drawing moved to the middle and made as large as half of the training's are.

    The pen stays as wide as it is, and a tap stays a tap.
    """
    if not drawing:
        return []
    middle, side = extent(drawing)
    pixels = side * SIDE / 2
    factor = MEDIAN / pixels if pixels > 2 else 1.0
    return [(factor * (np.asarray(stroke, float) - middle)).tolist() for stroke in drawing]


def oddity(drawing: Drawing) -> str:
    """What is unlike the drawings of the training: "small", "large", "off the middle", or ""."""
    if not drawing:
        return ""
    middle, side = extent(drawing)
    pixels, (least, most) = side * SIDE / 2, SIDES
    if pixels < 0.8 * least:
        return "small"
    if np.abs(middle).max() * SIDE / 2 > 2 * OFF:
        return "off the middle"
    return "large" if pixels > 1.1 * most else ""


def written(characters: strokes.Characters, seed: int) -> list[Drawing]:
    """Every invented character once more as strokes of a pen; another seed is another hand."""
    lines = strokes.rewritten(characters, torch.Generator().manual_seed(seed))[..., ::3, :]
    lines = (lines * torch.tensor([1.0, -1.0])).clamp(-1, 1)
    drawn = [path[width > 0] for path, width in zip(lines, characters.width, strict=True)]
    return [[np.round(s.double().numpy(), 3).tolist() for s in path] for path in drawn]
