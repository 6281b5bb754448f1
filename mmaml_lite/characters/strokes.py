"""Invented characters: smooth strokes on a loose grid, re-drawn with motor noise, without end.

A character has one to four strokes. A stroke is one of a few movements of a pen (a line, a hook, a
bow, a loop, ...), turned or mirrored, laid into a part of a square, and bent a little: so strokes
meet as they do in writing. Drawing the character again moves its control points, its strokes and
the whole a little. Characters as motor programs are an idea of Lake et al. (2015); the movements
and all numbers are ours, set by eye beside Omniglot.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from mmaml_lite.characters import SIDE
from mmaml_lite.characters.ink import WIDTH, render

STROKES = 4  # at most
POINTS = 72  # of a drawn stroke
SHARES = (0.22, 0.42, 0.27, 0.09)  # of characters with one, two, three, four strokes

# Of every movement: how often it is the first stroke, a later one, and its six control points on
# the square from -1 to 1 (y down). A point that stands twice is a corner.
MOVEMENTS = {
    "line": (2, 8, [(-1, 0), (-0.6, 0), (-0.2, 0), (0.2, 0), (0.6, 0), (1, 0)]),
    "edge": (1, 8, [(-1, -1), (-0.6, -1), (-0.2, -1), (0.2, -1), (0.6, -1), (1, -1)]),
    "diagonal": (1, 3, [(-1, -1), (-0.6, -0.6), (-0.2, -0.2), (0.2, 0.2), (0.6, 0.6), (1, 1)]),
    "bow": (3, 3, [(-1, -0.9), (-0.9, 0.2), (-0.4, 0.9), (0.4, 0.9), (0.9, 0.2), (1, -0.9)]),
    "cup": (4, 1, [(-1, -1), (-1, 0.1), (-0.9, 1.1), (0.9, 1.1), (1, 0.1), (1, -1)]),
    "loop": (4, 1, [(0, -1), (1.1, -1), (1.1, 1), (-1.1, 1), (-1.1, -1), (0, -1)]),
    "hook": (4, 3, [(0.5, -1), (0.5, 0), (0.5, 0.7), (0.4, 1.15), (-0.4, 1.1), (-0.7, 0.5)]),
    "crook": (4, 1, [(-0.8, -0.5), (-0.6, -1.2), (1, -1.2), (1, 0.1), (0, 0), (0, 1)]),
    "swan": (4, 0, [(0.9, -0.8), (-1, -1.3), (-1.1, 0), (1.1, 0), (1, 1.3), (-0.9, 0.8)]),
    "angle": (4, 2, [(-1, -1), (-1, 0), (-1, 1), (-1, 1), (0, 1), (1, 1)]),
    "bolt": (4, 0, [(-1, -1), (1, -1), (1, -1), (-1, 1), (-1, 1), (1, 1)]),
    "peak": (4, 1, [(-1, -1), (-0.5, 0), (0, 1), (0, 1), (0.5, 0), (1, -1)]),
    "ribbon": (3, 0, [(-1, -1), (0.3, 0.3), (1.2, 1.2), (-1.2, 1.2), (-0.3, 0.3), (1, -1)]),
    "wave": (1, 1, [(-1, 0.3), (-0.7, -0.9), (-0.1, -0.9), (0.1, 0.9), (0.7, 0.9), (1, -0.3)]),
    "curl": (3, 0, [(-0.9, 0.9), (-1.1, -1.1), (1.1, -1.1), (1, 0.9), (-0.4, 0.8), (-0.1, -0.2)]),
    "dot": (0, 2, [(-0.1, 0), (-0.06, 0), (-0.02, 0), (0.02, 0), (0.06, 0), (0.1, 0)]),
}

BEND = 0.09  # of a character's control points, away from the movement's
JITTER, SHIFT = 0.04, 0.045  # of a control point and of a stroke, from drawing to drawing
TURN, PLACE = 0.11, 0.10  # of the whole: its affine change, its place on the paper


class Characters(NamedTuple):
    """controls `(..., 4, 6, 2)`, x to the right and y down; width `(..., 4)`, 0 for no stroke."""

    controls: Tensor
    width: Tensor

    def repeated(self, times: int) -> "Characters":
        """Every character `times` times, on a new last axis before the strokes."""
        return Characters(
            self.controls.unsqueeze(-4).expand(*self.width.shape[:-1], times, STROKES, -1, -1),
            self.width.unsqueeze(-2).expand(*self.width.shape[:-1], times, -1),
        )


@lru_cache(maxsize=4)
def tables(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """On a device: movements `(m, 6, 2)`, their odds `(4, m)`, spline matrix `(72, 6)`."""
    first, later, points = zip(*MOVEMENTS.values(), strict=True)
    odds = torch.tensor([first] + [later] * (STROKES - 1), dtype=torch.float32, device=device)
    points = torch.tensor(points, device=device)
    return points, odds, spline(points.shape[1], POINTS).to(device)


def spline(controls: int, points: int) -> Tensor:
    """Matrix `(points, controls)` to a quadratic B-spline that starts and ends at its controls."""
    knots = torch.cat([torch.zeros(2), torch.linspace(0, 1, controls - 1), torch.ones(2)])
    at = torch.linspace(0, 1 - 1e-6, points)[:, None]
    basis = ((knots[:-1] <= at) & (at < knots[1:])).float()
    for degree in (1, 2):  # Cox and de Boor; 0 / 0 counts as 0
        span = (knots[degree:] - knots[:-degree]).clamp(min=1e-9)
        rising = (at - knots[:-degree]) / span * (knots[degree:] > knots[:-degree])
        falling = (knots[degree:] - at) / span * (knots[degree:] > knots[:-degree])
        basis = rising[:, :-1] * basis[:, :-1] + falling[:, 1:] * basis[:, 1:]
    return basis


def invent(count: int, generator: Generator) -> Characters:
    """Draw up `count` new characters on the generator's device."""
    device = generator.device
    movements, odds, _ = tables(device)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator, device=device)

    def normal(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=generator, device=device)

    kinds = torch.multinomial(odds, count, True, generator=generator)  # (4, count)
    controls = movements[kinds.T]  # (count, 4, 6, 2)
    mirrored = 1 - 2 * (uniform(STROKES, 1, 2) < 0.5).float()
    turned = uniform(STROKES, 1, 1) < 0.5
    controls = mirrored * torch.where(turned, controls.flip(-1), controls)
    half = torch.where(uniform(STROKES, 1, 2) < 0.33, 1.0, 0.5)  # the part of the square
    half[:, 0] = half[:, 0].clamp(min=0.75)
    centre = (1 - half) * (3 * uniform(STROKES, 1, 2)).floor().sub(1)
    controls = centre + half * controls + BEND * normal(*controls.shape[1:])
    strokes = 1 + (uniform(1) > torch.tensor(SHARES, device=device).cumsum(0)[:-1]).sum(1)
    active = torch.arange(STROKES, device=device) < strokes[:, None]

    seen = active[..., None, None]
    low = torch.where(seen, controls, torch.inf).amin((1, 2), keepdim=True)
    high = torch.where(seen, controls, -torch.inf).amax((1, 2), keepdim=True)
    size = 0.52 + 0.22 * uniform(1, 1, 1)  # half the longer side, and how slim the character is
    slim = torch.where(uniform(1, 1, 2) < 0.5, 1.0, 0.65 + 0.35 * uniform(1, 1, 2))
    longer = ((high - low) / 2).amax(-1, keepdim=True).clamp(min=0.35)
    controls = (controls - (low + high) / 2) * slim * size / longer
    return Characters(controls, WIDTH * active)


def rewritten(characters: Characters, generator: Generator) -> Tensor:
    """The pen's path when another hand writes every character once more: `(..., 4, 72, 2)`.

    x to the right and y down, about -1 to 1; strokes of no width are there and not to be drawn.
    """
    lead, device = characters.width.shape, generator.device
    controls = characters.controls.flatten(0, -4)
    count = len(controls)

    def normal(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=generator, device=device)

    controls = controls + JITTER * normal(*controls.shape[1:]) + SHIFT * normal(STROKES, 1, 2)
    change = torch.eye(2, device=device) + TURN * normal(2, 2)
    controls = torch.einsum("cij,cskj->cski", change, controls) + PLACE * normal(1, 1, 2)
    lines = torch.einsum("pk,cski->cspi", tables(device)[2], controls)
    return lines.view(*lead, POINTS, 2)


def redraw(characters: Characters, generator: Generator) -> Tensor:
    """Draw every character once more, as another hand would: `(..., 28, 28)`, ink 0 to 1."""
    lines = rewritten(characters, generator).flatten(0, -4)
    images = render(lines, characters.width.flatten(0, -2))
    return images.view(*characters.width.shape[:-1], SIDE, SIDE)
