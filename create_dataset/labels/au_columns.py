"""How AUs are written on command lines and in column headers."""

import argparse
import re
from typing import Literal

from audetnet.console.arguments import names

Style = Literal["", "r", "c"]
"""OpenFace's suffixes: r for an intensity (regressed), c for an occurrence (classified)."""
_COLUMN = re.compile(r"AU_?0*([1-9]\d*)(?:_(r|c|intensity))?", re.IGNORECASE)
_NUMBER = re.compile(r"(?:AU_?)?0*([1-9]\d*)", re.IGNORECASE)


def au_column(header: str) -> tuple[str, Style] | None:
    """The AU and style of a column header: AU1, AU01, au_1, AU01_r, AU01_c, au_1_intensity; None
    for other columns.
    """
    match = _COLUMN.fullmatch(header.strip())
    if match is None:
        return None
    styles: dict[str | None, Style] = {None: "", "r": "r", "intensity": "r", "c": "c"}
    ending = match[2]
    return f"AU{match[1]}", styles[ending.lower() if ending else None]


def au_of_number(text: str) -> str | None:
    """The AU written as 4, 04, AU4 ...; None for other texts."""
    match = _NUMBER.fullmatch(text.strip())
    return f"AU{match[1]}" if match else None


def au_list(text: str) -> tuple[str, ...]:
    """The type of --aus: names or numbers separated by commas, to ("AU1", "AU2")."""
    found = []
    for name in names(text):
        au = au_of_number(name)
        if au is None:
            raise argparse.ArgumentTypeError(f"expected AUs such as 1,2,4, not '{name}'")
        found.append(au)
    if len(set(found)) != len(found):
        raise argparse.ArgumentTypeError(f"an AU is named twice in '{text}'")
    return tuple(found)
