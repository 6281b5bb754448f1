"""Where the work runs: the device, and how many threads it is given."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def pick_device(name: str = "auto") -> torch.device:
    """Device by name: auto is a GPU if there is one. ValueError for one that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"unknown device {name!r}: expected auto, cpu or cuda") from error
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"unsupported device {name!r}: expected auto, cpu or cuda")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError("no CUDA GPU is visible here: use device='cpu' or 'auto'")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"{name} is not here: this machine has {torch.cuda.device_count()} GPUs")
    return device


@contextmanager
def threads(count: int = 1) -> Iterator[None]:
    """Run a block with `count` intra-op threads, then go back.

    One is the default because the matrices are small: a second thread gains little on an idle
    machine and costs a lot on a shared one (`benchmarks/adaptation.py --threads` measures both).
    """
    if count < 1:
        raise ValueError(f"expected at least one thread, got {count}")
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
