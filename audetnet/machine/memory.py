"""How much memory there is, and how the process allocates it."""

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = -1
"""Parameters and a value of glibc's mallopt(3)."""


def keep_freed_memory() -> None:
    """Keep freed memory until the process exits instead of returning it to the system. By default
    glibc maps fresh pages for every block above 32 MiB, and zeroing them took half of the training
    time at 256x256 on a CPU (benchmarks/growth.py). No effect with other C libraries.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, _NEVER)


def installed_memory() -> int | None:
    """The machine's memory in bytes; None if the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
