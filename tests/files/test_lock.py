"""Locking a directory: files in the lock's place, refusal, and release."""

import os
import subprocess
import sys
from collections.abc import Callable
from errno import ENOLCK, ENOSYS, ENOTSUP
from pathlib import Path
from typing import NoReturn

import pytest

from audetnet.errors import UserError
from audetnet.files import lock
from audetnet.files.lock import locked


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["directory", "pipe"])
def test_a_lock_that_is_not_a_file_is_one_line(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / ".lock")
    with pytest.raises(UserError) as error, locked(tmp_path, "busy"):
        pass
    assert str(error.value).startswith(f"{tmp_path / '.lock'}: expected a file, found a ")


def test_a_directory_that_cannot_be_created_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError) as error, locked(tmp_path / "file" / "run", "busy"):
        pass
    assert str(error.value).startswith(f"{tmp_path / 'file' / 'run'}: cannot be written: ")


def test_a_lock_that_links_to_a_file_leaves_it_unchanged(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    (tmp_path / ".lock").symlink_to(tmp_path / "notes")
    with locked(tmp_path, "busy"):
        pass
    assert (tmp_path / "notes").read_text() == "mine"


def test_a_locked_directory_is_refused(tmp_path: Path) -> None:
    with (
        locked(tmp_path, "busy"),
        pytest.raises(UserError, match="busy"),
        locked(tmp_path, "busy"),
    ):
        pass


def test_a_killed_process_releases_its_lock(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from audetnet.files.lock import locked\n"
        "with locked(Path(sys.argv[1]), 'busy'):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match="busy"), locked(tmp_path, "busy"):
            pass
        holder.kill()
        holder.wait()
        with locked(tmp_path, "busy"):
            pass


@pytest.mark.parametrize("code", [ENOSYS, ENOTSUP, ENOLCK], ids=["no flock", "no locks", "no room"])
def test_a_file_system_without_locks_is_not_guarded(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, blocking: bool = True) -> NoReturn:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(lock, "lock_descriptor", refuse)
    with locked(tmp_path, "busy"), locked(tmp_path, "busy"):
        pass
    assert (tmp_path / ".lock").is_file()
