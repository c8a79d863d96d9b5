"""One process at a time in a directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audetnet.console.lines import say
from audetnet.errors import UserError
from audetnet.files.atomic import check_regular, write_errors


@contextmanager
def locked(directory: Path, busy: str, wait: bool = False) -> Iterator[None]:
    """Hold a directory; the system gives it free when the process ends, however it ends.

    Where another process holds it, ``busy`` is said: as a UserError, or as a line before waiting.
    """
    lock = directory / ".lock"
    check_regular(lock)
    with write_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
        file = lock.open("a")
    with file:
        if not _taken(file.fileno()):
            if not wait:
                raise UserError(f"{directory}: {busy}")
            say(f"{directory}: {busy}")
            lock_descriptor(file.fileno())
        yield


def lock_descriptor(descriptor: int, blocking: bool = True) -> bool:
    """That of filelock, which takes a tenth of a second to import: not for a ``--help``."""
    import filelock

    return filelock.lock_descriptor(descriptor, blocking=blocking)


def _taken(descriptor: int) -> bool:
    """Whether the lock is ours now; also where the disk has no locks, and nothing is guarded."""
    try:
        return lock_descriptor(descriptor, blocking=False)
    except OSError:
        return True
