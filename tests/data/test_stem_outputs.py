"""What a frozen stem makes of frames and of their views: computed once, the same for ever, and made
again where it is not what it was.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from audetnet.data import packing, stem_outputs
from audetnet.data.array_file import damaged_frames, read_header
from audetnet.data.augment import Augmentation, apply, jitter
from audetnet.data.batches import Batch, Batches, PackedRows
from audetnet.data.cache import PackedFrames, pack_frames
from audetnet.data.frames import Dataset, FrameSet
from audetnet.data.images import read_image
from audetnet.data.stem_outputs import Stem, pack_stem_outputs
from audetnet.data.views import ORIGINAL, view_draws, view_name, views_of_epoch
from audetnet.errors import UserError

SIZE = (8, 6)
ROW = (3, 4, 3)
CPU = torch.device("cpu")
WriteImages = Callable[..., dict[str, Path]]
TRAIN, TEST = ("b", "c", "a", "d"), ("y", "x")


def averaged(pixels: Tensor) -> Tensor:
    """A stem: squares of 2x2 pixels."""
    return F.avg_pool2d(pixels, 2) * 3 - 1


class Counting:
    """The same, counting the images it saw."""

    def __init__(self) -> None:
        self.images = 0

    def __call__(self, pixels: Tensor) -> Tensor:
        self.images += len(pixels)
        return averaged(pixels)


def stem(run: Callable[[Tensor], Tensor] = averaged, made_by: str = "weights") -> Stem:
    return Stem(run=run, row=ROW, device=CPU, made_by=made_by)


def frame_set(name: str, ids: tuple[str, ...], images: dict[str, Path]) -> FrameSet:
    return FrameSet(
        name=name,
        ids=ids,
        paths=tuple(images[frame] for frame in ids),
        subjects=ids,
        labels=np.zeros((len(ids), 1), np.float32),
    )


class Packed:
    """Frames of a folder, and a stem's outputs for them."""

    def __init__(self, images: dict[str, Path], cache: Path | None) -> None:
        self.images, self.cache = images, cache
        self.frames = pack_frames(images, SIZE, False, cache)

    def dataset(self, train: tuple[str, ...] = TRAIN, test: tuple[str, ...] = TEST) -> Dataset:
        return Dataset(
            train=frame_set("train", train, self.images),
            test=frame_set("test", test, self.images),
            validation=None,
            au_names=("AU1",),
            active_from=1,
            kind="occurrence",
            notes=(),
        )

    def outputs(
        self, own: Stem | None = None, views: int = 3, thorough: bool = False, **sets: tuple[str]
    ) -> PackedFrames:
        data = self.dataset(**sets)
        return pack_stem_outputs(own or stem(), self.frames, data, views, self.cache, thorough)

    def files(self) -> list[Path]:
        assert self.cache is not None
        return sorted(self.cache.glob("*stem-*.npy"))


@pytest.fixture
def packed(image_folder: WriteImages, tmp_path: Path) -> Packed:
    return Packed(image_folder(*TRAIN, *TEST, size=SIZE), tmp_path / "cache")


def by_hand(path: Path, frame: str, view: int) -> Tensor:
    """Of one image by itself."""
    pixels = torch.from_numpy(read_image(path, None)).unsqueeze(0)
    noisy, _ = apply(view_draws([frame], [view], SIZE), pixels)
    return averaged(noisy)[0]


def rows(outputs: PackedFrames, *names: str) -> "np.ndarray":
    return outputs.gather(outputs.rows(names))


def test_rows_are_the_stem_outputs_for_each_view(packed: Packed) -> None:
    """For test frames only the original, for training frames also views, with noise."""
    outputs = packed.outputs(views=3)
    assert (outputs.shape, outputs.dtype) == ((len(TRAIN) * 3 + len(TEST), *ROW), np.float16)
    for frame, path in packed.images.items():
        for view in range(3 if frame in TRAIN else 1):
            (found,) = rows(outputs, view_name(frame, view))
            expected = by_hand(path, frame, view)
            np.testing.assert_allclose(found, expected.half().numpy(), rtol=1e-3, atol=1e-3)
    with pytest.raises(KeyError):
        outputs.rows([view_name("x", 1)])


def test_the_first_view_is_the_original_frame(packed: Packed) -> None:
    (found,) = rows(packed.outputs(views=1), "b")
    pixels = torch.from_numpy(read_image(packed.images["b"], None)) / 255
    np.testing.assert_allclose(found, averaged(pixels).half().numpy(), rtol=1e-3)


