"""Batches: the right rows with the right labels, in the given order."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from audetnet.data import cache
from audetnet.data.batches import (
    Batches,
    evaluation_batch_indices,
    resident_frames,
    training_batch_indices,
)
from audetnet.data.cache import PackedFrames
from audetnet.data.frames import FrameSet
from audetnet.errors import UserError

CPU = torch.device("cpu")
COUNT = 11
PACKED_IDS = [f"f{(7 * n) % 13}" for n in range(13)]
"""Packed in another order than the set's, with two frames that are not in the set."""


def _value(frame: str) -> int:
    return 10 * int(frame[1:])


@pytest.fixture(params=["off", "on", "auto"])
def batches(request: pytest.FixtureRequest) -> Batches:
    """Frame fN of the set has the pixels 10 N and the labels (N, NaN)."""
    ids = tuple(f"f{n}" for n in range(COUNT))
    values = np.array([_value(frame) for frame in PACKED_IDS], dtype=np.uint8)
    pixels = np.broadcast_to(values[:, None, None, None], (13, 3, 4, 5)).copy()
    labels = np.array([[n, np.nan] for n in range(COUNT)], dtype=np.float32)
    frames = FrameSet(
        name="train", ids=ids, paths=(Path("none"),) * COUNT, subjects=("s",) * COUNT, labels=labels
    )
    packed = PackedFrames(pixels, PACKED_IDS)
    return Batches(frames, packed, CPU, resident_frames(packed, CPU, request.param))


