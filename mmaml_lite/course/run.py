"""Run lessons with papermill: one, all, or a list of parameter sets, two at a time.

    python -m mmaml_lite run                          every lesson
    python -m mmaml_lite run 4 -p modes=3 -p seed=1   lesson 4 with other parameters
    python -m mmaml_lite run -f runs.yaml             a list of runs, for example

        - {lesson: 4, modes: 2, seed: 0}
        - {lesson: 4, modes: 3, seed: 0, run_name: three-modes}

Each run gets a folder of its own: the executed notebook, an HTML copy whose figures show offline,
and the `metrics.json` that a lesson writes when it is given `out_dir`. All metrics are collected
in `metrics.csv`. Names and values of parameters are checked before anything runs; a failing run
is named and the others go on. Explorers are run as their static twins, which is quicker and what a
page can show; with `MMAML_LITE_STATIC=` in the environment they are live in the kernel.
"""

import argparse
import copy
import csv
import json
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmaml_lite.course.parameters import check_parameters, parameters_of

LESSONS = Path(__file__).resolve().parents[2] / "notebooks"
# As in JupyterLab, code that need not be read is folded; a click opens it.
FOLDED = """{% extends 'lab/index.html.j2' %}
{% block input_group %}{% if 'hide-input' in cell.metadata.get('tags', []) %}
<details><summary style="color:#5f6368;cursor:pointer">code</summary>{{ super() }}</details>
{% else %}{{ super() }}{% endif %}{% endblock input_group %}"""
WIDGET, FIGURE = "application/vnd.jupyter.widget-view+json", "application/vnd.plotly.v1+json"


@dataclass
class Run:
    """One execution of one lesson, and afterwards what came of it."""

    lesson: Path
    parameters: dict[str, Any]
    name: str
    error: str = ""  # empty: all went well
    seconds: float = 0.0
    metrics: dict[str, Any] = field(default_factory=dict)


def find_lesson(wanted: str | int, folder: Path = LESSONS) -> Path:
    """Return the notebook meant by a number ("4"), a name or a path; else ValueError."""
    text = str(wanted)
    if text.endswith(".ipynb") and Path(text).is_file():
        return Path(text)
    known = sorted(folder.glob("*.ipynb"))
    found = [p for p in known if text in (p.name, p.stem, p.stem.split("_")[0].lstrip("0"))]
    if len(found) != 1:
        names = ", ".join(p.stem for p in known) or "none"
        raise ValueError(f"no lesson {text!r} in {folder}; known: {names}")
    return found[0]


def plan(lessons: list[str], sets: list[dict], common: dict, folder: Path = LESSONS) -> list[Run]:
    """Return the runs asked for, each one checked; ValueError for the first that cannot run.

    lessons: numbers, names or paths; none means all. sets: mappings of parameters, each run on
    these lessons or on the one its key `lesson` names; `run_name` names its folder. common:
    parameters of all runs.
    """
    runs = []
    for entry in sets or [{}]:
        if not isinstance(entry, dict):
            raise ValueError(f"a run is a mapping of parameters to values, not {entry!r}")
        given = {k: v for k, v in entry.items() if k not in ("lesson", "run_name")} | common
        wanted = [entry["lesson"]] if "lesson" in entry else lessons
        for lesson in wanted or sorted(folder.glob("*.ipynb")):
            path = find_lesson(lesson, folder)
            parameters = check_parameters(path, given)
            name = "-".join([path.stem, *(f"{k}={v}" for k, v in parameters.items())])
            name = re.sub(r"[^\w.=+-]+", "_", str(entry.get("run_name", name)))
            if name in (run.name for run in runs):
                raise ValueError(f"two runs are called {name}; give them a `run_name` each")
            runs.append(Run(path, parameters, name))
    return runs


def execute(run: Run, out: Path, cell_limit: float = 600, run_limit: float = 1800) -> Run:
    """Execute one run into `out/<name>/`; limits in seconds. Errors go into `run.error`."""
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError

    start = time.monotonic()
    folder = (out / run.name).resolve()
    target, metrics = folder / run.lesson.name, folder / "metrics.json"

    def seconds_left(cell) -> float:  # never 0, which would mean no limit
        return max(0.1, min(cell_limit, start + run_limit - time.monotonic()))

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in (target, target.with_suffix(".html"), metrics):
            old.unlink(missing_ok=True)
        extra = {"out_dir": str(folder)} if "out_dir" in parameters_of(run.lesson) else {}
        papermill.execute_notebook(
            str(run.lesson),
            str(target),
            run.parameters | extra,
            # The kernel's folder. Papermill's own `cwd` would move this process, with all threads.
            resources={"metadata": {"path": str(run.lesson.parent)}},
            kernel_name="python3",
            language="python",
            progress_bar=False,
            timeout_func=seconds_left,
            extra_arguments=["--log-level=CRITICAL"],  # kernels grumble: at tcp, when stopped
        )
        run.metrics = json.loads(metrics.read_text()) if metrics.exists() else {}
    except PapermillExecutionError as error:
        run.error = f"In [{error.exec_count}]: {error.ename}: {error.evalue}"
    except Exception as error:
        run.error = " ".join(f"{type(error).__name__}: {error}".split())
    if target.exists():  # after a failure it holds the traceback
        notebook = nbformat.read(target, as_version=4)
        notebook.metadata.pop("widgets", None)  # 5 MB for each live figure
        nbformat.write(notebook, target)
        target.with_suffix(".html").write_text(to_html(notebook), encoding="utf-8")
    run.seconds = time.monotonic() - start
    return run


