"""pairs.csv: groups of frames that differ in one factor only, such as the person. Written by
``create_dataset.render --same-expression`` and ``--same-person``.
"""

import os
from pathlib import Path

from audetnet.errors import UserError
from audetnet.files.csv import read_csv

PAIRS_FILE = "pairs.csv"
PAIRS_HEADER = ("frame_id", "pair")


def read_pairs(directory: Path) -> dict[str, str]:
    """The name of each frame's group by frame id; empty if there is no pairs.csv. Raises
    UserError.
    """
    path = directory / PAIRS_FILE
    if not os.path.lexists(path):
        return {}
    header, *rows = read_csv(path) or [[]]
    if tuple(header) != PAIRS_HEADER:
        raise UserError(
            f"{path}:1: expected the columns {','.join(PAIRS_HEADER)}, not '{','.join(header)}'"
        )
    found: dict[str, str] = {}
    for line, row in enumerate(rows, start=2):
        if len(row) != len(PAIRS_HEADER) or not all(row):
            raise UserError(
                f"{path}:{line}: expected a frame id and the name of its group, not "
                f"'{','.join(row)}'"
            )
        frame, pair = row
        if frame in found:
            raise UserError(f"{path}:{line}: frame '{frame}' is listed twice; keep one line")
        found[frame] = pair
    return found
