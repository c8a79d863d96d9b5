"""Errors that the user can fix: one line on stderr, exit status 2, no traceback."""

import difflib
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
_LAST_STREAM = 2
"""The number of stderr."""
LONGEST_LINE = 1000
"""Characters of a message that are shown: what it quotes from a file may be any amount of text."""
_SHOWN_END = 300
_LONGEST_QUOTE = 60
"""Characters of a file that a message repeats."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class UserError(Exception):
    """Its text is the whole line to show: where, what was expected, what to do."""

    @property
    def lines(self) -> tuple[str, ...]:
        """What to show: a line for each mistake."""
        return (str(self),)


class SeveralUserErrors(UserError):  # noqa: N818 - errors, in one exception
    """Several mistakes, a line each."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self._lines = tuple(lines)

    @property
    def lines(self) -> tuple[str, ...]:
        return self._lines


def one_line(text: str) -> str:
    """A message as it is shown: control characters escaped (they could move the cursor or forge a
    second line), and cut in the middle where it quotes too much.
    """
    if len(text) > LONGEST_LINE:
        left_out = len(text) - LONGEST_LINE
        end = len(text) - _SHOWN_END
        text = f"{text[: LONGEST_LINE - _SHOWN_END]} ... ({left_out} characters) ... {text[end:]}"
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def first_few(names: list[str], count: int = 5) -> str:
    """The first ``count`` names, and how many more there are: ``a, b, ... (12 in all)``."""
    shown = ", ".join(names[:count])
    return shown if len(names) <= count else f"{shown}, ... ({len(names)} in all)"


def shorten(text: str) -> str:
    """A text as a message repeats it: cut where it is long."""
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 3]}..."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, or all of them."""
    known = list(known)
    if not known:
        return "; it has no options"
    return suggestion(name, known) or f"; known are: {', '.join(known)}"


def suggestion(name: str, known: Iterable[str]) -> str:
    """The same, where the message has said what is expected: nothing if no name is near."""
    near = difflib.get_close_matches(shorten(name), list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def first_line(error: BaseException) -> str:
    """What an exception says in its first line; its name where it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def exit_status(command: Callable[[], int]) -> int:
    """Run a command; turn a user's mistake into its line and a non-zero exit status."""
    _prepare_streams()
    try:
        return command()
    except UserError as error:
        for line in error.lines:
            print_line(one_line(line), sys.stderr)
        return EXIT_USER_ERROR
    except MemoryError as error:
        print_line(one_line(f"the memory is full: {first_line(error)}"), sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        print_line("interrupted", sys.stderr)
        return EXIT_INTERRUPTED


def print_line(text: str, stream: TextIO) -> None:
    """Print a line. Where that is refused (the reader of a pipe has gone, the disk is full, the
    terminal was closed), it and all later lines go nowhere, and the program goes on: a night of
    training must not end with its terminal.
    """
    try:
        print(text, file=stream, flush=True)
    except OSError as error:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if stream is sys.stdout and not isinstance(error, BrokenPipeError):
            print_line(f"stdout cannot be written, nothing more is printed: {error}", sys.stderr)


def _prepare_streams() -> None:
    """What a terminal cannot write of a name is escaped there, not an error. A stream that was
    closed (``2>&-``) goes nowhere.
    """
    if sys.stdout is None or sys.stderr is None:
        _reserve_numbers()
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _reserve_numbers() -> None:
    """No file of ours may get the number of a closed stream: libraries would write into it."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= _LAST_STREAM:
        pass
    os.close(number)


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")
