"""Tables of numbers, as HTML that a notebook and a screen reader both understand."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

CELL = "padding:4px 12px;font-variant-numeric:tabular-nums"


class Html(str):
    """Text that is HTML already: a table takes it as it stands and escapes all other text."""


def bar(pixels: float, color: str) -> Html:
    """A bar of so many pixels, for a column of `words`: there all of them begin at the left."""
    look = f"display:inline-block;height:11px;width:{pixels:.0f}px;background:{color}"
    return Html(f"<span style='{look}'></span>")


def table(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    says: str = "",
    words: Sequence[str] = (),
    folded: Sequence[Mapping[str, Any]] = (),
    label: str = "",
) -> str:
    """An HTML table: columns maps a key of the rows to its heading, which may be "".

    A cell holds text or `Html`; the first one of a row is its heading. Numbers are right-aligned
    and stay on one line. words: keys of columns that hold words, as the first one does, and are
    left-aligned. says: what stands under the table. folded: more rows, which unfold on a click.
    label: names the frame in which a wide table scrolls, which the keyboard then reaches.

    A row whose key `strong` is true is set in bold, one whose key `floor` is true in italics.
    """
    first = next(iter(columns))
    left = {first, *words}

    def cell(tag: str, key: str, text: str, look: str = "") -> str:
        side = "left" if key in left else "right"
        text = text if isinstance(text, Html) else escape(str(text))
        return f"<{tag} style='text-align:{side};{CELL};{look}'>{text}</{tag.split()[0]}>"

    head = "".join(
        cell("th scope='col'" if heading else "td", key, heading)
        for key, heading in columns.items()
    )
    body = ""
    for row in rows:
        look = f"vertical-align:baseline;font-weight:{'bold' if row.get('strong') else 'normal'};"
        look += "font-style:italic;" if row.get("floor") else ""
        body += "<tr>"
        for key in columns:
            tag = "th scope='row'" if key == first else "td"
            wrap = "" if key in left else "white-space:nowrap;"
            body += cell(tag, key, row.get(key, ""), look + wrap)
        body += "</tr>"
    head = f"<thead><tr>{head}</tr></thead>" if any(columns.values()) else ""
    look = "text-align:left;caption-side:bottom;padding-top:6px"
    under = f"<caption style='{look}'>{escape(says)}</caption>" if says else ""
    grid = f"<table style='border-collapse:collapse'>{under}{head}<tbody>{body}</tbody></table>"
    reached = f"tabindex='0' role='region' aria-label='{escape(label)}' " if label else ""
    grid = f"<div {reached}style='overflow-x:auto'>{grid}</div>"  # where the page is narrow
    if folded:
        more = table(folded, columns, words=words)
        grid += f"<details><summary>{len(folded)} more rows</summary>{more}</details>"
    return grid
