"""Copies images into a dataset directory, atomically, under the id of their frame."""

import shutil
from pathlib import Path

from audetnet.data.images import FORMATS, SUFFIXES, ImageError, open_image
from audetnet.files.atomic import atomic_write

_CONVERTED = (*FORMATS, "BMP", "GIF", "JPEG2000", "PPM", "TIFF", "WEBP")
"""Formats to read; PIL knows more, but some of them run external programs."""


class ImageCopyError(Exception):
    """Why an image could not be copied; the text is a reason, without the path."""


def place_image(image: Path, folder: Path, frame: str, link: bool) -> None:
    """Copy (or link) an image file to folder/FRAME.jpg or .png; other formats become PNG. A file of
    the same size that is already there is kept.

    Raises ImageCopyError for an image that is missing or unreadable, FileError if writing fails.
    """
    if not image.is_file():
        raise ImageCopyError("no image file")
    suffix = image.suffix.lower()
    target = folder / f"{frame}{suffix if suffix in SUFFIXES else '.png'}"
    if target.is_file() and (suffix not in SUFFIXES or _same(image, target)):
        return
    staging = target.with_name(f".{target.name}.unfinished")
    with atomic_write(target, staging) as unfinished:
        unfinished.unlink(missing_ok=True)  # writing would follow a link
        if suffix not in SUFFIXES:
            _convert(image, unfinished)
        elif link:
            unfinished.symlink_to(image.resolve())
        else:
            shutil.copyfile(image, unfinished)


def _same(image: Path, target: Path) -> bool:
    return image.stat().st_size == target.stat().st_size


def _convert(image: Path, target: Path) -> None:
    try:
        with open_image(image, formats=_CONVERTED) as opened:
            pixels = opened.convert("RGB")
    except ImageError as error:
        raise ImageCopyError("unreadable image") from error
    pixels.save(target, format="png")
