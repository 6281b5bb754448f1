"""Numbers in the docs come out of commands: the tables there are what the commands print."""

import json
from pathlib import Path

import pytest

from mmaml_lite.core import zoo
from mmaml_lite.core.results import read_results
from mmaml_lite.regression import report

ROOT = Path(__file__).parent.parent
SETTINGS = sorted(p.stem for p in (ROOT / "data/results/regression").glob("*-mode*.json"))


@pytest.mark.parametrize("name", SETTINGS)
def test_the_docs_hold_the_table_that_report_prints(name):
    table = report.markdown(read_results(f"regression/{name}"))
    assert table in (ROOT / "docs/regression.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SETTINGS)
def test_results_belong_to_the_shipped_weights(name):
    """Every model of the zoo is in the results, with the iterations that its weights had."""
    setting = f"regression/{name}"
    results = read_results(setting)
    for entry, recipe, seed in zoo.available(setting):
        method = f"{recipe}/{entry.split('/')[-1]}"
        model = zoo.load(entry, recipe, seed)
        assert str(seed) in results["methods"][method]["seeds"]
        assert results["methods"][method]["iterations"] == model.settings.iterations
    assert results["tasks"] >= 25_000
    assert json.dumps(results)  # plain values throughout


@pytest.mark.parametrize("name", SETTINGS)
def test_nothing_beats_the_floors(name):
    """Bayes, told the mode, is below Bayes, which is below every method that is not told."""
    results = read_results(f"regression/{name}")
    floors = {k: v["mean"] for k, v in results["floors"].items()}
    assert floors["bayes_mode_known"] < floors["bayes"] < floors["label_linear"]
    for key, method in results["methods"].items():
        told = "multi" in key
        floor = floors["bayes_mode_known" if told else "bayes"]
        assert method["stages"][-1]["mean"] > floor
