"""Methods of a setting side by side: the table, and what distances and learning curves draw."""

from typing import Any

from mmaml_lite.core import zoo
from mmaml_lite.core.results import read_results
from mmaml_lite.course import figures
from mmaml_lite.course.figures.distance import DistancesView
from mmaml_lite.course.figures.learning import LearningView
from mmaml_lite.regression.domain import METHODS
from mmaml_lite.regression.published import REGRESSION
from mmaml_lite.regression.report import FLOOR_LABELS, FLOORS, ordered, rows

OPEN = ("MAML", "Multi-MAML", "LSTM learner", "MuMoMAML FiLM")  # as the paper trains them
RECIPE_NOTES = {"ours": ", our recipe", "exact": ", clipped as the authors do"}


def scoreboard(modes: int) -> str:
    """The papers' numbers, ours and the floors, as an HTML table: five rows, and more to unfold."""
    results = read_results(f"regression/{modes}-modes")
    shown, folded = [], []
    for row in rows(results):
        plain = row["recipe"] == "paper" and row["method"].removesuffix(" (provisional)") in OPEN
        bound = row["method"] == FLOORS["bayes"]
        (shown if plain or bound else folded).append(row)
        row["floor"] = row["recipe"] == "floor"
        row["strong"] = row["method"].startswith("MuMoMAML FiLM")
        row["method"] += RECIPE_NOTES.get(row["recipe"], "")
    columns = {
        "method": "method",
        "iterations": "iterations",
        "seeds": "seeds",
        "paper 2018": "paper 2018",
        "paper 2019": "paper 2019",
        "post modulation": "post modulation",
        "post adaptation": "post adaptation",
        "x Bayes": "× Bayes",
    }
    says = (
        "Mean squared error on noisy targets, five shots. The papers' columns are post adaptation "
        f"and have no interval; ours are over {results['tasks']:,} test tasks, the same for every "
        "row, ± the 95 % interval; of several seeds, the mean. × Bayes: how many times the error "
        "of the best predictor. 'Our recipe' has the same examples and as many gradient steps, but "
        "another encoder (if any) and another training."
    )
    return figures.table(shown, columns, says, folded=folded)


def distances(results: dict[str, Any]) -> DistancesView:
    """What `figures.distances` draws of a setting: every error as a multiple of Bayes.

    The recipes `paper` and `ours`; what else was trained stands in the table alone.
    """
    bayes = results["floors"]["bayes"]["mean"]
    setting = results["setting"].split("/")[1]
    printed = {"paper 2018": "P1", "paper 2019": "P2"}
    marks: dict[str, dict[str, tuple[float, float, bool]]] = {
        source: {} for source in ("paper", "ours", *printed)
    }
    seeds: dict[str, list[tuple[str, float]]] = {}
    for key, record in ordered(results["methods"]):
        recipe = key.split("/")[0]
        if recipe not in marks:
            continue
        label = record["label"].removesuffix(" (provisional)")
        times = record["x_bayes"]
        marks[recipe][label] = times["mean"], times["ci95"], record["provisional"]
        if len(record["seeds"]) > 1:
            runs = [(label, seed["mean"] / bayes) for seed in record["seeds"].values()]
            seeds.setdefault(recipe, []).extend(runs)
    for method, papers in REGRESSION.get(setting, {}).items():
        for source, paper in printed.items():
            if paper in papers:
                value = papers[paper][1] / bayes
                marks[source][METHODS[method].label] = value, float("nan"), False
    labels = [method.label for method in METHODS.values()]
    return DistancesView(
        title=f"{len(results['families'])} modes",
        methods=list(dict.fromkeys([*labels, *marks["ours"], *marks["paper"]])),
        marks=marks,
        seeds=seeds,
        floors={
            label.removeprefix("Bayes, "): results["floors"][k]["mean"] / bayes
            for k, label in FLOOR_LABELS.items()
        },
    )


CURVES = {  # what `learning` draws: recipe and method -> label, key of figures.METHOD_STYLES, dash
    "paper/maml": ("MAML", "maml", "solid"),
    "paper/multi-maml": ("Multi-MAML", "multi-maml", "solid"),
    "paper/mumomaml-film": ("MuMoMAML FiLM", "mumomaml", "solid"),
    "ours/tuned-maml": ("tuned MAML, our recipe", "maml", "dot"),
    "ours/tuned-multi-maml": ("tuned Multi-MAML, our recipe", "multi-maml", "dot"),
    "ours/mumomaml-film": ("MuMoMAML FiLM, our recipe", "mumomaml", "dot"),
}


def learning(results: dict[str, Any]) -> LearningView:
    """What `figures.learning` draws of a setting: how the losses of its trainings fell."""
    curves = {}
    for key, (label, look, dash) in CURVES.items():
        recipe, method = key.split("/")
        path = zoo.weights_path(f"{results['setting']}/{method}", recipe)
        if path.is_file():
            log = zoo.read(path).log
            if log:  # else it was trained for less than a record takes
                curves[label] = look, dash, [r["step"] for r in log], [r["loss"] for r in log]
    floor = results["floors"]["bayes"]["mean"]
    return LearningView(f"{len(results['families'])} modes", floor, curves)
