"""The tables of the pages name every key, block, objective, cfg, row of the report and extra."""

import re
from pathlib import Path

import pytest

from audetnet.config.binding import parameters
from audetnet.config.options import DataOptions, LossOptions, NetOptions, TrainingOptions
from audetnet.config.reader import parse_config
from audetnet.disentangling.measure import all_measures
from audetnet.objectives.objective import Objective
from audetnet.vocabulary import VOCABULARY
from tests.conftest import ROOT
from tests.pages import CFG_LANGUAGE, INSTALLATION, REPORT_ROWS, SHIPPED_CFGS


def _rows_of(block: str) -> str:
    """The table rows of a block: from its own row to that of the next block."""
    found = re.search(
        rf"^\|[^|]*`\[{re.escape(block)}\]`.*?(?=^\| `\[|\Z|^$)", CFG_LANGUAGE, re.M | re.S
    )
    assert found is not None, f"[{block}] has no row"
    return found[0]


def _rows_of_all() -> str:
    """The rows of what every objective takes."""
    found = re.search(r"^\| all \|.*?(?=^\| `\[)", CFG_LANGUAGE, re.M | re.S)
    assert found is not None
    return found[0]


@pytest.mark.parametrize("block", VOCABULARY.blocks)
def test_every_option_of_every_block_has_a_row(block: str) -> None:
    rows = _rows_of(block)
    options = parameters(VOCABULARY.blocks[block])
    assert [name for name in options if f"`{name}`" not in rows] == []


@pytest.mark.parametrize("objective", VOCABULARY.objectives)
def test_every_option_of_every_objective_has_a_row(objective: str) -> None:
    rows = _rows_of(objective)
    shared = set(parameters(Objective))
    options = parameters(VOCABULARY.objectives[objective])
    assert shared <= options.keys()
    assert [name for name in options if name not in shared and f"`{name}`" not in rows] == []


def test_the_options_of_all_objectives_have_a_row() -> None:
    rows = _rows_of_all()
    assert [name for name in parameters(Objective) if f"`{name}`" not in rows] == []


def test_the_example_of_objectives_is_one(tmp_path: Path) -> None:
    """It stands in the place of the lambdas of a shipped file, without its critics."""
    (example,) = re.findall(r"```\n(\{Objectives\}\n.*?)```", CFG_LANGUAGE, re.S)
    text = (ROOT / "cfg" / "no_discriminator.cfg").read_text()
    lambdas = re.findall(r"^.*_lambda.*\n", text, re.M) + re.findall(
        r"^reconstruction_loss_function.*\n", text, re.M
    )
    for line in lambdas:
        text = text.replace(line, "")
    config = parse_config(f"{text}\n{example}", tmp_path / "a.cfg", VOCABULARY)
    named = re.findall(r"^\[(.*)\]", example, re.M)
    assert [each.type for each in config.objectives] == ["au_loss", *named]


@pytest.mark.parametrize("schema", [TrainingOptions, DataOptions, LossOptions, NetOptions])
def test_every_general_option_is_named(schema: type) -> None:
    assert [name for name in parameters(schema) if f"`{name}`" not in CFG_LANGUAGE] == []


def test_every_shipped_cfg_is_named() -> None:
    shipped = {path.name for path in (ROOT / "cfg").glob("*.cfg")}
    assert set(re.findall(r"`(\w+\.cfg)`", SHIPPED_CFGS)) == shipped


def test_every_row_of_the_report_is_explained() -> None:
    explained = {int(number) for number in re.findall(r"^\| (\d+) \|", REPORT_ROWS, re.M)}
    assert explained == {row.number for measure in all_measures() for row in measure.rows}


def test_every_extra_is_explained() -> None:
    listed = (ROOT / "pyproject.toml").read_text().split("[project.optional-dependencies]\n")[1]
    extras = set(re.findall(r"^(\w+) = \[", listed.split("\n[")[0], re.M))
    assert set(re.findall(r"^\| `(\w+)` \|", INSTALLATION, re.M)) == extras
