"""Lines for the user: output on stdout, warnings on stderr."""

import sys

from audetnet.errors import one_line, print_line

_silent = False


def silence() -> None:
    """Print no more lines and bars in this process, because another one prints them. Errors are
    still shown.
    """
    global _silent  # noqa: PLW0603 - state of the process
    _silent = True


def is_silent() -> bool:
    return _silent


def note(text: str) -> None:
    """Print a warning on stderr."""
    if not _silent:
        print_line(one_line(text), sys.stderr)


def say(text: str) -> None:
    """Print one or more lines on stdout."""
    if not _silent:
        print_line(text, sys.stdout)


def counted(count: int, thing: str, things: str = "") -> str:
    """``1 subject``, ``3 subjects``; ``things`` is an irregular plural."""
    return f"{count} {thing if count == 1 else things or thing + 's'}"
