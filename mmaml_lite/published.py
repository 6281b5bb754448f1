"""Numbers printed in the two papers, for comparison only; every number of ours is measured.

P1: Vuorio et al., "Toward Multimodal Model-Agnostic Meta-Learning", 2018, Table 1.
P2: Vuorio et al., "Multimodal Model-Agnostic Meta-Learning via Task-Aware Modulation", 2019.
Mean squared error with noise 0.3 and five shots, as (post modulation, post adaptation).
"""

Pair = tuple[float | None, float | None]

REGRESSION: dict[str, dict[str, dict[str, Pair]]] = {
    "2-modes": {
        "maml": {"P1": (15.9255, 1.0852), "P2": (None, 1.085)},
        "multi-maml": {"P1": (16.2894, 0.4330), "P2": (None, 0.433)},
        "lstm-learner": {"P2": (None, 0.362)},
        "mumomaml-softmax": {"P1": (3.9140, 0.4795), "P2": (1.548, 0.361)},
        "mumomaml-sigmoid": {"P1": (1.4992, 0.3414)},
        "mumomaml-film": {"P1": (1.7094, 0.3125), "P2": (2.421, 0.336)},
    },
    "3-modes": {
        "maml": {"P1": (12.5994, 1.1633), "P2": (None, 1.231)},
        "multi-maml": {"P1": (12.3742, 0.7791), "P2": (None, 0.713)},
        "lstm-learner": {"P2": (None, 0.548)},
        "mumomaml-softmax": {"P1": (0.6889, 0.4884), "P2": (2.213, 0.444)},
        "mumomaml-sigmoid": {"P1": (2.4047, 0.4414)},
        "mumomaml-film": {"P1": (1.9234, 0.4048), "P2": (1.923, 0.444)},
    },
    "5-modes": {
        "maml": {"P2": (None, 1.668)},
        "multi-maml": {"P2": (None, 1.082)},
        "lstm-learner": {"P2": (None, 0.898)},
        "mumomaml-softmax": {"P2": (2.421, 0.939)},
        "mumomaml-film": {"P2": (2.166, 0.868)},
    },
}

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

# P1's Table 2, Omniglot: accuracy in per cent, with its 95 % interval where one is printed. The
# table itself could not be retrieved; these are the cited papers' own numbers, as read there or in
# a direct transcription. Its rows of prototypical nets, T-net, MT-net and MuMoMAML itself are left
# out, because we could not read them anywhere.
Accuracy = tuple[float, float | None]
OMNIGLOT: dict[str, dict[str, Accuracy]] = {
    "Siamese nets (Koch 2015)": {  # MAML's Table 1
        "5way-1shot": (97.3, None), "5way-5shot": (98.4, None),
        "20way-1shot": (88.2, None), "20way-5shot": (97.0, None),
    },
    "matching nets (Vinyals 2016)": {  # MAML's Table 1
        "5way-1shot": (98.1, None), "5way-5shot": (98.9, None),
        "20way-1shot": (93.8, None), "20way-5shot": (98.5, None),
    },
    "Meta-SGD (Li 2017)": {
        "5way-1shot": (99.5, None), "5way-5shot": (99.9, None),
        "20way-1shot": (95.9, None), "20way-5shot": (99.0, None),
    },
    "SNAIL (Mishra 2018)": {
        "5way-1shot": (99.07, None), "5way-5shot": (99.78, None),
        "20way-1shot": (97.64, None), "20way-5shot": (99.36, None),
    },
    "MAML (Finn 2017)": {
        "5way-1shot": (98.7, 0.4), "5way-5shot": (99.9, 0.1),
        "20way-1shot": (95.8, 0.3), "20way-5shot": (98.9, 0.2),
    },
}  # fmt: skip
