"""Image files to one array of pixels: decoded in parallel, in an order that can be gone on with.

The array is a .npy file, readable by numpy.load; a JSON file of the same name says what its rows
were made of. While it is being made both have other names, and the JSON file lists the rows that
are done: who is killed goes on from there.
"""

import json
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from audetnet.data.images import ImageError, Size, image_size, read_image
from audetnet.files import FileError, write_text
from audetnet.progress import ProgressBar

Pixels = npt.NDArray[np.uint8]
VERSION = 2
SAVE_INTERVAL = 20.0
"""Seconds of decoding that a killed packing loses at most, about."""
ABANDONED_AFTER = 7 * 24 * 3600.0
"""Seconds after which an unfinished array is taken for one that nobody goes on with."""
_WORKERS = os.cpu_count() or 1
_BLOCK = 256


@dataclass(frozen=True)
class Source:
    """What an array is made of: images by frame id, and the (height, width) of its rows. Without
    ``resize`` all images must have that size.
    """

    images: dict[str, Path]
    size: Size
    resize: bool

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, 3, H, W), a byte each."""
        return (len(self.images), 3, *self.size)

    def header(self) -> dict[str, Any]:
        """Of a finished array. Raises ImageError for an image that is gone."""
        folders = {path.parent for path in self.images.values()}
        return {
            "version": VERSION,
            "image_size": list(self.size),
            "resized": self.resize,
            "folders": sorted({str(folder.resolve()) for folder in folders}),
            "images": {frame: image_state(path) for frame, path in self.images.items()},
        }


def image_status(path: Path) -> os.stat_result:
    """Raises ImageError for an image that is gone."""
    try:
        return path.stat()
    except OSError as error:
        raise ImageError(f"{path}: not a readable image: {error.strerror}") from error


def image_state(path: Path) -> str:
    """Name, size and modification time (nanoseconds) of an image file."""
    status = image_status(path)
    return f"{path.name} {status.st_size} {status.st_mtime_ns}"


def _decode(pixels: Pixels, source: Source, rows: Iterable[int]) -> dict[int, str]:
    """Fill some rows; returns those of images that cannot be taken, and why."""
    paths = list(source.images.values())

    def fill(row: int) -> str | None:
        try:
            found = source.size if source.resize else image_size(paths[row])
            if found != source.size:
                height, width = source.size
                return (
                    f"{paths[row]}: is {found[0]}x{found[1]} (height x width), but the first "
                    f"training image is {height}x{width}; set image_size in [data_options] to "
                    "resize all"
                )
            pixels[row] = read_image(paths[row], source.size)
        except ImageError as error:
            return str(error)
        return None

    rows = list(rows)
    with ThreadPoolExecutor(_WORKERS) as workers:
        said = zip(rows, workers.map(fill, rows), strict=True)
        return {row: mistake for row, mistake in said if mistake is not None}


def header_path(array: Path) -> Path:
    """Beside an array."""
    return array.with_suffix(".json")


def read_header(array: Path) -> dict[str, Any] | None:
    """What an array says of itself; None where there is no such array or nothing legible."""
    try:
        header = json.loads(header_path(array).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return header if isinstance(header, dict) and array.is_file() else None


def write_array(path: Path, source: Source, wanted: dict[str, Any]) -> None:
    """Make the array with the header ``wanted``, or go on making it. Raises ImageError, with what
    could be decoded kept for the next time, and FileError where the disk refuses.
    """
    unfinished = path.with_name(f"unfinished-{path.name}")
    try:
        done = _rows_done(unfinished, wanted)
        if done is None:
            done = np.zeros(len(source.images), bool)
            _create(unfinished, source)
        pixels = np.lib.format.open_memmap(unfinished, mode="r+")
        try:
            fill(pixels, source, done, lambda: _note_done(unfinished, pixels, wanted, done))
        finally:
            _note_done(unfinished, pixels, wanted, done)
        header_path(path).unlink(missing_ok=True)
        os.replace(unfinished, path)
        os.replace(header_path(unfinished), header_path(path))
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from error


def _create(path: Path, source: Source) -> None:
    """An array whose disk space is taken now: a mapped page that cannot be stored later would kill
    the process (SIGBUS). Unfinished ones that nobody has gone on with for days are deleted. Raises
    OSError.
    """
    for file in path.parent.glob("unfinished-frames-*"):
        if time.time() - file.stat().st_mtime > ABANDONED_AFTER:
            file.unlink(missing_ok=True)
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=source.shape)
    if hasattr(os, "posix_fallocate"):
        try:
            with path.open("r+b") as array:
                os.posix_fallocate(array.fileno(), 0, path.stat().st_size)
        except OSError:
            path.unlink()
            raise


def _rows_done(path: Path, wanted: dict[str, Any]) -> npt.NDArray[np.bool_] | None:
    """The rows of an unfinished array whose images are what they were; None without one."""
    header = read_header(path)
    if header is None or {**header, "images": None} != {**wanted, "images": None}:
        return None
    try:
        np.load(path, mmap_mode="r")
    except ValueError:
        return None
    states = header["images"]
    return np.array([states.get(frame) == now for frame, now in wanted["images"].items()])


def _note_done(
    path: Path, pixels: Pixels, wanted: dict[str, Any], done: npt.NDArray[np.bool_]
) -> None:
    """Write the rows to the disk, then that they are done."""
    assert isinstance(pixels, np.memmap)
    pixels.flush()
    states = zip(wanted["images"].items(), done, strict=True)
    header = {**wanted, "images": {frame: state for (frame, state), is_done in states if is_done}}
    write_text(header_path(path), json.dumps(header))


def fill(
    pixels: Pixels, source: Source, done: npt.NDArray[np.bool_], save: Callable[[], None]
) -> None:
    """Decode the rows that are not done, and mark them; ``save`` is called from time to time.
    Raises ImageError after the last of them.
    """
    remaining = np.flatnonzero(~done)
    mistakes: dict[int, str] = {}
    saved = time.monotonic()
    with ProgressBar("packing images", len(done), int(done.sum()), "image") as bar:
        for start in range(0, len(remaining), _BLOCK):
            rows = remaining[start : start + _BLOCK].tolist()
            wrong = _decode(pixels, source, rows)
            mistakes |= wrong
            done[[row for row in rows if row not in wrong]] = True
            bar.advance(len(rows))
            if time.monotonic() - saved > SAVE_INTERVAL:
                save()
                saved = time.monotonic()
    if mistakes:
        more = f" (the first of {len(mistakes)} such images)" if len(mistakes) > 1 else ""
        raise ImageError(mistakes[min(mistakes)] + more)
