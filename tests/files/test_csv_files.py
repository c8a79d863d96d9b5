"""CSV cells survive a round trip, whatever they hold, and no spreadsheet runs them as formulas."""

import csv
import os
from pathlib import Path

import pytest

from audetnet.errors import UserError
from audetnet.files.csv import csv_text, read_csv, write_csv

CELLS = [
    "plain",
    "Smith, John",
    'say "AU12"',
    "two\nlines",
    "two\r\nlines",
    "=1+1",
    "+49",
    "-frame",
    "@home",
    "'=quoted already",
    "''=twice",
    "'90s",
    "",
]


def test_cells_come_back_as_they_were(tmp_path: Path) -> None:
    rows = [["frame", "x"], *([cell, "1"] for cell in CELLS)]
    write_csv(tmp_path / "a.csv", rows)
    assert read_csv(tmp_path / "a.csv") == rows


@pytest.mark.parametrize("cell", ["=1+1", "+49", "-frame", "@home", "'=x"])
def test_no_text_cell_begins_as_a_formula(cell: str) -> None:
    ((written,),) = csv.reader([csv_text([[cell]])])
    assert written == f"'{cell}"


def test_numbers_stay_numbers() -> None:
    assert csv_text([["au", -0.25, None, 1e-20, 3]]) == "au,-0.25,,1e-20,3\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"frame,x\n\xff\xfe\n", ["not a table"]),
        (b'frame,x\n"' + b"y" * 200_000, ["not a table"]),
    ],
    ids=["not UTF-8", "a quote that never ends"],
)
def test_a_file_that_is_no_table_is_one_line(
    tmp_path: Path, content: bytes, words: list[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_csv(path)
    assert str(path) in str(caught.value) and all(word in str(caught.value) for word in words)


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    """Opening one would block until somebody writes to it."""
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(UserError, match=r"a\.csv: expected a file, found a pipe"):
        read_csv(tmp_path / "a.csv")
