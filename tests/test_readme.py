"""The README's tables name every key, block, objective and shipped cfg."""

import re
from pathlib import Path

import pytest

from audetnet.config.binding import parameters
from audetnet.config.options import DataOptions, LossOptions, NetOptions, TrainingOptions
from audetnet.config.reader import parse_config
from audetnet.objectives.objective import Objective
from audetnet.vocabulary import VOCABULARY
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()
LANGUAGE = README[README.index("## The cfg language") : README.index("### Shipped files")]


def _rows_of(block: str) -> str:
    """The table rows of a block: from its own row to that of the next block."""
    found = re.search(
        rf"^\|[^|]*`\[{re.escape(block)}\]`.*?(?=^\| `\[|\Z|^$)", LANGUAGE, re.M | re.S
    )
    assert found is not None, f"[{block}] has no row"
    return found[0]


def _rows_of_all() -> str:
    """The rows of what every objective takes."""
    found = re.search(r"^\| all \|.*?(?=^\| `\[)", LANGUAGE, re.M | re.S)
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
    (example,) = re.findall(r"```\n(\{Objectives\}\n.*?)```", LANGUAGE, re.S)
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
    assert [name for name in parameters(schema) if f"`{name}`" not in LANGUAGE] == []


def test_every_shipped_cfg_is_named() -> None:
    shipped = {path.name for path in (ROOT / "cfg").glob("*.cfg")}
    table = README[README.index("### Shipped files") : README.index("## Measured")]
    assert set(re.findall(r"`(\w+\.cfg)`", table)) == shipped
