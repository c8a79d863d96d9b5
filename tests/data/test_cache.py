"""Frames are packed once, reused while their images are unchanged, and written atomically."""

import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from errno import EACCES, EFBIG, ENOSPC, EROFS
from pathlib import Path
from queue import Queue
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pytest

from audetnet.data import packing
from audetnet.data.array_file import VERSION, damaged_frames, header_path, read_header
from audetnet.data.cache import pack_frames
from audetnet.data.images import read_image
from audetnet.errors import UserError
from audetnet.files import lock
from audetnet.files.lock import locked

SIZE = (6, 4)
WriteImages = Callable[..., dict[str, Path]]


def _decodes_nothing(path: Path, size: tuple[int, int]) -> NoReturn:
    raise AssertionError(f"{path} is decoded")


def _files(directory: Path) -> list[str]:
    """Arrays, headers and unfinished files."""
    return sorted(path.name for path in directory.glob("*frames*"))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The images that were decoded, by the stems of their names."""
    found: list[str] = []

    def note(path: Path, size: tuple[int, int]) -> "npt.NDArray[np.uint8]":
        pixels = read_image(path, size)
        found.append(path.stem)
        return pixels

    monkeypatch.setattr(packing, "read_image", note)
    return found


@pytest.mark.parametrize(
    ("size", "resize"), [(SIZE, False), (SIZE, True), ((3, 9), True)], ids=["as is", "same", "new"]
)
def test_rows_are_the_images(
    image_folder: WriteImages, tmp_path: Path, size: tuple[int, int], resize: bool
) -> None:
    images = image_folder("b", "a", "c")
    packed = pack_frames(images, size, resize, tmp_path / "deep" / "cache")
    order = ["c", "b", "a", "b"]
    rows = packed.rows(order)
    assert rows.dtype == np.int64
    frames = packed.gather(rows)
    assert frames.dtype == np.uint8
    assert frames.shape == (4, 3, *size)
    np.testing.assert_array_equal(frames, [read_image(images[frame], size) for frame in order])


def test_gathered_rows_are_a_copy(image_folder: WriteImages, tmp_path: Path) -> None:
    packed = pack_frames(image_folder("a", "b"), SIZE, False, tmp_path / "cache")
    frames = packed.gather(np.array([0]))
    before = frames.copy()
    frames += 1
    np.testing.assert_array_equal(packed.gather(np.array([0])), before)


def test_the_file_is_a_plain_numpy_array(image_folder: WriteImages, tmp_path: Path) -> None:
    images = image_folder("a", "b")
    pack_frames(images, SIZE, False, tmp_path / "cache")
    header, name = _files(tmp_path / "cache")
    assert re.fullmatch(r"frames-6x4-[0-9a-f]{12}\.npy", name)
    pixels = np.load(tmp_path / "cache" / name)
    np.testing.assert_array_equal(pixels, [read_image(path, SIZE) for path in images.values()])
    a = images["a"].stat()
    said = json.loads((tmp_path / "cache" / header).read_text())
    assert said["images"]["a"] == f"a.png {a.st_size} {a.st_mtime_ns}"
    assert said["image_size"] == [6, 4]
    assert said["version"] == VERSION


def test_the_second_call_decodes_nothing(
    image_folder: WriteImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = image_folder("a", "b")
    first = pack_frames(images, SIZE, False, tmp_path / "cache").gather(np.array([0, 1]))
    monkeypatch.setattr(packing, "read_image", _decodes_nothing)
    again = pack_frames(images, SIZE, False, tmp_path / "cache")
    np.testing.assert_array_equal(again.gather(again.rows(["a", "b"])), first)


def test_another_order_of_the_same_images_decodes_nothing(
    image_folder: WriteImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folds of one dataset hold the same frames in different orders."""
    images = image_folder("a", "b", "c")
    first = pack_frames(images, SIZE, False, tmp_path / "cache")
    monkeypatch.setattr(packing, "read_image", _decodes_nothing)
    again = pack_frames(dict(reversed(images.items())), SIZE, False, tmp_path / "cache")
    for frame in images:
        a, b = (packed.gather(packed.rows([frame])) for packed in (first, again))
        np.testing.assert_array_equal(a, b)


