"""Files: written whole or not at all, and nothing but an intact file of ours is ever accepted."""

import errno
import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from mmaml_lite.core import checkpoint
from mmaml_lite.core.checkpoint import CheckpointError
from mmaml_lite.core.domain import build
from mmaml_lite.regression.domain import settings_for

LINES = ("linear",)


def test_round_trip(tmp_path):
    tensors = {"a": torch.randn(3, 2), "b": torch.arange(4)}
    checkpoint.save(
        tmp_path / "deep" / "x.safetensors", tensors, {"seed": 7, "log": [{"loss": 1.5}]}
    )
    found, meta = checkpoint.load(tmp_path / "deep" / "x.safetensors")
    assert meta == {"seed": 7, "log": [{"loss": 1.5}]}
    assert all(torch.equal(tensors[n], found[n]) for n in tensors)


@pytest.mark.parametrize("keep", [0, 1, 7, 100, -1])
def test_a_truncated_file_is_refused(tmp_path, keep):
    path = tmp_path / "x.safetensors"
    checkpoint.save(path, {"a": torch.randn(100)}, {})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="damaged or cut off"):
        checkpoint.load(path)


@pytest.mark.parametrize("write", [torch.save, lambda o, p: p.write_bytes(pickle.dumps(o))])
def test_a_pickle_is_refused_and_not_executed(tmp_path, write):
    """The class below would leave a file behind if anybody unpickled it."""
    trace = tmp_path / "executed"
    path = tmp_path / "x.safetensors"
    write(_Trap(str(trace)), path)
    with pytest.raises(CheckpointError, match="pickle"):
        checkpoint.load(path)
    assert not trace.exists()


class _Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match=r"not one of mmaml-lite's"):
        checkpoint.load(tmp_path / "x.safetensors")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        checkpoint.load(tmp_path / "nothing.safetensors")


def test_another_architecture_is_refused_and_the_learner_left_alone(tmp_path):
    wide, narrow = (
        build(settings_for("maml", LINES, hidden=hidden)) for hidden in [(30, 30), (20, 20)]
    )
    before = [p.clone() for p in narrow.parameters()]
    with pytest.raises(
        CheckpointError, match=r"another architecture .*expected \(20,\), found \(30,\)"
    ):
        checkpoint.load_into(narrow, wide.state_dict(), tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(before, narrow.parameters(), strict=True))


def test_nan_weights_are_refused(tmp_path):
    learner = build(settings_for("maml", LINES))
    broken = {n: torch.full_like(t, torch.nan) for n, t in learner.state_dict().items()}
    with pytest.raises(CheckpointError, match="NaN"):
        checkpoint.load_into(learner, broken, tmp_path)


@pytest.mark.parametrize(
    "code, call", [(errno.ENOSPC, "fsync"), (errno.EROFS, "replace"), (errno.ENOSPC, "fdopen")]
)
def test_a_full_or_read_only_disk_keeps_the_old_file(tmp_path, monkeypatch, code, call):
    """Whatever step fails, the old file is whole and no temporary file is left."""
    path = tmp_path / "x.safetensors"
    checkpoint.save(path, {"a": torch.zeros(1)}, {"version": "old"})

    def fail(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(CheckpointError, match=r"could not write .*untouched"):
            checkpoint.save(path, {"a": torch.ones(1)}, {"version": "new"})
    assert checkpoint.load(path)[1] == {"version": "old"}
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match="could not write"):
        checkpoint.save(tmp_path / "file" / "x.safetensors", {"a": torch.zeros(1)}, {})
