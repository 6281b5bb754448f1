"""Figures from small seeded arrays: the right traces, names and colours, and words beside them."""

import re
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from mmaml_lite.course import figures
from mmaml_lite.course.figures.distance import DistancesView
from mmaml_lite.course.figures.embedding import EmbeddingMapView
from mmaml_lite.course.figures.fits import FitsView
from mmaml_lite.course.figures.learning import LearningView
from mmaml_lite.course.figures.stages import Posterior
from mmaml_lite.course.figures.table import Html, bar

TASKS, GRID, SHOTS = 3, 41, 5
KEYS = ["mumomaml", "maml", "multi-maml"]
NAMES = ["sinusoid", "linear", "quadratic"]
OKABE_ITO = ["#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#000000"]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def view(rng):
    x = np.linspace(-5, 5, GRID)
    truth = rng.normal(size=(TASKS, GRID))
    return FitsView(
        x=x,
        truth=truth,
        seen_x=rng.uniform(-5, 5, (TASKS, SHOTS)),
        seen_y=rng.normal(size=(TASKS, SHOTS)),
        curves={key: truth + i * np.ones((2, TASKS, GRID)) for i, key in enumerate(KEYS)},
        headings=NAMES,
        bayes=Posterior(truth, truth - 1, truth + 1),
    )


@pytest.fixture
def stages(rng):
    errors = {
        key: np.array([12.0, 4.0, 2.0, 1.5, 1.2, 1.0]) / (i + 1) for i, key in enumerate(KEYS)
    }
    halves = {key: np.full(6, 0.1) for key in KEYS}
    return errors, halves, 12.5, {"label-linear": 0.9, "Bayes": 0.25, "Bayes, told": 0.18}


@pytest.fixture
def every(view, stages, rng):
    points, mode = rng.normal(size=(30, 2)), np.arange(30) * TASKS // 30
    marked = {"linear": np.zeros(2)}
    return {
        "fits": figures.fits(view),
        "error_by_stage": figures.error_by_stage(*stages),
        "embedding_map": figures.embedding_map(
            EmbeddingMapView(points, mode, NAMES, ["a task"] * 30, marked)
        ),
    }


def panel(fig, axis, **wanted):
    """Traces of the panel with this x axis that have these attributes."""
    drawn = [t for t in fig.data if (t.xaxis or "x") == axis]
    return [t for t in drawn if all(getattr(t, k) == v for k, v in wanted.items())]


def test_each_method_and_each_mode_has_a_look_of_its_own():
    methods, modes = figures.METHOD_STYLES.values(), figures.MODE_STYLES.values()
    assert len({(s.color, s.dash) for s in methods}) == len(methods)
    assert len({s.color for s in modes}) == len({s.symbol for s in modes}) == len(modes)
    main = {figures.METHOD_STYLES[key].color for key in KEYS}
    assert len(main) == 3 and not main & {s.color for s in modes}
    assert main | {s.color for s in modes} == set(OKABE_ITO)
    assert len({figures.METHOD_STYLES[key].dash for key in KEYS}) == 3  # colour is not the only cue


def test_fits_draws_every_method_in_every_panel(view):
    fig = figures.fits(view)
    for number in range(2 * TASKS):
        axis = f"x{number + 1}" if number else "x"
        row, task = divmod(number, TASKS)
        for key in KEYS:
            (trace,) = panel(fig, axis, legendgroup=key)
            assert np.array_equal(trace.y, view.curves[key][row, task])
            assert trace.line.color == figures.METHOD_STYLES[key].color
            assert trace.line.dash == figures.METHOD_STYLES[key].dash
        (truth,) = panel(fig, axis, legendgroup="truth")
        assert np.array_equal(truth.y, view.truth[task])
        (seen,) = panel(fig, axis, legendgroup="seen")
        assert np.array_equal(seen.x, view.seen_x[task])
    listed = [t.name for t in fig.data if t.showlegend]
    methods = ["MuMoMAML", "MAML", "Multi-MAML (told the mode)", "Bayes (90 % band)"]
    assert sorted(listed) == sorted(["true function", "points seen", *methods])


