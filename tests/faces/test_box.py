"""Boxes and how much they overlap."""

import pytest

from audetnet.faces.detector import Box


def test_contains_points_inside() -> None:
    box = Box(1, 2, 4, 2)
    assert box.contains(1, 2) and box.contains(4.9, 3.9)
    assert not box.contains(0.9, 3) and not box.contains(5, 3) and not box.contains(3, 4)


@pytest.mark.parametrize(
    ("other", "overlap"),
    [
        (Box(0, 0, 4, 2), 1),
        (Box(2, 0, 4, 2), 1 / 3),
        (Box(1, 1, 2, 1), 1 / 4),
        (Box(4, 0, 4, 2), 0),
        (Box(1, 5, 4, 2), 0),
        (Box(1, 1, 0, 0), 0),
    ],
    ids=["same", "half", "inside", "touching", "apart", "empty"],
)
def test_overlap(other: Box, overlap: float) -> None:
    box = Box(0, 0, 4, 2)
    assert box.overlap(other) == other.overlap(box) == pytest.approx(overlap)