def test_views_depend_on_frame_and_view_only(packed: Packed) -> None:
    """In another order, among other frames, from another cache: the same bits."""
    one = packed.outputs(views=4)
    again = Packed(packed.images, None)
    other = again.outputs(views=6, train=("d", "x", "b"), test=("a",))
    names = [view_name(frame, view) for frame in ("b", "d") for view in range(4)]
    np.testing.assert_array_equal(rows(one, *names), rows(other, *names))
    views = rows(one, *names[:4]).reshape(4, -1)
    assert len(np.unique(views, axis=0)) == 4, "each is another one"
    ids, numbers = ["b", "d", "b"], [1, 1, 2]
    together, alone = view_draws(ids, numbers, SIZE), view_draws(["d"], [1], SIZE)
    assert torch.equal(together.noise[1], alone.noise[0])
    assert not torch.equal(together.factors[0], together.factors[1])
    flips_and_colours = view_draws(ids, numbers, (0, 0))
    assert torch.equal(flips_and_colours.factors, together.factors)
    assert torch.equal(flips_and_colours.flip, together.flip)


def test_views_are_spread_as_the_augmentation_is() -> None:
    drawn = view_draws([f"f{n}" for n in range(600)], [1] * 600, (1, 1))
    assert drawn.flip.float().mean().item() == pytest.approx(Augmentation().flip, abs=0.07)
    plain = (drawn.factors == 1).all(dim=1).float().mean().item()
    assert plain == pytest.approx(1 - Augmentation().colour, abs=0.05)


def test_each_epoch_draws_a_view_of_each_frame() -> None:
    epochs = [views_of_epoch(500, 5, seed=1, epoch=epoch) for epoch in (1, 2)]
    assert set(epochs[0].tolist()) == set(range(ORIGINAL, 5))
    assert (epochs[0] != epochs[1]).mean() == pytest.approx(0.8, abs=0.1)
    np.testing.assert_array_equal(epochs[0], views_of_epoch(500, 5, seed=1, epoch=1))
    assert (epochs[0] != views_of_epoch(500, 5, seed=2, epoch=1)).any()


def test_a_second_run_computes_nothing(packed: Packed) -> None:
    first, (file,) = packed.outputs(), packed.files()
    assert file.name.startswith("stem-3x4x3-")
    counting = Counting()
    again = packed.outputs(stem(counting))
    assert counting.images == 0 and packed.files() == [file]
    names = ["x", "b/2", "a"]
    np.testing.assert_array_equal(rows(first, *names), rows(again, *names))
    header = read_header(file)
    assert header is not None
    assert header["type"] == "float16" and header["stem"] == "weights"
    assert list(header["images"])[:3] == ["a", "b", "c"] and "d/2" in header["images"]