def test_the_number_beside_a_curve_is_its_squared_distance_from_the_truth(view):
    texts = [a.text for a in figures.fits(view).layout.annotations]
    assert len(texts) == 2 * TASKS
    for text in texts:
        numbers = re.findall(r"> ([\w-]+) <b>([\d.]+)</b>", text)
        assert dict(numbers) == {
            "MuMoMAML": "0.00",
            "MAML": "1.00",
            "Multi-MAML": "4.00",
            "Bayes": "0.00",
        }


def test_diverged_predictions_are_drawn_off_the_chart(view):
    view.curves["maml"] = np.full((2, TASKS, GRID), np.inf)
    view.curves["multi-maml"] = np.full((2, TASKS, GRID), np.nan)
    fig = figures.fits(view)
    assert all(np.isfinite(np.asarray(t.y, float)).all() for t in fig.data)
    assert "off the chart" in fig.layout.annotations[0].text
    low, high = fig.layout.yaxis.range
    assert high - low < 20


def test_fits_without_bayes_has_no_band(view):
    fig = figures.fits(replace(view, bayes=None))
    assert not [t for t in fig.data if t.fill] and "grey band" not in figures.caption(fig)


def test_error_by_stage_shows_errors_floors_and_shares(stages):
    errors, halves, start, floors = stages
    fig = figures.error_by_stage(*stages)
    for key in KEYS:
        (line,) = [
            t
            for t in fig.data
            if t.type == "scatter" and t.name.startswith(figures.METHOD_STYLES[key].legend)
        ]
        assert line.y == (start, *errors[key])
        assert line.error_y.array == (0, *halves[key])
    assert sorted(s.y0 for s in fig.layout.shapes) == sorted(floors.values())
    assert {f"{k}: {v:.2f}" for k, v in floors.items()} <= {a.text for a in fig.layout.annotations}
    bars = [t for t in fig.data if t.type == "bar"]
    assert [b.name for b in bars] == ["modulation, or start", "step 1", "steps 2–5", "still there"]
    assert np.allclose(sum(np.array(b.x) for b in bars), 100)
    assert np.isclose(bars[0].x[0], 100 * (12.5 - 12) / (12.5 - 0.25))
    assert np.isclose(bars[3].x[0], 100 * (1 - 0.25) / (12.5 - 0.25))


def test_error_by_stage_needs_no_floors(stages):
    fig = figures.error_by_stage(*stages[:3], {})
    assert not fig.layout.shapes


@pytest.fixture
def distance_views():
    nan = float("nan")
    marks = {
        "paper": {"MAML": (4.0, 0.2, False), "FiLM": (1.5, 0.1, True)},
        "ours": {"FiLM": (1.1, 0.05, False)},
        "paper 2018": {"MAML": (5.0, nan, False)},
    }
    floors = {"Bayes": 1.0, "told": 0.7}
    methods = ["MAML", "nobody's", "FiLM"]
    runs = {"paper": [("MAML", 3.5), ("MAML", 4.5)]}
    return [
        DistancesView("2 modes", methods, marks, {}, floors),
        DistancesView("3 modes", methods, marks, runs, floors),
    ]


def test_distances_mark_every_source_in_the_order_of_the_methods(distance_views):
    fig = figures.distances(distance_views)
    assert fig.layout.yaxis.categoryarray == ("FiLM", "MAML")  # from below
    (runs,) = [t for t in fig.data if t.name == "one seed"]
    assert runs.xaxis == "x2" and [*runs.x] == [3.5, 4.5] and [*runs.y] == ["MAML", "MAML"]
    for axis in ("x", "x2"):
        paper = panel(fig, axis, legendgroup="paper")[0]
        assert [*paper.x] == [4.0, 1.5] and [*paper.error_x.array] == [0.2, 0.1]
        assert [*paper.y] == ["MAML", "FiLM"] and [*paper.text] == ["", "*"]  # the provisional one
        (ours,) = panel(fig, axis, legendgroup="ours")
        assert [*ours.x] == [1.1] and ours.marker.symbol != paper.marker.symbol
        (printed,) = panel(fig, axis, legendgroup="paper 2018")
        assert [*printed.x] == [5.0] and printed.marker.symbol.endswith("-open")
        (nothing,) = panel(fig, axis, legendgroup="paper 2019")
        assert len(nothing.x) == 0
    assert len([t for t in fig.data if t.showlegend]) == 4
    assert {round(s.x0, 1) for s in fig.layout.shapes} == {0.7, 1.0}
    low, high = 10 ** np.array(fig.layout.xaxis.range)
    assert low < 0.7 and high > 5
    assert "FiLM (ours, our recipe) 1.10" in figures.alt(fig)


