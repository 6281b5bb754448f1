"""Accuracy of few-shot classification: by steps and shots, by company, by mode; and Table 2.

One line in a notebook of your own:

    accuracy_explorer("strokes-5way-1shot", cast("strokes-5way-1shot"), 40)
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import ipywidgets as W

from mmaml_lite.characters.domain import METHODS, SETTING, named
from mmaml_lite.characters.learner import CharacterLearner
from mmaml_lite.characters.published import OMNIGLOT
from mmaml_lite.characters.report import percent as as_printed
from mmaml_lite.core import zoo
from mmaml_lite.core.results import read_results, results_path
from mmaml_lite.course import figures
from mmaml_lite.course.figures.accuracy import SCALES, AccuracyView, CompanyView, ModesView, spoken
from mmaml_lite.course.figures.numerals import change
from mmaml_lite.course.studies.cast import Cast
from mmaml_lite.course.studies.players import cast
from mmaml_lite.course.studies.probes import (
    SOURCE_WORDS,
    by_mode,
    by_shots,
    by_steps,
    company,
    company_share,
    deal,
    described,
)
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets.explorer import Explorer, as_output

DRAWN = 6  # queries that are drawn as lines; more would hide each other
CELLS = ("5way-1shot", "5way-5shot", "20way-1shot", "20way-5shot")
QUOTED = {  # what was not read in the method's own paper
    "Siamese nets (Koch 2015)": "quoted in MAML's Table 1",
    "matching nets (Vinyals 2016)": "quoted in MAML's Table 1",
    "Meta-SGD (Li 2017)": "its paper, as others quote it",
    "SNAIL (Mishra 2018)": "its paper, as others quote it",
}
KINDS = {
    "support": "statistics of the examples",
    "blend": "statistics of the examples and its own",
    "transductive": "transductive: statistics of the queries",
}


def accuracy_explorer(
    setting: str,
    cast: Cast,
    tasks: int = 40,
    shots: Sequence[int] = (1, 2, 5, 10),
    steps: int = 8,
    seed: int = 0,
) -> Explorer:
    """Explorer of accuracies that are measured first, on `tasks` episodes (seconds): its axis."""
    first = next(iter(cast.values())).settings
    measured = AccuracyView(
        steps=by_steps(cast, steps, tasks, seed=seed),
        shots=by_shots(cast, shots, tasks, seed=seed),
        chance=1 / first.ways,
        episodes=tasks,
        trained=max(model.settings.train_steps for model in cast.values()),
        words=described(setting).capitalize(),
    )
    controls = {
        "scale": C.choice("axis", {words: key for key, words in SCALES.items()}, "accuracy"),
    }
    screen = W.Output(layout={"min_height": "440px"})

    @cache
    def picture(scale: str) -> dict[str, Any]:  # there are two: each is drawn once
        return as_output(figures.accuracy(replace(measured, scale=scale)))

    def draw(screen: W.Output, view: AccuracyView) -> None:
        screen.outputs = (picture(view.scale),)

    return Explorer(
        "accuracy",
        controls,
        lambda scale: replace(measured, scale=scale),
        figures.accuracy,
        draw,
        accuracy_summary,
        screen=screen,
        models=cast.values(),
    )


def accuracy_summary(view: AccuracyView) -> str:
    """What steps and further examples bring each method."""
    told = []
    for key, stats in view.steps.items():
        label, more = figures.METHOD_STYLES[key].label, view.shots[key]
        ends = [spoken(stats[0]), spoken(stats[-1])] if len(stats) > 1 else [spoken(stats[0])]
        stages = f" (step 0 and {len(stats) - 1})" if len(stats) > 1 else ""
        many = max(more)
        told.append(
            f"<b>{label}</b> {' → '.join(ends)}{stages}; with {many} examples each "
            f"{spoken(more[many])}"
        )
    return "; ".join(told) + f". {view.words}, {view.episodes} episodes."


def company_view(setting: str, model: zoo.Model, tasks: int = 20, seed: int = 0) -> CompanyView:
    """All that `figures.company` draws: one episode in detail, and the changes over `tasks`."""
    own = model.settings.normalisation
    learner: CharacterLearner = model.learner
    kinds = list(dict.fromkeys([own, "transductive"]))
    found = company(learner, deal(model.settings, 1, 10, seed=seed), kinds)
    right = {k: found.answer[k] == found.truth[:, None] for k in kinds}
    return CompanyView(
        certainty={k: found.certainty[k][:DRAWN].numpy() for k in kinds},
        right={k: right[k][:DRAWN].numpy() for k in kinds},
        names=found.names,
        headings={k: KINDS[k] for k in kinds},
        changed=company_share(model, tasks, seed),
        episodes=tasks,
        words=f"{described(setting).capitalize()}, {model.label}",
    )


def stages_by_mode(
    setting: str, cast: Cast, tasks: int = 40, seed: int = 0
) -> tuple[dict[str, dict[str, Any]], str]:
    """Accuracy of every stage, source -> key -> stats, and on how many episodes.

    From the stored results where they hold all of these weights, else measured now.
    """
    path = results_path(f"characters/{setting}")
    if path.is_file():
        results = read_results(f"characters/{setting}")
        records = {k: results["methods"].get(model.key) for k, model in cast.items()}
        if all(r and r["iterations"] == cast[k].settings.iterations for k, r in records.items()):
            found: dict[str, dict[str, Any]] = {}
            for key, record in records.items():
                kind = record["normalisations"][cast[key].settings.normalisation]
                for name, stages in kind["modes"].items():
                    found.setdefault(name, {})[key] = stages
            return found, f"{results['episodes']:,} episodes, from the stored results"
    settings = named(setting, "maml")
    return by_mode(cast, settings, tasks, seed), f"{tasks} episodes of each, measured just now"


def modes_view(setting: str, tasks: int = 40, seed: int = 0) -> ModesView | None:
    """All that `figures.mode_accuracy` draws for two sources; None where weights are missing.

    Raises OmniglotMissing where it has to be measured on drawings that are not here.
    """
    held = {key: model for key, model in cast(setting).items() if key in ("maml", "mumomaml")}
    if len(held) < 2:
        return None
    both, words = stages_by_mode(setting, held, tasks, seed)
    alone: dict[str, dict[str, Any]] = {}
    found = SETTING.fullmatch(setting)
    for name in found["sources"].split("+"):
        one = f"{name}-{found['ways']}way-{found['shots']}shot"
        single = {key: model for key, model in cast(one).items() if key in held}
        if single:
            stages = stages_by_mode(one, single, tasks, seed)[0][name]
            alone[name] = {key: s[-1] for key, s in stages.items()}
    return ModesView(
        both={name: {k: s[-1] for k, s in rows.items()} for name, rows in both.items()},
        alone=alone,
        names={name: SOURCE_WORDS[name] for name in both},
        episodes=words.capitalize(),
    )


def two_mode_settings(ways: int = 5) -> list[str]:
    """Settings of two sources whose weights the zoo holds, and the one it should hold at least."""
    held = {name.split("/")[1] for name, _, _ in zoo.available() if name.startswith("characters/")}
    sources = {found["sources"] for setting in held if (found := SETTING.fullmatch(setting))}
    first, two = "strokes+inverted_strokes", {s for s in sources if "+" in s}
    return [f"{s}-{ways}way-1shot" for s in (first, *sorted(two - {first}))]


def scoreboard() -> str:
    """Table 2 as an HTML table: the cited papers' numbers, and ours on Omniglot and on strokes."""
    rows = [
        {"method": name, "how": QUOTED.get(name, "its paper")}
        | {cell: _printed(row[cell]) for cell in CELLS if cell in row}
        for name, row in OMNIGLOT.items()
    ]
    rows.append({"method": "MuMoMAML (the paper)", "how": "we could not read the table"})
    episodes = set()
    for source, where in (("omniglot", "ours"), ("strokes", "ours, invented characters")):
        mine: dict[tuple[str, str], dict[str, Any]] = {}
        for cell in CELLS:
            path = results_path(f"characters/{source}-{cell}")
            if not path.is_file():
                continue
            results = read_results(f"characters/{source}-{cell}")
            episodes.add(results["episodes"])
            for key, record in results["methods"].items():
                for kind, measured in record["normalisations"].items():
                    row = mine.setdefault((key, kind), _row(key, kind, where))
                    mark = "*" if record["provisional"] else ""
                    mark += "°" if "trained_for" in record else ""
                    row[cell] = as_printed(measured["stages"][-1]) + mark
        rows += mine.values()
    columns = {"method": "method", "how": "how obtained"}
    columns |= {cell: cell.replace("way-", "-way, ").replace("shot", " shot") for cell in CELLS}
    count = " or ".join(f"{n:,}" for n in sorted(episodes))
    ours = (
        f"Ours: {count} test episodes with MAML's kind of split, characters turned in the test "
        "too. 'Transductive' is how the literature's numbers were obtained as far as we know; the "
        "other rows answer every query by itself. * trained shorter than its recipe asks for; "
        "° by the weights of 5 ways and 1 shot. "
        if episodes
        else "Ours: not evaluated yet. "
    )
    says = (
        "Accuracy in per cent, ± its 95 % interval. Rows above ours are the cited papers' own "
        f"numbers: other splits, other networks. {ours}Invented characters are another task: "
        "compare those rows with each other only."
    )
    return figures.table(rows, columns, says, words=["how"], label="Table 2")


