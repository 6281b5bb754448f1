"""Command line: train, evaluate, report, dial, run, settings.

`train` needs torch, numpy, safetensors and tqdm alone.
"""

import argparse
import ast
import importlib
import re
import sys
from pathlib import Path
from typing import Any

from mmaml_lite.core import zoo
from mmaml_lite.core.checkpoint import write_atomically
from mmaml_lite.core.domain import TrainingDiverged, domain, known_domains
from mmaml_lite.core.evaluation import evaluate_setting, tabulated
from mmaml_lite.core.progress import Progress
from mmaml_lite.core.settings import described
from mmaml_lite.core.training import train


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
    if "seed" in changes:
        raise ValueError("seed is an option of its own, not for --set: --seed 1")
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


def command_evaluate(args: argparse.Namespace) -> None:
    """Evaluate all models of the settings, and their floors, on the shared test tasks."""
    for setting in args.settings:
        evaluate_setting(setting, args.tasks, args.device)


def command_report(args: argparse.Namespace) -> None:
    """Print the tables from stored results, or put them at the end of a Markdown page."""
    from mmaml_lite.core.results import read_results

    tables = [tabulated(read_results(setting)) for setting in args.settings]
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
    for line in described(settings):
        print(line)


def command_dial(args: argparse.Namespace) -> None:
    """Measure the mode-mix dial of lesson 2: sinusoid tasks alone, one to five families."""
    from mmaml_lite.course.studies.dial import measure_and_store

    measure_and_store(args.tasks)


def command_run(args: argparse.Namespace) -> int:
    """Run lessons with papermill; `run --help` says more."""
    from mmaml_lite.course.run import main as run_notebooks

    return run_notebooks(args.rest)


class Help(argparse.Action):
    """Help on a command; with the name of an experiment before -h, on its domain, too."""

    def __init__(self, option_strings: list[str], dest: str):
        says = "show this help; NAME -h: what NAME's domain has, too"
        super().__init__(option_strings, dest, nargs=0, help=says)

    def __call__(self, parser, namespace, values, option_string=None):
        """Print it and leave."""
        name = getattr(namespace, "name", None)
        parser.epilog = f"domains: {', '.join(known_domains())}"
        if name is not None:
            kind = domain(name.partition("/")[0])
            parser.epilog = "\n".join(
                [
                    f"methods: {', '.join(kind.methods)}",
                    f"recipes: {', '.join(kind.recipes)}",
                    "settings, with their defaults:",
                    *described(kind.settings()),
                ]
            )
        parser.print_help()
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """The command line, with help for every option."""
    top = argparse.ArgumentParser(prog="python -m mmaml_lite", description=__doc__)
    top.add_argument(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="MODULE",
        help="import a module first, one that registers your own family, method or domain",
    )
    commands = top.add_subparsers(required=True, metavar="command")

    def experiment(name: str, function) -> argparse.ArgumentParser:
        form = argparse.RawDescriptionHelpFormatter
        p = commands.add_parser(name, help=function.__doc__, add_help=False, formatter_class=form)
        p.set_defaults(function=function)
        p.add_argument("name", help="domain/setting/method: regression/2-modes/mumomaml-film")
        p.add_argument("-h", "--help", action=Help)
        p.add_argument("--recipe", default="paper", help="paper (the default), ours, ...")
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
    imports = argparse.ArgumentParser(add_help=False)
    imports.add_argument("--import", dest="imports", action="append", default=[])
    try:
        for module in imports.parse_known_args(argv)[0].imports:
            importlib.import_module(module)
        args, rest = parser().parse_known_args(argv)
        args.rest = rest
        if rest and args.function is not command_run:
            parser().error(f"unrecognised arguments: {' '.join(rest)}")
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
