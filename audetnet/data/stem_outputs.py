"""The outputs of a frozen stem for every frame and its augmented views, computed once.

The file is ``stem-CxHxW-DIGEST.npy``, float16, beside the packed frames and managed like them
(cache.py). Its header identifies the stem by a digest of its weights and preprocessing. Rows are
named by frame id, those of augmented views ``ID/VIEW`` (views.py).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from audetnet.data.array_file import VERSION, Checksums, Header, PackedArray, Shape, checksum
from audetnet.data.augment import Augmentation, apply
from audetnet.data.cache import PackedFrames, digest, load_or_build
from audetnet.data.frames import Dataset
from audetnet.data.packing import Source, image_folders, image_state
from audetnet.data.views import ORIGINAL, view_draws, view_name

_BATCH = 16


@dataclass(frozen=True, kw_only=True)
class Stem:
    """A frozen stem: (B, 3, H, W) pixels in [0, 1] to (B, *row), on a device. ``made_by``: a digest
    of everything its outputs depend on apart from the image.
    """

    run: Callable[[Tensor], Tensor]
    row: Shape
    device: torch.device
    made_by: str


class StemOutputs(Source):
    """The outputs for views of packed frames, given as (frame, view) pairs."""

    title = "running the frozen stem once"
    unit = "image"

    def __init__(
        self,
        stem: Stem,
        frames: PackedFrames,
        images: Mapping[str, Path],
        views: Sequence[tuple[str, int]],
    ) -> None:
        self._stem = stem
        self._frames = frames
        self._images = images
        self._views = views

    @property
    def shape(self) -> Shape:
        return (len(self._views), *self._stem.row)

    @property
    def dtype(self) -> "np.dtype[Any]":
        return np.dtype(np.float16)

    def header(self) -> Header:
        states = {frame: image_state(path) for frame, path in self._images.items()}
        return {
            "version": VERSION,
            "row": list(self._stem.row),
            "type": "float16",
            "stem": self._stem.made_by,
            "frame_size": list(self._frames.shape[2:]),
            "folders": image_folders(self._images.values()),
            "augmentation": repr(sorted(asdict(Augmentation()).items())),
            "images": {view_name(frame, view): states[frame] for frame, view in self._views},
        }

    def make(self, array: PackedArray, rows: list[int], checksums: Checksums) -> dict[int, str]:
        mistakes: dict[int, str] = {}
        for start in range(0, len(rows), _BATCH):
            some = rows[start : start + _BATCH]
            for row, output in zip(some, self._outputs(some), strict=True):
                if not np.isfinite(output).all():
                    mistakes[row] = (
                        f"{self._images[self._views[row][0]]}: the frozen stem's output is not "
                        "finite in float16; delete stem_views from the cfg"
                    )
                checksums[row] = checksum(output)
                array[row] = output
        return mistakes

    @torch.inference_mode()
    def _outputs(self, rows: list[int]) -> PackedArray:
        ids, views = zip(*(self._views[row] for row in rows), strict=True)
        device = self._stem.device
        pixels = torch.from_numpy(self._frames.gather(self._frames.rows(ids))).to(device)
        noisy, _ = apply(view_draws(ids, views, pixels.shape[2:]).to(device), pixels)
        outputs: PackedArray = self._stem.run(noisy).half().cpu().numpy()
        return outputs


def pack_stem_outputs(
    stem: Stem,
    frames: PackedFrames,
    dataset: Dataset,
    views: int,
    directory: Path | None,
    thorough: bool = False,
) -> PackedFrames:
    """The outputs for every original frame, and for ``views`` - 1 augmented views of each training
    frame. Raises UserError.
    """
    images = dict(sorted(dataset.images().items()))
    every = [*_views(images, 1), *_views(sorted(set(dataset.train.ids)), views)]
    source = StemOutputs(stem, frames, images, list(dict.fromkeys(every)))

    def name(header: Header) -> str:
        made_of = (f"{key}={value}" for key, value in header.items() if key != "images")
        row = "x".join(map(str, stem.row))
        return f"stem-{row}-{digest([*made_of, *header['images']])}.npy"

    return load_or_build(source, name, directory, thorough)


def _views(frames: Iterable[str], count: int) -> list[tuple[str, int]]:
    return [(frame, view) for frame in frames for view in range(ORIGINAL, count)]
