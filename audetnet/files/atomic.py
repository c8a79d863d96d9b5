"""Only regular files are read, and files are written atomically: completely or not at all."""

import os
import platform
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from audetnet.errors import UserError

_PROCESS = re.compile(r"[0-9]{1,9}")
"""A process id."""


class FileError(UserError):
    """A file that cannot be written."""


def check_regular(path: Path) -> None:
    """Raise UserError for anything that exists but is not a regular file: reading a pipe could
    block for ever, and a device has no end.
    """
    try:
        kind = path.stat().st_mode
    except (OSError, ValueError):  # reported when it is opened
        return
    if not stat.S_ISREG(kind):
        found = "a directory" if stat.S_ISDIR(kind) else "a pipe, socket or device"
        raise UserError(f"{path}: expected a file, found {found}")


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, line ends as line feeds. Raises UserError."""
    check_regular(path)
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file") from error


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn any OSError inside the context into a FileError that names the path."""
    try:
        yield
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error


@contextmanager
def atomic_write(path: Path, staging: Path | None = None) -> Iterator[Path]:
    """Yield a path to write to; it is renamed to ``path`` when the context exits without error.

    By default this is a temporary file beside ``path``, deleted after an exception. ``staging``, on
    the same file system, survives exceptions and kills, so the next writer can resume from it or
    overwrite it; it may also be a directory. Raises FileError if writing fails.
    """
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if staging is not None:
            yield staging
            _move(staging, path)
        else:
            with _temporary(path) as unfinished:
                yield unfinished
                _move(unfinished, path)


def _move(finished: Path, path: Path) -> None:
    """Rename to the final path; a directory replaces an existing directory."""
    if finished.is_dir() and path.is_dir():
        shutil.rmtree(path)
    os.replace(finished, path)


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """A path beside ``path`` that no other process writes to, deleted on exit."""
    prefix = f".{path.name}.{platform.node()}."
    _remove_leftovers(path.parent, prefix)
    unfinished = path.with_name(f"{prefix}{os.getpid()}")
    try:
        yield unfinished
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _remove_leftovers(directory: Path, prefix: str) -> None:
    """Delete temporary files of processes on this machine that were killed while writing."""
    for file in directory.iterdir():
        owner = file.name.removeprefix(prefix)
        if (
            file.name.startswith(prefix)
            and _PROCESS.fullmatch(owner)
            and not _is_running(int(owner))
        ):
            file.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    if os.name == "nt":  # os.kill would terminate it there
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_bytes(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a binary file atomically, flushed to disk before it is renamed."""
    with atomic_write(path) as unfinished, unfinished.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    write_bytes(path, lambda file: file.write(text.encode("utf-8")))


def append_text(path: Path, text: str) -> None:
    """Append to a text file. Raises FileError, in which case part of the text may be written."""
    with write_errors(path), path.open("a", encoding="utf-8") as file:
        file.write(text)
