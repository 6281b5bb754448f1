"""Every test runs on one thread and from the same seed."""

import dataclasses
import os

import pytest
import torch

from mmaml_lite.core.training import Callback

os.environ.setdefault("OMP_NUM_THREADS", "1")  # for the processes that tests start
torch.set_num_threads(1)


class StopAtThree(Callback):
    """Interrupts a training after its third step."""

    def on_step(self, run, measured):
        if run.step == 3:
            raise KeyboardInterrupt


@pytest.fixture
def stop_at_three():
    """The callback of a user who interrupts a training."""
    return StopAtThree()


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty folder in place of data/: what is trained or measured is kept there."""
    monkeypatch.setenv("MMAML_LITE_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def stored_from(monkeypatch):
    """Let results of a domain, named by its report module, be stored from so many tasks on."""

    def few(report, count):
        monkeypatch.setattr(report, "TEST", dataclasses.replace(report.TEST, count=count))

    return few


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)
