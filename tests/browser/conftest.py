"""A real JupyterLab on a copy of the course, and a real browser that looks at it."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import get_browser
import nbformat
import pytest
from nbformat import v4
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
# The kernel must answer: the toolbar looks idle before there is one. Nothing is awaited inside the
# page, where it could wait for ever (for an answer to "Select Kernel", say).
KERNEL_IDLE = """() => {
    const context = window.jupyterapp?.shell?.currentWidget?.sessionContext;
    return context?.isReady && context.session?.kernel?.status === 'idle';
}"""
# Runs code in the page's kernel, beside the notebook's cells, and keeps what it printed.
IN_KERNEL = """(code) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const said = { text: '', error: '' };
    window.said = null;
    const future = kernel.requestExecute({ code, store_history: false });
    future.onIOPub = ({ header, content }) => {
        if (header.msg_type === 'stream') said.text += content.text;
        if (header.msg_type === 'error') said.error = content.evalue;
    };
    future.done.then(({ content }) => { window.said = { ...said, status: content.status }; });
}"""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Lab:
    """A running JupyterLab; `open` shows one of its notebooks on a new page."""

    def __init__(self, browser, url, token, folder):
        self.browser, self.url, self.token, self.folder = browser, url, token, folder
        self.strangers = []  # requests that left this machine

    def write(self, name, *cells):
        """Put a notebook of these code cells beside the lessons; returns its name."""
        notebook = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, self.folder / name)
        return name

    def open(self, notebook, **options):
        """Return a page that shows the notebook, once its kernel is idle.

        options: the browser's, such as has_touch or device_scale_factor.
        """
        page = self.browser.new_page(**{"viewport": {"width": 1400, "height": 1000}} | options)
        page.set_default_timeout(90_000)
        page.on("request", lambda request: self._watch(request.url))
        page.goto(f"{self.url}lab/tree/notebooks/{notebook}?token={self.token}&reset")
        page.wait_for_function(KERNEL_IDLE)
        return page

    def run_all(self, page, seconds=180):
        """Run all cells and wait for the last; evaluate() alone would wait for ever."""
        page.evaluate(
            "() => { window.ran = false; window.jupyterapp.commands"
            ".execute('notebook:run-all-cells').then(() => { window.ran = true; }); }"
        )
        page.wait_for_function("() => window.ran", timeout=1000 * seconds)

    @contextmanager
    def shown(self, cell, picture, ready, nth=0, seconds=60):
        """The page of a notebook with this one cell, run; its last state is kept as a picture.

        ready, nth: what is waited for; seconds: for that, and for whatever follows.
        """
        page = self.open(self.write(f"{picture.stem}.ipynb", cell))
        self.run_all(page)
        page.set_default_timeout(1000 * seconds)
        page.locator(ready).nth(nth).wait_for()
        yield page
        page.screenshot(path=picture)
        page.close()

    def ask(self, page, code):
        """Run code in the page's kernel and return what it printed; its errors are raised here.

        A kernel drops, unrun, what reaches it just after a cell has failed: that is asked again.
        """
        said = {"status": "aborted"}
        while said["status"] == "aborted":
            page.evaluate(IN_KERNEL, code)
            page.wait_for_function("() => window.said")
            said = page.evaluate("() => window.said")
        assert not said["error"], said["error"]
        return said["text"].strip()

    def _watch(self, url):
        parts = urlparse(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            self.strangers.append(url)


def copy_course(home, fast=True):
    """Copy notebooks/ into `home`, docs/ beside it; `fast` sets the lessons' fast form."""
    folder = home / "notebooks"
    shutil.copytree(ROOT / "docs", home / "docs")
    shutil.copytree(ROOT / "notebooks", folder, ignore=shutil.ignore_patterns(".*", "scripts"))
    for lesson in folder.glob("*.ipynb"):
        notebook = json.loads(lesson.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if "parameters" in cell["metadata"].get("tags", []):
                lines = "".join(cell["source"]).splitlines(keepends=True)
                was = "fast: bool = False"
                assert any(was in line for line in lines), f"{lesson.name} has no fast form"
                if fast:
                    cell["source"] = [line.replace(was, "fast: bool = True") for line in lines]
        lesson.write_text(json.dumps(notebook), encoding="utf-8")
    return folder


@contextmanager
def running(course, home):
    """A Lab on this copy of the course, which keeps all that Jupyter writes in `home`."""
    token = secrets.token_hex(16)
    (home / "config" / "labconfig").mkdir(parents=True)
    quiet = {
        "@jupyterlab/apputils-extension:notification": {
            "fetchNews": "false",
            "checkForUpdates": False,
        },
        # Keep every cell in the page, also those out of sight.
        "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    }
    settings = home / "config" / "labconfig" / "default_setting_overrides.json"
    settings.write_text(json.dumps(quiet), encoding="utf-8")
    own = {
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "IPYTHONDIR": home / "ipython",
    }
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--port=0"),
        *(
            "--allow-root",
            f"--ServerApp.root_dir={course.parent}",
            f"--IdentityProvider.token={token}",
        ),
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.extension_manager=readonly",
        "--LabApp.news_url=None",
    ]
    with open(home / "server.log", "w") as log:
        server = subprocess.Popen(
            command, env=os.environ | {k: str(v) for k, v in own.items()}, stdout=log, stderr=log
        )
    try:
        url = _wait_for_server(server, home, token)
        with sync_playwright() as p:
            browser = p.chromium.launch(
                executable_path=get_browser.get(), headless=True, args=FLAGS
            )
            yield Lab(browser, url, token, course)
            browser.close()
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab and a browser, one for the whole session."""
    course = copy_course(tmp_path_factory.mktemp("course"))
    with running(course, tmp_path_factory.mktemp("jupyter")) as lab:
        yield lab


def _wait_for_server(server, home, token):
    """Return the server's address once it answers."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and server.poll() is None:
        for info in (home / "runtime").glob("jpserver-*.json"):
            try:
                url = json.loads(info.read_text())["url"]
                urllib.request.urlopen(f"{url}api/status?token={token}", timeout=5).close()
                return url
            except (OSError, ValueError):
                pass  # not up yet
        time.sleep(0.2)
    raise RuntimeError("JupyterLab did not start:\n" + (home / "server.log").read_text()[-3000:])


@pytest.fixture(scope="session")
def screenshots():
    folder = ROOT / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
