"""Networks of a few blocks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from audetnet.config.reader import read_config
from audetnet.networks.blocks import BUILDERS
from audetnet.networks.graph import Plan, plan
from audetnet.networks.shapes import Shape
from tests.config.cfg_texts import encoder_text, written

Planner = Callable[[Shape, str], Plan]


@pytest.fixture
def planned(tmp_path: Path) -> Planner:
    """Plans the blocks of a text for a source."""

    def plan_blocks(source: Shape, blocks: str) -> Plan:
        path = written(tmp_path, encoder_text(source, blocks))
        return plan(read_config(path, BUILDERS).encoder, source)

    return plan_blocks
