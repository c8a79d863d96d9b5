"""Flags: a wrong value is one line, whatever was typed."""

from collections.abc import Callable

import pytest

from audetnet.console.arguments import LARGEST, command_parser, natural, positive
from audetnet.errors import LONGEST_LINE


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (natural, "-1", "expected a whole number, not '-1'"),
        (natural, "", "expected a whole number, not ''"),
        (natural, "1e3", "expected a whole number, not '1e3'"),
        (natural, str(LARGEST + 1), f"at most {LARGEST}"),
        (natural, "9" * 5000, f"at most {LARGEST}"),
        (positive, "0", "expected a whole number of at least 1, not '0'"),
        (positive, "-3", "expected a whole number of at least 1, not '-3'"),
        (positive, "9" * 5000, f"at most {LARGEST}"),
        (natural, "x" * 100_000, "expected a whole number, not 'xxx"),
        (natural, "1\n2", r"expected a whole number, not '1\n2'"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else value.__name__,
)
def test_a_number_that_is_none_or_too_large(
    kind: Callable[[str], int], text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python does not parse integers of more than 4300 digits."""
    flags = command_parser("program", "description", "example")
    flags.add_argument("--count", type=kind)
    with pytest.raises(SystemExit) as stopped:
        flags.parse_args([f"--count={text}"])
    assert stopped.value.code == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("program: argument --count: ") and message in line
    assert len(line) < LONGEST_LINE + 100


@pytest.mark.parametrize(("kind", "least"), [(natural, 0), (positive, 1)])
def test_numbers(kind: Callable[[str], int], least: int) -> None:
    assert [kind(str(number)) for number in (least, 17, LARGEST)] == [least, 17, LARGEST]
