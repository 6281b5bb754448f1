"""Promises about the whole project: who imports whom, at what cost, and one list of versions."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "mmaml_lite"
# Who may import whom: a module sees its own row and those before it, never a later one.
ROWS = [
    [
        "registry",
        "domains",
        "tasks",
        "networks",
        "modulation",
        "encoders",
        "checkpoint",
        "device",
        "published",
    ],
    ["algorithm", "lowrank"],
    ["methods", "recipes"],
    ["runs"],
    ["descent", "outer", "training", "evaluate", "posterior", "floors"],
    ["progress"],
    ["zoo"],
    ["results"],
    ["report", "dial"],
    ["figures", "checks", "contraction", "kernels", "landscape", "maps", "rl", "characters"],
    [
        "comparison",
        "lesson",
        "anatomy",
        "interventions",
        "widgets",
        "lesson_parameters",
        "notebooks",
        "__main__",
    ],
]
ALONE = ["figures"]  # takes arrays, imports nothing of ours
ROW_OF = {name: number for number, row in enumerate(ROWS) for name in row}
CORE = [name for row in ROWS[:-2] for name in row] + ["__init__", "__main__"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = [r for extra in PROJECT["optional-dependencies"].values() for r in extra]


def _part(path: Path) -> str:
    """The name directly under the package: `tasks` for tasks/regression.py."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def _imports(body: list[ast.stmt], inside_functions: bool):
    """Every imported name, `a.b.c`, that stands in this code."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: write imports in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif inside_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [n for n in ast.iter_child_nodes(node) if isinstance(n, ast.AST)]
            yield from _imports(inner, inside_functions)


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    part = _part(path)
    if part == "__init__":
        return
    assert part in ROW_OF, f"give {part} a row in tests/test_project.py"
    for name in _imports(ast.parse(path.read_text(encoding="utf-8")).body, True):
        package, *rest = name.split(".")
        if package != "mmaml_lite" or not rest or rest[0] in (part, "__version__"):
            continue
        assert part not in ALONE, f"{part} takes arrays and imports nothing of ours, not {name}"
        assert ROW_OF.get(rest[0], 99) <= ROW_OF[part], f"{part} must not know {name}"


@pytest.mark.parametrize(
    "path", [p for p in FILES if _part(p) in CORE], ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_the_core_imports_four_packages_and_the_standard_library(path):
    allowed = {"mmaml_lite", "torch", "numpy", "safetensors", "tqdm"} | sys.stdlib_module_names
    for name in _imports(ast.parse(path.read_text(encoding="utf-8")).body, False):
        assert name.split(".")[0] in allowed, f"import {name} inside the function that uses it"


def _python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_costs_less_than_a_second_beyond_torch():
    code = (
        "import torch, time; start = time.process_time(); import mmaml_lite; "
        "print(time.process_time() - start)"
    )
    costs = []
    for _ in range(3):  # processor time, and the best of three: load on the machine does not count
        costs.append(float(_python(code)))
        if costs[-1] < 1:
            return
    raise AssertionError(f"`import mmaml_lite` took {costs} s of processor time")


def test_the_core_runs_where_only_torch_numpy_safetensors_and_tqdm_are():
    """Every package named in an extra is hidden, as on a bare GPU machine."""
    hidden = sorted({_name(r).replace("-", "_") for r in EXTRAS} | {"yaml", "IPython", "scipy"})
    modules = [
        ".".join(p.relative_to(ROOT).with_suffix("").parts) for p in FILES if _part(p) in CORE
    ]
    modules = [m.removesuffix(".__init__") for m in modules]
    _python(f"""
import importlib, sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0].lower() in {hidden}:
            raise ModuleNotFoundError(f"hidden: {{name}}", name=name)
sys.meta_path.insert(0, Hide())
for module in {modules}:
    importlib.import_module(module)
""")


def test_environment_yml_repeats_no_version():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = environment["dependencies"]
    assert [d for d in conda if d != "pip"] == ["python=3.12"]
    assert pip == {"pip": ["-e .[notebooks]"]}


def test_constraints_pin_every_dependency_by_name_and_version_only():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [p for p in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", p)] == []
    pinned = {_name(p) for p in pins}
    asked = [*PROJECT["dependencies"], *EXTRAS]
    assert {_name(r) for r in asked} - pinned == set()
    assert not {p for p in pinned if p.startswith(("nvidia-", "cuda-", "triton"))}
    assert {"torch==2.14.1", "torchvision==0.29.1"} <= set(pins)


def _name(requirement: str) -> str:
    """The normal form of the name in `Some_Package>=1.0`."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()
