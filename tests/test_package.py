"""The files around the package agree with it."""

import re

import audetnet
from tests.conftest import ROOT


def test_the_citation_is_of_this_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.*)$", citation, re.M) == [audetnet.__version__]


def test_the_workflow_runs_the_gate() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert re.findall(r"- run: (.*)$", workflow, re.M) == [".ci/run"]
