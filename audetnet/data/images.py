"""Image files to uint8 arrays."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from audetnet.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".png")
"""In order of preference, where an id has several files."""
_EXIF_ORIENTATION = 0x0112
_SIDEWAYS_ORIENTATIONS = (5, 6, 7, 8)
_EIGHT_BIT_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}

Size = tuple[int, int]
"""(height, width) in pixels."""


class ImageError(UserError):
    """An image that cannot be used."""


@dataclass(frozen=True)
class ImageFacts:
    """What an image file holds: its upright size, and PIL's names of its format and pixel mode."""

    size: Size
    format: str
    mode: str


def find_images(directory: Path) -> dict[str, Path]:
    """All images of a directory by frame id (file name without its ending)."""
    if not directory.is_dir():
        raise UserError(
            f"{directory}: no such directory; images are expected there as ID.jpg or ID.png"
        )
    found: dict[str, Path] = {}
    for suffix in reversed(SUFFIXES):
        found.update({p.stem: p for p in directory.iterdir() if p.suffix.lower() == suffix})
    return found


def image_size(path: Path) -> Size:
    """The size of an image from its header alone; nothing is decoded. Raises ImageError."""
    try:
        with Image.open(path) as image:
            return _upright_size(image)
    except Exception as error:
        raise ImageError(f"{path}: not a readable image: {error}") from error


def inspect_image(path: Path, content: bytes) -> ImageFacts:
    """What the bytes of a file hold. Raises ImageError where ``read_image`` would.

    JPEGs are decoded at an eighth of their scale: half the work, and the whole file is read all the
    same, so that a truncated one is found.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            _check_mode(path, image)
            facts = ImageFacts(_upright_size(image), image.format or "", image.mode)
            image.draft(None, (1, 1))
            image.load()
    except ImageError:
        raise
    except UnidentifiedImageError as error:  # whose text is about the bytes, not about the path
        raise ImageError(f"{path}: not a readable image: not of a known image format") from error
    except Exception as error:
        raise ImageError(f"{path}: not a readable image: {error}") from error
    return facts


def read_image(path: Path, size: Size | None) -> npt.NDArray[np.uint8]:
    """An image as RGB uint8 (3, height, width), resized (Lanczos, antialiased) where it has another
    size; None: in its own.
    """
    try:
        with Image.open(path) as image:
            _check_mode(path, image)
            turned = ImageOps.exif_transpose(image) if _has_exif(image) else image
            upright = turned.convert("RGB")
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"{path}: not a readable image: {error}") from error
    if size is not None and upright.size != size[::-1]:
        upright = upright.resize(size[::-1], Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.asarray(upright).transpose(2, 0, 1))


def _upright_size(image: Image.Image) -> Size:
    """From the header alone."""
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
    """Whether the header holds EXIF data; asked before anything is decoded."""
    return "exif" in image.info
