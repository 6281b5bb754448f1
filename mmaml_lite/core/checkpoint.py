"""Checkpoints: one safetensors file with JSON metadata, written atomically, never executed."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise
from torch import Tensor, nn

FORMAT = "mmaml-lite checkpoint 1"


class CheckpointError(ValueError):
    """A checkpoint that cannot be written, or that is damaged, foreign or of another model."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, then rename it: readers see the old file or the new one.

    Raises CheckpointError when the folder is read-only or the disk is full; the old file stays.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp's own mode shuts out everybody else
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        raise CheckpointError(
            f"could not write {path} ({error.strerror}): free some space or choose another folder; "
            "what was there before is untouched"
        ) from error


def save(path: Path, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
    """Write tensors and JSON-able metadata to `path`; raises CheckpointError when it cannot."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    metadata = {"format": FORMAT, "meta": json.dumps(meta)}
    write_atomically(path, serialise(tensors, metadata))


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read tensors and metadata; raises CheckpointError for anything but an intact file of ours."""
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}")
    with open(path, "rb") as file:
        head = file.read(9)  # of a safetensors file: the header's length, then its opening brace
    zipped, pickled = head.startswith(b"PK\x03\x04"), head[:1] == b"\x80" and head[1:2] <= b"\x05"
    if len(head) == 9 and head[8:] != b"{" and (zipped or pickled):
        raise CheckpointError(
            f"{path} looks like a pickle, which can run any code when it is opened: refused. "
            "Checkpoints here are safetensors files"
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is damaged or cut off ({error}): delete it and train or copy it again"
        ) from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is a safetensors file, but not one of mmaml-lite's checkpoints"
        )
    try:
        meta = json.loads(metadata["meta"])
    except (KeyError, json.JSONDecodeError) as error:
        raise CheckpointError(f"the metadata of {path} is damaged: {error}") from error
    return tensors, meta


def load_into(module: nn.Module, tensors: dict[str, Tensor], source: Path) -> None:
    """Copy parameters into a module; raises CheckpointError that names what does not fit."""
    expected = {name: tuple(t.shape) for name, t in module.state_dict().items()}
    found = {name: tuple(t.shape) for name, t in tensors.items()}
    if expected != found:
        wrong = sorted(n for n in expected | found if expected.get(n) != found.get(n))[:3]
        shown = "; ".join(f"{n}: expected {expected.get(n)}, found {found.get(n)}" for n in wrong)
        raise CheckpointError(f"{source} holds another architecture ({shown})")
    if not all(torch.isfinite(t).all() for t in tensors.values()):
        raise CheckpointError(f"{source} holds NaN or infinite weights")
    module.load_state_dict(tensors)
