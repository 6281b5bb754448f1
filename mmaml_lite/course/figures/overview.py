"""Figure 1 of the paper as a table: every part with its equation, its function and its tensors."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from mmaml_lite.course.figures.style import finish

HEADINGS = ["part", "equation", "computed by", "tensors"]


def parts(
    rows: Mapping[str, Sequence[str]],
    chosen: str = "",
    title: str = "Figure 1 of the paper, with the tensors of a trained model",
) -> go.Figure:
    """A table with one row for each part; rows: key -> the cells under HEADINGS, as HTML.

    chosen: the key of a row to set in bold.
    """
    cells = [[f"<b>{c}</b>" for c in row] if key == chosen else row for key, row in rows.items()]
    fig = go.Figure(
        go.Table(
            columnwidth=[0.9, 2.4, 1.9, 2.6],
            header={"values": HEADINGS, "align": "left", "fill": {"color": "#f3f3f3"}},
            cells={
                "values": list(zip(*cells, strict=True)),
                "align": "left",
                "height": 24,
                "fill": {"color": "white"},
            },
        )
    )
    says = (
        "**What to see.** The upper path looks at the examples and writes τ; the lower path, the "
        "task network, is modulated by it and then learns by gradient steps. Orange: what "
        "modulation adds to MAML; blue: what MAML has as well. Dashed, the inner loop; dotted, the "
        "outer loop. Every shape is read off a tensor of this model."
    )
    names = ", ".join(row[0] for row in rows.values())
    lines = sum(max(cell.count("<br>") + 1 for cell in row) for row in rows.values())
    finish(fig, 120 + 18 * lines + 14 * len(rows), title, says, f"{title}: {names}.")
    return fig.update_layout(margin={"t": 50, "l": 0, "r": 0, "b": 0})
