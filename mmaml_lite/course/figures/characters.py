"""Characters: episodes as grids of images, and how certain each method is of what a drawing is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.sorting import LETTERS, png
from mmaml_lite.course.figures.style import INK, METHOD_STYLES, finish, refill

GAP = 6  # pixels between images
EDGE = "#d0d0d0"  # what lies between images, so that each has an outline
# Ink 0 to 1; below 0: the edge.
PAPER = [[0, EDGE], [0.1, EDGE], [0.1, "white"], [0.2, "white"], [1, INK]]
BETWEEN = -0.25


def mosaic(images: np.ndarray, gap: int, between: float) -> np.ndarray:
    """Images `(rows, columns, h, w)` in one array, `gap` pixels of `between` around each."""
    images = np.asarray(images)
    padded = np.pad(images, ((0, 0), (0, 0), (0, gap), (0, gap)), constant_values=between)
    rows, columns, h, w = padded.shape
    flat = padded.swapaxes(1, 2).reshape(rows * h, columns * w)
    return np.pad(flat, ((gap, 0), (gap, 0)), constant_values=between)


def _sheet(images: np.ndarray, **axes: Any) -> go.Heatmap:
    """Images `(rows, columns, 28, 28)` as one heatmap: column j begins at x = j, row i at y = i."""
    each = images.shape[-1] + GAP
    z = mosaic(images, GAP, BETWEEN)[GAP // 2 : -(GAP // 2), GAP // 2 : -(GAP // 2)]
    return go.Heatmap(
        z=np.round(z.astype(float), 3),
        x0=0.5 / each,
        dx=1 / each,
        y0=0.5 / each,
        dy=1 / each,
        zmin=BETWEEN,
        zmax=1,
        colorscale=PAPER,
        showscale=False,
        hoverinfo="skip",
        **axes,
    )


def episode(
    support: np.ndarray,
    query: np.ndarray,
    answers: np.ndarray | None = None,
    source: str = "",
    title: str = "A task: five characters, one example of each",
) -> go.Figure:
    """A task as a grid: a column for each class, its examples above, new drawings of it below.

    support `(N, K, 28, 28)`; query `(N, Q, 28, 28)`; answers `(N, Q)`: the class that somebody
    took each new drawing for (wrong ones are marked); source: which data is shown.
    """
    ways, shots = support.shape[:2]
    rows = shots + query.shape[1]
    images = np.concatenate([support, query], 1).swapaxes(0, 1)
    fig = go.Figure(_sheet(images))
    wrong = np.zeros(query.shape[:2], bool)
    if answers is not None:
        wrong = np.asarray(answers) != np.arange(ways)[:, None]
    for column, row in np.argwhere(wrong):
        place = {"x0": column + 0.06, "x1": column + 0.94}
        y = shots + row
        fig.add_shape(
            type="rect", y0=y + 0.06, y1=y + 0.94, line={"color": "#D55E00", "width": 3}, **place
        )
        fig.add_annotation(
            x=column + 0.5,
            y=y + 0.84,
            text=f"<b>✗ {LETTERS[answers[column][row]]}</b>",
            showarrow=False,
            bgcolor="white",
            font={"size": 11, "color": "#A34700"},
        )
    fig.add_shape(type="line", x0=0, x1=ways, y0=shots, y1=shots, line={"width": 3, "color": INK})
    said = (
        f" Wrong answers are framed: {wrong.sum()} of {wrong.size}." if answers is not None else ""
    )
    data = f" Drawings: {source}." if source else ""
    says = (
        f"**What to see.** Above the line the support set: {shots} "
        f"example{'s' if shots > 1 else ''} of each of {ways} characters. Below it new drawings, "
        f"each in the column of the character it belongs to.{said}{data}"
    )
    words = f"{title}: {ways} characters, {shots} examples and {query.shape[1]} new drawings each."
    finish(fig, 70 + round(min(110, 900 / ways) * rows), title, says, words + said)
    marks = ["example" if r < shots else "new" for r in range(rows)]
    fig.update_xaxes(
        tickvals=np.arange(ways) + 0.5,
        ticktext=list(LETTERS[:ways]),
        range=[0, ways],
        side="top",
        showgrid=False,
        zeroline=False,
        ticks="",
        constrain="domain",
    )
    fig.update_yaxes(
        tickvals=np.arange(rows) + 0.5,
        ticktext=marks,
        range=[rows, 0],
        scaleanchor="x",
        showgrid=False,
        zeroline=False,
        ticks="",
        constrain="domain",
    )
    return fig.update_layout(margin={"t": 62, "l": 66, "r": 6, "b": 4})


# --- how certain each method is -------------------------------------------------------------------


@dataclass(frozen=True)
class CertaintyView:
    """How certain every method is, at every stage, of what a new drawing shows.

    images `(N, 28, 28)` and query `(28, 28)`, ink 0 to 1; certainty: key of METHOD_STYLES ->
    `(stages, N)`, NaN where there is no answer; note: which drawings these are; problem: what keeps
    the methods from answering; odd: drawing -> how it is unlike those of the training.
    """

    images: np.ndarray
    query: np.ndarray
    certainty: Mapping[str, np.ndarray]
    note: str = ""
    problem: str = ""
    odd: Mapping[str, str] = field(default_factory=dict)


def stage_names(stages: int) -> list[str]:
    """What the stages of a method are called: before any step, after step 1, 2, ...; "" of one."""
    if stages == 1:
        return [""]
    return ["before any step", *(f"after step {i}" for i in range(1, stages))]


def lines_of(view: CertaintyView) -> Iterator[tuple[str, str, np.ndarray]]:
    """Every line of bars: the method's key, its stage, and a certainty for each class `(N,)`."""
    for key, certainty in view.certainty.items():
        for name, row in zip(stage_names(len(certainty)), certainty, strict=True):
            yield key, name, row