def _touch(images: dict[str, Path]) -> None:
    os.utime(images["a"], ns=(1, 1))


def _replace(images: dict[str, Path]) -> None:
    images["a"].write_bytes(images["b"].read_bytes())


def _lengthen(images: dict[str, Path]) -> None:
    status = images["a"].stat()
    images["a"].write_bytes(images["a"].read_bytes() + b"\0")
    os.utime(images["a"], ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("change", [_touch, _replace, _lengthen], ids=lambda f: f.__name__)
def test_a_change_replaces_the_array(
    image_folder: WriteImages,
    tmp_path: Path,
    change: Callable[[dict[str, Path]], None],
    decoded: list[str],
) -> None:
    """A process that has mapped the outdated one can still read it."""
    outdated = pack_frames(images := image_folder("a", "b", "c"), SIZE, False, tmp_path / "cache")
    before, files = outdated.gather(np.arange(3)), _files(tmp_path / "cache")
    change(images)
    decoded.clear()
    packed = pack_frames(images, SIZE, False, tmp_path / "cache")
    assert decoded, "it was not noticed"
    assert _files(tmp_path / "cache") == files
    frames = packed.gather(packed.rows(images))
    np.testing.assert_array_equal(frames, [read_image(path, SIZE) for path in images.values()])
    np.testing.assert_array_equal(outdated.gather(np.arange(3)), before)


def test_other_sets_of_frames_keep_their_files(image_folder: WriteImages, tmp_path: Path) -> None:
    """Overlapping sets do not replace each other's files."""
    images = image_folder("a", "b", "c")
    for left_out in "ac":
        fewer = {frame: path for frame, path in images.items() if frame != left_out}
        packed = pack_frames(fewer, SIZE, False, tmp_path / "cache")
        frames = packed.gather(packed.rows(fewer))
        np.testing.assert_array_equal(frames, [read_image(p, SIZE) for p in fewer.values()])
    assert len(_files(tmp_path / "cache")) == 4


def test_each_size_has_its_own_file_and_other_files_are_left_alone(
    image_folder: WriteImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, directory = image_folder("a", "b"), tmp_path / "cache"
    directory.mkdir()
    (directory / "notes.npy").touch()
    pack_frames(images, (6, 4), True, directory)
    pack_frames(images, (4, 6), True, directory)
    assert len(_files(directory)) == 4
    assert (directory / "notes.npy").is_file()
    monkeypatch.setattr(packing, "read_image", _decodes_nothing)
    assert pack_frames(images, (6, 4), True, directory).gather(np.array([0])).shape == (1, 3, 6, 4)


def test_images_of_several_sizes_are_resized_or_refused(
    image_folder: WriteImages, tmp_path: Path
) -> None:
    images = image_folder("a", "b") | image_folder("c", "d", size=(4, 6))
    packed = pack_frames(images, SIZE, True, tmp_path / "cache")
    np.testing.assert_array_equal(packed.gather(np.array([2]))[0], read_image(images["c"], SIZE))
    with pytest.raises(UserError) as error:
        pack_frames(images, SIZE, False, tmp_path / "other")
    text = str(error.value)
    assert text.startswith(f"{images['c']}: is 4x6 (height x width), but ")
    for part in ("6x4", "set image_size in [data_options]", "the first of 2 such images"):
        assert part in text


def test_an_odd_size_is_not_blamed_on_the_image_that_has_it(
    image_folder: WriteImages, tmp_path: Path
) -> None:
    """The required size is that of the first training image, not of the first id."""
    images = image_folder("z") | image_folder("a", size=(4, 6))
    with pytest.raises(UserError) as error:
        pack_frames(images, SIZE, False, tmp_path / "cache")
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
def test_an_unreadable_image_is_named_and_the_others_are_kept(
    image_folder: WriteImages,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    resize: bool,
    decoded: list[str],
) -> None:
    images = image_folder("a", "b", "c")
    whole = images["b"].read_bytes()
    spoil(images["b"])
    with pytest.raises(UserError) as error:
        pack_frames(images, SIZE, resize, tmp_path / "cache")
    assert str(images["b"]) in str(error.value)
    assert "such images" not in str(error.value)
    assert [name for name in _files(tmp_path / "cache") if not name.startswith("unf")] == []
    images["b"].unlink(missing_ok=True)
    images["b"].write_bytes(whole)
    gone = set(decoded) == set()
    decoded.clear()
    packed = pack_frames(images, SIZE, resize, tmp_path / "cache")
    assert sorted(decoded) == (["a", "b", "c"] if gone else ["b"])
    frames = packed.gather(packed.rows(images))
    np.testing.assert_array_equal(frames, [read_image(path, SIZE) for path in images.values()])


def test_the_first_of_several_unreadable_images_is_named_with_their_number(
    image_folder: WriteImages, tmp_path: Path
) -> None:
    images = image_folder("a", "b", "c", "d")
    for frame in ("d", "b"):
        _text(images[frame])
    with pytest.raises(UserError, match=r"first of 2 such images") as error:
        pack_frames(images, SIZE, True, tmp_path / "cache")
    assert str(error.value).startswith(str(images["b"]))


@pytest.mark.parametrize("kind", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_packing_keeps_the_last_array_and_is_resumed(
    image_folder: WriteImages,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[BaseException],
    decoded: list[str],
) -> None:
    """Interrupted in the third block of two images; those of the first two are not decoded again,
    but for one that has changed."""
    images = image_folder(*"abcdefgh")
    before = pack_frames(images, SIZE, False, tmp_path / "cache").gather(np.arange(8))
    for path in images.values():
        os.utime(path, ns=(1, 1))
    monkeypatch.setattr(packing, "_BLOCK", 2)

    def interrupt(path: Path, size: tuple[int, int]) -> "npt.NDArray[np.uint8]":
        if path.stem == "f":
            raise kind
        return read_image(path, size)

    with monkeypatch.context() as interrupted:
        interrupted.setattr(packing, "read_image", interrupt)
        with pytest.raises(kind):
            pack_frames(images, SIZE, False, tmp_path / "cache")
    (array,) = (tmp_path / "cache").glob("frames*.npy")
    np.testing.assert_array_equal(np.load(array), before)
    _replace(images)
    decoded.clear()
    packed = pack_frames(images, SIZE, False, tmp_path / "cache")
    assert sorted(decoded) == ["a", "e", "f", "g", "h"]
    frames = packed.gather(packed.rows(images))
    np.testing.assert_array_equal(frames, [read_image(path, SIZE) for path in images.values()])
    assert len(_files(tmp_path / "cache")) == 2, "something unfinished is left"


def test_abandoned_arrays_are_deleted(image_folder: WriteImages, tmp_path: Path) -> None:
    images = image_folder("a", "b")
    _text(images["b"])
    with pytest.raises(UserError):
        pack_frames(images, SIZE, True, tmp_path / "cache")
    unfinished = list((tmp_path / "cache").glob("unfinished*"))
    assert len(unfinished) == 2
    pack_frames({"b": image_folder("b")["b"]}, SIZE, True, tmp_path / "cache")
    assert all(file.exists() for file in unfinished), "somebody may go on with it"
    for file in unfinished:
        os.utime(file, (0, time.time() - packing.ABANDONED_AFTER - 1))
    fewer = pack_frames({"a": images["a"]}, SIZE, True, tmp_path / "cache")
    assert fewer.shape == (1, 3, *SIZE)
    assert not any(name.startswith("unfinished") for name in _files(tmp_path / "cache"))


def test_a_kill_loses_no_more_than_the_last_save(image_folder: WriteImages, tmp_path: Path) -> None:
    """SIGKILL after five of eight images, saved after every block of one."""
    images = image_folder(*"abcdefgh")
    program = f"""
import os, signal
from pathlib import Path
from audetnet.files import lock
from audetnet.data import packing
from audetnet.data.array_file import VERSION, damaged_frames, header_path, read_header
from audetnet.data.cache import pack_frames
packing._BLOCK, packing.SAVE_INTERVAL = 1, 0
read = packing.read_image
def kill(path, size):
    if path.stem == "f":
        os.kill(os.getpid(), signal.SIGKILL)
    return read(path, size)
packing.read_image = kill
folder = Path({str(images["a"].parent)!r})
images = {{p.stem: p for p in folder.iterdir()}}
pack_frames(images, {SIZE}, False, Path({str(tmp_path / "cache")!r}))
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    (header,) = (tmp_path / "cache").glob("unfinished*.json")
    assert sorted(json.loads(header.read_text())["images"]) == list("abcde")
    packed = pack_frames(images, SIZE, False, tmp_path / "cache")
    frames = packed.gather(packed.rows(images))
    np.testing.assert_array_equal(frames, [read_image(path, SIZE) for path in images.values()])


@pytest.mark.parametrize("below", [".", "cache"], ids=["is a file", "lies in a file"])
def test_a_directory_that_is_a_file_is_named_with_advice(
    image_folder: WriteImages, tmp_path: Path, below: str
) -> None:
    images = image_folder("a", "b")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError) as error:
        pack_frames(images, SIZE, False, tmp_path / "file" / below)
    assert str(tmp_path / "file") in str(error.value)
    assert "--cache" in str(error.value)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("code", [EACCES, EROFS, ENOSPC], ids=os.strerror)
def test_a_directory_that_cannot_be_written_to_is_named_with_advice(
    image_folder: WriteImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """--cache is for data on a read-only disk. A superuser may write anywhere, so the
    refusal is acted.
    """
    images = image_folder("a", "b")

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(np.lib.format, "open_memmap", refuse)
    with pytest.raises(UserError) as error:
        pack_frames(images, SIZE, False, tmp_path / "cache")
    assert str(tmp_path / "cache") in str(error.value)
    assert os.strerror(code) in str(error.value)
    assert "--cache" in str(error.value)


def test_without_a_cache_frames_are_decoded_into_memory(
    image_folder: WriteImages, tmp_path: Path
) -> None:
    images = image_folder("b", "a")
    before = sorted(tmp_path.rglob("*"))
    packed = pack_frames(images, SIZE, False, None)
    np.testing.assert_array_equal(
        packed.gather(packed.rows(["a", "b"])), [read_image(images[i], SIZE) for i in ("a", "b")]
    )
    assert sorted(tmp_path.rglob("*")) == before
    images["b"].write_bytes(b"no image")
    with pytest.raises(UserError, match="not a readable image"):
        pack_frames(images, SIZE, False, None)


def test_a_second_process_waits_for_the_first_and_decodes_nothing(
    image_folder: WriteImages, tmp_path: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one is simulated: it holds the lock while packing."""
    images, directory = image_folder("a", "b"), tmp_path / "cache"
    pack_frames(images, SIZE, False, tmp_path / "ready")
    decoded.clear()
    said: Queue[str] = Queue()
    monkeypatch.setattr(lock, "say", said.put)
    with ThreadPoolExecutor() as second:
        with locked(directory, "busy"):
            packed = second.submit(pack_frames, images, SIZE, False, directory)
            assert "waiting for it" in said.get(timeout=60)
            for file in (tmp_path / "ready").glob("frames*"):
                shutil.copy(file, directory)
        assert packed.result().shape == (2, 3, *SIZE)
    assert decoded == []


def _array(tmp_path: Path) -> Path:
    (path,) = (tmp_path / "cache").glob("frames*.npy")
    return path


def _flip(path: Path, bits: int, seed: int = 0) -> set[int]:
    """Flip bits of the pixels; returns the rows that contain them."""
    content = np.memmap(path, np.uint8, "r+")
    offset = np.load(path, mmap_mode="r").offset
    random = np.random.default_rng(seed)
    places = random.choice(8 * (len(content) - offset), bits, replace=False)
    for place in places:
        content[offset + place // 8] ^= np.uint8(1 << place % 8)
    content.flush()
    return {int(place) // (8 * 3 * SIZE[0] * SIZE[1]) for place in places}


@pytest.mark.parametrize("bits", [1, 2000], ids=lambda bits: f"{bits} bits")
def test_flipped_bits_are_found_and_frames_packed_again(
    image_folder: WriteImages, tmp_path: Path, capsys: pytest.CaptureFixture[str], bits: int
) -> None:
    images = image_folder(*(f"f{number:02}" for number in range(40)))
    pack_frames(images, SIZE, False, tmp_path / "cache")
    rows = _flip(path := _array(tmp_path), bits)
    header = read_header(path)
    assert header is not None
    assert damaged_frames(path, header) == [f"f{row:02}" for row in sorted(rows)]
    packed = pack_frames(images, SIZE, False, tmp_path / "cache", thorough=True)
    said = capsys.readouterr().err
    assert f"{path}: {len(rows)} of 40 packed frames are damaged" in said and "again" in said
    expected = [read_image(image, SIZE) for image in images.values()]
    np.testing.assert_array_equal(packed.gather(np.arange(40)), expected)
    assert damaged_frames(path, read_header(path) or {}) == []


def test_an_intact_array_passes_the_thorough_check(
    image_folder: WriteImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = image_folder("a", "b")
    pack_frames(images, SIZE, False, tmp_path / "cache")
    monkeypatch.setattr(packing, "read_image", _decodes_nothing)
    pack_frames(images, SIZE, False, tmp_path / "cache", thorough=True)


def _save(make: Callable[["npt.NDArray[Any]"], "npt.NDArray[Any]"]) -> Callable[[Path], object]:
    """Replaces the content of the array."""
    return lambda path: np.save(path, make(np.load(path)), allow_pickle=True)


def _header(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """Changes the header in place."""

    def spoil(path: Path) -> None:
        header = json.loads(header_path(path).read_text())
        change(header)
        header_path(path).write_text(json.dumps(header))

    return spoil


def _text_header(text: str) -> Callable[[Path], object]:
    return lambda path: header_path(path).write_text(text)


def _npy_header(path: Path) -> None:
    """A shape nested too deeply for the parser."""
    content = path.read_bytes()
    path.write_bytes(content[:10] + b"(" * (len(content) - 10))


UNFIT: dict[str, Callable[[Path], object]] = {
    "float32": _save(lambda pixels: pixels.astype(np.float32)),
    "int8": _save(lambda pixels: pixels.view(np.int8)),
    "a frame less": _save(lambda pixels: pixels[:-1]),
    "height and width swapped": _save(lambda pixels: pixels.reshape(3, 3, 4, 6)),
    "Fortran order": _save(np.asfortranarray),
    "objects": _save(lambda pixels: pixels.astype(object)),
    "structured": _save(lambda pixels: pixels.view([("a", "u1")])),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "cut off in its header": lambda path: path.write_bytes(path.read_bytes()[:50]),
    "too long": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "empty": lambda path: path.write_bytes(b""),
    "a pickle": lambda path: path.write_bytes(pickle.dumps([1, 2])),
    "nested .npy header": _npy_header,
    "header gone": lambda path: header_path(path).unlink(),
    "header empty": _text_header(""),
    "header no UTF-8": lambda path: header_path(path).write_bytes(b"\xff\xfe"),
    "header nested 100,000 deep": _text_header("[" * 100_000),
    "header a list": _text_header("[]"),
    "header null": _text_header("null"),
    "header {}": _text_header("{}"),
    "images a list": _header(lambda header: header.update(images=[["a", "a"], ["b", "b"]])),
    "images null": _header(lambda header: header.update(images=None)),
    "images missing": _header(lambda header: header.pop("images")),
    "an image less": _header(lambda header: header["images"].pop("b")),
    "no size": _header(lambda header: header.update(image_size=None)),
    "older version": _header(lambda header: header.update(version=2)),
    "no checksums": _header(lambda header: header.pop("checksums")),
    "a checksum less": _header(lambda header: header["checksums"].pop()),
    "checksums too large": _header(lambda header: header.update(checksums=[2**40] * 3)),
    "checksums negative": _header(lambda header: header.update(checksums=[-1] * 3)),
    "checksums of text": _header(lambda header: header.update(checksums=["x"] * 3)),
}
"""Damaged arrays and headers."""


@pytest.mark.parametrize("spoil", UNFIT.values(), ids=UNFIT)
def test_an_array_that_does_not_match_is_packed_again_with_a_warning(
    image_folder: WriteImages,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], object],
) -> None:
    images = image_folder("a", "b", "c")
    pack_frames(images, SIZE, False, tmp_path / "cache")
    spoil(_array(tmp_path))
    packed = pack_frames(images, SIZE, False, tmp_path / "cache")
    expected = [read_image(path, SIZE) for path in images.values()]
    np.testing.assert_array_equal(packed.gather(np.arange(3)), expected)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{_array(tmp_path)}: ") and line.endswith("; packing again")
    assert read_header(_array(tmp_path)) is not None and len(_files(tmp_path / "cache")) == 2


def test_arrays_of_an_older_version_are_reported_as_such(
    image_folder: WriteImages, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = image_folder("a", "b", "c")
    pack_frames(images, SIZE, False, tmp_path / "cache")
    UNFIT["older version"](_array(tmp_path))
    pack_frames(images, SIZE, False, tmp_path / "cache")
    assert "another version" in capsys.readouterr().err


def _interrupted(images: dict[str, Path], directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pack all but the last image; returns the unfinished array."""
    last = max(images)

    def interrupt(path: Path, size: tuple[int, int]) -> "npt.NDArray[np.uint8]":
        if path.stem == last:
            raise KeyboardInterrupt
        return read_image(path, size)

    with monkeypatch.context() as context:
        context.setattr(packing, "_BLOCK", 1)
        context.setattr(packing, "read_image", interrupt)
        with pytest.raises(KeyboardInterrupt):
            pack_frames(images, SIZE, False, directory)
    (array,) = directory.glob("unfinished*.npy")
    return array


def test_torn_rows_are_decoded_again(
    image_folder: WriteImages,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    decoded: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """After a power cut rows may be missing despite the header: zeros for "b", half of "d"."""
    images = image_folder(*"abcdef")
    array = _interrupted(images, tmp_path / "cache", monkeypatch)
    pixels = np.load(array, mmap_mode="r+")
    pixels[1], pixels[3, :, 3:] = 0, 0
    pixels.flush()
    monkeypatch.setattr(packing, "_BLOCK", 256)
    decoded.clear()
    packed = pack_frames(images, SIZE, False, tmp_path / "cache")
    assert sorted(decoded) == ["b", "d", "f"]
    assert "2 of 5 rows are damaged" in capsys.readouterr().err
    frames = packed.gather(packed.rows(images))
    np.testing.assert_array_equal(frames, [read_image(path, SIZE) for path in images.values()])
    assert damaged_frames(_array(tmp_path), read_header(_array(tmp_path)) or {}) == []


@pytest.mark.parametrize("spoil", UNFIT.values(), ids=UNFIT)
def test_an_unfinished_array_that_does_not_match_is_started_again(
    image_folder: WriteImages,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path], object],
) -> None:
    images = image_folder("a", "b", "c")
    spoil(_interrupted(images, tmp_path / "cache", monkeypatch))
    packed = pack_frames(images, SIZE, False, tmp_path / "cache")
    expected = [read_image(path, SIZE) for path in images.values()]
    np.testing.assert_array_equal(packed.gather(np.arange(3)), expected)
    assert len(_files(tmp_path / "cache")) == 2


@pytest.mark.parametrize("kind", ["directory", "pipe"])
@pytest.mark.parametrize("name", ["{}.npy", "{}.json", "unfinished-{}.npy", ".lock"])
def test_directories_and_pipes_are_one_line(
    image_folder: WriteImages, tmp_path: Path, name: str, kind: str
) -> None:
    images, directory = image_folder("a", "b"), tmp_path / "cache"
    pack_frames(images, SIZE, False, directory)
    stem = _array(tmp_path).stem
    for file in directory.iterdir():
        file.unlink()
    odd = directory / name.format(stem)
    odd.mkdir() if kind == "directory" else os.mkfifo(odd)
    with pytest.raises(UserError) as error:
        pack_frames(images, SIZE, False, directory)
    assert str(odd) in str(error.value) and f"found a {kind}" in str(error.value)


@pytest.mark.parametrize("name", ["{}.npy", "{}.json", "unfinished-{}.npy", "unfinished-frames-x"])
def test_a_dangling_link_is_replaced_and_nothing_written_where_it_points(
    image_folder: WriteImages, tmp_path: Path, name: str
) -> None:
    images, directory = image_folder("a", "b"), tmp_path / "cache"
    pack_frames(images, SIZE, False, directory)
    stem = _array(tmp_path).stem
    for file in directory.iterdir():
        file.unlink()
    (directory / name.format(stem)).symlink_to(tmp_path / "elsewhere")
    packed = pack_frames(images, SIZE, False, directory)
    expected = [read_image(path, SIZE) for path in images.values()]
    np.testing.assert_array_equal(packed.gather(np.arange(2)), expected)
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_is_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    """A file size limit simulates the full disk: posix_fallocate fails."""
    (tmp_path / "imgs").mkdir()
    program = f"""
import resource
from pathlib import Path
from PIL import Image
from audetnet.data.array_file import VERSION, damaged_frames, header_path, read_header
from audetnet.data.cache import pack_frames
from audetnet.errors import exit_status
path = Path({str(tmp_path / "imgs" / "a.png")!r})
Image.new("RGB", (400, 400)).save(path)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
cache = Path({str(tmp_path / "cache")!r})
raise SystemExit(exit_status(lambda: pack_frames({{"a": path}}, (400, 400), False, cache) and 0))
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=False, timeout=60, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert str(tmp_path / "cache") in line and os.strerror(EFBIG) in line and "--cache" in line
    assert _files(tmp_path / "cache") == []


def test_a_cache_that_is_deleted_while_it_is_read_changes_nothing(
    image_folder: WriteImages, tmp_path: Path
) -> None:
    images = image_folder("a", "b")
    packed = pack_frames(images, SIZE, False, tmp_path / "cache")
    shutil.rmtree(tmp_path / "cache")
    expected = [read_image(path, SIZE) for path in images.values()]
    np.testing.assert_array_equal(packed.gather(np.arange(2)), expected)


def test_some_of_the_frames_are_found_among_all(
    image_folder: WriteImages, tmp_path: Path, decoded: list[str]
) -> None:
    images, cache = image_folder("a", "b", "c", "d"), tmp_path / "cache"
    pack_frames(images, SIZE, False, cache)
    decoded.clear()
    some = {frame: images[frame] for frame in "bd"}
    for thorough in (False, True):
        packed = pack_frames(some, SIZE, False, cache, thorough)
        frames = packed.gather(packed.rows(["d", "b"]))
        np.testing.assert_array_equal(frames, [read_image(images[frame], SIZE) for frame in "db"])
    assert decoded == [] and len(list(cache.glob("*.npy"))) == 1
    pack_frames(some, (3, 3), True, cache)
    assert sorted(decoded) == ["b", "d"], "of another size they are other rows"
    decoded.clear()
    os.utime(images["b"], (1, 1))
    pack_frames(some, SIZE, False, cache)
    assert sorted(decoded) == ["b", "d"], "an image has changed"


def test_among_damaged_frames_none_is_found(
    image_folder: WriteImages, tmp_path: Path, decoded: list[str]
) -> None:
    images, cache = image_folder("a", "b", "c", "d"), tmp_path / "cache"
    pack_frames(images, SIZE, False, cache)
    decoded.clear()
    (array,) = cache.glob("*.npy")
    with array.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"?")
    some = {"a": images["a"]}
    pack_frames(some, SIZE, False, cache, thorough=True)
    assert decoded == ["a"]
