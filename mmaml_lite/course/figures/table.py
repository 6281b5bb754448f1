"""Tables of numbers, as HTML that a notebook and a screen reader both understand."""

from collections.abc import Mapping, Sequence
from html import escape


def table(
    rows: Sequence[Mapping[str, str]],
    columns: Mapping[str, str],
    says: str = "",
    words: Sequence[str] = (),
) -> str:
    """An HTML table: columns maps a key of the rows to its heading; numbers are right-aligned.

    words: keys of columns that hold words, as the first one does, and are left-aligned.

    A row whose key `strong` is true is set in bold, one whose key `floor` is true in grey.
    """

    def cell(tag: str, text: str, first: bool, extra: str = "") -> str:
        side = "left" if first else "right"
        look = f"text-align:{side};padding:4px 12px;font-variant-numeric:tabular-nums;{extra}"
        look += "white-space:nowrap;" if tag == "td" and not first else ""
        return f"<{tag} style='{look}'>{text}</{tag}>"

    left = {*list(columns)[:1], *words}
    head = "".join(cell("th", heading, key in left) for key, heading in columns.items())
    body = ""
    for row in rows:
        extra = "font-weight:bold;" if row.get("strong") else ""
        extra += "font-style:italic;" if row.get("floor") else ""
        cells = [cell("td", escape(str(row.get(k, ""))), k in left, extra) for k in columns]
        body += f"<tr>{''.join(cells)}</tr>"
    look = "text-align:left;caption-side:bottom;padding-top:6px"
    top = f"<caption style='{look}'>{escape(says)}</caption>"
    return f"<table>{top}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