def labelled(key: str, stage: str) -> str:
    """A method with its stage, as the label of a line."""
    return f"{METHOD_STYLES[key].label}{', ' if stage else ''}{stage}"


def decided(row: np.ndarray) -> bool:
    """Whether one class of `(N,)` is ahead of all others, by so much that a reader can see it."""
    if not np.isfinite(row).all():
        return False
    *_, second, first = np.sort(row) if len(row) > 1 else (0.0, row[0])
    return bool(first - second > 0.005)


def percent(share: float) -> str:
    """A certainty as a reader wants it: 97 %, and never a round 100 or 0 that it is not."""
    if not np.isfinite(share):
        return ""
    return ">99 %" if share > 0.995 else "<1 %" if share < 0.005 else f"{100 * share:.0f} %"


def certainty(
    view: CertaintyView, title: str = "Which of the five is it? Every method, step by step"
) -> go.Figure:
    """The drawings, and below each example how certain every method is that the new one is it."""
    lines, ways = list(lines_of(view)), len(view.images)
    fig = make_subplots(
        2, 1, shared_xaxes=True, vertical_spacing=0.03, row_heights=[1, 0.2 * len(lines) + 0.05]
    )
    fig.add_trace(_sheet(_row(view)), 1, 1)
    for key in view.certainty:
        fig.add_trace(
            go.Bar(
                orientation="h",
                name=METHOD_STYLES[key].label,
                width=0.72,
                textposition="outside",
                cliponaxis=False,
                textfont={"size": 12},
                hoverinfo="skip",
                marker={"color": METHOD_STYLES[key].color},
            ),
            2,
            1,
        )
    says = (
        "**What to see.** The new drawing and the examples, as the networks see them: 28 × 28 "
        "pixels. Below each example, how certain a method is that the new drawing shows the same "
        "character; in bold its answer. A line adds up to 100 %, and 20 % each is a mere guess. "
        "Before any gradient step MAML knows nothing of the examples but their mean and spread, "
        "MuMoMAML has seen them through τ as well. A prototypical network compares with them and "
        "takes no step. "
        f"{view.note}"
    )
    finish(fig, 250 + 24 * len(lines), title, says, "")
    fig.update_xaxes(range=[-1.25, ways], showgrid=False, zeroline=False, ticks="")
    fig.update_xaxes(showticklabels=False, row=2, col=1)
    fig.update_xaxes(
        tickvals=np.arange(-1, ways) + 0.5,
        side="top",
        showticklabels=True,
        row=1,
        col=1,
        ticktext=["new drawing", *LETTERS[:ways]],
    )
    fig.update_yaxes(
        range=[1, 0],
        scaleanchor="x",
        showticklabels=False,
        ticks="",
        constrain="domain",
        showgrid=False,
        zeroline=False,
        row=1,
        col=1,
    )
    fig.update_yaxes(
        tickvals=np.arange(len(lines)),
        range=[len(lines) - 0.5, -0.5],
        showgrid=False,
        ticktext=[labelled(key, stage) for key, stage, _ in lines],
        zeroline=False,
        ticks="",
        row=2,
        col=1,
    )
    for i in range(ways):
        fig.add_vline(x=i, line={"color": EDGE, "width": 1}, row=2, col=1)
    fig.update_layout(
        barmode="overlay", showlegend=False, margin={"t": 70, "l": 230, "r": 6, "b": 8}
    )
    redraw_certainty(fig, view)
    return fig


