"""Rows made once, of image files or of a frozen stem, into one array that can be gone on with.

While the array and its header (see array_file.py) are being made both have other names, and the
header lists the rows that are done: who is killed goes on from there.
"""

import json
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from audetnet.console.lines import note
from audetnet.console.progress import ProgressBar
from audetnet.data.array_file import (
    VERSION,
    Checksums,
    Header,
    PackedArray,
    Pixels,
    Shape,
    checksum,
    checksums_of,
    damaged_rows,
    header_path,
    made_of,
    open_array,
    read_header,
)
from audetnet.data.images import ImageError, Size, read_image
from audetnet.files.atomic import atomic_write, write_text

SAVE_INTERVAL = 20.0
"""Seconds of decoding that a killed packing loses at most, about."""
ABANDONED_AFTER = 7 * 24 * 3600.0
"""Seconds after which an unfinished array is taken for one that nobody goes on with."""
_WORKERS = os.cpu_count() or 1
_BLOCK = 256


class Source(Protocol):
    """What an array is made of."""

    title: str
    """What is being done, for the bar."""
    unit: str

    @property
    def shape(self) -> Shape:
        """(N, C, H, W)."""

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The type of the numbers."""

    def header(self) -> Header:
        """Without the checksums; ``images`` names each row and the state of what it is made of.
        Raises ImageError for an image that is gone.
        """

    def make(self, array: PackedArray, rows: list[int], checksums: Checksums) -> dict[int, str]:
        """Fill some rows and their checksums; returns those that cannot be had, and why."""


@dataclass(frozen=True)
class ImageFiles(Source):
    """Images by frame id, and the (height, width) of their rows. Without ``resize`` all images must
    have that size.
    """

    images: dict[str, Path]
    size: Size
    resize: bool
    title = "packing images"
    unit = "image"

    @property
    def shape(self) -> Shape:
        return (len(self.images), 3, *self.size)

    @property
    def dtype(self) -> "np.dtype[Any]":
        return np.dtype(np.uint8)

    def header(self) -> Header:
        return {
            "version": VERSION,
            "image_size": list(self.size),
            "resized": self.resize,
            "folders": image_folders(self.images.values()),
            "images": {frame: image_state(path) for frame, path in self.images.items()},
        }

    def make(self, array: Pixels, rows: list[int], checksums: Checksums) -> dict[int, str]:
        paths = list(self.images.values())

        def fill(row: int) -> str | None:
            try:
                image = read_image(paths[row], self.size if self.resize else None)
            except ImageError as error:
                return str(error)
            if image.shape[1:] != self.size:
                found, (height, width) = image.shape[1:], self.size
                return (
                    f"{paths[row]}: is {found[0]}x{found[1]} (height x width), but the first "
                    f"training image is {height}x{width}; set image_size in [data_options] to "
                    "resize all"
                )
            checksums[row] = checksum(image)
            array[row] = image
            return None

        with ThreadPoolExecutor(_WORKERS) as workers:
            said = zip(rows, workers.map(fill, rows), strict=True)
            return {row: mistake for row, mistake in said if mistake is not None}


def image_folders(paths: Iterable[Path]) -> list[str]:
    """Where images lie: the same names elsewhere are other images."""
    return sorted({str(folder.resolve()) for folder in {path.parent for path in paths}})


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


@dataclass(frozen=True)
class Rows:
    """Which rows of an array are done, bool (N,), and the checksums of those."""

    done: npt.NDArray[np.bool_]
    checksums: Checksums

    @classmethod
    def none(cls, count: int) -> "Rows":
        """Of an array in which nothing is done."""
        return cls(np.zeros(count, bool), np.zeros(count, np.uint32))


def write_array(path: Path, source: Source, wanted: Header) -> None:
    """Make the array with the header ``wanted``, or go on making it. Raises ImageError, with what
    could be decoded kept for the next time, and FileError where the disk refuses.
    """
    unfinished = path.with_name(f"unfinished-{path.name}")
    header = header_path(path)
    with (
        atomic_write(header, staging=header_path(unfinished)),
        atomic_write(path, staging=unfinished),
    ):
        rows = _rows_done(unfinished, source, wanted)
        if rows is None:
            rows = Rows.none(len(wanted["images"]))
            _create(unfinished, source)
        array = open_array(unfinished, source.shape, source.dtype, writable=True)

        def save() -> None:
            array.flush()
            _note_done(unfinished, wanted, rows)

        try:
            fill(array, source, rows, save)
        finally:
            save()
        header.unlink(missing_ok=True)  # it comes last: an array without one is not whole


def _create(path: Path, source: Source) -> None:
    """An array whose disk space is taken now: a mapped page that cannot be stored later would kill
    the process (SIGBUS). Unfinished ones that nobody has gone on with for days are deleted. Raises
    OSError, and leaves nothing.
    """
    for file in path.parent.glob("unfinished-*"):
        if time.time() - file.lstat().st_mtime > ABANDONED_AFTER:
            file.unlink(missing_ok=True)
    path.unlink(missing_ok=True)
    try:
        np.lib.format.open_memmap(path, mode="w+", dtype=source.dtype, shape=source.shape)
        if hasattr(os, "posix_fallocate"):
            with path.open("r+b") as array:
                os.posix_fallocate(array.fileno(), 0, path.stat().st_size)
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise


def _rows_done(path: Path, source: Source, wanted: Header) -> Rows | None:
    """The rows of an unfinished array whose images are what they were and whose pixels are what was
    written: a system that loses its power may keep the header and not the rows. None without one.
    """
    header = read_header(path)
    if header is None or {**made_of(header), "images": None} != {**wanted, "images": None}:
        return None
    states, checksums = header.get("images"), checksums_of(header, source.shape[0])
    if not isinstance(states, dict) or checksums is None:
        return None
    try:
        array = open_array(path, source.shape, source.dtype)
    except ValueError:
        return None
    done = np.array([states.get(frame) == now for frame, now in wanted["images"].items()])
    torn = damaged_rows(array, checksums, np.flatnonzero(done).tolist())
    if torn:
        note(f"{path}: {len(torn)} of {done.sum()} rows are damaged; making them again")
        done[torn] = False
    return Rows(done, checksums)


def _note_done(path: Path, wanted: Header, rows: Rows) -> None:
    """Write which rows are done, once they are on the disk."""
    states = zip(wanted["images"].items(), rows.done, strict=True)
    images = {frame: state for (frame, state), is_done in states if is_done}
    header = {**wanted, "images": images, "checksums": rows.checksums.tolist()}
    write_text(header_path(path), json.dumps(header))


def fill(array: PackedArray, source: Source, rows: Rows, save: Callable[[], None]) -> None:
    """Make the rows that are not done, and mark them; ``save`` is called from time to time.
    Raises ImageError after the last of them.
    """
    done = rows.done
    remaining = np.flatnonzero(~done)
    mistakes: dict[int, str] = {}
    saved = time.monotonic()
    with ProgressBar(source.title, len(done), int(done.sum()), source.unit) as bar:
        for start in range(0, len(remaining), _BLOCK):
            block = remaining[start : start + _BLOCK].tolist()
            wrong = source.make(array, block, rows.checksums)
            mistakes |= wrong
            done[[row for row in block if row not in wrong]] = True
            bar.advance(len(block))
            if time.monotonic() - saved > SAVE_INTERVAL:
                save()
                saved = time.monotonic()
    if mistakes:
        more = f" (the first of {len(mistakes)} such images)" if len(mistakes) > 1 else ""
        raise ImageError(mistakes[min(mistakes)] + more)
