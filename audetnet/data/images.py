"""Image files to uint8 arrays."""

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
"""In order of preference, where an id has several files."""
FORMATS = ("JPEG", "PNG")
"""What is looked for in files of these names (in a JPEG also MPO, as some cameras write it): of
others PIL would hand some to further programs, such as PostScript.
"""
MOST_PIXELS = 8192 * 8192
"""67 megapixels, which holds the photos of common cameras; decoded, they take half a gigabyte."""
_EXIF_ORIENTATION = 0x0112
_SIDEWAYS_ORIENTATIONS = (5, 6, 7, 8)
_EIGHT_BIT_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # open_image refuses

Size = tuple[int, int]
"""(height, width) in pixels."""
RgbImage = npt.NDArray[np.uint8]
"""(H, W, 3)."""


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


@contextmanager
def open_image(
    path: Path, content: bytes | None = None, formats: tuple[str, ...] = FORMATS
) -> Iterator[Image.Image]:
    """An image, its header read: the file, or what is already known to be its content.

    Raises ImageError, also for what PIL raises within the context.
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
    except UnidentifiedImageError as error:  # whose text is about the bytes, not about the path
        raise ImageError(
            f"{path}: not a readable image: not of a format known here ({', '.join(formats)})"
        ) from error
    except Exception as error:
        raise ImageError(f"{path}: not a readable image: {error}") from error


def image_size(path: Path) -> Size:
    """The size of an image from its header alone; nothing is decoded. Raises ImageError."""
    with open_image(path) as image:
        return _upright_size(image)


def inspect_image(path: Path, content: bytes) -> ImageFacts:
    """What the bytes of a file hold. Raises ImageError where ``read_image`` would.

    JPEGs are decoded at an eighth of their scale: half the work, and the whole file is read all the
    same, so that a truncated one is found.
    """
    with open_image(path, content) as image:
        _check_mode(path, image)
        facts = ImageFacts(_upright_size(image), image.format or "", image.mode)
        image.draft(None, (1, 1))
        image.load()
    return facts


def read_image(path: Path, size: Size | None) -> npt.NDArray[np.uint8]:
    """An image as RGB uint8 (3, height, width), resized (Lanczos, antialiased) where it has another
    size; None: in its own. Raises ImageError.
    """
    with open_image(path) as image:
        _check_mode(path, image)
        turned = ImageOps.exif_transpose(image) if _has_exif(image) else image
        upright = turned.convert("RGB")
    if size is not None:
        upright = _fitted(upright, size)
    return np.ascontiguousarray(np.asarray(upright).transpose(2, 0, 1))


def read_upright(path: Path) -> RgbImage:
    """An image in its own size, turned as its EXIF data say. Raises ImageError."""
    return np.ascontiguousarray(read_image(path, None).transpose(1, 2, 0))


def resized(image: RgbImage, size: Size) -> RgbImage:
    """An image in another size, as ``read_image`` makes it."""
    return np.asarray(_fitted(Image.fromarray(image), size))


def _fitted(image: Image.Image, size: Size) -> Image.Image:
    if image.size == size[::-1]:
        return image
    return image.resize(size[::-1], Image.Resampling.LANCZOS)


def _too_large(path: Path, found: str) -> ImageError:
    return ImageError(
        f"{path}: holds {found}; images of more than {MOST_PIXELS // 10**6} megapixels are not "
        "read: make it smaller"
    )


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
