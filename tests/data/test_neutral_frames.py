"""Each person's neutral: the choice of frames, and their median."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from audetnet.data.ids import natural_sort_key
from audetnet.data.neutral_frames import Indices, NeutralFrames, neutral_medians
from audetnet.errors import UserError

IDS = ("a_10", "b_1", "a_9", "a_100", "b_2", "a_1", "c_5")
SUBJECTS = np.array([0, 1, 0, 0, 1, 0, 2])


def taken(choice: NeutralFrames, seed: int = 0) -> list[list[str]]:
    return [[IDS[row] for row in rows] for rows in choice.of(IDS, SUBJECTS, seed)]


def test_all_frames_of_each_person_in_the_order_of_time() -> None:
    assert taken(NeutralFrames()) == [["a_1", "a_9", "a_10", "a_100"], ["b_1", "b_2"], ["c_5"]]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, [["a_1"], ["b_1"], ["c_5"]]),
        (2, [["a_1", "a_9"], ["b_1", "b_2"], ["c_5"]]),
        (3, [["a_1", "a_9", "a_10"], ["b_1", "b_2"], ["c_5"]]),
    ],
)
def test_the_first_frames_of_a_recording_are_found_by_number(
    count: int, expected: list[list[str]]
) -> None:
    assert taken(NeutralFrames(frames="first", count=count)) == expected


def test_numbers_in_ids_are_compared_as_numbers() -> None:
    ids = ["s2_9", "s10_1", "s2_10", "x", "s2_09b"]
    assert sorted(ids, key=natural_sort_key) == ["s2_9", "s2_09b", "s2_10", "s10_1", "x"]


def test_random_frames_of_a_person_depend_on_the_seed() -> None:
    ids = [f"a_{n}" for n in range(50)] + [f"b_{n}" for n in range(3)]
    subjects = np.array([0] * 50 + [1] * 3)
    choice = NeutralFrames(frames="random", count=5)
    first, few = choice.of(ids, subjects, seed=1)
    assert len(set(first.tolist())) == 5 and max(first) < 50 and few.tolist() == [50, 51, 52]
    again, _ = choice.of(ids, subjects, seed=1)
    others, _ = choice.of(ids, subjects, seed=2)
    assert first.tolist() == again.tolist() != others.tolist()


def test_a_frame_that_is_listed_often_counts_once() -> None:
    """Lists that balance AUs repeat active frames, which would distort the median."""
    ids = ["a_2", "a_1", "a_2", "a_2", "b_1", "b_1"]
    choice, subjects = NeutralFrames(), np.array([0, 0, 0, 0, 1, 1])
    named = [[ids[row] for row in rows] for rows in choice.of(ids, subjects, 0)]
    assert named == [["a_1", "a_2"], ["b_1"]]


def test_one_random_frame_is_any_of_them() -> None:
    ids, subjects = [f"a_{n}" for n in range(4)], np.zeros(4, np.int64)
    choice = NeutralFrames(frames="random", count=1)
    drawn = [int(choice.of(ids, subjects, seed)[0][0]) for seed in range(40)]
    assert set(drawn) == {0, 1, 2, 3}


def test_named_frames(tmp_path: Path) -> None:
    path = tmp_path / "neutral.csv"
    path.write_text("a_100\nb_2\na_9\nsomeone_else\n")
    choice = NeutralFrames(frames="named", frame_list=str(path))
    assert taken(choice) == [["a_9", "a_100"], ["b_2"], []]
    path.write_text("a_9,b_2\n")
    with pytest.raises(UserError, match=r"neutral\.csv:1: expected one frame id per row"):
        taken(choice)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (NeutralFrames(), "all frames"),
        (NeutralFrames(frames="random", count=5), "5 random"),
        (NeutralFrames(frames="first", count=3), "first 3"),
        (NeutralFrames(frames="named", frame_list="a.csv"), "named in a.csv"),
    ],
)
def test_a_choice_describes_itself(choice: NeutralFrames, said: str) -> None:
    assert str(choice) == said


def medians(frames: Sequence[Sequence[int]], values: Tensor) -> Tensor:
    rows: list[Indices] = [np.array(each, dtype=np.int64) for each in frames]
    return neutral_medians(rows, lambda some: values[torch.from_numpy(some)])


def test_the_median_by_hand() -> None:
    """Of an odd number the middle one, of an even one the mean of the middle two, each value by
    itself; as numpy has it."""
    values = torch.tensor([[1.0, 9.0], [5.0, 0.0], [2.0, 4.0], [4.0, 1.0]]).view(4, 2, 1, 1)
    found = medians([[0, 1, 2], [0, 1, 2, 3], [3]], values)
    assert found.flatten(1).tolist() == [[2.0, 4.0], [3.0, 2.5], [4.0, 1.0]]
    many = torch.randn(31, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    split = [list(range(10)), list(range(10, 31))]
    expected = np.stack([np.median(many[rows].numpy(), axis=0) for rows in split])
    np.testing.assert_allclose(medians(split, many).numpy(), expected, rtol=1e-6)


def test_float16_is_averaged_in_float32() -> None:
    values = torch.tensor([60000.0, 60000.0]).half().view(2, 1, 1, 1)
    assert medians([[0, 1]], values).item() == values[0].item()


def test_a_person_without_frames_gets_the_mean_of_the_others() -> None:
    values = torch.tensor([1.0, 3.0, 8.0]).view(3, 1, 1, 1)
    found = medians([[0], [], [1, 2]], values)
    assert found.flatten().tolist() == [1.0, (1.0 + 5.5) / 2, 5.5]
