"""How the process gets memory from the system, and how much there is."""

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = -1
"""Parameters and a value of mallopt(3) of the GNU C library."""


def keep_freed_memory() -> None:
    """Give no freed memory back to the system before the process ends. By default glibc maps every
    block above 32 MiB anew, and the system fills it with zeros: at 256x256 that took half the time
    of training on a CPU (benchmarks/growth.py). Does nothing with another C library.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, _NEVER)


def installed_memory() -> int | None:
    """Bytes of the machine's memory, where the system says it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
