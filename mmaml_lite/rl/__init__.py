"""Reinforcement learning: environments with hidden goals. Importing it registers them.

The half-cheetahs need MuJoCo, but not before one is made.
"""

import gymnasium

from mmaml_lite.rl.half_cheetah import HalfCheetah, HalfCheetahVector, TargetLocation, TargetSpeed
from mmaml_lite.rl.navigation import Navigation, Navigation2D, NavigationVector
from mmaml_lite.rl.tasks import World

for name, one, many, settings in (
    ("Navigation2D", Navigation2D, NavigationVector, Navigation()),
    ("HalfCheetahTargetLocation", HalfCheetah, HalfCheetahVector, TargetLocation()),
    ("HalfCheetahTargetSpeed", HalfCheetah, HalfCheetahVector, TargetSpeed()),
):
    if f"mmaml_lite/{name}-v0" not in gymnasium.registry:
        gymnasium.register(
            id=f"mmaml_lite/{name}-v0",
            entry_point=one,
            vector_entry_point=many,
            order_enforce=True,
            kwargs={"settings": settings},
        )

__all__ = [
    "HalfCheetah",
    "HalfCheetahVector",
    "Navigation",
    "Navigation2D",
    "NavigationVector",
    "TargetLocation",
    "TargetSpeed",
    "World",
]
