"""Omniglot (Lake et al. 2015): 1,623 characters of 50 alphabets, each drawn by 20 people.

Read once from the folders or zips that torchvision downloads, shrunk to 28 x 28 and packed into one
file (two pixels a byte); after that it is one tensor, and drawing an episode is indexing.
"""

import io
import os
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmaml_lite.characters import DRAWINGS, SIDE
from mmaml_lite.core import checkpoint, zoo

FOLDER = "omniglot-py"  # torchvision's name for it
PARTS = {"images_background": 964, "images_evaluation": 659}  # characters in each
LEVELS = 15  # ink of a pixel: 0 (paper) to 15, four bits
GAIN = 1.3  # lines are thinner than a pixel once shrunk: more ink for them


# What a damaged zip or image raises when it is read.
DAMAGE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, SyntaxError, ValueError)


class OmniglotMissing(ValueError):
    """Omniglot is not here, or what is here is damaged; the message says what to do."""


@dataclass(frozen=True)
class Omniglot:
    """ink: `(characters, 20, 28, 28)` uint8, 0 to 15; alphabets: the alphabet of each character.

    Characters are in the order of their names; the first `background` are those that the data's
    authors set aside for learning, the others for evaluation.
    """

    ink: Tensor
    alphabets: tuple[str, ...]
    background: int

    def to(self, device: torch.device) -> "Omniglot":
        """The same with its drawings on a device."""
        return Omniglot(self.ink.to(device), self.alphabets, self.background)


def folder_of(folder: Path | str | None = None) -> Path:
    """Where the zips or extracted folders lie: told, or $MMAML_LITE_OMNIGLOT, or in data/.

    Either torchvision's root or the folder `omniglot-py` in it.
    """
    told = folder or os.environ.get("MMAML_LITE_OMNIGLOT") or zoo.data_folder()
    root = Path(told).expanduser()
    return root if has_parts(root) else root / FOLDER


def has_parts(folder: Path) -> bool:
    """Whether one of the two parts lies here, extracted or as a zip."""
    return any((folder / part).is_dir() or (folder / f"{part}.zip").is_file() for part in PARTS)


def cache_path() -> Path:
    """The packed drawings (not committed)."""
    return zoo.data_folder() / "cache" / "omniglot-28.safetensors"


@lru_cache(maxsize=1)
def shrinking(size: int) -> np.ndarray:
    """Matrix `(28, size)` that averages over the area of each of the 28 pixels."""
    edges = np.linspace(0, size, SIDE + 1)
    pixel = np.arange(size)
    low, high = edges[:-1, None], edges[1:, None]
    cover = np.clip(np.minimum(high, pixel + 1) - np.maximum(low, pixel), 0, None)
    return (cover / (high - low)).astype(np.float32)


def shrunk(png: bytes) -> np.ndarray:
    """An image file, black ink on white, as `(28, 28)` levels of ink."""
    from PIL import Image

    ink = 1 - np.asarray(Image.open(io.BytesIO(png)).convert("L"), dtype=np.float32) / 255
    if ink.shape[0] != ink.shape[1] or ink.shape[0] < SIDE:
        raise OmniglotMissing(
            f"expected square drawings of at least {SIDE} x {SIDE} pixels, got {ink.shape}"
        )
    area = shrinking(len(ink))
    return np.rint(LEVELS * np.clip(GAIN * area @ ink @ area.T, 0, 1)).astype(np.uint8)


def files(folder: Path, part: str) -> Iterator[tuple[str, bytes]]:
    """Every drawing of a part, (alphabet/character/file, content), in the order of their names."""
    extracted, packed = folder / part, folder / f"{part}.zip"
    if extracted.is_dir():
        for path in sorted(extracted.glob("*/*/*.png")):
            yield path.relative_to(extracted).as_posix(), path.read_bytes()
    elif packed.is_file():
        with zipfile.ZipFile(packed) as archive:
            for name in sorted(n for n in archive.namelist() if n.endswith(".png")):
                yield name.removeprefix(f"{part}/"), archive.read(name)  # the sum is checked
    else:
        raise OmniglotMissing(
            f"{folder} has neither the folder {part} nor {part}.zip: download Omniglot again, "
            "or take invented characters (a setting named strokes-...)"
        )


