"""Lines for the user: if they cannot be written, the program continues."""

import subprocess
import sys
from pathlib import Path

import pytest

from audetnet.console.lines import counted
from tests.conftest import ROOT

FULL = Path("/dev/full")
"""A device on which every write fails, as on a full disk."""
COMMAND = """
import os, pathlib, sys
from audetnet.console.lines import note, say
from audetnet.errors import UserError, exit_status
from audetnet.console.progress import ProgressBar

def command():
    for number in range(3):
        say(f"said {number}")
        note(f"noted {number}")
    with ProgressBar("bar", 1) as bar:
        bar.advance()
    with open("done", "wb") as file:
        assert file.fileno() > 2, "a library that writes to stderr would write into it"
    raise UserError("a mistake")

sys.exit(exit_status(command))
"""
NO_STDOUT = ["cannot write to stdout, nothing more is printed: "]
NOTED = ["noted 0", "noted 1", "noted 2", "a mistake"]


@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
@pytest.mark.parametrize(
    ("redirection", "shown"),
    [
        ("1>/dev/full", [*NO_STDOUT, *NOTED]),
        ("1>&-", NOTED),
        ("2>/dev/full", []),
        ("2>&-", []),
        ("1>/dev/full 2>/dev/full", []),
        ("0<&- 1>&- 2>&-", []),
    ],
)
def test_a_stream_that_cannot_be_written_ends_nothing(
    redirection: str, shown: list[str], tmp_path: Path
) -> None:
    code = tmp_path / "command.py"
    code.write_text(COMMAND)
    result = subprocess.run(
        ["bash", "-c", f"{sys.executable} {code} {redirection}"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert (tmp_path / "done").is_file()
    lines = result.stderr.splitlines()
    assert len(lines) == len(shown)
    assert all(line.startswith(start) for line, start in zip(lines, shown, strict=True))
    assert (result.stdout == "said 0\nsaid 1\nsaid 2\n") == ("1>" not in redirection)


@pytest.mark.parametrize(
    ("count", "words", "text"),
    [
        (1, ("subject",), "1 subject"),
        (0, ("subject",), "0 subjects"),
        (3, ("subject",), "3 subjects"),
        (1, ("person", "people"), "1 person"),
        (2, ("person", "people"), "2 people"),
    ],
)
def test_a_count_of_one_is_singular(count: int, words: tuple[str, ...], text: str) -> None:
    assert counted(count, *words) == text
