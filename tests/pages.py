"""Which page holds which text, for the tests that hold README.md and docs/ to the code."""

import re
from pathlib import Path

from tests.conftest import ROOT

DOCS = ROOT / "docs"


def page(path: Path) -> str:
    """Its text."""
    return path.read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """The text from a title to the next one of the same level or a higher one."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*)", text, re.M | re.S)
    assert found is not None, title
    # Lines of code that begin with # are none: they have no more than one.
    end = re.search(rf"^#{{2,{max(2, len(found[1]))}}} ", found[2], re.M)
    return found[2][: end.start()] if end else found[2]


README = page(ROOT / "README.md")
ARCHITECTURE = page(DOCS / "architecture.md")
PROMISES = page(DOCS / "promises.md")
INSTALLATION = page(DOCS / "installation.md")
CFG_LANGUAGE = page(DOCS / "cfg.md")
SHIPPED_CFGS = section(CFG_LANGUAGE, "Shipped cfg files")
MAKING_DATA = page(DOCS / "make_data.md")
TRAINING = page(DOCS / "training.md")
SEVERAL_GPUS = page(DOCS / "gpus.md")
REPORT_ROWS = section(page(DOCS / "report.md"), "Rows")
REPORT_COLUMNS = section(page(DOCS / "report.md"), "Columns")
