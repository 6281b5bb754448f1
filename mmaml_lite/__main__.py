"""Command line: train, evaluate, report, dial, run, settings.

`train` needs torch, numpy, safetensors and tqdm alone.
"""

import argparse
import ast
import dataclasses
import importlib
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from mmaml_lite.core import zoo
from mmaml_lite.core.checkpoint import write_atomically
from mmaml_lite.core.domain import TrainingDiverged, domain
from mmaml_lite.core.progress import Progress
from mmaml_lite.core.training import train
from mmaml_lite.regression.domain import METHODS
from mmaml_lite.regression.recipes import RECIPES

IN_THE_NAME = {"method", "recipe", "seed", "families", "modes", "ends_within", "modulation", "told"}


def parse_changes(pairs: list[str]) -> dict[str, Any]:
    """Turn ["iterations=100", "init=small"] into settings; ValueError without a '='."""
    changes = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"expected name=value, got {pair!r}")
        try:
            changes[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            changes[name] = value
    return changes


def command_train(args: argparse.Namespace) -> None:
    """Train one named experiment, resumably, and put it into the zoo when it is finished."""
    changes = parse_changes(args.set)
    for name in IN_THE_NAME & set(changes):
        raise ValueError(f"{name} is part of the name or an option of its own, not for --set")
    settings = zoo.zoo_settings(args.name, args.recipe, seed=args.seed, **changes)
    variant = changes if zoo.is_variant(changes) else {}
    if variant and args.snapshots:
        raise ValueError("--snapshots belong to the zoo's own runs, not to one of other settings")
    if not (variant or args.replace):
        zoo.check_replace(settings, args.name)
    path = zoo.run_path(args.name, args.recipe, args.seed, **variant)
    label = f"{args.name} {args.recipe} seed {args.seed}"
    watchers = [Progress(label), *([zoo.Snapshots(args.name)] if args.snapshots else [])]
    run = train(
        settings, path, args.device, watchers, args.seconds, args.threads, compiled=args.compiled
    )
    if run.finished and variant:
        weights = zoo.export(run, args.name, path.with_stem(f"{path.stem}-weights"))
        print(f"other settings than the zoo's, so not in the zoo: {weights}")
    elif run.finished:
        print(f"in the zoo: {zoo.export(run, args.name).name}")
    else:
        print("out of time; the same command goes on")


def report_of(setting: str) -> ModuleType:
    """The module that evaluates and tabulates a setting's domain."""
    return importlib.import_module(domain(setting.partition("/")[0]).report)


def command_evaluate(args: argparse.Namespace) -> None:
    """Evaluate all models of the settings, and their floors, on the shared test tasks."""
    for setting in args.settings:
        report_of(setting).evaluate_setting(setting, args.tasks, args.device)


def command_report(args: argparse.Namespace) -> None:
    """Print the tables from stored results, or put them at the end of a Markdown page."""
    from mmaml_lite.core.results import read_results

    tables = [report_of(setting).markdown(read_results(setting)) for setting in args.settings]
    text = "\n\n".join(tables) + "\n"
    if args.into is None:
        print(text, end="")
    else:
        page = args.into.read_text(encoding="utf-8")
        own = re.split(r"^(?=### \S+/\S+)", page, maxsplit=1, flags=re.MULTILINE)[0]
        write_atomically(args.into, (own + text).encode())


def command_settings(args: argparse.Namespace) -> None:
    """Print every setting of an experiment with its value and meaning."""
    settings = zoo.zoo_settings(args.name, args.recipe)
    for f in dataclasses.fields(settings):
        print(f"{f.name:16} {getattr(settings, f.name)!s:32} {f.metadata['help']}")


def command_dial(args: argparse.Namespace) -> None:
    """Measure the mode-mix dial of lesson 2: sinusoid tasks alone, one to five families."""
    from mmaml_lite.course.studies.dial import measure_and_store

    measure_and_store(args.tasks)


def command_run(args: argparse.Namespace) -> int:
    """Run lessons with papermill; `run --help` says more."""
    from mmaml_lite.course.run import main as run_notebooks

    return run_notebooks(args.rest)


def parser() -> argparse.ArgumentParser:
    """The command line, with help for every option."""
    top = argparse.ArgumentParser(prog="python -m mmaml_lite", description=__doc__)
    top.add_argument(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="MODULE",
        help="import a module first, such as one that registers your own family or method",
    )
    commands = top.add_subparsers(required=True, metavar="command")

    def experiment(name: str, function) -> argparse.ArgumentParser:
        p = commands.add_parser(name, help=function.__doc__)
        p.set_defaults(function=function)
        p.add_argument(
            "name", help=f"such as regression/2-modes/mumomaml-film; methods: {', '.join(METHODS)}"
        )
        p.add_argument("--recipe", default="paper", help=f"such as {', '.join(RECIPES)}")
        return p

    p = experiment("train", command_train)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="change a setting"
    )
    p.add_argument(
        "--snapshots", action="store_true", help="keep the weights at log-spaced steps too"
    )
    p.add_argument("--replace", action="store_true", help="even an entry with more iterations")
    p.add_argument("--device", default="auto", help="auto, cpu or cuda")
    p.add_argument("--threads", type=int, help="on the CPU, by default those that pay off")
    p.add_argument(
        "--for", dest="seconds", type=float, help="stop after this many seconds, resumable"
    )
    p.add_argument(
        "--compile",
        dest="compiled",
        action="store_true",
        help="regression: a minute's compilation, then steps in half to four fifths of the time",
    )
    experiment("settings", command_settings)

    known = [f"regression/{n}-modes" for n in (2, 3, 5)]
    p = commands.add_parser("evaluate", help=command_evaluate.__doc__)
    p.add_argument("settings", nargs="*", default=known)
    p.add_argument("--tasks", type=int, help="by default as many as for stored results")
    p.add_argument("--device", default="cpu")
    p.set_defaults(function=command_evaluate)
    p = commands.add_parser("dial", help=command_dial.__doc__)
    p.add_argument("--tasks", type=int, default=4_000)
    p.set_defaults(function=command_dial)
    p = commands.add_parser("report", help=command_report.__doc__)
    p.add_argument("settings", nargs="*", default=known)
    p.add_argument("--into", type=Path, metavar="PAGE", help="a page that ends with these tables")
    p.set_defaults(function=command_report)
    p = commands.add_parser("run", help=command_run.__doc__, add_help=False)
    p.set_defaults(function=command_run)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run a command; bad input ends with one clear line and exit status 2, not with a traceback."""
    args, rest = parser().parse_known_args(argv)
    args.rest = rest
    if rest and args.function is not command_run:
        parser().error(f"unrecognised arguments: {' '.join(rest)}")
    try:
        for module in args.imports:
            importlib.import_module(module)
        return args.function(args) or 0
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
        return 0
    except (ValueError, OSError, ImportError, TrainingDiverged) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(str(stop) or "stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