def read_part(folder: Path, part: str) -> tuple[np.ndarray, list[str]]:
    """Drawings `(characters, 20, 28, 28)` of a part and the alphabet of each character.

    Raises OmniglotMissing, which says what to do, for a damaged zip or a half-extracted folder.
    """
    by_character: dict[str, list[np.ndarray]] = {}
    name, extracted = part, (folder / part).is_dir()
    remedy = (
        f"delete the folder {folder / part} (its zip, where it lies beside, is read instead)"
        if extracted
        else f"delete {folder / part}.zip and download Omniglot again"
    )
    try:
        for name, content in files(folder, part):
            by_character.setdefault(name.rpartition("/")[0], []).append(shrunk(content))
    except OmniglotMissing:
        raise
    except DAMAGE as error:
        raise OmniglotMissing(f"{name} is damaged ({error}): {remedy}") from error
    short = [c for c, drawings in by_character.items() if len(drawings) != DRAWINGS]
    if len(by_character) != PARTS[part] or short:
        detail = f", {short[0]} has {len(by_character[short[0]])} drawings" if short else ""
        raise OmniglotMissing(
            f"{part} in {folder} is not complete: {len(by_character)} of {PARTS[part]} "
            f"characters{detail} (each should have {DRAWINGS}): {remedy}"
        )
    return np.stack([np.stack(d) for d in by_character.values()]), [
        c.partition("/")[0] for c in by_character
    ]


def read(folder: Path) -> Omniglot:
    """Read both parts; raises OmniglotMissing."""
    parts = [read_part(folder, part) for part in PARTS]
    ink = torch.from_numpy(np.concatenate([drawings for drawings, _ in parts]))
    return Omniglot(ink, tuple(a for _, names in parts for a in names), len(parts[0][1]))


def packed(ink: Tensor) -> Tensor:
    """Two pixels a byte: `(..., 28, 28)` levels of ink -> `(..., 392)`."""
    flat = ink.flatten(-2)
    return flat[..., ::2] * 16 + flat[..., 1::2]


def unpacked(pairs: Tensor) -> Tensor:
    """The inverse of `packed`."""
    return torch.stack([pairs // 16, pairs % 16], dim=-1).unflatten(-2, (SIDE, -1)).flatten(-2)


def download(folder: Path) -> None:
    """Let torchvision download both parts, with its checksums, into `folder`."""
    from torchvision.datasets import Omniglot as Downloaded

    try:
        for background in (True, False):
            Downloaded(folder.parent, background=background, download=True)
    except (OSError, RuntimeError) as error:  # no network, a full disk, a wrong checksum
        raise OmniglotMissing(
            f"Omniglot could not be downloaded to {folder} ({error}): try again where there is a "
            "network, set MMAML_LITE_OMNIGLOT to a folder that has it, or take invented "
            "characters (a setting named strokes-...)"
        ) from error


def load(
    folder: Path | str | None = None,
    fetch: bool = False,
    tell: Callable[[str], None] = print,
) -> Omniglot:
    """Omniglot as one tensor: the packed file, or else made from `folder_of(folder)`.

    fetch: download it where it is not there. Raises OmniglotMissing, which says what to do, when
    there is neither data nor network, or when the data is damaged.
    """
    cache = cache_path()
    if cache.is_file():
        try:
            return _from_cache(cache)
        except checkpoint.CheckpointError as error:
            tell(f"{error}; making it anew")
    source = folder_of(folder)
    if not has_parts(source):
        if not fetch:
            raise OmniglotMissing(
                f"Omniglot is not in {source}: set MMAML_LITE_OMNIGLOT to the folder that has it, "
                "download it (mmaml_lite.omniglot.load(fetch=True), 14 MB), or take "
                "invented characters (a setting named strokes-..., such as strokes-5way-1shot)"
            )
        download(source)
    tell(f"packing Omniglot from {source}, once, about ten seconds")
    found = read(source)
    meta = {"kind": "omniglot", "alphabets": found.alphabets, "background": found.background}
    try:
        checkpoint.save(cache, {"ink": packed(found.ink)}, meta)
    except checkpoint.CheckpointError as error:
        warnings.warn(f"Omniglot stays unpacked: {error}", RuntimeWarning, stacklevel=2)
    return found


def _from_cache(path: Path) -> Omniglot:
    tensors, meta = checkpoint.load(path)
    if meta.get("kind") != "omniglot" or tensors["ink"].shape[1:] != (DRAWINGS, SIDE * SIDE // 2):
        raise checkpoint.CheckpointError(f"{path} does not hold Omniglot's drawings")
    return Omniglot(unpacked(tensors["ink"]), tuple(meta["alphabets"]), meta["background"])
