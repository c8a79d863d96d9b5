"""The arrays in a cache directory (packed frames, outputs of frozen stems), each row compared with
its checksum.
"""

from dataclasses import dataclass
from pathlib import Path

from audetnet.data.array_file import array_fault, damaged_frames, read_header
from audetnet.errors import UserError

_PREFIXES = ("frames", "stem")
"""How the file names begin."""


@dataclass(frozen=True, kw_only=True)
class PackedArray:
    """What is known about an array."""

    path: Path
    frames: int = 0
    damaged: tuple[str, ...] = ()
    """Names of the rows that have changed since they were packed: frame ids; for the outputs of a
    stem also views (ID/VIEW).
    """
    outdated: str = ""
    """Why training would pack again rather than use it; if set, nothing else is known."""
    unreadable: str = ""
    """Why training would fail; if set, nothing else is known."""


def inspect_arrays(cache: Path) -> tuple[PackedArray, ...]:
    """Read every finished array in a cache directory once, if there is one. Whoever resumes an
    unfinished array checks it.
    """
    found = (path for prefix in _PREFIXES for path in sorted(cache.glob(f"{prefix}-*.npy")))
    return tuple(map(_inspect, found))


def _inspect(path: Path) -> PackedArray:
    try:
        header = read_header(path)
        mistake = array_fault(path, header)
        if mistake or header is None:
            return PackedArray(path=path, outdated=mistake)
        return PackedArray(
            path=path, frames=len(header["images"]), damaged=tuple(damaged_frames(path, header))
        )
    except UserError as error:
        return PackedArray(path=path, unreadable=str(error))
