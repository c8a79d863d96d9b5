"""Shared by the command lines of all commands."""

import argparse
import csv
import textwrap
from typing import NoReturn

from audetnet.errors import EXIT_USER_ERROR, one_line

LARGEST = 2**63 - 1
"""The largest integer a flag accepts: torch's largest seed."""
_WIDTH = 80
"""Columns of a help text; the example below it keeps its own line breaks."""


class _Parser(argparse.ArgumentParser):
    """Reports errors as one line of bounded length, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(
            EXIT_USER_ERROR, f"{one_line(f'{self.prog}: {message}')}; --help lists all flags\n"
        )


def command_parser(program: str, description: str, example: str) -> argparse.ArgumentParser:
    """A parser whose help ends in an example."""
    return _Parser(
        prog=program,
        description=textwrap.fill(description, _WIDTH),
        epilog=f"example:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def natural(text: str) -> int:
    """A whole number, 0 or more."""
    return _whole_number(text, 0, "")


def positive(text: str) -> int:
    """A whole number, 1 or more."""
    return _whole_number(text, 1, " of at least 1")


def above_zero(text: str) -> float:
    """A number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, not '{text}'")
    return number


def _whole_number(text: str, least: int, which: str) -> int:
    number = int(text) if text.isdecimal() and len(text) <= len(str(LARGEST)) else None
    if number is None or not least <= number <= LARGEST:
        limit = f", at most {LARGEST}" if text.isdecimal() and number != 0 else ""
        raise argparse.ArgumentTypeError(f"expected a whole number{which}{limit}, not '{text}'")
    return number


def fold_count(text: str) -> int:
    """A number of folds, 2 or more."""
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"expected a number of folds of at least 2, not '{text}'")
    return int(text)


def fraction(text: str) -> float:
    """A number between 0 and 1, both excluded."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"expected a fraction between 0 and 1, not '{text}'")
    return value


def count_or_fraction(text: str) -> int | float:
    """A whole number, 0 or more, or a fraction."""
    return natural(text) if text.isdecimal() else fraction(text)


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas; quote a name that contains one: ``"Smith, John",ben``."""
    found = tuple(part.strip() for part in next(csv.reader([text], skipinitialspace=True), []))
    if not found or not all(found):
        raise argparse.ArgumentTypeError(f"expected names separated by commas, not '{text}'")
    return found
