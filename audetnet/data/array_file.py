"""The file of packed rows, its header, and their verification.

The array is a .npy file: pixels uint8 (N, 3, H, W), or a stem's outputs float16 (N, C, h, w). The
header is a JSON file of the same name: the format version, what the rows were made from, and the
CRC-32 of every row, computed before writing.
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
    """The path of an array's header."""
    return array.with_suffix(".json")


def read_header(array: Path) -> Header | None:
    """The header of an array; None if there is no array or no valid header. Raises UserError if
    either path is not a regular file.
    """
    for path in (array, header_path(array)):
        check_regular(path)
    try:
        header = json.loads(header_path(array).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) and array.is_file() else None


def without_checksums(header: Mapping[str, Any]) -> Header:
    """What the rows were made from."""
    return {key: value for key, value in header.items() if key != "checksums"}


def checksum(row: PackedArray) -> int:
    """CRC-32 of a contiguous row (C, H, W)."""
    return zlib.crc32(row.data)


def checksums_of(header: Mapping[str, Any], rows: int) -> Checksums | None:
    """The checksum of each row; None if the header has a different number of them."""
    try:
        checksums = np.array(header.get("checksums"), dtype=np.uint32)
    except (TypeError, ValueError, OverflowError):
        return None
    return checksums if checksums.shape == (rows,) else None


def row_of(header: Header) -> tuple[Shape, "np.dtype[Any]"]:
    """Shape and dtype of a row according to the header. Raises KeyError, TypeError or ValueError
    for an invalid header.
    """
    if "row" in header:
        return tuple(header["row"]), np.dtype(header["type"])
    return (3, *header["image_size"]), np.dtype(np.uint8)


def open_array(
    path: Path, shape: Sequence[int], dtype: "npt.DTypeLike" = np.uint8, writable: bool = False
) -> "np.memmap[Any, Any]":
    """Memory-map an array of that shape and dtype. Raises ValueError for a file with any other
    content, including a truncated one, and UserError if it cannot be read.
    """
    try:
        pixels = np.lib.format.open_memmap(path, mode="r+" if writable else "r")
        size = path.stat().st_size
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # whatever NumPy raises for damaged bytes
        raise ValueError(str(error)) from error
    if pixels.dtype != dtype or pixels.shape != tuple(shape) or not pixels.flags.c_contiguous:
        raise ValueError(f"{pixels.dtype} {pixels.shape}")
    if size != pixels.offset + pixels.nbytes:
        raise ValueError(f"{size} bytes")
    return pixels


def array_fault(path: Path, header: Header | None) -> str:
    """Why an array with this header cannot be used; empty if it can. Rows are not checked. Raises
    UserError if it cannot be read.
    """
    if header is None:
        return "its header (.json) is missing or invalid"
    if header.get("version") != VERSION:
        return "packed by another version of AUDetNet"
    try:
        rows, (row, dtype) = len(header["images"].keys()), row_of(header)
        open_array(path, (rows, *row), dtype)
    except (AttributeError, KeyError, TypeError, ValueError):
        return "the array does not match its header (.json)"
    if checksums_of(header, rows) is None:
        return "its header (.json) lacks a checksum for every frame"
    return ""


def reason_to_rebuild(path: Path, wanted: Header, thorough: bool) -> str:
    """Why the array is not the wanted one; empty if it is. ``thorough`` verifies all rows. Raises
    UserError if it is not a regular file or cannot be read.
    """
    header = read_header(path)
    fault = array_fault(path, header)
    if fault or header is None:
        return fault
    if without_checksums(header) != wanted:
        return "its images or stem have changed" if "row" in header else "its images have changed"
    damaged = damaged_frames(path, header) if thorough else []
    return damage_text(damaged, len(header["images"])) if damaged else ""


def damage_text(damaged: list[str], count: int) -> str:
    """A message about damaged frames, ``count`` being the number of all frames."""
    return f"{len(damaged)} of {count} packed frames are damaged ({first_few(damaged)})"


def damaged_frames(path: Path, header: Header) -> list[str]:
    """The frames whose checksum does not match, of an array without an ``array_fault``."""
    frames = list(header["images"])
    checksums = checksums_of(header, len(frames))
    assert checksums is not None
    row, dtype = row_of(header)
    pixels = open_array(path, (len(frames), *row), dtype)
    return [frames[row] for row in damaged_rows(pixels, checksums, range(len(frames)))]


def damaged_rows(
    pixels: "np.memmap[Any, Any]", checksums: Checksums, rows: Sequence[int]
) -> list[int]:
    """Those of ``rows`` whose checksum does not match.

    They are read instead of mapped: a read error in a mapped page would kill the process (SIGBUS).
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