@pytest.mark.parametrize("block", [1, 5, 13, 100])
def test_resident_frames_are_all_packed_ones(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_BLOCK", block)
    pixels = np.random.default_rng(0).integers(0, 256, (13, 3, 4, 5), dtype=np.uint8)
    found = resident_frames(PackedFrames(pixels, PACKED_IDS), CPU, "on")
    assert found is not None
    np.testing.assert_array_equal(found.numpy(), pixels)


@pytest.mark.parametrize(("room", "resident"), [(1559, False), (1560, True)])
def test_auto_takes_at_most_half_of_the_free_memory_of_a_gpu(
    room: int, resident: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """13 frames of 60 bytes; the GPU is fake, and its tensors are not allocated."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (room, 10 * room))
    packed = PackedFrames(np.zeros((13, 3, 4, 5), np.uint8), PACKED_IDS)
    made: list[torch.device] = []

    def empty(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        made.append(device)
        return torch.zeros(shape, dtype=dtype)

    monkeypatch.setattr(torch, "empty", empty)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, device: self)
    found = resident_frames(packed, torch.device("cuda"), "auto")
    assert (found is not None) == resident
    assert made == [torch.device("cuda")] * resident
    assert resident_frames(packed, torch.device("cuda"), "off") is None


def test_frames_that_do_not_fit_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(torch, "empty", full)
    packed = PackedFrames(np.zeros((13, 3, 4, 5), np.uint8), PACKED_IDS)
    with pytest.raises(UserError, match=r"--data-on-device on: the 0\.0 GiB of frames do not fit"):
        resident_frames(packed, CPU, "on")


@pytest.mark.parametrize(
    "cuts",
    [
        [[0, 1, 2], [3, 4]],
        [[10, 3, 7]],
        [[5], [5], [5, 5]],
        [[n] for n in reversed(range(COUNT))],
        [[], [1, 2]],
    ],
    ids=["in order", "one batch", "repeated", "single frames", "an empty cut"],
)
def test_every_index_comes_in_order_with_its_frame_and_labels(
    batches: Batches, cuts: Sequence[Sequence[int]]
) -> None:
    made = list(batches([np.array(cut, dtype=np.int64) for cut in cuts]))
    assert [batch.indices.tolist() for batch in made] == [list(cut) for cut in cuts]
    for batch, cut in zip(made, cuts, strict=True):
        assert len(batch) == len(cut)
        assert (batch.frames.dtype, batch.labels.dtype) == (torch.uint8, torch.float32)
        assert batch.frames.shape == (len(cut), 3, 4, 5)
        for row, index in enumerate(cut):
            assert torch.all(batch.frames[row] == 10 * index)
            assert batch.labels[row, 0] == index
            assert torch.isnan(batch.labels[row, 1])


def test_no_indices_give_no_batches(batches: Batches) -> None:
    assert list(batches([])) == []


def test_batches_are_copies_and_can_be_made_again(batches: Batches) -> None:
    cuts = evaluation_batch_indices(COUNT, 4, None)
    for batch in batches(cuts):
        batch.frames.zero_()
        batch.labels.zero_()
    again = list(batches(cuts))
    assert [int(value) for batch in again for value in batch.frames[:, 0, 0, 0]] == [
        10 * n for n in range(COUNT)
    ]
    assert [int(value) for batch in again for value in batch.labels[:, 0]] == list(range(COUNT))


@pytest.mark.timeout(20)
@pytest.mark.parametrize("after", [0, 1, 3], ids=["before the first", "after one", "after three"])
def test_leaving_early_does_not_hang_and_leaves_the_set_usable(
    batches: Batches, after: int
) -> None:
    cuts = evaluation_batch_indices(COUNT, 2, None)
    iterator = batches(cuts)
    for _ in range(after):
        next(iterator)
    iterator.close()  # type: ignore[attr-defined]
    assert sum(len(batch) for batch in batches(cuts)) == COUNT


@pytest.mark.timeout(20)
@pytest.mark.parametrize("wrong", [0, 1, 2], ids=["in the first", "in the middle", "in the last"])
def test_a_failure_of_the_reader_reaches_the_loop(batches: Batches, wrong: int) -> None:
    cuts = [np.array([n]) for n in range(3)]
    cuts[wrong] = np.array([COUNT])
    seen: list[list[int]] = []
    with pytest.raises(IndexError):
        seen.extend(batch.indices.tolist() for batch in batches(cuts))
    assert seen == [[n] for n in range(wrong)][: len(seen)]


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"),
    [
        (8, 4, [4, 4]),
        (10, 4, [4, 4, 2]),
        (9, 4, [4, 4]),
        (3, 4, [3]),
        (2, 2, [2]),
        (1, 4, []),
        (0, 4, []),
    ],
)
def test_only_a_last_single_frame_is_left_out_of_training(
    count: int, batch_size: int, sizes: list[int]
) -> None:
    """Batch norm and the shuffling of pairs need two frames."""
    order = np.random.default_rng(0).permutation(count)
    cuts = training_batch_indices(order, batch_size)
    assert [len(cut) for cut in cuts] == sizes
    np.testing.assert_array_equal(np.concatenate([*cuts, []]), order[: sum(sizes)])


@pytest.mark.parametrize("limit", [None, 100, 4], ids=["no limit", "above", "just all"])
@pytest.mark.parametrize(("count", "batch_size"), [(10, 3), (12, 3), (1, 3), (0, 3), (7, 1)])
def test_evaluation_covers_each_frame_once_in_order(
    count: int, batch_size: int, limit: int | None
) -> None:
    if limit == 4:
        limit = -(-count // batch_size)
    cuts = evaluation_batch_indices(count, batch_size, limit)
    np.testing.assert_array_equal(np.concatenate([*cuts, []]), np.arange(count))
    assert all(0 < len(cut) <= batch_size for cut in cuts)


@pytest.mark.parametrize("limit", [2, 3, 7, 50, 99])
def test_a_limit_chooses_whole_batches_evenly_and_always_the_same(limit: int) -> None:
    """They include the first and last batch, and no gap exceeds its share by more than one."""
    whole = evaluation_batch_indices(996, 10, None)
    starts = {int(cut[0]): cut for cut in whole}
    cuts = evaluation_batch_indices(996, 10, limit)
    assert len(cuts) == limit
    for cut in cuts:
        np.testing.assert_array_equal(cut, starts[int(cut[0])])
    places = np.array([int(cut[0]) // 10 for cut in cuts])
    assert (places[0], places[-1]) == (0, 99)
    gaps = np.diff(places)
    assert gaps.min() >= 1
    assert np.all(np.abs(gaps - 99 / (limit - 1)) <= 1)
    again = evaluation_batch_indices(996, 10, limit)
    assert [cut.tolist() for cut in again] == [cut.tolist() for cut in cuts]


def test_a_limit_of_one_is_one_whole_batch() -> None:
    (cut,) = evaluation_batch_indices(30, 10, 1)
    assert len(cut) == 10
