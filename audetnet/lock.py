"""One process at a time in a directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from audetnet.console import say
from audetnet.errors import UserError
from audetnet.files import FileError, check_regular

try:
    import fcntl
except ImportError:  # a system without file locks: nothing is guarded
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(directory: Path, busy: str, wait: bool = False) -> Iterator[None]:
    """Hold a directory; the system gives it free when the process ends, however it ends.

    Where another process holds it, ``busy`` is said: as a UserError, or as a line before waiting.
    """
    lock = directory / ".lock"
    check_regular(lock)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = lock.open("a")
    except OSError as error:
        raise FileError(f"{directory}: cannot be written: {error.strerror}") from error
    with file:
        if not _taken(file):
            if not wait:
                raise UserError(f"{directory}: {busy}")
            say(f"{directory}: {busy}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _taken(file: IO[str]) -> bool:
    """Whether the lock is ours now; also where the disk has no locks, and nothing is guarded."""
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True
