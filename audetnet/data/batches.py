"""Frames and labels of an order of indices, batch by batch, fetched one ahead of their use."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from math import prod
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from audetnet.data.cache import PackedFrames
from audetnet.data.frames import FrameSet
from audetnet.data.metadata import subject_numbers
from audetnet.data.momu import Indices
from audetnet.distributed.world import World
from audetnet.errors import UserError

_SMALLEST_TRAINING_BATCH = 2
"""Pairs are shuffled, and batch norm computed, within a batch: one frame alone cannot be trained
on.
"""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The part of a batch that this process has: b of its ``length`` frames, on a device."""

    indices: Indices
    """Of the frames in their set, (b,)."""
    frames: Tensor
    """uint8 (b, 3, H, W)."""
    labels: Tensor
    """float32 (b, A), NaN = unknown."""
    subjects: Tensor
    """int64 (b,): see subject_numbers."""
    length: int
    part: slice
    """Which of the batch's frames they are."""

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def share(self) -> float:
        """What means over this part weigh in means over the batch."""
        return len(self) / self.length


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
        world: World | None = None,
    ) -> None:
        self._world = world or World()
        self._packed = packed
        self._resident = resident
        self._rows = packed.rows(frames.ids)
        self._labels = frames.labels
        self._subjects = subject_numbers(frames.subjects)
        self._device = device

    def __call__(self, cuts: Sequence[Indices]) -> Iterator[Batch]:
        """One batch for each array of indices into the set: this process's part of it, which is
        empty where a batch has fewer frames than there are processes.
        """
        if self._resident is not None:
            yield from map(self._batch, cuts, map(self._resident_frames, cuts))
            return
        with ThreadPoolExecutor(max_workers=1) as reader:
            pending = [reader.submit(self._read, cut) for cut in cuts[:1]]
            for cut, following in zip_longest(cuts, cuts[1:]):
                frames = pending.pop().result()
                if following is not None:
                    pending.append(reader.submit(self._read, following))
                yield self._batch(cut, frames.to(self._device, non_blocking=True))

    def frames(self, indices: Indices) -> Tensor:
        """Some frames of the set, the same in every process: uint8 (N, 3, H, W) on the device."""
        rows = self._rows[indices]
        if self._resident is not None:
            return self._resident[self._sent(rows)]
        return self._sent(self._packed.gather(rows))

    def _own(self, cut: Indices) -> Indices:
        return cut[self._world.part(len(cut))]

    def _batch(self, cut: Indices, frames: Tensor) -> Batch:
        own = self._own(cut)
        return Batch(
            indices=own,
            frames=frames,
            labels=self._sent(self._labels[own]),
            subjects=self._sent(self._subjects[own]),
            length=len(cut),
            part=self._world.part(len(cut)),
        )

    def _read(self, cut: Indices) -> Tensor:
        return self._pinned(torch.from_numpy(self._packed.gather(self._rows[self._own(cut)])))

    def _resident_frames(self, cut: Indices) -> Tensor:
        assert self._resident is not None
        return self._resident[self._sent(self._rows[self._own(cut)])]

    def _pinned(self, host: Tensor) -> Tensor:
        return host.pin_memory() if self._device.type == "cuda" else host

    def _sent(self, host: "np.ndarray[Any, Any]") -> Tensor:
        return self._pinned(torch.from_numpy(host)).to(self._device, non_blocking=True)


def training_cuts(order: Indices, batch_size: int, processes: int = 1) -> list[Indices]:
    """An epoch's order cut into batches; a last batch of a single frame, or of fewer frames than
    there are processes, is left out of this epoch.
    """
    smallest = max(_SMALLEST_TRAINING_BATCH, processes)
    cuts = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [cut for cut in cuts if len(cut) >= smallest]


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
