"""A training run of policies while it goes on: walks to a few goals, and the returns so far."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmaml_lite.course.figures.navigation import earned, plane_axes, rings, strokes
from mmaml_lite.course.figures.style import INK, METHOD_STYLES, SOFT, finish, refill

WORST = -120  # the returns' axis ends here: what is worse is drawn at its end


@dataclass(frozen=True)
class PolicyTrainingView:
    """A policy learner at one moment of its training.

    goals `(panels, 2)`; paths `(2, panels, n, H, 2)` and returns `(2, panels)`, before the gradient
    steps and after. Of the run: curve `(records, 3)`: outer step, return before and after; centres
    `(modes, 2)` and spread; floors: "goal", "mode" -> return; modulated: whether it is MuMoMAML;
    step: outer steps so far; iterations: those planned.
    """

    goals: np.ndarray
    paths: np.ndarray
    returns: np.ndarray
    curve: np.ndarray
    centres: np.ndarray
    spread: float
    floors: Mapping[str, float]
    modulated: bool
    step: int = 0
    iterations: int = 0


def policy_training(view: PolicyTrainingView) -> go.Figure:
    """One panel for each goal, with the walks before and after the gradient steps; the returns."""
    panels, style = len(view.goals), METHOD_STYLES["mumomaml" if view.modulated else "maml"]
    layout = [[{}] * panels, [{"colspan": panels}, *[None] * (panels - 1)]]
    fig = make_subplots(
        2,
        panels,
        specs=layout,
        row_heights=[0.55, 0.45],
        vertical_spacing=0.14,
        horizontal_spacing=0.03,
        subplot_titles=[" "] * (panels + 1),
    )
    circles = rings(view.centres, view.spread)
    before = {"color": SOFT, "width": 1, "dash": "dot"}
    after = {"color": style.color, "width": 1.5}
    for column in range(1, panels + 1):
        for trace in (
            go.Scatter(
                x=circles[:, 0],
                y=circles[:, 1],
                mode="lines",
                name="training goals",
                line={"color": "#9a9a9a", "width": 1},
            ),
            go.Scatter(mode="lines", name="before", line=before),
            go.Scatter(mode="lines", name="after the step", line=after),
            go.Scatter(
                mode="markers",
                name="hidden goal",
                marker={
                    "symbol": "star",
                    "size": 15,
                    "color": "#F0E442",
                    "line": {"color": INK, "width": 1.5},
                },
            ),
        ):
            trace.update(legendgroup=trace.name, showlegend=column == 1, hoverinfo="skip")
            fig.add_trace(trace, 1, column)
        plane_axes(fig, 1, column, column, labels=column == 1)
        fig.update_xaxes(title_text="", dtick=1, row=1, col=column)
        fig.update_yaxes(dtick=1, row=1, col=column)
    for name, line in (("before", before | {"width": 2}), ("after", after | {"width": 2.5})):
        fig.add_trace(
            go.Scatter(
                mode="lines+markers",
                name=name,
                showlegend=False,
                line=line,
                marker={"size": 5},
                hovertemplate=f"step %{{x}}, {name}: %{{y:.1f}}<extra></extra>",
            ),
            2,
            1,
        )
    for name, dash in (("goal", "longdash"), ("mode", "dashdot")):
        fig.add_hline(
            y=view.floors[name],
            line={"color": SOFT, "dash": dash, "width": 1.5},
            row=2,
            col=1,
            annotation={"text": f"told the {name}", "font": {"size": 11, "color": SOFT}},
            annotation_position="bottom right" if name == "mode" else "top right",
        )
    fig.update_xaxes(
        title={"text": "outer steps", "font_size": 13, "standoff": 2},
        range=[0, 1.01 * view.iterations],
        row=2,
        col=1,
    )
    fig.update_yaxes(title_text="return", range=[WORST, 8], row=2, col=1)
    says = (
        "**What to see.** Above: walks to four goals (stars, which no policy sees; the circles are "
        "the density of all goals), dotted before the gradient step, coloured after it, with the "
        "weights of this moment and always the same random numbers; over each its return, before → "
        "after. Below: the mean return of the "
        "meta-batches, which are always fresh goals, before and after the gradient step. Grey "
        "lines: what one earns who is told the goal, or only its mode."
    )
    finish(fig, 520, f"{style.label} in training, live", says, "")
    fig.update_annotations(font_size=13)
    fig.update_layout(
        margin={"t": 118, "l": 52, "r": 12, "b": 44}, legend={"y": 0.945, "font_size": 12}
    )
    fig.layout.annotations[panels].update(x=0, xanchor="left")
    redraw_policy_training(fig, view)
    return fig


def redraw_policy_training(fig: go.Figure, view: PolicyTrainingView) -> None:
    """Put a later moment of the run into a figure made by `policy_training`."""
    circles = rings(view.centres, view.spread)
    data, heads = [], []
    for (x, y), paths, (before, after) in zip(
        view.goals, view.paths.swapaxes(0, 1), view.returns.T, strict=True
    ):
        data += [{"x": circles[:, 0], "y": circles[:, 1]}, strokes(paths[0]), strokes(paths[1])]
        data.append({"x": [x], "y": [y]})
        heads.append(f"{earned(before)} →<br><b>{earned(after)}</b>")
    step, *returns = view.curve.T
    data += [{"x": step, "y": np.maximum(values, WORST)} for values in returns]
    refill(fig, data)
    heads.append(f"<b>return of the meta-batches</b>, step {view.step:,}")
    for note, text in zip(fig.layout.annotations, heads, strict=False):  # then the floors' names
        note.text = text
    told = "; ".join(f"{earned(a)}, {earned(b)}" for a, b in view.returns.T)
    fig.layout.meta = dict(fig.layout.meta) | {
        "alt": f"After {view.step} outer steps; return before and after the gradient step, goal "
        f"by goal: {told}."
    }
