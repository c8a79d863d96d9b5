"""Images of every kind that users have, as RGB uint8 arrays."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from audetnet.data.images import ImageError, find_images, image_size, read_image
from audetnet.errors import UserError

Pixels = npt.NDArray[np.uint8]
HEIGHT, WIDTH = 5, 8
ORIENTATION = 0x0112
_RANDOM = np.random.default_rng(0)
COLOURS = _RANDOM.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
GREY = _RANDOM.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)


def _grey_rgb() -> Image.Image:
    return Image.fromarray(GREY).convert("RGB")


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.fromarray(COLOURS), COLOURS),
        (Image.fromarray(np.dstack([COLOURS, GREY])), COLOURS),
        (Image.fromarray(GREY), np.dstack([GREY] * 3)),
        (Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(255 - GREY)]), _grey_rgb()),
        (Image.fromarray(GREY > 127), np.dstack([np.uint8(255) * (GREY > 127)] * 3)),
        (_grey_rgb().quantize(256), _grey_rgb()),
    ],
    ids=["RGB", "RGBA", "grey", "grey with alpha", "bilevel", "palette"],
)
def test_every_eight_bit_mode_becomes_rgb(
    tmp_path: Path, image: Image.Image, expected: Any
) -> None:
    """PNG is lossless, so pixels are read exactly as written; alpha is ignored."""
    image.save(tmp_path / "a.png")
    pixels = read_image(tmp_path / "a.png", (HEIGHT, WIDTH))
    assert pixels.dtype == np.uint8
    assert pixels.shape == (3, HEIGHT, WIDTH)
    assert pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels.transpose(1, 2, 0), np.asarray(expected))


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.jpg", "RGB"),
        ("a.JPG", "RGB"),
        ("a.jpeg", "RGB"),
        ("a.JPEG", "RGB"),
        ("a.png", "RGB"),
        ("a.PNG", "RGB"),
        ("a.jpg", "CMYK"),
    ],
)
def test_channels_are_in_the_order_red_green_blue(tmp_path: Path, name: str, mode: str) -> None:
    path = tmp_path / name
    Image.new("RGB", (16, 16), (250, 60, 10)).convert(mode).save(path)
    assert find_images(tmp_path) == {"a": path}
    means = read_image(path, (16, 16)).mean(axis=(1, 2))
    np.testing.assert_allclose(means, (250, 60, 10), atol=3)


def test_one_id_with_several_files_is_the_jpg_and_other_files_are_none(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpeg", "a.jpg", "b.png", "b.jpeg", "c.d.PNG", "e.bmp", "f", "g.txt"):
        (tmp_path / name).touch()
    found = find_images(tmp_path)
    expected = {"a": "a.jpg", "b": "b.jpeg", "c.d": "c.d.PNG"}
    assert {frame: path.name for frame, path in found.items()} == expected


def test_a_missing_image_folder_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        find_images(tmp_path / "imgs")
    assert str(error.value).startswith(f"{tmp_path / 'imgs'}: no such directory; ")
    assert "ID.jpg" in str(error.value)


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (0, COLOURS),
        (1, COLOURS),
        (2, COLOURS[:, ::-1]),
        (3, COLOURS[::-1, ::-1]),
        (4, COLOURS[::-1]),
        (5, COLOURS.transpose(1, 0, 2)),
        (6, np.rot90(COLOURS, -1)),
        (7, COLOURS[::-1, ::-1].transpose(1, 0, 2)),
        (8, np.rot90(COLOURS, 1)),
        (9, COLOURS),
    ],
    ids=[
        *("0 undefined", "1 upright", "2 mirrored", "3 upside down", "4 flipped"),
        *("5 transposed", "6 turned right", "7 transverse", "8 turned left", "9 undefined"),
    ],
)
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_photos_are_turned_upright_and_the_header_tells_the_upright_size(
    tmp_path: Path, orientation: int, upright: Pixels, ending: str
) -> None:
    path = tmp_path / f"a.{ending}"
    image = Image.fromarray(COLOURS)
    exif = image.getexif()
    exif[ORIENTATION] = orientation
    image.save(path, exif=exif)
    assert image_size(path) == upright.shape[:2]
    if ending == "png":
        pixels = read_image(path, image_size(path)).transpose(1, 2, 0)
        np.testing.assert_array_equal(pixels, upright)


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (WIDTH, HEIGHT), (10, 4), (1, 1), (31, 17)])
def test_other_sizes_are_resized_to_height_and_width(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(COLOURS).save(path)
    height, width = size
    expected = Image.fromarray(COLOURS).resize((width, height), Image.Resampling.LANCZOS)
    pixels = read_image(path, size)
    assert pixels.shape == (3, height, width)
    np.testing.assert_array_equal(pixels.transpose(1, 2, 0), np.asarray(expected))


def test_sixteen_bit_images_are_refused_with_advice(tmp_path: Path) -> None:
    """PIL would clip them to 8 bits, making nearly all pixels white."""
    path = tmp_path / "a.png"
    Image.fromarray(GREY.astype(np.uint16) * 257).save(path)
    with pytest.raises(ImageError) as error:
        read_image(path, (HEIGHT, WIDTH))
    assert str(error.value).startswith(f"{path}: ")
    assert "not 8-bit; convert it to 8-bit RGB" in str(error.value)


def _write_truncated(path: Path) -> None:
    """The header and half of the pixels."""
    Image.fromarray(_RANDOM.integers(0, 256, (64, 48, 3), dtype=np.uint8)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_truncated_file_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    _write_truncated(path)
    with pytest.raises(ImageError) as error:
        read_image(path, (64, 48))
    assert str(error.value).startswith(f"{path}: not a readable image: ")


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_the_size_is_read_without_decoding_what_follows_the_header(
    tmp_path: Path, name: str
) -> None:
    """Else packing would decode every image twice."""
    path = tmp_path / name
    _write_truncated(path)
    assert image_size(path) == (64, 48)


@pytest.mark.parametrize(
    "content", [None, b"", b"no image"], ids=["missing file", "empty file", "text"]
)
def test_what_is_no_image_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.jpg"
    if content is not None:
        path.write_bytes(content)
    for read in (image_size, lambda file: read_image(file, (4, 4))):
        with pytest.raises(ImageError) as error:
            read(path)
        assert str(error.value).startswith(f"{path}: not a readable image: ")
