"""The README's tables name every key, every block and every shipped cfg."""

import re

import pytest

from audetnet.config.binding import parameters
from audetnet.config.options import DataOptions, LossOptions, NetOptions, TrainingOptions
from audetnet.networks.blocks import BUILDERS
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


@pytest.mark.parametrize("block", VOCABULARY)
def test_every_option_of_every_block_has_a_row(block: str) -> None:
    rows = _rows_of(block)
    assert [name for name in parameters(BUILDERS[block]) if f"`{name}`" not in rows] == []


@pytest.mark.parametrize("schema", [TrainingOptions, DataOptions, LossOptions, NetOptions])
def test_every_general_option_is_named(schema: type) -> None:
    assert [name for name in parameters(schema) if f"`{name}`" not in LANGUAGE] == []


def test_every_shipped_cfg_is_named() -> None:
    shipped = {path.name for path in (ROOT / "cfg").glob("*.cfg")}
    table = README[README.index("### Shipped files") : README.index("## Measured")]
    assert set(re.findall(r"`(\w+\.cfg)`", table)) == shipped
