"""Mistakes that the user can mend: one line on stderr, exit status 2, no traceback."""

import sys
from collections.abc import Callable

EXIT_MISTAKE = 2
EXIT_INTERRUPTED = 130


class UserError(Exception):
    """Its text is the whole line to show: where, what was expected, what to do."""


def first_few(names: list[str], count: int = 5) -> str:
    """The first ``count`` names, and how many more there are: ``a, b, ... (12 in all)``."""
    shown = ", ".join(names[:count])
    return shown if len(names) <= count else f"{shown}, ... ({len(names)} in all)"


def first_line(error: BaseException) -> str:
    """What an exception says in its first line; its name where it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def exit_status(command: Callable[[], int]) -> int:
    """Run a command; turn a user's mistake into its line and a non-zero exit status."""
    try:
        return command()
    except UserError as error:
        print(error, file=sys.stderr)
        return EXIT_MISTAKE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
