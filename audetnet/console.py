"""Lines for the user on stdout."""

import os
import sys

from audetnet.errors import one_line

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
        print(one_line(text), file=sys.stderr)


def say(text: str) -> None:
    """Print a line. If the reader of our output has gone (``| head``), this and all later lines go
    nowhere, and the program goes on: a night of training must not end with its terminal.
    """
    if _silent:
        return
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def counted(count: int, thing: str, things: str = "") -> str:
    """``1 subject``, ``3 subjects``; ``things`` where the plural is another word."""
    return f"{count} {thing if count == 1 else things or thing + 's'}"
