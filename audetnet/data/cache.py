"""All frames of a dataset as one memory-mapped uint8 array (N, 3, H, W), decoded once.

The file is ``frames-HxW-IDS-STATE.npy``, readable by numpy.load. IDS is a digest of the format's
version, the image folder, the frame ids and whether frames were resized; STATE is one of the name,
size and modification time of every image, so that a changed image leads to another file, which
replaces the outdated one. It is written beside and renamed: a file of that name is whole.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from audetnet.data.images import ImageError, Size, image_size, read_image
from audetnet.errors import UserError
from audetnet.files import FileError, written_whole
from audetnet.progress import ProgressBar

_VERSION = 1
_BLOCK = 1024
_WORKERS = os.cpu_count() or 1


class PackedFrames:
    """Rows of the packed array by frame id."""

    def __init__(self, pixels: npt.NDArray[np.uint8], ids: Sequence[str]) -> None:
        self._pixels = pixels
        self._rows = {frame: row for row, frame in enumerate(ids)}

    def rows(self, ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """Row numbers of frames."""
        return np.array([self._rows[frame] for frame in ids], dtype=np.int64)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, 3, H, W), of a byte each."""
        return self._pixels.shape

    def blocks(self) -> Iterator[npt.NDArray[np.uint8]]:
        """Copies of all rows in their order, some at a time."""
        for start in range(0, len(self._pixels), _BLOCK):
            yield self._pixels[start : start + _BLOCK].copy()

    def gather(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """A copy of some rows, uint8 (B, 3, H, W)."""
        return self._pixels[rows]


def pack(images: dict[str, Path], size: Size, resize: bool, directory: Path | None) -> PackedFrames:
    """The packed frames of a dataset, from the cache directory where it is up to date, else decoded
    into it; without a directory decoded into memory.

    Without ``resize`` all images must have that size. Raises UserError, naming unreadable and
    odd-sized images.
    """
    images = dict(sorted(images.items()))
    if directory is None:
        pixels = np.empty((len(images), 3, *size), np.uint8)
        _decode(pixels, list(images.values()), size, resize)
        return PackedFrames(pixels, list(images))
    folders = sorted({str(path.parent.resolve()) for path in images.values()})
    names = [f"{_VERSION} resize={resize}", *folders, *images]
    prefix = f"frames-{size[0]}x{size[1]}-{_digest(names)}-"
    path = directory / f"{prefix}{_digest(map(_state, images.values()))}.npy"
    if not path.is_file():
        outdated = list(directory.glob(f"{prefix}*.npy"))
        try:
            _write(path, images, size, resize)
        except FileError as error:
            raise UserError(f"{error}; choose another place with --cache DIR") from error
        for file in outdated:
            file.unlink(missing_ok=True)
    try:
        return PackedFrames(np.load(path, mmap_mode="r"), list(images))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read: {error}; delete it") from error


def content_digest(images: dict[str, Path]) -> str:
    """A fingerprint of image files by name and size: another crop of the same frames is noticed, a
    copied dataset is the same. Raises ImageError for an image that is gone.
    """
    files = (path for _, path in sorted(images.items()))
    return _digest(f"{path.name} {_status(path).st_size}" for path in files)


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise ImageError(f"{path}: not a readable image: {error.strerror}") from error


def _state(path: Path) -> str:
    status = _status(path)
    return f"{path.name} {status.st_size} {status.st_mtime_ns}"


def _write(path: Path, images: dict[str, Path], size: Size, resize: bool) -> None:
    with written_whole(path) as unfinished:
        shape = (len(images), 3, *size)
        pixels = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=shape)
        _reserve(unfinished)
        _decode(pixels, list(images.values()), size, resize)
        pixels.flush()


def _reserve(path: Path) -> None:
    """Take the disk space of a sparse file now: a mapped page that cannot be stored later would
    kill the process (SIGBUS). Raises OSError.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _decode(pixels: npt.NDArray[np.uint8], paths: list[Path], size: Size, resize: bool) -> None:
    """Fill the rows. Raises ImageError with the first of the images that cannot be taken."""

    def decode(row: int) -> str | None:
        try:
            found = size if resize else image_size(paths[row])
            if found != size:
                return (
                    f"{paths[row]}: is {found[0]}x{found[1]} (height x width), but the first "
                    f"training image is {size[0]}x{size[1]}; set image_size in [data_options] to "
                    "resize all"
                )
            pixels[row] = read_image(paths[row], size)
        except ImageError as error:
            return str(error)
        return None

    with (
        ThreadPoolExecutor(_WORKERS) as workers,
        ProgressBar("packing images", len(paths), unit="image") as bar,
    ):
        mistakes = []
        for mistake in workers.map(decode, range(len(paths))):
            bar.advance()
            if mistake is not None:
                mistakes.append(mistake)
    if mistakes:
        more = f" (the first of {len(mistakes)} such images)" if len(mistakes) > 1 else ""
        raise ImageError(mistakes[0] + more)
