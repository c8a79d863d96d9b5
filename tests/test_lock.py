"""A directory held by one process: what stands in the lock's place."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from audetnet.errors import UserError
from audetnet.lock import locked


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["directory", "pipe"])
def test_a_lock_that_is_no_file_is_one_line(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / ".lock")
    with pytest.raises(UserError) as error, locked(tmp_path, "busy"):
        pass
    assert str(error.value).startswith(f"{tmp_path / '.lock'}: expected a file, found a ")


def test_a_lock_that_links_to_a_file_leaves_it_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    (tmp_path / ".lock").symlink_to(tmp_path / "notes")
    with locked(tmp_path, "busy"):
        pass
    assert (tmp_path / "notes").read_text() == "mine"


def test_a_held_directory_is_refused(tmp_path: Path) -> None:
    with (
        locked(tmp_path, "busy"),
        pytest.raises(UserError, match="busy"),
        locked(tmp_path, "busy"),
    ):
        pass
