"""How things are drawn, the same in every figure of the course.

One colour for each mode and one for each method, from the Okabe-Ito palette, which colour-blind
readers can tell apart; dash or marker shape is the second cue. Every figure carries a caption
(what to see, with its numbers) and an alternative text: `caption(fig)`, `alt(fig)`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

INK, SOFT, GRID = "#222222", "#5f6368", "#ececec"
FONT = "Open Sans, DejaVu Sans, Verdana, Arial, sans-serif"

# An axis that only frames: that of a map has no meaning to read off.
BARE = {
    "showticklabels": False,
    "ticks": "",
    "showgrid": False,
    "zeroline": False,
    "showline": True,
    "mirror": True,
}


@dataclass(frozen=True)
class Style:
    """How one method or one mode is drawn, in every figure of the course."""

    label: str
    color: str
    dash: str = "solid"
    symbol: str = "circle"
    note: str = ""  # stands behind the label in a legend

    @property
    def legend(self) -> str:
        """The label with its note."""
        return f"{self.label} ({self.note})" if self.note else self.label


METHOD_STYLES = {
    "mumomaml": Style("MuMoMAML", "#D55E00", "solid", "circle"),
    "maml": Style("MAML", "#0072B2", "dash", "square"),
    "multi-maml": Style("Multi-MAML", "#CC79A7", "dot", "diamond", "told the mode"),
    "prototypes": Style("prototypical network", "#009E73", "dashdot", "triangle-up"),
    "pretrained": Style("pretrained network", "#882255", "longdash", "pentagon"),
    "tuned-maml": Style("tuned MAML", "#0072B2", "dashdot", "square-open"),
    # the same trained MuMoMAML, its modulation tampered with: same colour, other dashes
    "tau-mean": Style("τ = mean", "#D55E00", "dashdot", "triangle-up"),
    "tau-off": Style("τ off", "#D55E00", "dot", "x"),
    "bayes": Style("Bayes", "#8a8a8a", "solid", "line-ew", "90 % band"),
}
MODE_STYLES = {
    "sinusoid": Style("sinusoid", "#56B4E9", symbol="circle"),
    "linear": Style("linear", "#E69F00", symbol="square"),
    "quadratic": Style("quadratic", "#009E73", symbol="diamond"),
    "tanh": Style("tanh", "#F0E442", symbol="triangle-up"),
    "l1": Style("l1", "#000000", symbol="x"),
}


def mode_style(name: str) -> Style:
    """The style of a mode; families that are not the paper's share one grey."""
    return MODE_STYLES.get(name, Style(name, "#7f7f7f", symbol="cross"))


def mode_marker(name: str, size: float, opacity: float = 1.0, edge: float = 0.5) -> dict[str, Any]:
    """The marker of a mode's tasks on a map; the palest colour gets a dark edge, `edge` wide."""
    style = mode_style(name)
    line = {"width": edge, "color": "white" if name != "tanh" else INK}
    return {
        "color": style.color,
        "symbol": style.symbol,
        "size": size,
        "opacity": opacity,
        "line": line,
    }


def caption(fig: go.Figure) -> str:
    """What to see in a figure, in Markdown."""
    return fig.layout.meta["caption"]


def alt(fig: go.Figure) -> str:
    """The figure in words, for those who cannot see it."""
    return fig.layout.meta["alt"]


def finish(fig: go.Figure, height: int, title: str, says: str, words: str) -> go.Figure:
    """Give the common look: white ground, legible type, the legend on top, caption and words."""
    fig.update_layout(
        height=height,
        paper_bgcolor="white",
        plot_bgcolor="white",
        hovermode="closest",
        font={"family": FONT, "size": 13, "color": INK},
        title={
            "text": title,
            "font": {"size": 16},
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 14},
        },
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "font": {"size": 13},
            "itemwidth": 30,
        },
        meta={"caption": says, "alt": words},
    )
    fig.update_xaxes(gridcolor=GRID, zerolinecolor=GRID, linecolor="#9a9a9a", ticks="outside")
    fig.update_yaxes(gridcolor=GRID, zerolinecolor=GRID, linecolor="#9a9a9a", ticks="outside")
    return fig


def refill(fig: go.Figure, data: Iterable[Mapping[str, Any]]) -> None:
    """Give every trace of a figure new values, in the order of the traces: nothing is rebuilt."""
    for trace, values in zip(fig.data, data, strict=True):
        for name, value in values.items():
            trace[name] = value


def error_text(value: float) -> str:
    """An error in as many digits as a reader can use."""
    if not value < 1000:  # NaN too
        return "off the chart"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"
