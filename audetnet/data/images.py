"""Reads image files as uint8 arrays."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from audetnet.errors import UserError
from audetnet.files.atomic import check_regular

SUFFIXES = (".jpg", ".jpeg", ".png")
"""In order of preference if an id has several files."""
FORMATS = ("JPEG", "PNG")
"""The only formats PIL may detect (JPEG includes MPO, which some cameras write): it passes some
others, such as PostScript, to external programs.
"""
MOST_PIXELS = 8192 * 8192
"""67 megapixels, enough for photos of common cameras; decoding one takes half a gigabyte."""
_EXIF_ORIENTATION = 0x0112
_SIDEWAYS_ORIENTATIONS = (5, 6, 7, 8)
_EIGHT_BIT_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # see open_image

Size = tuple[int, int]
"""(height, width) in pixels."""
RgbImage = npt.NDArray[np.uint8]
"""(H, W, 3)."""


class ImageError(UserError):
    """An image that cannot be used."""


@dataclass(frozen=True)
class ImageFacts:
    """Upright size of an image file, and PIL's names for its format and pixel mode."""

    size: Size
    format: str
    mode: str


def find_images(directory: Path) -> dict[str, Path]:
    """All images of a directory by frame id (file name without suffix)."""
    if not directory.is_dir():
        raise UserError(
            f"{directory}: no such directory; expected images there, as ID.jpg or ID.png"
        )
    found: dict[str, Path] = {}
    for suffix in reversed(SUFFIXES):
        found.update({p.stem: p for p in directory.iterdir() if p.suffix.lower() == suffix})
    return found


@contextmanager
def open_image(
    path: Path, content: bytes | None = None, formats: tuple[str, ...] = FORMATS
) -> Iterator[Image.Image]:
    """Open an image from its file, or from its ``content`` if already read; only the header is
    decoded.

    Raises ImageError, also for anything PIL raises inside the context.
    """
    try:
        check_regular(path)
        with Image.open(path if content is None else io.BytesIO(content), formats=formats) as image:
            if image.width * image.height > MOST_PIXELS:
                raise _too_large(path, f"{image.width}x{image.height} (width x height)")
            yield image
    except ImageError:
        raise
    except UserError as error:
        raise ImageError(str(error)) from error
    except Image.DecompressionBombError as error:
        raise _too_large(path, "an image") from error
    except UnidentifiedImageError as error:  # its text does not name the path
        raise ImageError(
            f"{path}: not a readable image: expected one of the formats {', '.join(formats)}"
        ) from error
    except Exception as error:
        raise ImageError(f"{path}: not a readable image: {error}") from error


def image_size(path: Path) -> Size:
    """The upright size of an image, from its header. Raises ImageError."""
    with open_image(path) as image:
        return _upright_size(image)


def inspect_image(path: Path, content: bytes) -> ImageFacts:
    """Facts about the image in ``content``. Raises ImageError if ``read_image`` would.

    JPEGs are decoded at an eighth of their scale. That halves the work but still reads the whole
    file, so truncation is found.
    """
    with open_image(path, content) as image:
        _check_mode(path, image)
        facts = ImageFacts(_upright_size(image), image.format or "", image.mode)
        image.draft(None, (1, 1))
        image.load()
    return facts


def read_image(path: Path, size: Size | None) -> npt.NDArray[np.uint8]:
    """An image as RGB uint8 (3, height, width), resized to ``size`` (Lanczos, antialiased) unless
    that is None. Raises ImageError.
    """
    with open_image(path) as image:
        _check_mode(path, image)
        turned = ImageOps.exif_transpose(image) if _has_exif(image) else image
        upright = turned.convert("RGB")
    if size is not None:
        upright = _fitted(upright, size)
    return np.ascontiguousarray(np.asarray(upright).transpose(2, 0, 1))


def read_upright(path: Path) -> RgbImage:
    """An image in its own size, rotated according to its EXIF data. Raises ImageError."""
    return np.ascontiguousarray(read_image(path, None).transpose(1, 2, 0))


def resized(image: RgbImage, size: Size) -> RgbImage:
    """An image resized as by ``read_image``."""
    return np.asarray(_fitted(Image.fromarray(image), size))


def _fitted(image: Image.Image, size: Size) -> Image.Image:
    if image.size == size[::-1]:
        return image
    return image.resize(size[::-1], Image.Resampling.LANCZOS)


def _too_large(path: Path, found: str) -> ImageError:
    return ImageError(
        f"{path}: holds {found}; images of more than {MOST_PIXELS // 10**6} megapixels are not "
        "supported: make it smaller"
    )


def _upright_size(image: Image.Image) -> Size:
    width, height = image.size
    on_its_side = (
        _has_exif(image) and image.getexif().get(_EXIF_ORIENTATION) in _SIDEWAYS_ORIENTATIONS
    )
    return (width, height) if on_its_side else (height, width)


def _check_mode(path: Path, image: Image.Image) -> None:
    if image.mode not in _EIGHT_BIT_MODES:
        raise ImageError(
            f"{path}: pixels of mode {image.mode} are not 8-bit; convert it to 8-bit RGB"
        )


def _has_exif(image: Image.Image) -> bool:
    """Whether the header holds EXIF data, without decoding."""
    return "exif" in image.info
