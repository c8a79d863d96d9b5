"""Frames packed once, found again while their images are what they were, and written whole."""

import os
import re
from collections.abc import Callable
from errno import EACCES, ENOSPC, EROFS
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from audetnet.data import cache
from audetnet.data.cache import pack
from audetnet.data.images import read_image
from audetnet.errors import UserError

SIZE = (6, 4)
WriteImages = Callable[..., dict[str, Path]]


def _decodes_nothing(path: Path, size: tuple[int, int]) -> NoReturn:
    raise AssertionError(f"{path} is decoded")


def _files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []


@pytest.mark.parametrize(
    ("size", "resize"), [(SIZE, False), (SIZE, True), ((3, 9), True)], ids=["as is", "same", "new"]
)
def test_rows_are_the_images(
    image_folder: WriteImages, tmp_path: Path, size: tuple[int, int], resize: bool
) -> None:
    images = image_folder("b", "a", "c")
    packed = pack(images, size, resize, tmp_path / "deep" / "cache")
    order = ["c", "b", "a", "b"]
    rows = packed.rows(order)
    assert rows.dtype == np.int64
    frames = packed.gather(rows)
    assert frames.dtype == np.uint8
    assert frames.shape == (4, 3, *size)
    np.testing.assert_array_equal(frames, [read_image(images[frame], size) for frame in order])


def test_gathered_rows_are_a_copy(image_folder: WriteImages, tmp_path: Path) -> None:
    packed = pack(image_folder("a", "b"), SIZE, False, tmp_path / "cache")
    frames = packed.gather(np.array([0]))
    before = frames.copy()
    frames += 1
    np.testing.assert_array_equal(packed.gather(np.array([0])), before)


def test_the_file_is_a_plain_array_of_numpy(image_folder: WriteImages, tmp_path: Path) -> None:
    images = image_folder("a", "b")
    pack(images, SIZE, False, tmp_path / "cache")
    (name,) = _files(tmp_path / "cache")
    assert re.fullmatch(r"frames-6x4-[0-9a-f]{12}-[0-9a-f]{12}\.npy", name)
    pixels = np.load(tmp_path / "cache" / name)
    np.testing.assert_array_equal(pixels, [read_image(path, SIZE) for path in images.values()])


