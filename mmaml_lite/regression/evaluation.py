"""Errors of trained learners on many shared test tasks: per stage, per mode, with intervals.

Regression errors are heavy-tailed (the worst 1 % of tasks carry a third of the total), so the test
set is large, the same for every method, and methods are compared task by task.
"""

import torch
from torch import Tensor, nn

from mmaml_lite.core.evaluation import TEST_SEED
from mmaml_lite.core.networks import Tau
from mmaml_lite.core.tasks import Tasks
from mmaml_lite.regression.settings import RegressionSettings
from mmaml_lite.regression.tasks import Mixture

TEST_TASKS = 25_000
TEST_QUERIES = 20


def shared_tasks(
    settings: RegressionSettings, count: int = TEST_TASKS, seed: int = TEST_SEED
) -> Tasks:
    """The shared test tasks of a setting: made on the CPU, so that they are the same everywhere."""
    mixture = Mixture(settings.families, settings.shots, TEST_QUERIES, settings.noise)
    return mixture.sample(count, torch.Generator().manual_seed(seed))


@torch.no_grad()
def errors(
    learner: nn.Module,
    tasks: Tasks,
    steps: int | None = None,
    chunk: int = 500,
    tau: Tau | None = None,
) -> Tensor:
    """Query mean squared error of every task at every stage, `(steps + 1, tasks)`, on the CPU.

    Stage 0 is post modulation, the last one post adaptation. Targets are noisy, so noise variance
    (0.09 in the paper) is inside. tau: modulation vectors to use instead of the encoder's, one for
    each task or one `(1, rows, units)` for all. Raises ValueError for NaN in the tasks.
    """
    device = next(learner.parameters()).device
    tasks.support.check(), tasks.query.check()
    parts = []
    if tau is not None:
        tau = {i: t.expand(len(tasks), -1, -1) for i, t in tau.items()}
    for first in range(0, len(tasks), chunk):
        rows = slice(first, first + chunk)
        t = tasks[rows].to(device)
        given = {"steps": steps}  # a learner that knows no tau can be evaluated, too
        if tau is not None:
            given["tau"] = {i: part[rows].to(device) for i, part in tau.items()}
        y = learner(t.support, t.query.x, t.mode, **given)  # (stages, tasks, Q, 1)
        parts.append((y - t.query.y).square().mean(dim=(2, 3)).cpu())
    return torch.cat(parts, dim=1)
