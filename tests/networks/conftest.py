"""Networks of a few blocks."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from audetnet.config.reader import read_config
from audetnet.networks.graph import Plan, plan
from audetnet.networks.shapes import Shape
from audetnet.vocabulary import VOCABULARY
from tests.config.cfg_texts import encoder_text, written

Planner = Callable[[Shape, str], Plan]


def planned_blocks(directory: Path, source: Shape, blocks: str) -> Plan:
    """The plan of an Encoder with these blocks for a source."""
    path = written(directory, encoder_text(source, blocks))
    return plan(read_config(path, VOCABULARY).networks["Encoder"], source)


@pytest.fixture
def planned(tmp_path: Path) -> Planner:
    """Plans the blocks of a cfg text for a source."""
    return partial(planned_blocks, tmp_path)
