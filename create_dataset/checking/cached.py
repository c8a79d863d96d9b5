"""The packed frames of a cache directory, and what frozen stems make of them, each row compared
with its checksum.
"""

from dataclasses import dataclass
from pathlib import Path

from audetnet.data.array_file import array_fault, damaged_frames, read_header
from audetnet.errors import UserError

_KINDS = ("frames", "stem")
"""How the names of such files begin."""


@dataclass(frozen=True, kw_only=True)
class PackedArray:
    """What was learnt of an array."""

    path: Path
    frames: int = 0
    damaged: tuple[str, ...] = ()
    """Names of the rows that are not what was packed: frame ids, of a stem's outputs also views of
    them (ID/VIEW).
    """
    outdated: str = ""
    """Why training would not use it but pack anew; nothing more is known then."""
    unreadable: str = ""
    """Why training could not go on; nothing more is known then."""


def inspect_arrays(cache: Path) -> tuple[PackedArray, ...]:
    """Read every finished array of a cache directory once, where there is one; an unfinished one
    is checked by whoever goes on with it.
    """
    found = (path for kind in _KINDS for path in sorted(cache.glob(f"{kind}-*.npy")))
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