def to_html(notebook: Any) -> str:
    """Return an executed notebook as an HTML page whose plotly figures need no network.

    plotly.js (5 MB) is put in once, however many figures there are. Live widgets and progress
    bars are left out: without a kernel they are dead. Of an output that also holds its static twin,
    as an explorer's does, the twin stays. Cells tagged `hide-input` are folded.
    """
    import jinja2
    import nbconvert
    import plotly.io

    notebook = copy.deepcopy(notebook)
    plotly_js = True
    for cell in notebook.cells:
        outputs = []
        for output in cell.get("outputs", []):
            dead = output.get("data", {}).pop(WIDGET, None) is not None
            if not dead or FIGURE in output["data"]:
                outputs.append(output)
        for data in (o["data"] for o in outputs if FIGURE in o.get("data", {})):
            figure = data.pop(FIGURE)
            data["text/html"] = plotly.io.to_html(
                {"data": figure["data"], "layout": figure["layout"]},
                include_plotlyjs=plotly_js,
                full_html=False,
                validate=False,
            )
            plotly_js = False
        if "outputs" in cell:
            cell["outputs"] = outputs
    exporter = nbconvert.HTMLExporter(
        require_js_url="",  # RequireJS would catch plotly.js and hide it from the page
        extra_loaders=[jinja2.DictLoader({"folded.html.j2": FOLDED})],
        template_file="folded.html.j2",
    )
    return exporter.from_notebook_node(notebook)[0]


def collect(runs: list[Run], out: Path) -> str:
    """Write `metrics.csv`, one row a run; return the same table as text, one column a run."""
    rows = []
    for run in runs:
        row = {"run": run.name, "seconds": round(run.seconds, 1), "error": run.error}
        rows.append(row | run.parameters | _flat(run.metrics))
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with open(out / "metrics.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    lines = [[name, *(_short(row.get(name, "")) for row in rows)] for name in columns]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(t.ljust(w) for t, w in zip(line, widths, strict=True)) for line in lines
    )


def _flat(metrics: dict, prefix: str = "") -> dict[str, Any]:
    flat = {}
    for name, value in metrics.items():
        inner = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{name}.") if inner else {prefix + name: value}
    return flat


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)[:60]


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; return 1 if a run failed, 2 if none could start."""
    parser = argparse.ArgumentParser("python -m mmaml_lite run", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("lessons", nargs="*", help="number, name or path; none: all")
    parser.add_argument("-p", action="append", default=[], metavar="NAME=VALUE", dest="values")
    parser.add_argument("-f", type=Path, metavar="RUNS.yaml", dest="file", help="a list of runs")
    parser.add_argument("--out", type=Path, default=Path("build/notebooks"))
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time (default 2)")
    parser.add_argument("--cell-limit", type=float, default=600, help="seconds (default 600)")
    parser.add_argument("--run-limit", type=float, default=1800, help="seconds (default 1800)")
    given = parser.parse_args(arguments)
    try:
        if bad := [v for v in given.values if "=" not in v]:
            raise ValueError(f"-p wants NAME=VALUE, not {bad[0]!r}")
        sets = []
        if given.file:
            import yaml

            sets = yaml.safe_load(given.file.read_text())
            if not isinstance(sets, list):
                raise ValueError(f"{given.file} must hold a list of runs, see --help")
        runs = plan(given.lessons, sets, dict(v.split("=", 1) for v in given.values))
    except (ValueError, OSError) as error:
        print(f"nothing was run: {error}", file=sys.stderr)
        return 2
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # kernels run side by side
    os.environ.setdefault("MMAML_LITE_STATIC", "1")
    given.out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(given.jobs) as pool:
        limits = (given.cell_limit, given.run_limit)
        for future in as_completed([pool.submit(execute, r, given.out, *limits) for r in runs]):
            run = future.result()
            print(f"{run.name}: {run.error or 'done'} ({run.seconds:.0f} s)", flush=True)
    print(f"\n{collect(runs, given.out)}\n\nresults are in {given.out}")
    return int(any(run.error for run in runs))