def difference(setting: str) -> str:
    """MuMoMAML against MAML on the same stored episodes, in one sentence of Markdown."""
    held, path = cast(setting), results_path(f"characters/{setting}")
    if not path.is_file() or not {"maml", "mumomaml"} <= held.keys():
        return f"*Skipped: no stored results of MAML and MuMoMAML for {setting} yet.*"
    results = read_results(f"characters/{setting}")
    names = [f"{held[k].key}, {held[k].settings.normalisation}" for k in ("maml", "mumomaml")]
    found = results["paired"].get(" - ".join(sorted(names)))
    if found is None:
        return f"*Skipped: the stored results for {setting} are of other weights.*"
    sign = 1 if names[0] > names[1] else -1
    found = {name: 100 * found[name] * by for name, by in (("mean", sign), ("ci95", 1))}
    mean, half = found["mean"], found["ci95"]
    verdict = "above" if mean > half else "below" if mean < -half else "not told apart from"
    return (
        f"{described(setting).capitalize()}: MuMoMAML − MAML = **{change(found, 2)}** per cent "
        f"points over {results['episodes']:,} episodes; here MuMoMAML is {verdict} MAML."
    )


def _printed(number: tuple[float, float | None]) -> str:
    """A published accuracy with its interval, where one is printed."""
    accuracy, half = number
    return f"{accuracy}" + ("" if half is None else f" ± {half}")


def _row(key: str, kind: str, where: str) -> dict[str, Any]:
    """The head of a row of ours, for a record such as "paper/maml"."""
    recipe, method = key.split("/")
    return {
        "method": METHODS[method].label + ("" if recipe == "paper" else f" ({recipe})"),
        "how": f"{where}; {kind}",
        "strong": method == "mumomaml-film" and kind != "transductive",
    }
