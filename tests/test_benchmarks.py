"""The benchmark of the inner loops runs: it compares nothing that does not agree."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_inner_loops_agree_with_a_loop_over_tasks_before_they_are_timed():
    script = ROOT / "benchmarks" / "adaptation.py"
    quick = ["--quick", "--seconds", "0.1", "--tables", "eager"]
    done = subprocess.run(
        [sys.executable, script, *quick], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    names = [row[0].removeprefix("| ") for row in rows[2:]]
    assert {"loop", "reference", "fast"} <= set(names)
