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

from audetnet.data.augment import Draws
from audetnet.data.cache import PackedFrames
from audetnet.data.frames import FrameSet
from audetnet.data.metadata import subject_indices
from audetnet.data.momu import Indices
from audetnet.data.views import view_draws, view_name
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
    stem: Tensor | None = None
    """float16 (b, C, h, w): what the frozen stem makes of them, where that is computed once."""
    changes: Draws | None = None
    """What changed the frames that the stem saw (flip and colours); None: nothing."""
    labels: Tensor
    """float32 (b, A), NaN = unknown."""
    subjects: Tensor
    """int64 (b,): see subject_indices."""
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


@dataclass(frozen=True)
class PackedRows:
    """Packed rows, in the device's memory (``resident``) or to be read batch by batch."""

    packed: PackedFrames
    device: torch.device
    resident: Tensor | None = None

    @classmethod
    def load(cls, packed: PackedFrames, device: torch.device, residence: Residence) -> "PackedRows":
        """Rows where they are to lie. Raises UserError where they do not fit."""
        return cls(packed, device, resident_frames(packed, device, residence))

    def read(self, rows: Indices) -> Tensor:
        """Some rows (B, C, H, W): on the device where they lie there, else in pinned memory."""
        if self.resident is not None:
            return self.resident[to_device(rows, self.device)]
        return _pinned(torch.from_numpy(self.packed.gather(rows)), self.device)


def resident_frames(
    packed: PackedFrames, device: torch.device, residence: Residence
) -> Tensor | None:
    """All packed rows in the device's memory, (N, C, H, W), or None where they are to be read batch
    by batch. Raises UserError where they are to be there and do not fit.
    """
    size = prod(packed.shape) * packed.dtype.itemsize
    if residence == "off" or (residence == "auto" and not _has_room(size, device)):
        return None
    dtype = torch.from_numpy(np.empty(0, packed.dtype)).dtype
    try:
        frames = torch.empty(packed.shape, dtype=dtype, device=device)
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"--data-on-device on: the {size / 2**30:.1f} GiB of frames do not fit into the memory "
            f"of {device}: leave it at auto"
        ) from error
    start = 0
    for block in packed.blocks():
        frames[start : start + len(block)] = torch.from_numpy(block).to(device)
        start += len(block)
    return frames


def _has_room(size: int, device: torch.device) -> bool:
    return device.type == "cuda" and size <= RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]


def _pinned(host: Tensor, device: torch.device) -> Tensor:
    return host.pin_memory() if device.type == "cuda" else host


def to_device(host: "np.ndarray[Any, Any]", device: torch.device) -> Tensor:
    """An array on a device."""
    return _pinned(torch.from_numpy(host), device).to(device, non_blocking=True)


class Batches:
    """Batches of a set on a device; with ``stem``, what a frozen stem makes of the frames comes
    with them (stem_outputs.py).
    """

    def __init__(
        self,
        frames: FrameSet,
        packed: PackedFrames,
        device: torch.device,
        resident: Tensor | None = None,
        world: World | None = None,
        stem: PackedRows | None = None,
    ) -> None:
        self._world = world or World()
        self._packed = PackedRows(packed, device, resident)
        self._stem = stem
        self._ids = frames.ids
        self._rows = packed.rows(frames.ids)
        self._labels = frames.labels
        self.subjects = subject_indices(frames.subjects)
        """int64 (N,)."""
        self._device = device

    def __call__(
        self, batch_indices: Sequence[Indices], views: Indices | None = None
    ) -> Iterator[Batch]:
        """One batch for each array of indices into the set: this process's part of it, which is
        empty where a batch has fewer frames than there are processes. ``views`` (N,): by which view
        the stem sees each frame of the set; all as they are by default.
        """
        if self._is_resident:
            yield from (
                self._batch(indices, self._read(indices, views)) for indices in batch_indices
            )
            return
        with ThreadPoolExecutor(max_workers=1) as reader:
            pending = [reader.submit(self._read, indices, views) for indices in batch_indices[:1]]
            for indices, following in zip_longest(batch_indices, batch_indices[1:]):
                read = pending.pop().result()
                if following is not None:
                    pending.append(reader.submit(self._read, following, views))
                yield self._batch(indices, read)

    @property
    def _is_resident(self) -> bool:
        sources = [source for source in (self._packed, self._stem) if source is not None]
        return all(source.resident is not None for source in sources)

    def frames(self, indices: Indices) -> Tensor:
        """Some frames of the set, the same in every process: uint8 (N, 3, H, W) on the device."""
        return self._packed.read(self._rows[indices]).to(self._device, non_blocking=True)

    def stem_outputs(self, indices: Indices) -> Tensor | None:
        """What the stem makes of some frames as they are, float16 (N, C, h, w) on the device; None
        where that is not computed once.
        """
        if self._stem is None:
            return None
        rows = self._stem.packed.rows(self._ids[index] for index in indices)
        return self._stem.read(rows).to(self._device, non_blocking=True)

    def _own(self, indices: Indices) -> Indices:
        return indices[self._world.part(len(indices))]

    def _read(self, indices: Indices, views: Indices | None) -> "_Read":
        own = self._own(indices)
        frames = self._packed.read(self._rows[own])
        if self._stem is None:
            return _Read(frames, None, None)
        if views is None or not len(own):
            names: list[str] = [self._ids[index] for index in own]
            return _Read(frames, self._stem.read(self._stem.packed.rows(names)), None)
        ids, seen = [self._ids[index] for index in own], views[own].tolist()
        rows = self._stem.packed.rows(map(view_name, ids, seen))
        return _Read(frames, self._stem.read(rows), view_draws(ids, seen, (0, 0)))

    def _batch(self, indices: Indices, read: "_Read") -> Batch:
        own = self._own(indices)
        return Batch(
            indices=own,
            frames=read.frames.to(self._device, non_blocking=True),
            stem=None if read.stem is None else read.stem.to(self._device, non_blocking=True),
            changes=None if read.changes is None else read.changes.to(self._device),
            labels=to_device(self._labels[own], self._device),
            subjects=to_device(self.subjects[own], self._device),
            length=len(indices),
            part=self._world.part(len(indices)),
        )


@dataclass(frozen=True)
class _Read:
    """What is read ahead of a batch."""

    frames: Tensor
    stem: Tensor | None
    changes: Draws | None


def training_batch_indices(order: Indices, batch_size: int, processes: int = 1) -> list[Indices]:
    """An epoch's order, cut into batches; a last batch of a single frame, or of fewer frames than
    there are processes, is left out of this epoch.
    """
    smallest = max(_SMALLEST_TRAINING_BATCH, processes)
    batch_indices = [
        order[start : start + batch_size] for start in range(0, len(order), batch_size)
    ]
    return [indices for indices in batch_indices if len(indices) >= smallest]


def evaluation_batch_indices(count: int, batch_size: int, limit: int | None) -> list[Indices]:
    """Frames 0 to count - 1 in order, cut into batches; with a limit that many, evenly spread over
    the set.
    """
    batch_indices = [
        np.arange(start, min(start + batch_size, count)) for start in range(0, count, batch_size)
    ]
    if limit is None or limit >= len(batch_indices):
        return batch_indices
    chosen = np.linspace(0, len(batch_indices) - 1, limit).round().astype(int)
    return [batch_indices[index] for index in chosen]
