"""Frames and labels of an order of indices, batch by batch, fetched one ahead of their use."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from audetnet.data.cache import PackedFrames
from audetnet.data.frames import FrameSet
from audetnet.data.momu import Indices
from audetnet.errors import UserError

_SMALLEST_TRAINING_BATCH = 2
"""Pairs are shuffled, and batch norm computed, within a batch: one frame alone cannot be trained
on.
"""


@dataclass(frozen=True)
class Batch:
    """B frames on a device: uint8 (B, 3, H, W), labels float32 (B, A) with NaN = unknown."""

    indices: Indices
    frames: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.frames)


Residence = Literal["auto", "on", "off"]
"""Whether all frames lie in the device's memory; auto: on a GPU with room for them."""
RESIDENT_SHARE = 0.5
"""Of a GPU's free memory: the most that frames take by themselves."""


def resident_frames(
    packed: PackedFrames, device: torch.device, residence: Residence
) -> Tensor | None:
    """All packed frames in the device's memory, uint8 (N, 3, H, W), or None where they are to be
    read batch by batch. Raises UserError where they are to be there and do not fit.
    """
    if residence == "off" or (residence == "auto" and not _has_room(prod(packed.shape), device)):
        return None
    try:
        frames = torch.empty(packed.shape, dtype=torch.uint8, device=device)
    except torch.OutOfMemoryError as error:
        size = prod(packed.shape) / 2**30
        raise UserError(
            f"--data-on-device on: the {size:.1f} GiB of frames do not fit into the memory of "
            f"{device}: leave it at auto"
        ) from error
    start = 0
    for block in packed.blocks():
        frames[start : start + len(block)] = torch.from_numpy(block).to(device)
        start += len(block)
    return frames


def _has_room(size: int, device: torch.device) -> bool:
    return device.type == "cuda" and size <= RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]


class Batches:
    """Batches of a set on a device; of ``resident`` frames (see resident_frames) where there are
    any.
    """

    def __init__(
        self,
        frames: FrameSet,
        packed: PackedFrames,
        device: torch.device,
        resident: Tensor | None = None,
    ) -> None:
        self._packed = packed
        self._resident = resident
        self._rows = packed.rows(frames.ids)
        self._labels = frames.labels
        self._device = device

    def __call__(self, cuts: Sequence[Indices]) -> Iterator[Batch]:
        """One batch for each array of indices into the set."""
        if self._resident is not None:
            for cut in cuts:
                rows = self._send_one(torch.from_numpy(self._rows[cut]))
                labels = self._send_one(torch.from_numpy(self._labels[cut]))
                yield Batch(cut, self._resident[rows], labels)
            return
        with ThreadPoolExecutor(max_workers=1) as reader:
            pending = [reader.submit(self._read, cut) for cut in cuts[:1]]
            for following in [*cuts[1:], None]:
                host = pending.pop(0).result() if pending else None
                if following is not None:
                    pending.append(reader.submit(self._read, following))
                if host is not None:
                    yield self._send(host)

    def _read(self, indices: Indices) -> Batch:
        frames = torch.from_numpy(self._packed.gather(self._rows[indices]))
        labels = torch.from_numpy(self._labels[indices])
        return Batch(indices, self._pinned(frames), self._pinned(labels))

    def _pinned(self, host: Tensor) -> Tensor:
        return host.pin_memory() if self._device.type == "cuda" else host

    def _send(self, batch: Batch) -> Batch:
        return Batch(
            batch.indices,
            batch.frames.to(self._device, non_blocking=True),
            batch.labels.to(self._device, non_blocking=True),
        )

    def _send_one(self, host: Tensor) -> Tensor:
        return self._pinned(host).to(self._device, non_blocking=True)


def training_cuts(order: Indices, batch_size: int) -> list[Indices]:
    """An epoch's order cut into batches; a last batch of a single frame is left out of this
    epoch.
    """
    cuts = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [cut for cut in cuts if len(cut) >= _SMALLEST_TRAINING_BATCH]


def evaluation_cuts(count: int, batch_size: int, limit: int | None) -> list[Indices]:
    """Frames 0 to count - 1 in order, cut into batches; with a limit that many, evenly spread over
    the set.
    """
    cuts = [
        np.arange(start, min(start + batch_size, count)) for start in range(0, count, batch_size)
    ]
    if limit is None or limit >= len(cuts):
        return cuts
    chosen = np.linspace(0, len(cuts) - 1, limit).round().astype(int)
    return [cuts[index] for index in chosen]
