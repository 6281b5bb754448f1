"""Accuracies printed in papers, for comparison only; every number of ours is measured.

P1: Vuorio et al., "Toward Multimodal Model-Agnostic Meta-Learning", 2018, Table 2.
"""

# P1's Table 2, Omniglot: accuracy in per cent, with its 95 % interval where one is printed. The
# table itself could not be retrieved; these are the cited papers' own numbers, as read there or in
# a direct transcription. Its rows of prototypical nets, T-net, MT-net and MuMoMAML itself are left
# out, because we could not read them anywhere.
Accuracy = tuple[float, float | None]


OMNIGLOT: dict[str, dict[str, Accuracy]] = {
    "Siamese nets (Koch 2015)": {  # MAML's Table 1
        "5way-1shot": (97.3, None),
        "5way-5shot": (98.4, None),
        "20way-1shot": (88.2, None),
        "20way-5shot": (97.0, None),
    },
    "matching nets (Vinyals 2016)": {  # MAML's Table 1
        "5way-1shot": (98.1, None),
        "5way-5shot": (98.9, None),
        "20way-1shot": (93.8, None),
        "20way-5shot": (98.5, None),
    },
    "Meta-SGD (Li 2017)": {
        "5way-1shot": (99.5, None),
        "5way-5shot": (99.9, None),
        "20way-1shot": (95.9, None),
        "20way-5shot": (99.0, None),
    },
    "SNAIL (Mishra 2018)": {
        "5way-1shot": (99.07, None),
        "5way-5shot": (99.78, None),
        "20way-1shot": (97.64, None),
        "20way-5shot": (99.36, None),
    },
    "MAML (Finn 2017)": {
        "5way-1shot": (98.7, 0.4),
        "5way-5shot": (99.9, 0.1),
        "20way-1shot": (95.8, 0.3),
        "20way-5shot": (98.9, 0.2),
    },
}
