"""Which task an explorer opens on: an ordinary one, lucky for none of the methods shown."""

import numpy as np

CANDIDATES = 20  # seeds that are looked at


def ordinary(errors: np.ndarray, usual: np.ndarray | None = None) -> int:
    """The draw whose errors are nearest to what is usual.

    errors `(draws, measures)`: of every method shown, before and after; usual `(measures,)`: by
    default the medians over the draws. Nearest: by the factors, averaged over the measures.
    """
    logs = np.log(np.maximum(errors, 1e-6))
    usual = np.median(logs, axis=0) if usual is None else np.log(np.maximum(usual, 1e-6))
    return int(np.abs(logs - usual).mean(axis=1).argmin())