def test_learning_curves_are_means_between_log_spaced_steps():
    steps = np.arange(100, 10_001, 100)
    curves = {"MAML": ("maml", "dot", steps, np.where(steps <= 5000, 4.0, 2.0))}
    fig = figures.learning([LearningView("2 modes", 0.2, curves)])
    (line,) = [t for t in fig.data if t.name == "MAML"]
    assert line.line.color == figures.METHOD_STYLES["maml"].color and line.line.dash == "dot"
    assert line.x[0] == 100 and line.x[-1] == 10_000 and len(line.x) < 25
    assert line.y[0] == 4 and line.y[-1] == 2 and (np.diff(line.y) <= 0).all()
    assert [s.y0 for s in fig.layout.shapes] == [0.2]
    assert "2.00 at step 10,000" in figures.alt(fig)


def test_embedding_map_has_a_colour_and_a_shape_for_each_mode(every):
    fig = every["embedding_map"]
    assert [t.name for t in fig.data] == NAMES
    assert [len(t.x) for t in fig.data] == [10, 10, 10]
    for trace in fig.data:
        assert trace.marker.color == figures.MODE_STYLES[trace.name].color
        assert trace.marker.symbol == figures.MODE_STYLES[trace.name].symbol
    assert [a.text for a in fig.layout.annotations] == ["<b>linear</b>"]


def test_a_family_of_ones_own_is_drawn_as_well(rng):
    fig = figures.embedding_map(
        EmbeddingMapView(rng.normal(size=(4, 2)), np.zeros(4, int), ["step"])
    )
    assert fig.data[0].name == "step"


@pytest.mark.parametrize("name", ["fits", "error_by_stage", "embedding_map"])
def test_every_figure_is_legible_and_comes_with_words(every, name):
    fig = every[name]
    assert isinstance(fig, go.Figure)
    assert figures.caption(fig).startswith("**What to see.** ") and len(figures.alt(fig)) > 30
    assert "nan" not in fig.to_json().lower().replace("nanum", "")
    sizes = [fig.layout.font.size, fig.layout.legend.font.size]
    sizes += [a.font.size for a in fig.layout.annotations if a.font.size]
    assert min(sizes) >= 12
    assert fig.layout.title.text and fig.layout.height >= 400
    text = fig.to_json()
    assert "$" not in text  # LaTeX in a plotly label stays raw text in JupyterLab


def test_a_table_escapes_marks_and_aligns():
    rows = [
        {"method": "A < B", "x": "1.0", "strong": True},
        {"method": "floor", "x": "", "floor": True},
    ]
    html = figures.table(rows, {"method": "method", "x": "× Bayes"}, "what & why")
    assert "A &lt; B" in html and "what &amp; why" in html and "× Bayes" in html
    assert html.count("<tr>") == 3 and "font-weight:bold" in html and "italic" in html
    assert html.count("scope='col'") == 2 and html.count("scope='row'") == 2


def test_html_in_a_table_is_left_as_it_is_and_all_other_text_escaped_once():
    rows = [{"who": Html("<i>&amp;</i>"), "share": bar(90, "#222"), "time": "< 1 ms"}]
    html = figures.table(rows, {"who": "", "share": "right & wrong", "time": ""})
    assert "<i>&amp;</i></th>" in html and "width:90px" in html and "&lt; 1 ms</td>" in html
    assert html.count("right &amp; wrong</th>") == 1
    assert html.count("scope='col'") == 1, "nothing heads a column without a heading"
    assert "<caption" not in html
    bare = figures.table(rows, {"who": "", "time": ""}, "& so on")
    assert "<thead" not in bare and "&amp; so on</caption>" in bare
