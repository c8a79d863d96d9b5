"""Estimates each person's neutral as the median over some of their frames.

In most frames of a person any given AU is inactive, so the median shows the face without it; labels
are not used. Several frames are needed, and an expression held throughout is part of the neutral;
see docs/person_reference.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from audetnet.data.ids import natural_sort_key, read_ids
from audetnet.seeds import Purpose, numpy_generator

FEW = 5
"""The median of fewer frames may show an expression, which is worth a warning."""
Indices = npt.NDArray[np.int64]
Kind = Literal["all", "random", "first", "named"]


@dataclass(frozen=True, kw_only=True)
class NeutralFrames:
    """Which frames of a person to use: all, ``count`` random ones, the first ``count`` of the
    recording, or those named in ``frame_list``.
    """

    frames: Kind = "all"
    count: int | None = None
    frame_list: str | None = None

    def __str__(self) -> str:
        return {
            "all": "all frames",
            "random": f"{self.count} random",
            "first": f"first {self.count}",
            "named": f"named in {self.frame_list}",
        }[self.frames]

    def of(self, ids: Sequence[str], subjects: Indices, seed: int) -> list[Indices]:
        """The frames to use for each subject (from 0), without duplicates; empty if none is named.
        Raises UserError for a list that cannot be read.
        """
        named = set(read_ids(Path(self.frame_list))) if self.frame_list is not None else set()
        found = []
        for subject in range(int(subjects.max(initial=-1)) + 1):
            own = {ids[row]: row for row in np.flatnonzero(subjects == subject).tolist()}
            rows = np.array(
                [own[frame] for frame in sorted(own, key=natural_sort_key)], dtype=np.int64
            )
            if self.frames == "random":
                drawn = numpy_generator(seed, Purpose.REFERENCE, subject).permutation(rows)
                rows = np.sort(drawn[: self.count])
            elif self.frames == "first":
                rows = rows[: self.count]
            elif self.frames == "named":
                rows = np.array([row for row in rows.tolist() if ids[row] in named], np.int64)
            found.append(rows)
        return found


def neutral_medians(frames: Sequence[Indices], read: Callable[[Indices], Tensor]) -> Tensor:
    """The median (P, ...) over each person's frames of what ``read`` returns for them, (N, ...);
    for people without frames, the mean of the other medians. float32, on the device of ``read``'s
    result. At least one person must have frames.
    """
    medians = [None if not len(rows) else _median(read(rows).float()) for rows in frames]
    known = torch.stack([median for median in medians if median is not None]).mean(dim=0)
    return torch.stack([known if median is None else median for median in medians])


def _median(values: Tensor) -> Tensor:
    """Median over the first dimension; of an even number, the mean of the middle two."""
    values = values.sort(dim=0).values
    count = len(values)
    return (values[(count - 1) // 2] + values[count // 2]) / 2
