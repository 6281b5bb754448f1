"""A deal of the sorting game: the examples, the new drawings, and who took which for what."""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from mmaml_lite.course.figures.style import INK, METHOD_STYLES, SOFT, finish

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
RIGHT, WRONG = "#00704a", "#a40000"
COLUMNS = 10  # images in a row
WHO = {"you": INK} | {key: METHOD_STYLES[key].color for key in ("mumomaml", "maml", "prototypes")}


class Player(NamedTuple):
    """Somebody who sorts: the answers in this deal that may be seen, and the record of all deals.

    A score is how many were right, of how many; the total is that over all deals with as many
    characters, on the drawings that the reader sorted.
    """

    label: str
    picks: Sequence[int]  # class numbers
    score: tuple[int, int]
    total: tuple[int, int]
    seconds: Sequence[float]  # that each answer of all deals took


@dataclass(frozen=True)
class SortingView:
    """A deal as it stands."""

    setting: str
    number: int  # of the deal, from 1; 0 is an example that machines play alone
    examples: np.ndarray  # (N, K, 28, 28), ink 0 to 1
    drawings: np.ndarray  # (Q, 28, 28)
    truth: Sequence[int]  # Q class numbers
    data: str  # where the drawings come from, in HTML
    over: bool
    players: Mapping[str, Player]  # by key of WHO
    deals: int  # that the totals are over
    weights: str  # which are shown, in Markdown
    lacks: Sequence[str]  # methods without weights
    provisional: Sequence[str]  # methods whose weights are
    notes: Sequence[str]  # what else the reader should know

    @property
    def ways(self) -> int:
        """N, the characters to tell apart."""
        return len(self.examples)


def png(ink: np.ndarray) -> str:
    """An image `(h, w)`, ink 0 to 1, black on white, as a data URI that a page shows as it is."""
    grey = np.round(255 * (1 - np.clip(ink, 0, 1))).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def tiled(images: np.ndarray) -> np.ndarray:
    """A few images `(K, h, w)` as one, side by side in as many rows as make it about square."""
    across = math.ceil(math.sqrt(len(images)))
    down = math.ceil(len(images) / across)
    count, height, width = images.shape
    padded = np.zeros((across * down, height, width), dtype=images.dtype)
    padded[:count] = images
    grid = padded.reshape(down, across, height, width).swapaxes(1, 2)
    return grid.reshape(down * height, across * width)


def mark(pick: int, truth: int) -> str:
    """A tick where the answer is right, else a cross and what it was taken for."""
    return "✓" if pick == truth else f"✗ {LETTERS[pick]}"


def out_of(score: tuple[int, int]) -> str:
    """A score in words: "7 of 10"."""
    right, of = score
    return f"{right} of {of}"


def sorting(view: SortingView) -> go.Figure:
    """A deal with everyone's answers that are to be seen."""
    ways, rows = view.ways, math.ceil(view.ways / COLUMNS)
    players = {key: player for key, player in view.players.items() if player.picks}
    title = "Sorting drawings: an example deal" + (", machines only" if players else "")
    if "you" in players:
        title = f"Sorting drawings, deal {view.number}: human against machine"
    high = -1.45 * rows  # below the examples
    asked = len(view.drawings)
    corners = [(n % COLUMNS, -1.45 * (n // COLUMNS)) for n in range(ways)]
    images = [_image(tiled(e), *at) for e, at in zip(view.examples, corners, strict=True)]
    images += [_image(drawing, i, high - 0.55) for i, drawing in enumerate(view.drawings)]
    texts = [_text(x + 0.5, y - 1.13, f"<b>{LETTERS[n]}</b>") for n, (x, y) in enumerate(corners)]
    levels = [high - 1.85 - 0.5 * i for i in range(len(players) + 1)]
    truth = [LETTERS[t] for t in view.truth]
    fig = go.Figure(_marks(levels[0], truth, [INK] * asked, "it is"))
    texts.append(_text(-0.1, levels[0], "<b>it is</b>", "right"))
    for level, (key, player) in zip(levels[1:], players.items(), strict=True):
        pairs = list(zip(player.picks, view.truth, strict=False))
        colors = [RIGHT if pick == truth else WRONG for pick, truth in pairs]
        fig.add_trace(_marks(level, [mark(*pair) for pair in pairs], colors, player.label))
        texts.append(_text(-0.1, level, f"<b>{_lines(player.label)}</b>", "right", WHO[key]))
        texts.append(_text(COLUMNS + 0.05, level, out_of(player.score), "left"))
    shown = "one drawing" if view.examples.shape[1] == 1 else "some drawings"
    texts.append(_text(0, 0.32, f"{ways} characters, {shown} of each", "left", SOFT))
    texts.append(_text(0, high - 0.2, "New drawings: which is which?", "left", SOFT))
    fig.update_xaxes(range=[-1.7, COLUMNS + 0.9], visible=False)
    fig.update_yaxes(
        range=[levels[-1] - 0.4, 0.6],
        visible=False,
        scaleanchor="x",
        constrain="domain",
        constraintoward="top",
    )
    scores = "; ".join(f"{p.label} {out_of(p.score)}" for p in players.values())
    says = (
        f"**What to see.** {view.data} The examples are all that anyone may learn from. Each "
        "new drawing stands over everyone's answers: ✓ is right, ✗ and a letter means taken for "
        "that one. Are they the same drawings that trouble everyone? "
        f"{' '.join([view.weights, *view.notes])}"
    )
    words = (
        f"{title}: {asked} new drawings to sort into {ways} characters. Right: "
        f"{scores or 'nobody has played yet'}."
    )
    height = 70 + round(75 * (0.6 - levels[-1] + 0.4))
    finish(fig, height, title, says, words)
    return fig.update_layout(
        showlegend=False,
        margin={"t": 50, "l": 10, "r": 10, "b": 10},
        images=images,
        shapes=[_frame(image) for image in images],
        annotations=texts,
    )


def _image(ink: np.ndarray, x: float, y: float) -> dict[str, Any]:
    """An image whose top left corner stands at a place."""
    return {
        "source": png(ink),
        "x": x + 0.04,
        "y": y,
        "sizex": 0.92,
        "sizey": 0.92,
        "xref": "x",
        "yref": "y",
        "sizing": "stretch",
    }


def _frame(image: Mapping[str, Any]) -> dict[str, Any]:
    """A thin line around an image."""
    x, y = image["x"], image["y"]
    return {
        "type": "rect",
        "x0": x,
        "x1": x + image["sizex"],
        "y0": y,
        "y1": y - image["sizey"],
        "line": {"color": "#9a9a9a", "width": 1},
    }


def _text(
    x: float, y: float, text: str, anchor: str = "center", color: str = INK
) -> dict[str, Any]:
    return {
        "x": x,
        "y": y,
        "text": text,
        "xanchor": anchor,
        "showarrow": False,
        "font": {"color": color, "size": 13},
    }


def _lines(label: str) -> str:
    """A long name on two lines."""
    return label.replace(" ", "<br>") if len(label) > 12 else label


def _marks(y: float, texts: list[str], colors: list[str], name: str) -> go.Scatter:
    """A row of marks, one under every drawing."""
    return go.Scatter(
        x=[i + 0.5 for i in range(len(texts))],
        y=[y] * len(texts),
        mode="text",
        text=texts,
        textfont={"color": colors, "size": 14},
        hoverinfo="skip",
        name=name,
    )
