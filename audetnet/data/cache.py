"""All frames of a dataset as one memory-mapped uint8 array (N, 3, H, W), decoded once.

The file is ``frames-HxW-IDS.npy``, readable by numpy.load, where IDS is a digest of the image
folder, the frame ids and whether frames were resized. Its header, ``frames-HxW-IDS.json``, holds
the format version and the name, size and modification time of every image. If any of these has
changed, or the array does not match its header, it is built again. See packing.py for how, and
array_file.py for the files.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from audetnet.console.lines import note
from audetnet.data.array_file import (
    Header,
    PackedArray,
    array_fault,
    damaged_frames,
    open_array,
    read_header,
    reason_to_rebuild,
    without_checksums,
)
from audetnet.data.images import Size
from audetnet.data.packing import ImageFiles, Rows, Source, fill, image_status, write_array
from audetnet.errors import UserError
from audetnet.files.atomic import FileError
from audetnet.files.lock import locked

_BLOCK = 1024
_BUSY = "another process is packing images there; waiting for it"


class PackedFrames:
    """Rows of a packed array by name; for frames, the frame id."""

    def __init__(self, array: PackedArray, names: Sequence[str]) -> None:
        self._array = array
        self._rows = {name: row for row, name in enumerate(names)}

    def rows(self, names: Iterable[str]) -> npt.NDArray[np.int64]:
        """Row numbers of names."""
        return np.array([self._rows[name] for name in names], dtype=np.int64)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, C, H, W), for frames (N, 3, H, W)."""
        return self._array.shape

    @property
    def dtype(self) -> "np.dtype[Any]":
        """uint8 for frames."""
        return self._array.dtype

    def blocks(self) -> Iterator[PackedArray]:
        """Copies of all rows in order, some at a time."""
        for start in range(0, len(self._array), _BLOCK):
            yield self._array[start : start + _BLOCK].copy()

    def gather(self, rows: npt.NDArray[np.int64]) -> PackedArray:
        """A copy of some rows (B, C, H, W)."""
        return self._array[rows]


def pack_frames(
    images: dict[str, Path],
    size: Size,
    resize: bool,
    directory: Path | None,
    thorough: bool = False,
) -> PackedFrames:
    """The packed frames of a dataset, from the cache directory if up to date, else decoded into it;
    without a directory, decoded into memory. ``thorough`` first verifies every packed frame.

    Without ``resize`` all images must have the given size. Raises UserError, naming unreadable
    images and those of another size.
    """
    images = dict(sorted(images.items()))
    source = ImageFiles(images, size, resize)

    def name(header: Header) -> str:
        names = digest([f"resize={resize}", *header["folders"], *images])
        return f"frames-{size[0]}x{size[1]}-{names}.npy"

    return load_or_build(source, name, directory, thorough)


def load_or_build(
    source: Source,
    name: Callable[[Header], str],
    directory: Path | None,
    thorough: bool = False,
) -> PackedFrames:
    """The rows of a source, from the file ``name`` in the cache directory if up to date, else from
    another file there that holds the same rows among others, else built there; without a directory,
    built in memory. Raises UserError.
    """
    if directory is None:
        array = np.empty(source.shape, source.dtype)
        header = source.header()
        fill(array, source, Rows.none(len(array)), lambda: None)
        return PackedFrames(array, list(header["images"]))
    header = source.header()
    path = directory / name(header)
    if reason_to_rebuild(path, header, thorough):
        if (held := _among_others(path, source, header, thorough)) is not None:
            return held
        try:
            with locked(directory, _BUSY, wait=True):
                if reason := reason_to_rebuild(path, header, thorough):
                    if path.is_file():
                        note(f"{path}: {reason}; packing again")
                    write_array(path, source, header)
        except FileError as error:
            raise UserError(f"{error}; choose another directory with --cache DIR") from error
    try:
        return PackedFrames(open_array(path, source.shape, source.dtype), list(header["images"]))
    except ValueError as error:
        raise UserError(f"{path}: changed while it was being packed; start again") from error


def _among_others(
    wanted: Path, source: Source, header: Header, thorough: bool
) -> PackedFrames | None:
    """The rows in an array beside the wanted one that holds them among others: of frames that are
    chosen from more, nothing is made again.
    """
    same = {**header, "images": None}
    for path in sorted(wanted.parent.glob(f"{wanted.name.split('-')[0]}-*.npy")):
        found = read_header(path)
        if (
            found is None
            or {**without_checksums(found), "images": None} != same
            or array_fault(path, found)
        ):
            continue
        images = found["images"]
        if header["images"].items() <= images.items():
            if thorough and damaged_frames(path, found):
                continue
            shape = (len(images), *source.shape[1:])
            with suppress(ValueError):  # it was changed in this moment
                return PackedFrames(open_array(path, shape, source.dtype), list(images))
    return None


def content_digest(images: dict[str, Path]) -> str:
    """A fingerprint of image files by name and size: it differs for other crops of the same frames,
    but not for a copy of the dataset. Raises ImageError for a missing image.
    """
    files = (path for _, path in sorted(images.items()))
    return digest(f"{path.name} {image_status(path).st_size}" for path in files)


def digest(lines: Iterable[str]) -> str:
    """A short fingerprint of lines of text."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
