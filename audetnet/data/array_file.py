"""The file of packed rows, the header beside it, and whether they hold what was written.

The array is a .npy file: pixels uint8 (N, 3, H, W), or a stem's outputs float16 (N, C, h, w). Its
header is a JSON file of the same name: the version of the format, what the rows were made of, and
the CRC-32 of every row, taken before it went to the file.
"""

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from audetnet.console.progress import ProgressBar
from audetnet.errors import UserError, first_few
from audetnet.files.atomic import check_regular

Pixels = npt.NDArray[np.uint8]
PackedArray = npt.NDArray[Any]
"""Pixels, or float16 outputs of a stem."""
Shape = tuple[int, ...]
Checksums = npt.NDArray[np.uint32]
Header = dict[str, Any]
VERSION = 3
_WORKERS = os.cpu_count() or 1


def header_path(array: Path) -> Path:
    """Beside an array."""
    return array.with_suffix(".json")


def read_header(array: Path) -> Header | None:
    """What an array says of itself; None where there is no array, or nothing legible. Raises
    UserError for what is no file.
    """
    for path in (array, header_path(array)):
        check_regular(path)
    try:
        header = json.loads(header_path(array).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) and array.is_file() else None


def made_of(header: Mapping[str, Any]) -> Header:
    """A header without the checksums: what the rows were made of."""
    return {key: value for key, value in header.items() if key != "checksums"}


def checksum(row: PackedArray) -> int:
    """CRC-32 of a contiguous row (C, H, W)."""
    return zlib.crc32(row.data)


def checksums_of(header: Mapping[str, Any], rows: int) -> Checksums | None:
    """One a row; None where the header has others, or none."""
    try:
        checksums = np.array(header.get("checksums"), dtype=np.uint32)
    except (TypeError, ValueError, OverflowError):
        return None
    return checksums if checksums.shape == (rows,) else None


def row_of(header: Header) -> tuple[Shape, "np.dtype[Any]"]:
    """Shape and type of each row of the array that a header describes. Raises KeyError, TypeError
    or ValueError for one that describes none.
    """
    if "row" in header:
        return tuple(header["row"]), np.dtype(header["type"])
    return (3, *header["image_size"]), np.dtype(np.uint8)


def open_array(
    path: Path, shape: Sequence[int], dtype: "npt.DTypeLike" = np.uint8, writable: bool = False
) -> "np.memmap[Any, Any]":
    """Map an array of that shape and type. Raises ValueError for a file that holds anything else,
    also one that was cut off, and UserError where the disk refuses.
    """
    try:
        pixels = np.lib.format.open_memmap(path, mode="r+" if writable else "r")
        size = path.stat().st_size
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # whatever numpy makes of damaged bytes
        raise ValueError(str(error)) from error
    if pixels.dtype != dtype or pixels.shape != tuple(shape) or not pixels.flags.c_contiguous:
        raise ValueError(f"{pixels.dtype} {pixels.shape}")
    if size != pixels.offset + pixels.nbytes:
        raise ValueError(f"{size} bytes")
    return pixels


def array_fault(path: Path, header: Header | None) -> str:
    """Why an array is of no use with the header that was read beside it; empty where it is. No
    pixel is looked at. Raises UserError where the disk refuses.
    """
    if header is None:
        return "its header (.json) cannot be read"
    if header.get("version") != VERSION:
        return "packed by another version of AUDetNet"
    try:
        rows, (row, dtype) = len(header["images"].keys()), row_of(header)
        open_array(path, (rows, *row), dtype)
    except (AttributeError, KeyError, TypeError, ValueError):
        return "not the array that its header (.json) describes"
    if checksums_of(header, rows) is None:
        return "its header (.json) does not have a checksum for every frame"
    return ""


def reason_to_rebuild(path: Path, wanted: Header, thorough: bool) -> str:
    """Why the array is not the wanted one; empty where it is. ``thorough`` reads all its pixels.
    Raises UserError for what is no file, and where the disk refuses.
    """
    header = read_header(path)
    mistake = array_fault(path, header)
    if mistake or header is None:
        return mistake
    if made_of(header) != wanted:
        return "what it is made of has changed" if "row" in header else "its images have changed"
    damaged = damaged_frames(path, header) if thorough else []
    return damage_text(damaged, len(header["images"])) if damaged else ""


def damage_text(damaged: list[str], count: int) -> str:
    """Which of so many frames are damaged."""
    return f"{len(damaged)} of {count} packed frames are damaged ({first_few(damaged)})"


def damaged_frames(path: Path, header: Header) -> list[str]:
    """The frames whose rows are not what was written, of an array without a ``array_fault`` it."""
    frames = list(header["images"])
    checksums = checksums_of(header, len(frames))
    assert checksums is not None
    row, dtype = row_of(header)
    pixels = open_array(path, (len(frames), *row), dtype)
    return [frames[row] for row in damaged_rows(pixels, checksums, range(len(frames)))]


def damaged_rows(
    pixels: "np.memmap[Any, Any]", checksums: Checksums, rows: Sequence[int]
) -> list[int]:
    """Those of some rows whose checksum differs.

    They are read, not mapped: a disk that cannot read a mapped page kills the process (SIGBUS).
    """
    path, size = Path(str(pixels.filename)), pixels[0].nbytes

    def is_damaged(row: int) -> bool:
        try:
            with path.open("rb") as file:
                file.seek(pixels.offset + row * size)
                return zlib.crc32(file.read(size)) != int(checksums[row])
        except OSError:
            return True

    with (
        ThreadPoolExecutor(_WORKERS) as workers,
        ProgressBar("checking packed frames", len(rows), unit="image") as bar,
    ):
        damaged = []
        for row, found in zip(rows, workers.map(is_damaged, rows), strict=True):
            if found:
                damaged.append(row)
            bar.advance()
        return damaged
