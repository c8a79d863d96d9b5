"""One process at a time in a directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audetnet.console.lines import say
from audetnet.errors import UserError
from audetnet.files.atomic import check_regular, write_errors


@contextmanager
def locked(directory: Path, busy: str, wait: bool = False) -> Iterator[None]:
    """Hold a directory's lock; the system releases it when the process exits, however it exits.

    If another process holds it, raise a UserError with the text ``busy``, or with ``wait`` print
    ``busy`` and wait.
    """
    lock = directory / ".lock"
    check_regular(lock)
    with write_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
        file = lock.open("a")
    with file:
        if not _try_lock(file.fileno()):
            if not wait:
                raise UserError(f"{directory}: {busy}")
            say(f"{directory}: {busy}")
            lock_descriptor(file.fileno())
        yield


def lock_descriptor(descriptor: int, blocking: bool = True) -> bool:
    """``filelock.lock_descriptor``, imported late: the import takes a tenth of a second."""
    import filelock

    return filelock.lock_descriptor(descriptor, blocking=blocking)


def _try_lock(descriptor: int) -> bool:
    """Whether the lock was acquired; also True on a file system without locks."""
    try:
        return lock_descriptor(descriptor, blocking=False)
    except OSError:
        return True
