"""The pages of the project: links lead somewhere, each is reached, no line is too long."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pages import DOCS, page

ROOT_PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
SITE_PAGES = sorted(DOCS.glob("*.md"))
PAGES = [*ROOT_PAGES, *SITE_PAGES]
WIDTH = 120
"""Of lines, except rows of tables and pictures, which cannot be wrapped."""


def _prose(path: Path) -> str:
    """The text without code."""
    text = re.sub(r"^```.*?^```$", "", page(path), flags=re.M | re.S)
    return re.sub(r"`[^`]*`", "", text)


def _links(path: Path) -> list[str]:
    """The targets of links and pictures, except addresses on the web."""
    targets = re.findall(r"\]\(([^)]*)\)", _prose(path))
    return [target for target in targets if not target.startswith(("http://", "https://"))]


def _anchors(path: Path) -> set[str]:
    """Of the titles of a page, as code hosts and mkdocs both write them."""
    text = re.sub(r"^```.*?^```$", "", page(path), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    broken = []
    for link in _links(path):
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.is_file() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("path", SITE_PAGES, ids=lambda path: path.name)
def test_pages_link_to_nothing_outside_the_site(path: Path) -> None:
    outside = [link for link in _links(path) if "/" in link.split("#")[0]]
    assert outside == []


def test_the_readme_leads_to_every_page() -> None:
    linked = {(ROOT / link.split("#")[0]).resolve() for link in _links(ROOT / "README.md")}
    assert [path.name for path in PAGES[1:] if path.resolve() not in linked] == []


def test_every_picture_is_shown() -> None:
    shown = {(path.parent / link).resolve() for path in PAGES for link in _links(path)}
    pictures = [path for path in DOCS.iterdir() if path.suffix in {".png", ".jpg"}]
    assert [path.name for path in pictures if path.resolve() not in shown] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_lines_are_wrapped(path: Path) -> None:
    lines = enumerate(page(path).splitlines(), start=1)
    long = [n for n, line in lines if len(line) > WIDTH and not line.startswith(("|", "!["))]
    assert long == []