def _row(view: CertaintyView) -> np.ndarray:
    """The new drawing, then the examples, as a row of images `(1, N + 1, 28, 28)`."""
    return np.concatenate([view.query[None], view.images])[None]


def redraw_certainty(fig: go.Figure, view: CertaintyView) -> None:
    """Put other drawings and answers of the same methods into a figure made by `certainty`."""
    refill(fig, _traces(view))
    told = [
        f"{labelled(key, stage)}: " + ", ".join(percent(p) for p in row)
        for key, stage, row in lines_of(view)
    ]
    fig.layout.meta = dict(fig.layout.meta) | {
        "alt": f"Certainty for each of {len(view.images)} characters. {'; '.join(told)}."
    }


def _traces(view: CertaintyView) -> Iterator[dict[str, Any]]:
    """What every trace shows: the images, then the bars of each method, each in its column."""
    sheet = _sheet(_row(view))
    yield {"z": sheet.z, "x0": sheet.x0 - 1}
    begin = 0
    for rows in view.certainty.values():
        stages, ways = rows.shape
        best = np.eye(ways, dtype=bool)[np.nan_to_num(rows).argmax(1)]
        best &= np.array([[decided(row)] for row in rows])
        words = [percent(p) for p in rows.ravel()]
        yield {
            "y": np.repeat(np.arange(begin, begin + stages), ways),
            "base": np.tile(np.arange(ways) + 0.04, stages),
            "x": 0.6 * np.nan_to_num(rows).ravel(),
            "text": [f"<b>{w}</b>" if b else w for w, b in zip(words, best.ravel(), strict=True)],
        }
        begin += stages


def bars(view: CertaintyView, label: float) -> str:
    """The same as `certainty`, as an HTML table under six drawings, as wide as there is room.

    label: per cent of the width for the names; the characters' columns share the rest.
    """
    ways = len(view.images)
    look = "image-rendering:pixelated;width:64px;max-width:95%;border:1px solid #d0d0d0"
    seen = [view.query, *view.images]
    cells = "".join(
        f"<td style='padding:0 0 4px 0'><img src='{png(image)}' style='{look}' "
        f"alt='{name}, as the networks see it'></td>"
        for image, name in zip(seen, ["the new drawing", *LETTERS[:ways]], strict=True)
    )
    rows, last = f"<tr>{cells}</tr>", ""
    for key, stage, row in lines_of(view):
        style = METHOD_STYLES[key]
        line = "" if key == last else f"border-top:1px solid {EDGE};"
        name = labelled(key, stage).replace(style.label, f"<b>{style.label}</b>")
        name = stage if key == last else name
        side = "right;padding-right:8px" if key == last else "left"
        rows += (
            f"<tr><th scope='row' style='{line}font-weight:normal;white-space:normal;"
            f"text-align:{side}'>{name}</th>"
        )
        best = int(np.nan_to_num(row).argmax())
        for i, share in enumerate(row):
            long = float(np.nan_to_num(share))
            bar = f"display:inline-block;height:12px;background:{style.color};min-width:"
            bar += f"{int(np.isfinite(share))}px;width:calc({long:.3f} * (100% - 68px))"
            word = escape(percent(share))
            word = f"<b>{word} ◂</b>" if i == best and decided(row) else f"<span>{word}</span>"
            rows += (
                f"<td style='{line}padding-left:4px;border-left:1px solid {EDGE}'>"
                f"<span style='{bar}'></span> {word}</td>"
            )
        rows, last = rows + "</tr>", key
    widths = f"<col style='width:{label}%'>" + f"<col style='width:{(100 - label) / ways}%'>" * ways
    look = "table-layout:fixed;width:100%;border-collapse:collapse;line-height:1.5;font-size:12px"
    return f"<table style='{look};white-space:nowrap'>{widths}{rows}</table>"
