"""What only a GPU can show: the results of a CPU, the same bits after a stop, no waiting."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from audetnet.data.augment import Augmentation, Draws
from audetnet.data.batches import Batches, resident_frames
from audetnet.data.cache import PackedFrames
from audetnet.data.frames import FrameSet
from audetnet.objectives.forward import Forward
from audetnet.training.meter import Meter
from tests.training.conftest import assert_same_bits, waiting_refused
from tests.training.test_step import Bench, a_batch
from tests.whole_batches import whole_batch

pytestmark = pytest.mark.cuda
GPU = "cuda:0"
TWO_STEPS = (
    ("max_epochs=4", "max_epochs=1"),
    ("epoch_size=32", "epoch_size=8"),
    ("sampling_size=2", "sampling_size=1"),
    ("decay_lr_over_last_n_epochs=2", "decay_lr_over_last_n_epochs=1"),
)
"""A batch of the critics and one of all networks."""
Train = Callable[..., Path]


@pytest.fixture
def full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convolutions in float32, not in TF32."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.fixture
def drawn_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same draws on every device, although their generators differ."""
    draw = Augmentation.draw

    def drawn(
        self: Augmentation, count: int, size: Sequence[int], generator: torch.Generator
    ) -> Draws:
        own = torch.Generator().manual_seed(generator.initial_seed())
        draws = draw(self, count, size, own)
        return Draws(
            *(getattr(draws, n).to(generator.device) for n in ("flip", "factors", "noise"))
        )

    def uniform(self: Forward, *shape: int) -> Tensor:
        own = torch.Generator().manual_seed(self.draws.generator.initial_seed())
        return torch.rand(shape, generator=own).to(self.noisy.device)

    monkeypatch.setattr(Augmentation, "draw", drawn)
    monkeypatch.setattr(Forward, "uniform", uniform)


@pytest.fixture
def repeatable() -> Iterator[None]:
    """Deterministic kernels where torch has them: some default ones sum in any order, such as the
    backward pass of bilinear upsampling.
    """
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)


def record_of(run: Path) -> dict[str, Any]:
    (line,) = (run / "metrics.jsonl").read_text().splitlines()
    record: dict[str, Any] = json.loads(line)
    return record


def stepped(cfg: Path, device: str) -> tuple[list[dict[str, float]], dict[str, Tensor]]:
    """Terms of a batch of the critics and of one of all networks, and the weights after them, by
    plain gradient descent: Adam makes a whole step of rounding where a gradient is 0.
    """
    bench, cpu = Bench(cfg), a_batch()
    bench.model.to(device)
    for name, network in bench.model.networks().items():
        bench.optimisers[name] = torch.optim.SGD(network.parameters(), lr=0.01)
    batch = whole_batch(cpu.frames.to(device), cpu.labels.to(device))
    terms = [
        {name: float(t) for group in bench.step(batch, n, 1, n - 1) for name, t in group.items()}
        for n in (1, 2)
    ]
    return terms, {name: value.cpu() for name, value in bench.model.state_dict().items()}


@pytest.mark.usefixtures("full_precision", "drawn_on_the_cpu")
def test_two_steps_match_the_cpu(edited_cfg: Callable[..., Path]) -> None:
    """Losses, gradient norms and weights."""
    cfg = edited_cfg()
    (terms, weights), (expected, expected_weights) = (stepped(cfg, d) for d in (GPU, "cpu"))
    for own, other in zip(terms, expected, strict=True):
        assert own == pytest.approx(other, rel=1e-3, abs=1e-4)
    for name, value in expected_weights.items():
        torch.testing.assert_close(weights[name], value, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.usefixtures("full_precision", "drawn_on_the_cpu")
def test_metrics_after_two_steps_match_the_cpu(
    train: Train, edited_cfg: Callable[..., Path]
) -> None:
    """Like train.py, including fused Adam: training and test losses agree within 1 %."""
    cfg = edited_cfg(*TWO_STEPS)
    gpu, cpu = (record_of(train(cfg, d[:3], "--device", d)) for d in (GPU, "cpu"))
    assert gpu["step"] == cpu["step"] == 2
    assert gpu["train"].keys() == cpu["train"].keys()
    for name in ("au_loss", "reconstruction_loss", "image_discriminator_penalty"):
        assert gpu["train"][name] == pytest.approx(cpu["train"][name], rel=1e-2), name
    assert gpu["test"]["loss"] == pytest.approx(cpu["test"]["loss"], rel=1e-2)
    assert gpu["test"].keys() == cpu["test"].keys()


@pytest.mark.usefixtures("repeatable")
@pytest.mark.parametrize("stops", [[1], [3, 2], [5]], ids=["at once", "within epochs", "in a test"])
def test_a_stopped_run_resumes_to_the_same_bits(
    stops: list[int], train: Train, quick_cfg: Path, stop_after: Callable[[int | None], None]
) -> None:
    stop_after(None)
    whole = train(quick_cfg, "whole", "--device", GPU)
    for count in stops:
        stop_after(count)
        train(quick_cfg, "stopped", "--device", GPU)
    stop_after(None)
    resumed = train(quick_cfg, "stopped", "--device", GPU)
    for name in ("latest.pt", "best.pt"):
        assert_same_bits(whole / "checkpoints" / name, resumed / "checkpoints" / name)


@pytest.mark.usefixtures("repeatable")
def test_frames_on_the_device_and_frames_read_give_the_same_bits(
    train: Train, quick_cfg: Path
) -> None:
    runs = (train(quick_cfg, d, "--device", GPU, "--data-on-device", d) for d in ("on", "off"))
    assert_same_bits(*(run / "checkpoints" / "latest.pt" for run in runs))


def test_bf16_stays_near_float32(train: Train, edited_cfg: Callable[..., Path]) -> None:
    cfg = edited_cfg(*TWO_STEPS)
    full = record_of(train(cfg, "full", "--device", GPU))
    half = record_of(train(cfg, "half", "--device", GPU, "--bf16"))
    for name in ("au_loss", "reconstruction_loss"):
        assert half["train"][name] == pytest.approx(full["train"][name], rel=0.05), name


@pytest.mark.parametrize("resident", [True, False], ids=["on the device", "pinned"])
def test_batches_come_without_waiting(resident: bool, edited_cfg: Callable[..., Path]) -> None:
    """Frames, labels and terms of whole rounds."""
    device, bench, meter = torch.device(GPU), Bench(edited_cfg()), Meter()
    bench.model.to(device)
    pixels = np.random.default_rng(0).integers(0, 256, (12, 3, 64, 64), np.uint8)
    ids = tuple(map(str, range(12)))
    paths, labels = (Path("none"),) * 12, np.zeros((12, 12), np.float32)
    frames = FrameSet(name="train", ids=ids, paths=paths, subjects=ids, labels=labels)
    packed = PackedFrames(pixels, ids)
    there = resident_frames(packed, device, "on" if resident else "off")
    batches, cuts = Batches(frames, packed, device, there), np.split(np.arange(12), 3)

    def round_of(epoch: int) -> None:
        for index, batch in enumerate(batches(cuts)):
            for terms in bench.step(batch, index + 1, epoch, index):
                meter.add(terms, len(batch), index + 1)

    round_of(1)
    with waiting_refused():
        round_of(2)
