"""Reinforcement learning: environments with hidden goals. Importing it registers them."""

import gymnasium

from mmaml_lite.rl.navigation import Navigation, Navigation2D, NavigationVector

if "mmaml_lite/Navigation2D-v0" not in gymnasium.registry:
    gymnasium.register(
        id="mmaml_lite/Navigation2D-v0",
        entry_point=Navigation2D,
        vector_entry_point=NavigationVector,
        order_enforce=True,
    )

__all__ = ["Navigation", "Navigation2D", "NavigationVector"]