def test_the_second_call_decodes_nothing(
    image_folder: WriteImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = image_folder("a", "b")
    first = pack(images, SIZE, False, tmp_path / "cache").gather(np.array([0, 1]))
    monkeypatch.setattr(cache, "read_image", _decodes_nothing)
    again = pack(images, SIZE, False, tmp_path / "cache")
    np.testing.assert_array_equal(again.gather(again.rows(["a", "b"])), first)


def test_another_order_of_the_same_images_decodes_nothing(
    image_folder: WriteImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folds of one dataset hold the same frames in different orders."""
    images = image_folder("a", "b", "c")
    first = pack(images, SIZE, False, tmp_path / "cache")
    monkeypatch.setattr(cache, "read_image", _decodes_nothing)
    again = pack(dict(reversed(images.items())), SIZE, False, tmp_path / "cache")
    for frame in images:
        a, b = (packed.gather(packed.rows([frame])) for packed in (first, again))
        np.testing.assert_array_equal(a, b)


def test_a_damaged_file_is_named_with_advice(image_folder: WriteImages, tmp_path: Path) -> None:
    images = image_folder("a", "b")
    pack(images, SIZE, False, tmp_path / "cache")
    (path,) = (tmp_path / "cache").iterdir()
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="delete it") as error:
        pack(images, SIZE, False, tmp_path / "cache")
    assert str(error.value).startswith(f"{path}: cannot be read: ")


def _touch(images: dict[str, Path]) -> None:
    os.utime(images["a"], ns=(1, 1))


def _replace(images: dict[str, Path]) -> None:
    images["a"].write_bytes(images["b"].read_bytes())


def _lengthen(images: dict[str, Path]) -> None:
    status = images["a"].stat()
    images["a"].write_bytes(images["a"].read_bytes() + b"\0")
    os.utime(images["a"], ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("change", [_touch, _replace, _lengthen], ids=lambda f: f.__name__)
def test_a_change_leads_to_a_new_file_and_the_outdated_one_goes(
    image_folder: WriteImages, tmp_path: Path, change: Callable[[dict[str, Path]], None]
) -> None:
    images = image_folder("a", "b", "c")
    pack(images, SIZE, False, tmp_path / "cache")
    (outdated,) = _files(tmp_path / "cache")
    change(images)
    packed = pack(images, SIZE, False, tmp_path / "cache")
    (current,) = _files(tmp_path / "cache")
    assert current != outdated
    frames = packed.gather(packed.rows(images))
    np.testing.assert_array_equal(frames, [read_image(path, SIZE) for path in images.values()])


def test_other_sets_of_frames_keep_their_files(image_folder: WriteImages, tmp_path: Path) -> None:
    """A short list for a trial does not cost the whole set its cache."""
    images = image_folder("a", "b", "c")
    pack(images, SIZE, False, tmp_path / "cache")
    fewer = {frame: path for frame, path in images.items() if frame != "a"}
    packed = pack(fewer, SIZE, False, tmp_path / "cache")
    assert len(_files(tmp_path / "cache")) == 2
    frames = packed.gather(packed.rows(fewer))
    np.testing.assert_array_equal(frames, [read_image(path, SIZE) for path in fewer.values()])


def test_sizes_have_files_of_their_own_and_foreign_files_are_left_alone(
    image_folder: WriteImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, directory = image_folder("a", "b"), tmp_path / "cache"
    directory.mkdir()
    (directory / "notes.npy").touch()
    pack(images, (6, 4), True, directory)
    pack(images, (4, 6), True, directory)
    assert len(_files(directory)) == 3
    monkeypatch.setattr(cache, "read_image", _decodes_nothing)
    assert pack(images, (6, 4), True, directory).gather(np.array([0])).shape == (1, 3, 6, 4)


def test_images_of_several_sizes_are_resized_or_refused(
    image_folder: WriteImages, tmp_path: Path
) -> None:
    images = image_folder("a", "b") | image_folder("c", "d", size=(4, 6))
    packed = pack(images, SIZE, True, tmp_path / "cache")
    np.testing.assert_array_equal(packed.gather(np.array([2]))[0], read_image(images["c"], SIZE))
    with pytest.raises(UserError) as error:
        pack(images, SIZE, False, tmp_path / "other")
    text = str(error.value)
    assert text.startswith(f"{images['c']}: is 4x6 (height x width), but ")
    for part in ("6x4", "set image_size in [data_options]", "the first of 2 such images"):
        assert part in text
    assert _files(tmp_path / "other") == []


def test_an_odd_size_is_not_blamed_on_the_image_that_has_it(
    image_folder: WriteImages, tmp_path: Path
) -> None:
    """The size asked for is that of the first training image, which need not be the first by id."""
    images = image_folder("z") | image_folder("a", size=(4, 6))
    with pytest.raises(UserError) as error:
        pack(images, SIZE, False, tmp_path / "cache")
    assert str(error.value).startswith(f"{images['a']}: is 4x6 (height x width), but ")
    assert "a.png is 6x4" not in str(error.value)


def _missing(path: Path) -> None:
    path.unlink()


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere.png"))


def _text(path: Path) -> None:
    path.write_text("no image")


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize(
    "spoil", [_missing, _dangling, _text, _truncated], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("resize", [False, True], ids=["as is", "resized"])
def test_an_unreadable_image_is_named_and_nothing_is_left_behind(
    image_folder: WriteImages, tmp_path: Path, spoil: Callable[[Path], None], resize: bool
) -> None:
    images = image_folder("a", "b", "c")
    spoil(images["b"])
    with pytest.raises(UserError) as error:
        pack(images, SIZE, resize, tmp_path / "cache")
    assert str(images["b"]) in str(error.value)
    assert "such images" not in str(error.value)
    assert _files(tmp_path / "cache") == []


def test_the_first_of_several_unreadable_images_is_named_with_their_number(
    image_folder: WriteImages, tmp_path: Path
) -> None:
    images = image_folder("a", "b", "c", "d")
    for frame in ("d", "b"):
        _text(images[frame])
    with pytest.raises(UserError, match=r"first of 2 such images") as error:
        pack(images, SIZE, True, tmp_path / "cache")
    assert str(error.value).startswith(str(images["b"]))


@pytest.mark.parametrize("kind", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_packing_leaves_the_last_file_and_no_other(
    image_folder: WriteImages,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[BaseException],
) -> None:
    images = image_folder("a", "b")
    pack(images, SIZE, False, tmp_path / "cache")
    before = _files(tmp_path / "cache")
    _touch(images)

    def interrupt(path: Path, size: tuple[int, int]) -> NoReturn:
        raise kind

    monkeypatch.setattr(cache, "read_image", interrupt)
    with pytest.raises(kind):
        pack(images, SIZE, False, tmp_path / "cache")
    assert _files(tmp_path / "cache") == before


@pytest.mark.parametrize("below", [".", "cache"], ids=["is a file", "lies in a file"])
def test_a_directory_that_is_a_file_is_named_with_advice(
    image_folder: WriteImages, tmp_path: Path, below: str
) -> None:
    images = image_folder("a", "b")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError) as error:
        pack(images, SIZE, False, tmp_path / "file" / below)
    assert str(tmp_path / "file") in str(error.value)
    assert "--cache" in str(error.value)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("code", [EACCES, EROFS, ENOSPC], ids=os.strerror)
def test_a_directory_that_cannot_be_written_to_is_named_with_advice(
    image_folder: WriteImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Data on a read-only disk is what --cache is for. A superuser may write anywhere, so the
    refusal is acted.
    """
    images = image_folder("a", "b")

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(np.lib.format, "open_memmap", refuse)
    with pytest.raises(UserError) as error:
        pack(images, SIZE, False, tmp_path / "cache")
    assert str(tmp_path / "cache") in str(error.value)
    assert os.strerror(code) in str(error.value)
    assert "--cache" in str(error.value)


def test_without_a_cache_frames_are_decoded_into_memory(
    image_folder: WriteImages, tmp_path: Path
) -> None:
    images = image_folder("b", "a")
    before = sorted(tmp_path.rglob("*"))
    packed = pack(images, SIZE, False, None)
    np.testing.assert_array_equal(
        packed.gather(packed.rows(["a", "b"])), [read_image(images[i], SIZE) for i in ("a", "b")]
    )
    assert sorted(tmp_path.rglob("*")) == before
    images["b"].write_bytes(b"no image")
    with pytest.raises(UserError, match="not a readable image"):
        pack(images, SIZE, False, None)
