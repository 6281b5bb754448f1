"""Which characters are for training, validation and test: never one in two of them.

"characters" is MAML's split: all characters shuffled by a fixed seed, 1,100 / 100 / 423, so that
the letters of one alphabet lie on both sides. "alphabets" is that of the data's authors: 20
alphabets for the test, 30 for learning, of which we keep three, drawn by the same seed, for
validation.
"""

import torch
from torch import Tensor

from mmaml_lite.characters.omniglot import Omniglot

SPLITS = ("characters", "alphabets")
PARTS = ("train", "validation", "test")
SEED = 1  # MAML's code shuffles with this seed too, but with Python's generator: not the same list
SHARES = (1100 / 1623, 1200 / 1623)  # where training and validation end
HELD_OUT = 3  # alphabets


def split(data: Omniglot, kind: str) -> dict[str, Tensor]:
    """Indices of the characters of "train", "validation" and "test"; ValueError if unknown."""
    if kind not in SPLITS:
        raise ValueError(f"unknown split {kind!r}: known are {', '.join(SPLITS)}")
    generator = torch.Generator().manual_seed(SEED)
    count = len(data.ink)
    if kind == "characters":
        order = torch.randperm(count, generator=generator)
        ends = [round(share * count) for share in SHARES]
        parts = order.tensor_split(ends)
        return {name: part.sort().values for name, part in zip(PARTS, parts, strict=True)}
    known = sorted(set(data.alphabets[: data.background]))
    held = torch.randperm(len(known), generator=generator)[:HELD_OUT].tolist()
    names = {known[i] for i in held}
    validation = torch.tensor([a in names for a in data.alphabets[: data.background]])
    learning = torch.arange(data.background)
    return {
        "train": learning[~validation],
        "validation": learning[validation],
        "test": torch.arange(data.background, count),
    }
