"""What the lines of gpu.py share: sizes, table rows, timing on a device, limits of the device."""

import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from comparing import Action, in_turn, ratio
from scaling import load_of
from trainees import LARGEST, SIZE, Trainee, config_of, mapped_frames

from audetnet.data.momu import Indices
from audetnet.networks.model_plan import plan_model

MINIMAL = Path(__file__).parents[1] / "cfg" / "minimal.cfg"
HEAD = ("line", "way", "measured", "ratio", "of the limit", "peak memory", "remarks")
_REPEATS, _TRIES = 10, 5
_GIBI = 2**30


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table. ``ratio``: speed relative to the first way in the comparison."""

    line: str
    way: str
    measured: str
    ratio: str = ""
    share: str = ""
    memory: str = ""
    remarks: str = ""
    failed: bool = False

    def __str__(self) -> str:
        cells = (self.line, self.way, self.measured, self.ratio, self.share, self.memory)
        return markdown((*cells, self.remarks))


def markdown(cells: tuple[str, ...]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(' '.join(cell.split()).replace('|', '/') for cell in cells)} |"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where to run, and all sizes. ``images``: at least this many per timed round."""

    device: torch.device
    array: Path
    """The packed frames, as written by trainees.made_array."""
    cfg: Path
    frames: int
    size: int
    few: int
    """Batch size at which launching kernels takes longer than running them."""
    medium: int
    many: int
    images: int
    warm_up: int
    rounds: int
    side: int
    """Side of the square matrices whose product measures peak arithmetic throughput."""
    copied: int
    """Bytes of the copies that measure memory bandwidth."""
    deadline: float = field(default=float("inf"))
    """Time (time.monotonic) after which no further round begins."""

    @property
    def on_gpu(self) -> bool:
        return self.device.type == "cuda"

    @property
    def full_precision(self) -> str:
        """The precision in which torch computes float32 convolutions by default."""
        return "TF32" if self.on_gpu else "float32"

    def trainee(self, batch: int, image_critic: bool, **how: Any) -> Trainee:
        """See Trainee for the options; frames are on the device by default."""
        config = config_of(self.cfg, batch, image_critic)
        frames, packed = mapped_frames(self.array)
        how = {"resident": True, **how}
        return Trainee(config, frames, packed, self.device, **how)

    def cuts(self, batch: int) -> list[Indices]:
        """The batches of a round: whole cycles of critic-only batches and a main one."""
        every = config_of(self.cfg, batch).training.train_main_net_every_n_batches
        count = max(1, self.images // (batch * every)) * every
        order = np.random.default_rng(1).permutation(self.frames)
        return np.split(np.resize(order, batch * count), count)

    def settle(self) -> None:
        """Synchronise with the device."""
        if self.on_gpu:
            torch.cuda.synchronize(self.device)

    def settled(self, action: Action) -> Action:
        """The action, followed by synchronisation."""

        def run() -> None:
            action()
            self.settle()

        return run


def gpu_bench(device: torch.device, array: Path) -> Bench:
    """For a GPU like an H100: the largest cfg at 256x256."""
    return Bench(
        device=device,
        array=array,
        cfg=LARGEST,
        frames=2000,
        size=SIZE,
        few=16,
        medium=64,
        many=256,
        images=1280,
        warm_up=2,
        rounds=5,
        side=8192,
        copied=_GIBI // 2,
    )


def cpu_bench(array: Path) -> Bench:
    """As small as possible, to show that it works."""
    return Bench(
        device=torch.device("cpu"),
        array=array,
        cfg=MINIMAL,
        frames=16,
        size=64,
        few=2,
        medium=4,
        many=8,
        images=8,
        warm_up=0,
        rounds=1,
        side=128,
        copied=2**20,
    )


def compared(
    bench: Bench,
    line: str,
    ways: Mapping[str, Action],
    images: int,
    *,
    limits: Mapping[str, float] | None = None,
) -> Iterator[Row]:
    """Time ways of training on ``images`` images in turn, and compare them with the first.
    ``limits``: upper bounds for images/s on this device.
    """
    peaks = dict.fromkeys(ways, 0)

    def watched(way: str, action: Action) -> Action:
        def run() -> None:
            if bench.on_gpu:
                torch.cuda.reset_peak_memory_stats(bench.device)
            action()
            bench.settle()
            if bench.on_gpu:
                peaks[way] = max(peaks[way], torch.cuda.max_memory_allocated(bench.device))

        return run

    actions = {way: watched(way, action) for way, action in ways.items()}
    seconds = in_turn(actions, bench.rounds, warm_up=bench.warm_up, deadline=bench.deadline)
    first = next(iter(ways))
    for way, values in seconds.items():
        rate = images / statistics.median(values)
        limit = (limits or {}).get(way)
        yield Row(
            line=line,
            way=way,
            measured=f"{rate:,.0f} images/s",
            ratio="" if way == first else str(ratio(seconds[first], values)),
            share="" if limit is None else f"{rate / limit:.1%} of {limit:,.0f}",
            memory=f"{peaks[way] / _GIBI:.1f} GiB" if bench.on_gpu else "",
            remarks=f"median of {len(values)} rounds of {images:,} images",
        )


def rate_of(bench: Bench, action: Action, amount: float) -> float:
    """The best rate per second of an action that processes ``amount``."""

    def often() -> None:
        for _ in range(_REPEATS):
            action()

    (values,) = in_turn({"": bench.settled(often)}, _TRIES).values()
    return _REPEATS * amount / min(values)


def arithmetic(bench: Bench, kind: str) -> float:
    """Operations per second of a matrix product in bfloat16, TF32 or float32."""
    dtype = torch.bfloat16 if kind == "bfloat16" else torch.float32
    a, b = (torch.randn(bench.side, bench.side, device=bench.device, dtype=dtype) for _ in "ab")
    torch.set_float32_matmul_precision("high" if kind == "TF32" else "highest")
    try:
        return rate_of(bench, lambda: a @ b, 2 * bench.side**3)
    finally:
        torch.set_float32_matmul_precision("highest")


def image_limits(bench: Bench, batch: int, image_critic: bool) -> dict[bool, float]:
    """Images per second, without and with bf16, if all arithmetic were as fast as a matrix product:
    the operations that scaling.py counts, with critics always in full precision.
    """
    config = config_of(bench.cfg, batch, image_critic)
    trainee = bench.trainee(batch, image_critic, resident=False)
    plan = plan_model(config, (bench.size, bench.size))
    load = load_of(plan, trainee.model, config.training.train_main_net_every_n_batches)
    full = arithmetic(bench, bench.full_precision)
    main = {False: full, True: arithmetic(bench, "bfloat16")}
    own = load.operations - load.critic_operations
    return {bf16: 1 / (own / speed + load.critic_operations / full) for bf16, speed in main.items()}


def time_left(bench: Bench) -> float:
    """Seconds until the deadline, at least one."""
    return max(1.0, bench.deadline - time.monotonic())
