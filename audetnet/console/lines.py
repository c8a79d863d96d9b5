"""Lines for the user on stdout."""

import sys

from audetnet.errors import one_line, print_line

_silent = False


def silence() -> None:
    """From now on this process says nothing and shows no bars: another one speaks for it. Errors
    are shown.
    """
    global _silent  # noqa: PLW0603 - a property of the process
    _silent = True


def is_silent() -> bool:
    return _silent


def note(text: str) -> None:
    """A line on stderr: a warning."""
    if not _silent:
        print_line(one_line(text), sys.stderr)


def say(text: str) -> None:
    """Print a line, or several."""
    if not _silent:
        print_line(text, sys.stdout)


def counted(count: int, thing: str, things: str = "") -> str:
    """``1 subject``, ``3 subjects``; ``things`` where the plural is another word."""
    return f"{count} {thing if count == 1 else things or thing + 's'}"
