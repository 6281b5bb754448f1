"""The half-cheetah's body in MuJoCo: one control step of many of them, on several threads.

A state is MuJoCo's own: time, nine positions (torso's x, height and angle, then the joints) and
their velocities. Nothing else is carried from one control step to the next: the solver's warm start
is switched off, so that an environment does not depend on which thread, with what others, it was
simulated (in a batched rollout it would).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
import torch

CONTROL_STEP = 0.05  # seconds: five of the simulation's own steps
FRAMES = 5
STATE, JOINTS, MOTORS = 19, 9, 6  # numbers in a state, of its positions, and in an action
X = 1  # where the torso's x stands in a state
LIMIT = 1e10  # MuJoCo itself calls a simulation with greater numbers unstable


def engine() -> ModuleType:
    """MuJoCo, imported when it is first needed; ImportError says how to get it."""
    try:
        import mujoco
        import mujoco.rollout
    except ImportError as error:
        raise ImportError(
            "the half-cheetah runs in MuJoCo, which is not installed here: "
            'pip install "gymnasium[mujoco]"; everything else works without it'
        ) from error
    return mujoco


@cache
def model() -> Any:
    """Gymnasium's half-cheetah as MuJoCo's model, read once."""
    mujoco = engine()
    path = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / "half_cheetah.xml"
    body = mujoco.MjSpec.from_file(str(path))
    mass = body.compiler.settotalmass  # deprecated, and says so: do by hand what it asks for
    body.compiler.settotalmass = -1
    compiled = body.compile()
    mujoco.mj_setTotalmass(compiled, mass)
    mujoco.mj_setConst(compiled, mujoco.MjData(compiled))
    compiled.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_WARMSTART
    return compiled


@contextmanager
def quiet() -> Iterator[None]:
    """Keep MuJoCo from writing on the screen and to a file: what goes wrong is told by us."""
    log = engine().MjLogConfig
    config = log.get()
    loud = config.logto_console, config.logto_file
    if not any(loud):  # or two threads might leave it quiet for ever
        yield
        return
    config.logto_console = config.logto_file = False
    log.set(config)
    try:
        yield
    finally:
        config.logto_console, config.logto_file = loud
        log.set(config)


class Simulation:
    """Room to simulate up to `count` half-cheetahs; threads: as many as torch has, by default."""

    def __init__(self, count: int, threads: int | None = None):
        mujoco = engine()
        threads = min(count, threads or torch.get_num_threads())
        self._models = [model()] * count
        self._workers = [mujoco.MjData(model()) for _ in range(threads)]
        self._pool = mujoco.rollout.Rollout(nthread=threads if threads > 1 else 0)
        self._actions = np.empty((count, FRAMES, MOTORS))
        self._states = np.empty((count, FRAMES, STATE))
        self._sensors = np.empty((count, FRAMES, 0))

    def advance(self, states: np.ndarray, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One control step: states `(n, STATE)` and actions `(n, MOTORS)` -> states, stable `(n,)`.

        A simulation that blows up keeps the state it had before, and is not stable: MuJoCo begins
        such a one anew, which its time tells.
        """
        n = len(states)
        if not n:  # none is left to go on: an empty batch would crash MuJoCo
            return states, np.ones(0, bool)
        self._actions[:n] = actions[:, None]
        with quiet():
            self._pool.rollout(
                self._models[:n],
                self._workers,
                np.ascontiguousarray(states),
                self._actions[:n],
                skip_checks=True,
                nstep=FRAMES,
                state=self._states[:n],
                sensordata=self._sensors[:n],
            )
        after = self._states[:n, -1].copy()
        stable = np.abs(after[:, 0] - states[:, 0] - CONTROL_STEP) < 1e-6
        stable &= np.isfinite(after).all(1)
        after[~stable] = states[~stable]
        return after, stable
