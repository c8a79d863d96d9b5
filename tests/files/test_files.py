"""Files are written completely or not at all, whatever happens in between."""

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from errno import ENOSPC
from pathlib import Path
from typing import IO, NoReturn

import pytest

from audetnet.errors import UserError
from audetnet.files.atomic import atomic_write, write_bytes, write_text


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def _half(file: IO[bytes]) -> None:
    file.write(b"half")


@pytest.mark.parametrize("old", [None, "an older and longer text"], ids=["new", "replaced"])
@pytest.mark.parametrize(
    "text", ["", "text\n", "é ü 表\r\nlast line"], ids=["empty", "a line", "UTF-8, CRLF"]
)
def test_a_text_is_written_byte_for_byte(tmp_path: Path, text: str, old: str | None) -> None:
    path = tmp_path / "file.txt"
    if old is not None:
        path.write_text(old)
    write_text(path, text)
    assert path.read_bytes() == text.encode("utf-8")
    assert _names(tmp_path) == ["file.txt"]


def test_missing_directories_are_created(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a" / "b" / "file", lambda file: file.write(b"\x00\xff"))
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"\x00\xff"


def test_a_file_gets_its_name_only_when_complete(tmp_path: Path) -> None:
    path = tmp_path / "file.npy"
    path.write_text("old")
    with atomic_write(path) as unfinished:
        unfinished.write_text("new")
        assert unfinished.parent == path.parent, "renames are atomic only within one file system"
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("old", [None, "old"], ids=["new", "replaced"])
@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (ValueError("mistake"), ValueError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (UserError("a message of its own"), UserError),
        (OSError(ENOSPC, os.strerror(ENOSPC)), UserError),
    ],
    ids=["error", "interrupted", "user's mistake", "disk full"],
)
def test_an_exception_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, raised: BaseException, expected: type[BaseException], old: str | None
) -> None:
    path = tmp_path / "file"
    if old is not None:
        path.write_text(old)

    def fail(file: IO[bytes]) -> NoReturn:
        _half(file)
        raise raised

    with pytest.raises(expected) as error:
        write_bytes(path, fail)
    assert _names(tmp_path) == ([] if old is None else ["file"])
    assert old is None or path.read_text() == old
    if isinstance(raised, OSError):
        assert str(error.value) == f"{path}: cannot be written: {os.strerror(ENOSPC)}"
    else:
        assert error.value is raised


@pytest.mark.parametrize("ended", [None, KeyboardInterrupt()], ids=["killed", "interrupted"])
def test_a_staging_file_survives_and_can_be_continued(
    tmp_path: Path, ended: BaseException | None
) -> None:
    path, staging = tmp_path / "file", tmp_path / "file.unfinished"
    if ended is None:
        staging.write_text("half")
    else:
        with pytest.raises(type(ended)), atomic_write(path, staging) as unfinished:
            unfinished.write_text("half")
            raise ended
    assert _names(tmp_path) == ["file.unfinished"]
    with atomic_write(path, staging) as unfinished, unfinished.open("a") as file:
        file.write(" and half")
    assert path.read_text() == "half and half"
    assert _names(tmp_path) == ["file"]


def test_a_folder_replaces_a_folder(tmp_path: Path) -> None:
    """Nothing of the old one is left."""
    path, staging = tmp_path / "folds", tmp_path / "folds.unfinished"
    for name in ("old", "new"):
        with atomic_write(path, staging) as unfinished:
            (unfinished / name).mkdir(parents=True)
    assert _names(tmp_path) == ["folds"] and _names(path) == ["new"]


def _parent_is_a_file(root: Path) -> Path:
    (root / "taken").write_text("mine")
    return root / "taken" / "file"


def _grandparent_is_a_file(root: Path) -> Path:
    (root / "taken").write_text("mine")
    return root / "taken" / "deep" / "file"


def _is_a_directory(root: Path) -> Path:
    (root / "taken" / "full").mkdir(parents=True)
    return root / "taken"


def _name_too_long(root: Path) -> Path:
    return root / ("n" * 300)


@pytest.mark.parametrize(
    "make",
    [_parent_is_a_file, _grandparent_is_a_file, _is_a_directory, _name_too_long],
    ids=lambda function: function.__name__,
)
def test_a_path_that_cannot_be_written_is_named(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    path = make(tmp_path)
    before = _names(tmp_path)
    with pytest.raises(UserError) as error:
        write_bytes(path, _half)
    assert str(error.value).startswith(f"{path}: cannot be written: ")
    assert "None" not in str(error.value)
    assert _names(tmp_path) == before


def test_leftovers_of_killed_writers_are_removed(tmp_path: Path) -> None:
    """But not the file of a process that is still running."""
    host = platform.node()
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    dead = tmp_path / f".file.{host}.{ended.pid}"
    alive = tmp_path / f".file.{host}.{os.getppid()}"
    elsewhere = tmp_path / f".file.other-{host}.{ended.pid}"
    for path in (dead, alive, elsewhere):
        path.write_text("half")
    write_text(tmp_path / "file", "whole")
    assert not dead.exists() and alive.exists() and elsewhere.exists()


@pytest.mark.parametrize("owner", ["9" * 9, "9" * 400, "²"], ids=["unused", "huge", "a digit"])
def test_names_that_only_look_like_leftovers_do_no_harm(tmp_path: Path, owner: str) -> None:
    """A number beyond the largest process id used to overflow."""
    name = f".file.{platform.node()}.{owner}"[:250]
    (tmp_path / name).touch()
    write_text(tmp_path / "file", "text")
    assert (tmp_path / "file").read_text() == "text"
