"""Tables as plain text."""

from collections.abc import Collection

import pytest

from audetnet.console.text_table import text_table

ROWS = [["", "F1", "name"], ["AU12", "0.5", "a"], ["mean", "-", ""]]


@pytest.mark.parametrize(
    ("left", "lines"),
    [
        ((0,), ["       F1  name", "AU12  0.5     a", "mean    -"]),
        ((0, 2), ["       F1  name", "AU12  0.5  a", "mean    -"]),
        ((), ["       F1  name", "AU12  0.5     a", "mean    -"]),
    ],
    ids=["names left, numbers right", "text left", "all right"],
)
def test_columns_line_up(left: Collection[int], lines: list[str]) -> None:
    """No line ends in spaces."""
    assert text_table(ROWS, left).splitlines() == lines


def test_rows_of_different_lengths_are_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="zip"):
        text_table([["a", "b"], ["c"]])
