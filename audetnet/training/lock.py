"""One process a run directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audetnet.errors import UserError
from audetnet.files import FileError

try:
    import fcntl
except ImportError:  # a system without file locks: nothing is guarded
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the run directory; the system gives it free when the process ends, however it ends.

    Raises UserError where another process holds it.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = (directory / ".lock").open("w")
    except OSError as error:
        raise FileError(f"{directory}: cannot be written: {error.strerror}") from error
    with file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise UserError(
                    f"{directory}: another process trains in this run directory; wait for it, or "
                    "choose another one with --run DIR"
                ) from error
        yield
