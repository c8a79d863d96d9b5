"""Samples of frames and their codes as vectors."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from audetnet.data.frames import FrameSet
from audetnet.disentangling.codes import (
    LONGEST_VECTOR,
    TIME_BLOCKS,
    Codes,
    balanced_sample,
    make_codes,
)
from audetnet.errors import UserError
from audetnet.networks.code import Code


def _frames(counts: dict[str, int], shuffled: bool = False) -> FrameSet:
    names = [(who, f"{who}_{frame}") for who, count in counts.items() for frame in range(count)]
    if shuffled:
        names = [names[i] for i in np.random.default_rng(0).permutation(len(names))]
    ids = tuple(name for _, name in names)
    labels = np.array([[int(name.split("_")[1])] for name in ids], dtype=np.float32)
    return FrameSet(
        name="test",
        ids=ids,
        paths=tuple(map(Path, ids)),
        subjects=tuple(who for who, _ in names),
        labels=labels,
    )


def test_people_have_equal_shares_spread_over_their_time() -> None:
    sample, notes = balanced_sample(_frames({"a": 101, "b": 41}, shuffled=True), 10)
    assert Counter(sample.subjects) == {"a": 5, "b": 5}
    assert sample.ids[:5] == ("a_0", "a_25", "a_50", "a_75", "a_100")
    assert sample.ids[5:] == ("b_0", "b_10", "b_20", "b_30", "b_40")
    assert [str(path) for path in sample.paths] == list(sample.ids)
    assert sample.labels[:, 0].tolist() == [0, 25, 50, 75, 100, 0, 10, 20, 30, 40]
    assert notes == []


def test_the_person_with_the_fewest_frames_sets_the_share() -> None:
    sample, notes = balanced_sample(_frames({"a": 30, "b": 24, "c": 3}), 4000)
    assert Counter(sample.subjects) == {"a": 24, "b": 24}
    (note,) = notes
    assert "1 of 3 people have fewer than 20 frames and are left out" in note


def test_nobody_is_left_out_where_all_have_few_frames() -> None:
    sample, notes = balanced_sample(_frames({"a": 3, "b": 2}), 4000)
    assert Counter(sample.subjects) == {"a": 2, "b": 2} and notes == []


def test_frames_that_are_listed_twice_count_once() -> None:
    frames = _frames({"a": 25})
    twice = FrameSet(
        name="train",
        ids=frames.ids * 2,
        paths=frames.paths * 2,
        subjects=frames.subjects * 2,
        labels=np.concatenate([frames.labels] * 2),
    )
    assert balanced_sample(twice, 4000)[0].ids == frames.ids


def _codes() -> Codes:
    person = np.repeat(np.arange(3), 10)
    z = np.arange(30.0)[:, None]
    ids = tuple(map(str, range(30)))
    return Codes(ids=ids, people=("a", "b", "c"), person=person, labels=z, z1=z, z2=z)


def test_time_blocks_are_stretches_of_each_person() -> None:
    expected = np.tile(np.repeat(np.arange(TIME_BLOCKS), 2), 3)
    np.testing.assert_array_equal(_codes().time_blocks(), expected)


@pytest.mark.parametrize("within", [False, True])
def test_permuted_codes_keep_z1_and_the_set_of_z2(within: bool) -> None:
    codes = _codes()
    found = codes.permuted(np.random.default_rng(0), within)
    np.testing.assert_array_equal(found.z1, codes.z1)
    np.testing.assert_array_equal(np.sort(found.z2[:, 0]), codes.z2[:, 0])
    same_person = found.z2[:, 0].astype(int) // 10 == codes.person
    assert same_person.all() == within
    assert (found.z2 != codes.z2).mean() > 0.7


def test_taking_frames_renumbers_people() -> None:
    found = _codes().take(np.array([5, 20, 21]))
    assert found.people == ("a", "c") and found.ids == ("5", "20", "21")
    np.testing.assert_array_equal(found.person, [0, 1, 1])
    np.testing.assert_array_equal(found.z2[:, 0], [5, 20, 21])


def test_codes_of_a_sample() -> None:
    frames = _frames({"b": 2, "a": 1})
    frames.labels[:] = [[2], [np.nan], [1]]
    code = torch.arange(12.0).view(3, 4, 1, 1)
    found = make_codes(frames, Code(code, 1), active_from=2)
    assert found.people == ("a", "b")
    np.testing.assert_array_equal(found.person, [1, 1, 0])
    np.testing.assert_array_equal(found.labels, [[1], [np.nan], [0]])
    np.testing.assert_array_equal(found.z1, [[0], [4], [8]])
    np.testing.assert_array_equal(found.z2, [[1, 2, 3], [5, 6, 7], [9, 10, 11]])


def test_positions_are_kept_as_long_as_vectors_stay_short() -> None:
    frames = _frames({"a": 2})
    small = make_codes(frames, Code(torch.rand(2, 8, 4, 4), 3), 1)
    assert small.z1.shape == (2, 3 * 16) and small.z2.shape == (2, 5 * 16)
    large = torch.rand(2, 512, 8, 8)
    found = make_codes(frames, Code(large, 100), 1)
    assert found.z1.shape[1] + found.z2.shape[1] == LONGEST_VECTOR
    expected = large[:, :100].unfold(2, 4, 4).unfold(3, 4, 4).mean(dim=(4, 5)).flatten(1)
    np.testing.assert_allclose(found.z1, expected.numpy(), atol=1e-6)


def test_a_code_without_z2() -> None:
    code = Code(torch.rand(2, 4, 1, 1), 4)
    assert make_codes(_frames({"a": 2}), code, 1).z2.shape == (2, 0)


def test_codes_that_are_not_finite_are_refused() -> None:
    code = Code(torch.full((2, 4, 1, 1), float("nan")), 1)
    with pytest.raises(UserError, match="test frames are not finite"):
        make_codes(_frames({"a": 2}), code, 1)
