"""Files: only regular ones are read, and they are written whole or not at all."""

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
"""A process number as the system gives them."""


class FileError(UserError):
    """A file that the disk refuses to take."""


def check_regular(path: Path) -> None:
    """Raise UserError for what exists and is no file to be read to its end: a pipe would block
    for ever, a device has no end.
    """
    try:
        kind = path.stat().st_mode
    except (OSError, ValueError):  # whoever opens it says why
        return
    if not stat.S_ISREG(kind):
        found = "a directory" if stat.S_ISDIR(kind) else "a pipe, socket or device"
        raise UserError(f"{path}: expected a file, found {found}")


def read_text(path: Path) -> str:
    """A UTF-8 text file, its line ends as line feeds. Raises UserError."""
    check_regular(path)
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file") from error


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Within it what the disk refuses is a FileError that names the file."""
    try:
        yield
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error


@contextmanager
def atomic_write(path: Path, staging: Path | None = None) -> Iterator[Path]:
    """Where to write a file; it takes the place of ``path`` at the end.

    That is a path of this process beside it, which is deleted after an exception. Or it is
    ``staging``, on the same disk, which outlives exceptions and kills: who comes next goes on from
    what is there, or writes over it; a folder may be made there as well. Raises FileError where the
    disk refuses.
    """
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if staging is not None:
            yield staging
            _move(staging, path)
        else:
            with _passing(path) as unfinished:
                yield unfinished
                _move(unfinished, path)


def _move(made: Path, path: Path) -> None:
    """Give what was made its name; a folder replaces the folder that has it."""
    if made.is_dir() and path.is_dir():
        shutil.rmtree(path)
    os.replace(made, path)


@contextmanager
def _passing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` that no other process writes to; what is there goes at the end."""
    prefix = f".{path.name}.{platform.node()}."
    _remove_leftovers(path.parent, prefix)
    unfinished = path.with_name(f"{prefix}{os.getpid()}")
    try:
        yield unfinished
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _remove_leftovers(directory: Path, prefix: str) -> None:
    """Delete what processes of this machine that were killed while writing have left behind."""
    for file in directory.iterdir():
        owner = file.name.removeprefix(prefix)
        if file.name.startswith(prefix) and _PROCESS.fullmatch(owner) and not _runs(int(owner)):
            file.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    if os.name == "nt":  # there os.kill would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_bytes(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a binary file whole, on the disk before it gets its name."""
    with atomic_write(path) as unfinished, unfinished.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def write_text(path: Path, text: str) -> None:
    """Write a text file whole."""
    write_bytes(path, lambda file: file.write(text.encode("utf-8")))


def append_text(path: Path, text: str) -> None:
    """Write at the end of a text file. Raises FileError; part of the text may then be there."""
    with write_errors(path), path.open("a", encoding="utf-8") as file:
        file.write(text)
