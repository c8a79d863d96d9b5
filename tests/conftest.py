"""What tests of several rooms need: one thread a test process, the shipped data, edited cfgs."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported; processes share the cores
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic, where a test asks


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked cuda are skipped where there is no GPU."""
    if item.get_closest_marker("cuda"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device; torch finds none here")


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


@pytest.fixture
def narrow_resnet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ResNet50 whose stages are as narrow and short as can be, for tests that want some stem: its
    first layers and the channels of all are the same, and it is built ten times as fast.
    """
    from functools import partial

    from torchvision.models import ResNet
    from torchvision.models.resnet import Bottleneck

    narrow = partial(ResNet, Bottleneck, [1, 1, 1, 1], width_per_group=1, num_classes=1)
    monkeypatch.setattr("torchvision.models.resnet50", lambda weights=None: narrow())
