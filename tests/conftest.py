"""What tests of several rooms need: one thread a test process, the shipped data, edited cfgs."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported; processes share the cores


@pytest.fixture
def minimal_data() -> Path:
    """The dataset directory that is shipped."""
    return ROOT / "minimal_dataset"


@pytest.fixture
def edited_cfg(tmp_path: Path) -> Callable[..., Path]:
    """Writes cfg/minimal.cfg, with texts replaced, to a temporary file and returns its path."""

    def write(*replacements: tuple[str, str], name: str = "edited.cfg") -> Path:
        text = (ROOT / "cfg" / "minimal.cfg").read_text()
        for old, new in replacements:
            assert text.count(old) >= 1, f"cfg/minimal.cfg does not hold {old!r}"
            text = text.replace(old, new, 1)
        path = tmp_path / name
        path.write_text(text)
        return path

    return write
