"""What the command lines of all commands share."""

import argparse
import csv
import textwrap

_WIDTH = 80
"""Columns of a help text; the example below it keeps its own lines."""


def command_parser(program: str, description: str, example: str) -> argparse.ArgumentParser:
    """A parser whose help ends in an example."""
    return argparse.ArgumentParser(
        prog=program,
        description=textwrap.fill(description, _WIDTH),
        epilog=f"example:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def natural(text: str) -> int:
    """A whole number from 0 on."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number, not '{text}'")
    return int(text)


def positive(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, not '{text}'")
    return int(text)


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas; one with a comma in it is quoted: ``"Smith, John",ben``."""
    found = tuple(part.strip() for part in next(csv.reader([text], skipinitialspace=True), []))
    if not found or not all(found):
        raise argparse.ArgumentTypeError(f"expected names separated by commas, not '{text}'")
    return found
