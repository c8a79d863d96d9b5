"""Trainings of cfg/minimal.cfg, in this process, as ``train.py`` would start them."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor

from audetnet.commands.train import main
from audetnet.training.stopping import Stopped, StopRequest
from tests.conftest import ROOT

QUICK = (
    ("max_epochs=4", "max_epochs=2"),
    ("epoch_size=32", "epoch_size=16"),
    ("sampling_size=2", "sampling_size=1"),
)
"""Two epochs of four batches, every second of which trains the main networks."""
DATA = ROOT / "minimal_dataset"
FROZEN_STEM = (
    (
        "[convolutional] # 16x32x32\nbatch_normalise=1\nfilters=16\nkernel_size=4\nstride=2\n"
        "pad=1\nactivation=leaky_relu",
        "[resnet50] # 64x32x32\npretrained=False\nend_at_layer=1\nfreeze_first_n_layers=all\n"
        "[avgpool] # 64x8x8\npool_size=4\nstride=4\n",
    ),
    ("[avgpool] # 64x1x1\npool_size=8\nstride=8", "[avgpool] # 64x1x1\npool_size=2\nstride=2"),
)
"""Edits of cfg/minimal.cfg: its Encoder begins with a frozen stem of random weights."""
REFERENCE = ("stride=4\n\n\n[convolutional]", "stride=4\n\n[person_reference]\n\n[convolutional]")
"""Its people's features at rest are subtracted from the stem's output."""


def data_option(text: str) -> tuple[str, str]:
    """An edit that adds lines to the data options."""
    return "image_size=64", f"image_size=64\n{text}"


@pytest.fixture
def quick_cfg(edited_cfg: Callable[..., Path]) -> Path:
    """cfg/minimal.cfg with fewer and shorter epochs."""
    return edited_cfg(*QUICK, name="quick.cfg")


@pytest.fixture(scope="module")
def short_cfg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for a whole module."""
    text = (ROOT / "cfg" / "minimal.cfg").read_text()
    for old, new in QUICK:
        text = text.replace(old, new, 1)
    path = tmp_path_factory.mktemp("cfg") / "quick.cfg"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def whole(short_cfg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs, both kept. Do not modify."""
    run = tmp_path_factory.mktemp("whole") / "run"
    assert start(short_cfg, run, "--save-every", "1") == 0
    return run


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


def start(cfg: Path, run: Path, *flags: str, data: Path = DATA) -> int:
    """``train.py`` on minimal_dataset; its exit status."""
    arguments = ["--cfg", str(cfg), "--data", str(data), "--run", str(run), "--device", "cpu"]
    return main([*arguments, "--cache", str(cfg.parent / "cache"), *flags])


@pytest.fixture
def train(tmp_path: Path, minimal_data: Path) -> Callable[..., Path]:
    """Trains a cfg on minimal_dataset in a run directory of that name; returns the directory."""

    def run(cfg: Path, name: str, *flags: str) -> Path:
        directory = tmp_path / name
        arguments = ["--cfg", str(cfg), "--data", str(minimal_data), "--run", str(directory)]
        arguments += ["--cache", str(tmp_path / "cache"), "--device", "cpu", *flags]
        assert main(arguments) == 0
        return directory

    return run


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int | None], None]]:
    """Makes a run stop at its n-th check, as if on SIGTERM; None: never."""

    def arm(count: int | None) -> None:
        calls = iter(range(1, 1_000_000))

        def check(self: StopRequest) -> None:
            if count is not None and next(calls) == count:
                raise Stopped("test")

        monkeypatch.setattr(StopRequest, "check", check)

    yield arm


@contextmanager
def waiting_refused() -> Iterator[None]:
    """Inside this context torch raises an error where the host would wait for a GPU."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def saved_tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a checkpoint, including optimiser states and meters, by its path."""
    found: dict[str, Tensor] = {}

    def walk(name: str, value: object) -> None:
        if isinstance(value, Tensor):
            found[name] = value
        elif isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{name}/{key}", inner)
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                walk(f"{name}[{index}]", inner)

    walk("", torch.load(path, weights_only=True))
    assert any("model" in name for name in found) and any("exp_avg" in name for name in found)
    return found


def assert_same_bits(first: Path, second: Path) -> None:
    """Both checkpoints hold the same tensors, bit for bit."""
    a, b = saved_tensors(first), saved_tensors(second)
    assert a.keys() == b.keys()
    different = [name for name in a if not torch.equal(a[name], b[name])]
    assert different == []