@pytest.mark.parametrize("change", ["weights", "views", "an augmentation", "an image"])
def test_outputs_are_used_only_for_the_same_stem_images_and_views(
    packed: Packed, change: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another stem or other views get their own file; a changed image is noticed."""
    packed.outputs()
    before, counting, views = packed.files(), Counting(), 3
    made_by = "others" if change == "weights" else "weights"
    if change == "views":
        views = 4
    if change == "an augmentation":
        stronger = Augmentation(noise=(0.0, 0.1))
        monkeypatch.setattr(stem_outputs, "Augmentation", lambda: stronger)
    if change == "an image":
        os.utime(packed.images["c"], ns=(1, 1))
    packed.outputs(stem(counting, made_by), views=views)
    assert counting.images == len(TRAIN) * views + len(TEST)
    assert len(packed.files()) == (1 if change == "an image" else 2)
    assert set(before) <= set(packed.files())
    assert ("have changed; packing again" in capsys.readouterr().err) == (change == "an image")


def test_fewer_views_are_read_from_those_that_are_there(packed: Packed) -> None:
    """A view depends on its image and its number alone."""
    packed.outputs()
    before, counting = packed.files(), Counting()
    packed.outputs(stem(counting), views=2)
    assert counting.images == 0 and packed.files() == before


def test_the_same_names_elsewhere_are_other_images(
    packed: Packed, image_folder: WriteImages
) -> None:
    """Two crops of the same frames may share a cache, with a file each."""
    packed.outputs()
    before = packed.files()
    others = Packed(image_folder(*TRAIN, *TEST, size=SIZE, name="crops"), packed.cache)
    others.outputs()
    assert len(packed.files()) == 2 and set(before) < set(packed.files())
    counting = Counting()
    packed.outputs(stem(counting))
    assert counting.images == 0


def test_an_interrupted_computation_is_resumed(
    packed: Packed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted in the third block of four rows: the first two are not computed again."""
    monkeypatch.setattr(packing, "_BLOCK", 4)
    whole = Packed(packed.images, None).outputs()
    calls: Iterator[int] = iter(range(2))

    def interrupted(pixels: Tensor) -> Tensor:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return averaged(pixels)

    with pytest.raises(KeyboardInterrupt):
        packed.outputs(stem(interrupted))
    assert [path.name.startswith("unfinished-stem") for path in packed.files()] == [True]
    counting = Counting()
    outputs = packed.outputs(stem(counting))
    assert counting.images == len(TRAIN) * 3 + len(TEST) - 8
    assert [path.name.startswith("stem") for path in packed.files()] == [True]
    names = [view_name(f, v) for f in TRAIN for v in range(3)] + list(TEST)
    np.testing.assert_array_equal(rows(outputs, *names), rows(whole, *names))


def test_damaged_rows_are_found_and_computed_again(
    packed: Packed, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = packed.outputs()
    expected, (file,) = rows(outputs, "b/1").copy(), packed.files()
    array = np.load(file, mmap_mode="r+")
    array[outputs.rows(["b/1"])[0], 0, 0, 0] += 1
    array.flush()
    header = read_header(file)
    assert header is not None and damaged_frames(file, header) == ["b/1"]
    np.testing.assert_array_equal(rows(packed.outputs(), "b/1"), rows(outputs, "b/1"))
    again = packed.outputs(thorough=True)
    np.testing.assert_array_equal(rows(again, "b/1"), expected)
    assert "1 of 14 packed frames are damaged (b/1); packing again" in capsys.readouterr().err


@pytest.mark.parametrize("cached", [True, False])
def test_outputs_beyond_float16_are_one_line(packed: Packed, cached: bool) -> None:
    mine = packed if cached else Packed(packed.images, None)

    def large(pixels: Tensor) -> Tensor:
        return averaged(pixels) * 1e6

    with pytest.raises(UserError, match=r"not finite in float16.*stem_views") as error:
        mine.outputs(stem(large))
    assert str(error.value).startswith(str(packed.images["a"]))
    assert "the first of 14 such images" in str(error.value) and "\n" not in str(error.value)
    assert cached is False or not any(f.name.startswith("stem") for f in packed.files())


@pytest.fixture(params=["off", "on"])
def batches(packed: Packed, request: pytest.FixtureRequest) -> Batches:
    placed = PackedRows.load(packed.outputs(), CPU, request.param)
    train = packed.dataset().train
    return Batches(train, packed.frames, CPU, stem=placed)


def all_of(batches: Batches, views: list[int] | None) -> Batch:
    seen = None if views is None else np.array(views)
    (batch,) = batches([np.array([3, 0, 1, 3])], seen)
    return batch


def test_a_batch_holds_the_view_of_each_frame_and_its_changes(
    batches: Batches, packed: Packed
) -> None:
    views = [1, 0, 2, 2]
    batch = all_of(batches, views)
    ids = [TRAIN[index] for index in batch.indices]
    assert ids == ["d", "b", "c", "d"] and batch.stem is not None and batch.changes is not None
    for number, frame in enumerate(ids):
        view = views[TRAIN.index(frame)]
        expected = by_hand(packed.images[frame], frame, view).half()
        torch.testing.assert_close(batch.stem[number], expected, rtol=1e-3, atol=1e-3)
        clean = jitter(view_draws([frame], [view], (0, 0)), batch.frames[number : number + 1])
        torch.testing.assert_close(jitter(batch.changes, batch.frames)[number], clean[0])


def test_without_views_frames_are_unaugmented(batches: Batches, packed: Packed) -> None:
    batch = all_of(batches, None)
    assert batch.changes is None and batch.stem is not None
    assert torch.equal(batch.stem, batches.stem_outputs(batch.indices))
    assert torch.equal(batch.frames, batches.frames(batch.indices))
    assert batch.stem.dtype == torch.float16
    expected = by_hand(packed.images["d"], "d", ORIGINAL).half()
    torch.testing.assert_close(batch.stem[0], expected, rtol=1e-3, atol=1e-3)
