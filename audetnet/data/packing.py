"""Builds an array of rows, from image files or a frozen stem, in a way that can be resumed.

While the array and its header (see array_file.py) are unfinished they have other names, and the
header lists the finished rows, so a killed process can be continued from there.
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
    open_array,
    read_header,
    without_checksums,
)
from audetnet.data.images import ImageError, Size, read_image
from audetnet.files.atomic import atomic_write, write_text

SAVE_INTERVAL = 20.0
"""Seconds of work that are lost if packing is killed, at most about this many."""
ABANDONED_AFTER = 7 * 24 * 3600.0
"""Seconds after which an unfinished array is considered abandoned."""
_WORKERS = os.cpu_count() or 1
_BLOCK = 256


class Source(Protocol):
    """What the rows of an array are made from."""

    title: str
    """The task, for the progress bar."""
    unit: str

    @property
    def shape(self) -> Shape:
        """(N, C, H, W)."""

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The dtype of the array."""

    def header(self) -> Header:
        """The header without checksums; ``images`` maps each row's name to the state of its image.
        Raises ImageError for a missing image.
        """

    def make(self, array: PackedArray, rows: list[int], checksums: Checksums) -> dict[int, str]:
        """Fill some rows and their checksums; returns the rows that failed, and why."""


@dataclass(frozen=True)
class ImageFiles(Source):
    """Images by frame id, and their (height, width). Without ``resize`` all must have that size."""

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
            results = zip(rows, workers.map(fill, rows), strict=True)
            return {row: mistake for row, mistake in results if mistake is not None}


def image_folders(paths: Iterable[Path]) -> list[str]:
    """The folders of images: equal names in other folders are other images."""
    return sorted({str(folder.resolve()) for folder in {path.parent for path in paths}})


def image_status(path: Path) -> os.stat_result:
    """Raises ImageError for a missing image."""
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
    """Which rows of an array are done, bool (N,), and their checksums."""

    done: npt.NDArray[np.bool_]
    checksums: Checksums

    @classmethod
    def none(cls, count: int) -> "Rows":
        """For an empty array."""
        return cls(np.zeros(count, bool), np.zeros(count, np.uint32))


def write_array(path: Path, source: Source, wanted: Header) -> None:
    """Build the array with the header ``wanted``, or continue an unfinished one. Raises ImageError,
    keeping the rows that could be decoded for the next attempt, and FileError.
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
        header.unlink(missing_ok=True)  # written last: an array without a header is incomplete


def _create(path: Path, source: Source) -> None:
    """Create an array with its disk space allocated: a mapped page that cannot be stored later
    would kill the process (SIGBUS). Also deletes abandoned unfinished arrays. Raises OSError,
    leaving no file behind.
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
    """The rows of an unfinished array whose images are unchanged and whose checksums match (after a
    power failure the header may be on disk but not the rows). None if there is no usable array.
    """
    header = read_header(path)
    if header is None or {**without_checksums(header), "images": None} != {
        **wanted,
        "images": None,
    }:
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
        note(f"{path}: {len(torn)} of {done.sum()} rows are damaged; packing them again")
        done[torn] = False
    return Rows(done, checksums)


def _note_done(path: Path, wanted: Header, rows: Rows) -> None:
    """Record which rows are done, after they have been flushed to disk."""
    states = zip(wanted["images"].items(), rows.done, strict=True)
    images = {frame: state for (frame, state), is_done in states if is_done}
    header = {**wanted, "images": images, "checksums": rows.checksums.tolist()}
    write_text(header_path(path), json.dumps(header))


def fill(array: PackedArray, source: Source, rows: Rows, save: Callable[[], None]) -> None:
    """Build the missing rows and mark them as done, calling ``save`` from time to time. Raises
    ImageError, but only after trying all rows.
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
