"""docs/promises.md promises nothing that no test shows."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pages import PROMISES, README

HEAD = ["fault", "what happens", "shown by"]
TEST = re.compile(r"`(tests/[^`]*)`")
LINES = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PROMISES.splitlines()
    if line.startswith("|") and not line.startswith("|---")
]
ROWS = {cells[0]: cells for cells in LINES if cells != HEAD}


@cache
def _tests_in(path: Path) -> set[str]:
    """Names of the test functions of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = (node.name for node in tree.body if isinstance(node, ast.FunctionDef))
    return {name for name in names if name.startswith("test_")}


def test_every_fault_is_promised_once() -> None:
    assert len(ROWS) == len(LINES) - LINES.count(HEAD) > 50


def test_every_class_has_a_table() -> None:
    for section in PROMISES.split("\n## ")[1:]:
        assert "| fault | what happens | shown by |\n|---|---|---|\n| " in section, section[:40]


@pytest.mark.parametrize("fault", ROWS)
def test_every_promise_is_shown_by_tests_that_are_there(fault: str) -> None:
    assert len(ROWS[fault]) == len(HEAD) and all(ROWS[fault])
    shown_by = ROWS[fault][-1]
    named = TEST.findall(shown_by)
    assert named and not TEST.sub("", shown_by).strip()
    for test in named:
        file, name = test.split("::")
        assert (ROOT / file).is_file() and name in _tests_in(ROOT / file), test


def test_the_readme_leads_to_the_page() -> None:
    assert "(docs/promises.md)" in README
