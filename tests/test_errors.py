"""A message is one line of bounded length on any terminal, whatever it quotes."""

import io
import sys

import pytest

from audetnet.errors import (
    LONGEST_LINE,
    SeveralUserErrors,
    UserError,
    did_you_mean,
    exit_status,
    one_line,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a.cfg:3: unknown option 'x'", "a.cfg:3: unknown option 'x'"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[2Jgone\x00", r"\x1b[2Jgone\x00"),
        ("right\u202eleft\u2028next", r"right\u202eleft\u2028next"),
        ("Zoë, 表情", "Zoë, 表情"),
    ],
    ids=["plain", "line ends", "terminal codes", "direction marks", "letters of any script"],
)
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    assert one_line(text) == shown


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("filter", ["filters", "stride"], "; did you mean 'filters'?"),
        ("striide", ["filters", "stride"], "; did you mean 'stride'?"),
        ("dilation", ["filters", "stride"], "; known are: filters, stride"),
        ("x" * 10_000_000, ["filters"], "; known are: filters"),
        ("filter", [], "; it has no options"),
    ],
    ids=["cut short", "a letter twice", "none is close", "long: no endless search", "none known"],
)
def test_suggests_the_nearest_name(name: str, known: list[str], expected: str) -> None:
    assert did_you_mean(name, known) == expected


def test_a_long_message_keeps_its_place_and_its_advice() -> None:
    shown = one_line(f"a.csv:7: not a number: '{'x' * 10_000_000}'; use --labels")
    assert shown.startswith("a.csv:7: not a number: 'xxx")
    assert shown.endswith("xxx'; use --labels")
    assert "characters) ..." in shown
    assert len(shown) < LONGEST_LINE + 50


def test_each_mistake_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> int:
        raise SeveralUserErrors(["a.txt:1: x\ny", "a.txt:2: z"])

    assert exit_status(command) == 2
    assert capsys.readouterr().err.splitlines() == [r"a.txt:1: x\ny", "a.txt:2: z"]


def test_running_out_of_memory_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> int:
        raise MemoryError("Unable to allocate 16.0 GiB for an array")

    assert exit_status(command) == 2
    shown = capsys.readouterr().err
    assert shown == "out of memory: Unable to allocate 16.0 GiB for an array\n"


def test_a_mistake_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> int:
        raise UserError("a.txt: two\nlines")

    assert exit_status(command) == 2
    assert capsys.readouterr().err == "a.txt: two\\nlines\n"


def test_characters_a_terminal_cannot_encode_are_escaped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a night of training, a table with an AU called 'Brauenzieher é' must not fail."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))

    def command() -> int:
        print("AU é")
        return 0

    assert exit_status(command) == 0
    sys.stdout.flush()
    assert written.getvalue() == b"AU \\xe9\n"
