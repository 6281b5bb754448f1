"""The board of the sorting game: examples to choose among, a new drawing, and everyone's marks.

The browser's half knows the solution and judges an answer by itself: so the next drawing comes at
once, also while the kernel is busy with other cells. What the machines answered stays in Python
until the reader may see it.
"""

import math
from typing import Any

import anywidget
import numpy as np
import traitlets as T

from mmaml_lite.course.widgets.shared import FOLDER, module


class Board(anywidget.AnyWidget):
    """`value`: the reader's answers, rows `[ways, deal, pick, seconds]`, of all deals so far.

    Rows of several deals stand together, so an answer that was given just before a new deal still
    finds its own. at: `[ways, deal]` that is shown; ink: bytes `(N * K + Q, 28, 28)`, 0 to 255;
    truth: Q class numbers; machines: dictionaries with label, color and picks, as many of them as
    may be seen; note: whose drawings they are. Asks for a new deal with the message "again".
    Raises traitlets.TraitError for a row that is none, for an unknown character, and for more
    answers than drawings.
    """

    _esm = module("sorting")
    _css = FOLDER / "sorting.css"

    value = T.List().tag(sync=True)
    at = T.List([5, 1]).tag(sync=True)
    shots = T.Int(1).tag(sync=True)
    truth = T.List().tag(sync=True)
    ink = T.Bytes(b"").tag(sync=True)
    machines = T.List().tag(sync=True)
    note = T.Unicode("").tag(sync=True)
    questions = T.Int(10)

    @T.validate("value")
    def _playable(self, proposal: dict[str, Any]) -> list:
        counts: dict[tuple[int, int], int] = {}
        for row in proposal["value"]:
            if not (isinstance(row, list | tuple) and len(row) == 4):
                raise T.TraitError(f"an answer is [ways, deal, pick, seconds], got {row!r}")
            *whole, seconds = row
            if not all(type(n) is int and n >= 0 for n in whole):
                raise T.TraitError(f"ways, deal and pick are whole numbers from 0, got {row!r}")
            if not (isinstance(seconds, int | float) and 0 <= seconds < math.inf):
                raise T.TraitError(f"seconds are a number from 0, got {row!r}")
            ways, deal, pick = whole
            if not deal:
                raise T.TraitError(f"deals are numbered from 1, got {row!r}")
            if pick >= ways:
                raise T.TraitError(f"there are {ways} characters, numbered from 0, got {pick}")
            counts[ways, deal] = counts.get((ways, deal), 0) + 1
            if counts[ways, deal] > self.questions:
                raise T.TraitError(f"a deal has {self.questions} drawings, got more answers")
        return proposal["value"]

    def show(
        self, at: list[int], shots: int, images: np.ndarray, truth: list[int], note: str
    ) -> None:
        """Lay out another deal: images `(N * K + Q, 28, 28)`, ink 0 to 1, examples first."""
        with self.hold_sync():  # all of it arrives together
            self.machines = []
            self.shots, self.truth, self.note = shots, truth, note
            self.ink = np.round(255 * np.clip(images, 0, 1)).astype(np.uint8).tobytes()
            self.at = at
