"""Glossary and lessons point at each other: no link leads nowhere, no entry lacks its lesson."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TEXT = (DOCS / "glossary.md").read_text(encoding="utf-8")
ENTRY = re.compile(r'<a id="([a-z0-9-]+)"></a>\n\*\*(.+?)\*\*: (.+?) \(\[lesson (\d)\]\((\S+?)\)\)')
SYMBOL = re.compile(
    r'^\| <a id="symbol-[a-z-]+"></a>.+?\| \[.+?\]\(#(.+?)\) \| \[\d\]\((\S+)\) \|$', re.M
)
ANCHORS = re.findall(r'<a id="(.+?)"></a>', TEXT)


def words(lesson):
    cells = nbformat.read(lesson, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_every_entry_is_one_plain_sentence_with_the_lesson_it_comes_from():
    entries = ENTRY.findall(TEXT)
    symbols = SYMBOL.findall(TEXT)
    assert len(entries) + len(symbols) == len(ANCHORS) == len(set(ANCHORS))
    for anchor, term, text, number, lesson in entries:
        plain = term.lower().replace("τ", "tau").replace(" = ", "-").replace(" ", "-")
        assert anchor == plain, f"{term}: its anchor should be {plain}"
        assert text.endswith(".") and ". " not in text, f"{term}: one sentence"
        assert len(text) < 160, f"{term}: shorter"
        assert (DOCS / lesson).is_file() and f"/0{number}_" in lesson, f"{term}: {lesson}"
    for term, lesson in symbols:
        assert term in ANCHORS and (DOCS / lesson).is_file()


def test_terms_that_the_lessons_need_are_there():
    needed = "task mode support-set query-set inner-loop outer-loop fast-weights initialisation"
    needed += " embedding modulation modulation-vector block floor bayes film mumomaml"
    assert set(needed.split()) <= set(ANCHORS)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_links_to_entries_that_exist(lesson):
    linked = re.findall(r"\]\(\.\./docs/glossary\.md#([^)]*)\)", words(lesson))
    assert set(linked) <= set(ANCHORS)
    assert "../docs/glossary.md" in words(lesson), "it does not mention the glossary"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_links_in_a_lesson_lead_somewhere(lesson):
    for target in re.findall(r"\]\(([^)#]+)", words(lesson)):
        if "://" not in target:
            assert (lesson.parent / target).exists(), target


def test_links_within_the_glossary_lead_somewhere():
    headings = re.findall(r"^## (.+)$", TEXT, re.M)
    ids = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings} | set(ANCHORS)
    assert set(re.findall(r"\]\(#(.+?)\)", TEXT)) <= ids
