"""Curves of the first paper, for comparison only; every number of ours is measured.

P1: Vuorio et al., "Toward Multimodal Model-Agnostic Meta-Learning", 2018.
"""

# Mean return, P1's Figures 3a to 3c read off by us (no table is printed): before modulation, after
# it (for MAML: initial), after gradient steps 1 to 5. Two modes.
Curves = dict[str, dict[str, tuple[float | None, ...]]]


NAVIGATION: Curves = {
    "2-modes": {
        "maml": (None, -71.8, -17.6, -8.6, -6.5, -6.5, -6.0),
        "mumomaml-film": (-77.6, -18.1, -6.6, -4.2, -3.5, -3.2, -3.2),
    },
}


LOCATION: Curves = {
    "2-modes": {
        "maml": (None, -1518, -852, -792, -774, -763, -743),
        "mumomaml-film": (-1499, -561, -540, -521, -513, -511, -511),
    },
}


SPEED: Curves = {
    "2-modes": {
        "maml": (None, -298, -162, -147, -141, -138, -137),
        "mumomaml-film": (-275, -312, -121, -115, -113, -111, -110),
    },
}


CURVES: dict[str, tuple[str, Curves]] = {  # by domain: the figure, and what it shows
    "navigation": ("3a", NAVIGATION),
    "cheetah-location": ("3b", LOCATION),
    "cheetah-speed": ("3c", SPEED),
}
