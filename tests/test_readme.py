"""What the README promises, run: its Python blocks, and the links to files of ours."""

import re
from pathlib import Path

import pytest

from mmaml_lite.core.modulation import MODULATIONS
from mmaml_lite.core.training import train
from mmaml_lite.regression.domain import METHODS, settings_for
from mmaml_lite.regression.tasks import FAMILIES

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LIVE, USE, EXTEND = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_an_explorer_in_one_line():
    names = {}
    exec(LIVE.replace("widgets.fit", "explorer = widgets.fit"), names)
    assert names["explorer"].set(family="linear").view.truth is not None


def test_the_next_block_evaluates_a_shipped_model():
    names = {}
    exec(USE.replace("1000", "200"), names)
    assert names["stages"].shape == (6,) and names["stages"][-1] < names["stages"][0]


def test_a_method_and_a_family_of_ones_own_in_under_fifteen_lines():
    """A new gate, a new method and a sixth family: counted, and trained together."""
    for part in re.split(r"\n\n\n", EXTEND.split("register_modulation\n\n\n")[1]):
        assert len(part.strip().splitlines()) < 15
    exec(EXTEND, {})
    try:
        settings = settings_for(
            "mumomaml-tanh",
            ("step", "linear"),
            iterations=2,
            tasks_per_mode=2,
            engine="fast",
            inner_clip=None,
        )
        assert train(settings, device="cpu").finished
    finally:
        del METHODS["mumomaml-tanh"], MODULATIONS["tanh-gate"], FAMILIES["step"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"
