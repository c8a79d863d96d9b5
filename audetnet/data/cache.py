"""All frames of a dataset as one memory-mapped uint8 array (N, 3, H, W), decoded once.

The file is ``frames-HxW-IDS.npy``, readable by numpy.load, where IDS is a digest of the image
folder, the frame ids and whether frames were resized. Its header, ``frames-HxW-IDS.json``, names
the version of the format and the name, size and modification time of every image; where one of them
is not what it was, or the array not what its header describes, it is made anew. See packing.py for
how, array_file.py for the two files.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from audetnet.console import note
from audetnet.data.array_file import Pixels, open_array, unfit
from audetnet.data.images import Size
from audetnet.data.packing import Rows, Source, fill, image_status, write_array
from audetnet.errors import UserError
from audetnet.files import FileError
from audetnet.lock import locked

_BLOCK = 1024
_BUSY = "another process packs images there; waiting for it"


class PackedFrames:
    """Rows of the packed array by frame id."""

    def __init__(self, pixels: Pixels, ids: Sequence[str]) -> None:
        self._pixels = pixels
        self._rows = {frame: row for row, frame in enumerate(ids)}

    def rows(self, ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """Row numbers of frames."""
        return np.array([self._rows[frame] for frame in ids], dtype=np.int64)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, 3, H, W), of a byte each."""
        return self._pixels.shape

    def blocks(self) -> Iterator[Pixels]:
        """Copies of all rows in their order, some at a time."""
        for start in range(0, len(self._pixels), _BLOCK):
            yield self._pixels[start : start + _BLOCK].copy()

    def gather(self, rows: npt.NDArray[np.int64]) -> Pixels:
        """A copy of some rows, uint8 (B, 3, H, W)."""
        return self._pixels[rows]


def pack(
    images: dict[str, Path],
    size: Size,
    resize: bool,
    directory: Path | None,
    thorough: bool = False,
) -> PackedFrames:
    """The packed frames of a dataset, from the cache directory where it is up to date, else decoded
    into it; without a directory decoded into memory. ``thorough`` compares every packed frame with
    its checksum first.

    Without ``resize`` all images must have that size. Raises UserError, naming unreadable and
    odd-sized images.
    """
    images = dict(sorted(images.items()))
    source = Source(images, size, resize)
    if directory is None:
        pixels = np.empty(source.shape, np.uint8)
        fill(pixels, source, Rows.none(len(images)), lambda: None)
        return PackedFrames(pixels, list(images))
    header = source.header()
    names = _digest([f"resize={resize}", *header["folders"], *images])
    path = directory / f"frames-{size[0]}x{size[1]}-{names}.npy"
    if unfit(path, header, thorough):
        try:
            with locked(directory, _BUSY, wait=True):
                if reason := unfit(path, header, thorough):
                    if path.is_file():
                        note(f"{path}: {reason}; packing anew")
                    write_array(path, source, header)
        except FileError as error:
            raise UserError(f"{error}; choose another place with --cache DIR") from error
    try:
        return PackedFrames(open_array(path, source.shape), list(images))
    except ValueError as error:
        raise UserError(f"{path}: was changed while it was packed; start again") from error


def content_digest(images: dict[str, Path]) -> str:
    """A fingerprint of image files by name and size: another crop of the same frames is noticed, a
    copied dataset is the same. Raises ImageError for an image that is gone.
    """
    files = (path for _, path in sorted(images.items()))
    return _digest(f"{path.name} {image_status(path).st_size}" for path in files)


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
