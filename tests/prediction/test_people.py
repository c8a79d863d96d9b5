"""Tracking people over the frames of a video."""

import json

from audetnet.faces.detector import Box
from audetnet.prediction.people import People

LEFT, RIGHT = Box(0, 0, 100, 100), Box(300, 0, 100, 100)


def _moved(box: Box, by: float) -> Box:
    return box._replace(x=box.x + by)


def test_moving_boxes_keep_their_person() -> None:
    people = People()
    for frame in range(20):
        order = [_moved(LEFT, 5 * frame), _moved(RIGHT, -5 * frame)]
        assert people.numbers(order, frame / 10) == [0, 1]
    assert people.numbers(order[::-1], 2.0) == [1, 0]


def test_the_greatest_overlap_counts_first() -> None:
    """The first box overlaps with the person enough, but the second is nearer."""
    people = People()
    people.numbers([LEFT], 0.0)
    assert people.numbers([_moved(LEFT, 40), _moved(LEFT, 10)], 0.1) == [1, 0]


def test_boxes_that_hardly_overlap_are_other_people() -> None:
    people = People()
    people.numbers([LEFT], 0.0)
    assert people.numbers([_moved(LEFT, 53)], 0.1) == [0]  # 47 / 153 = 0.307
    assert people.numbers([_moved(LEFT, 53 + 54)], 0.2) == [1]  # 46 / 154 = 0.299


def test_a_person_gone_for_long_is_someone_new() -> None:
    people = People()
    people.numbers([LEFT], 0.0)
    people.numbers([], 0.9)
    assert people.numbers([LEFT], 1.0) == [0]
    people.numbers([], 1.5)
    assert people.numbers([LEFT], 2.1) == [1]


def test_frames_far_apart_bridge_their_own_gap() -> None:
    """With --every, frames may be further apart than the longest gap."""
    people = People()
    assert [people.numbers([LEFT], 5.0 * frame) for frame in range(3)] == [[0], [0], [0]]


def test_it_resumes_from_its_state() -> None:
    people = People()
    people.numbers([LEFT, RIGHT], 0.0)
    people.numbers([RIGHT], 0.5)
    later = People(json.loads(json.dumps(people.state())))
    new = Box(600, 0, 50, 50)
    for each in (people, later):
        assert each.numbers([new, RIGHT, LEFT], 0.9) == [2, 1, 0]
