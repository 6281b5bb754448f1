"""Find a Chromium for the browser tests, or get one; print the path of its program.

Tried in this order: the path in `MMAML_BROWSER`; a browser on PATH; playwright's own download;
Debian's package, as root where apt-get exists. Needs nothing but playwright.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
ADVICE = (
    "the browser tests need a Chromium: install one (Debian: apt-get install chromium; others: "
    "python -m playwright install --with-deps chromium) or put its path into MMAML_BROWSER"
)


def find() -> str | None:
    """Return the path of a Chromium that is here already, or None."""
    own = os.environ.get("MMAML_BROWSER")
    candidates = [own] if own else [shutil.which(name) for name in NAMES]
    for path in candidates:
        # A browser in a snap sees neither our temporary folders nor a profile outside its home.
        if path and "snap" not in Path(path).resolve().parts and _starts([path, "--version"], 20):
            return path
    return None if own else _from_playwright()


def get() -> str:
    """Return the path of a Chromium, installing one if need be.

    Raises SystemExit with one line of advice if none can be had.
    """
    if path := find():
        return path
    if os.environ.get("MMAML_BROWSER"):
        raise SystemExit(f"MMAML_BROWSER does not start: {os.environ['MMAML_BROWSER']}")
    # Fail soon where the download is out of reach, but leave a slow line time to finish.
    quick = {"PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "10000"}
    _starts([sys.executable, "-m", "playwright", "install", "chromium"], 300, **quick)
    if path := find():
        return path
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        _starts(["apt-get", "update", "-qq"], 300, **quiet)
        packages = ["chromium", "fonts-dejavu-core"]
        _starts(
            ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages], 600, **quiet
        )
        if path := find():
            return path
    raise SystemExit(ADVICE)


def _from_playwright() -> str | None:
    """Return playwright's own Chromium if it is downloaded and its libraries are there."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        path = p.chromium.executable_path
    return path if Path(path).exists() and _starts([path, "--version"], 20) else None


def _starts(command: list[str], seconds: float, **environment: str) -> bool:
    """Run a command quietly; True if it ended well in time."""
    try:
        done = subprocess.run(
            command,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | environment,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


if __name__ == "__main__":
    print(get())
