"""Loads frames and labels batch by batch, prefetching one batch."""

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
"""Shuffled pairs and batch norm need at least two frames in a batch."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """This process's part of a batch: b of its ``length`` frames, on a device."""

    indices: Indices
    """Indices of the frames in their set, (b,)."""
    frames: Tensor
    """uint8 (b, 3, H, W)."""
    stem: Tensor | None = None
    """float16 (b, C, h, w): outputs of the frozen stem, if they are precomputed."""
    changes: Draws | None = None
    """Flip and colour changes of the views that the stem saw; None: unchanged frames."""
    labels: Tensor
    """float32 (b, A), NaN = unknown."""
    subjects: Tensor
    """int64 (b,): see subject_indices."""
    length: int
    part: slice
    """The position of this part in the batch."""

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def share(self) -> float:
        """The weight of this part's mean in the mean over the batch."""
        return len(self) / self.length


Residence = Literal["auto", "on", "off"]
"""Whether all frames are kept in device memory; auto: on a GPU with enough free memory."""
RESIDENT_SHARE = 0.5
"""The largest share of a GPU's free memory that ``auto`` uses for frames."""


@dataclass(frozen=True)
class PackedRows:
    """Packed rows, either in device memory (``resident``) or read batch by batch."""

    packed: PackedFrames
    device: torch.device
    resident: Tensor | None = None

    @classmethod
    def load(cls, packed: PackedFrames, device: torch.device, residence: Residence) -> "PackedRows":
        """Copy the rows to the device if ``residence`` asks for it. Raises UserError if they do not
        fit.
        """
        return cls(packed, device, resident_frames(packed, device, residence))

    def read(self, rows: Indices) -> Tensor:
        """Some rows (B, C, H, W): on the device if they are resident, else in pinned memory."""
        if self.resident is not None:
            return self.resident[to_device(rows, self.device)]
        return _pinned(torch.from_numpy(self.packed.gather(rows)), self.device)


def resident_frames(
    packed: PackedFrames, device: torch.device, residence: Residence
) -> Tensor | None:
    """All packed rows in device memory, (N, C, H, W), or None if they are to be read batch by
    batch. Raises UserError if ``on`` is asked for and they do not fit.
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
            f"of {device}; use auto"
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
    """Copy an array to a device."""
    return _pinned(torch.from_numpy(host), device).to(device, non_blocking=True)


class Batches:
    """Batches of a set on a device; with ``stem``, including the frozen stem's outputs
    (stem_outputs.py).
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
        """This process's part of one batch per array of indices into the set; it may be empty if a
        batch has fewer frames than there are processes. ``views`` (N,): the view of each frame that
        the stem sees; by default the original.
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
        """Some frames of the set, not split over processes: uint8 (N, 3, H, W) on the device."""
        return self._packed.read(self._rows[indices]).to(self._device, non_blocking=True)

    def stem_outputs(self, indices: Indices) -> Tensor | None:
        """The stem's outputs for unaugmented frames, float16 (N, C, h, w) on the device; None if
        they are not precomputed.
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
    """The prefetched data of a batch."""

    frames: Tensor
    stem: Tensor | None
    changes: Draws | None


def training_batch_indices(order: Indices, batch_size: int, processes: int = 1) -> list[Indices]:
    """An epoch's order, cut into batches. The last batch is skipped if it has a single frame, or
    fewer frames than there are processes.
    """
    smallest = max(_SMALLEST_TRAINING_BATCH, processes)
    batch_indices = [
        order[start : start + batch_size] for start in range(0, len(order), batch_size)
    ]
    return [indices for indices in batch_indices if len(indices) >= smallest]


def evaluation_batch_indices(count: int, batch_size: int, limit: int | None) -> list[Indices]:
    """Frames 0 to count - 1 in order, cut into batches; with a limit, that many batches spread
    evenly over the set.
    """
    batch_indices = [
        np.arange(start, min(start + batch_size, count)) for start in range(0, count, batch_size)
    ]
    if limit is None or limit >= len(batch_indices):
        return batch_indices
    chosen = np.linspace(0, len(batch_indices) - 1, limit).round().astype(int)
    return [batch_indices[index] for index in chosen]
