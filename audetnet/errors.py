"""Errors the user can fix: one line on stderr, exit status 2, no traceback."""

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
_STDERR_DESCRIPTOR = 2
LONGEST_LINE = 1000
"""Characters shown of a message, which may quote any amount of text from a file."""
_SHOWN_END = 300
_LONGEST_QUOTE = 60
"""Characters of a file quoted in a message."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class UserError(Exception):
    """The text is the complete line to show: where, what was expected, what to do."""

    @property
    def lines(self) -> tuple[str, ...]:
        """One line per mistake."""
        return (str(self),)


class SeveralUserErrors(UserError):  # noqa: N818 - several errors in one exception
    """Several mistakes, one line each."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self._lines = tuple(lines)

    @property
    def lines(self) -> tuple[str, ...]:
        return self._lines


def one_line(text: str) -> str:
    """A message as shown: control characters escaped (they could move the cursor or forge a second
    line), and shortened in the middle if too long.
    """
    if len(text) > LONGEST_LINE:
        left_out = len(text) - LONGEST_LINE
        end = len(text) - _SHOWN_END
        text = f"{text[: LONGEST_LINE - _SHOWN_END]} ... ({left_out} characters) ... {text[end:]}"
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def first_few(names: list[str], count: int = 5) -> str:
    """The first ``count`` names, and the total if there are more: ``a, b, ... (12 in all)``."""
    shown = ", ".join(names[:count])
    return shown if len(names) <= count else f"{shown}, ... ({len(names)} in all)"


def shorten(text: str) -> str:
    """Text to quote in a message, truncated if long."""
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 3]}..."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the closest known one, or all of them."""
    known = list(known)
    if not known:
        return "; it has no options"
    return suggestion(name, known) or f"; known are: {', '.join(known)}"


def suggestion(name: str, known: Iterable[str]) -> str:
    """The closest known name, as the end of a message; empty if none is close."""
    close = difflib.get_close_matches(shorten(name), list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def first_line(error: BaseException) -> str:
    """The first line of an exception's text, or its class name if it has none."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def exit_status(command: Callable[[], int]) -> int:
    """Run a command; turn a UserError into its lines and a non-zero exit status."""
    _prepare_streams()
    try:
        return command()
    except UserError as error:
        for line in error.lines:
            print_line(one_line(line), sys.stderr)
        return EXIT_USER_ERROR
    except MemoryError as error:
        print_line(one_line(f"out of memory: {first_line(error)}"), sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        print_line("interrupted", sys.stderr)
        return EXIT_INTERRUPTED


def print_line(text: str, stream: TextIO) -> None:
    """Print a line. If the stream cannot be written (broken pipe, full disk, closed terminal), this
    and all later lines are discarded and the program continues: training must outlive its terminal.
    """
    try:
        print(text, file=stream, flush=True)
    except OSError as error:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if stream is sys.stdout and not isinstance(error, BrokenPipeError):
            print_line(f"cannot write to stdout, nothing more is printed: {error}", sys.stderr)


def _prepare_streams() -> None:
    """Escape characters that the terminal cannot encode; discard output to a closed stream
    (``2>&-``).
    """
    if sys.stdout is None or sys.stderr is None:
        _reserve_standard_descriptors()
    sys.stdout = sys.stdout or _open_devnull()
    sys.stderr = sys.stderr or _open_devnull()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _reserve_standard_descriptors() -> None:
    """Keep files from getting the descriptor of a closed stream: libraries would write to them."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR_DESCRIPTOR:
        pass
    os.close(descriptor)


def _open_devnull() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")
