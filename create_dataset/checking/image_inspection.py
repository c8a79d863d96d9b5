"""Every image in a folder, read once."""

import hashlib
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from audetnet.console.progress import ProgressBar
from audetnet.data.images import ImageFacts, inspect_image
from audetnet.errors import UserError
from audetnet.files.atomic import check_regular

_WORKERS = (os.cpu_count() or 1) + 2
"""More than there are cores: some wait for the disk."""
_NUMBERS_IN_BRACKETS = re.compile(r" \([^()]*\d[^()]*\)")
"""Such as "(12 bytes not processed)", which differ from image to image."""


@dataclass(frozen=True, kw_only=True)
class ImageFile:
    """What is known about an image file."""

    path: Path
    digest: bytes = b""
    """SHA-256 of its bytes: copies have the same."""
    facts: ImageFacts | None = None
    """None if the image cannot be used."""
    mistake: str = ""
    """Why it cannot, without its path; the same text for images with the same fault."""


def inspect_images(images: Mapping[str, Path]) -> dict[str, ImageFile]:
    """Read and decode each image once, in threads; the bytes are not kept."""
    with (
        ThreadPoolExecutor(_WORKERS) as workers,
        ProgressBar("reading images", len(images), unit="image") as bar,
    ):
        inspected = {}
        for frame, file in zip(images, workers.map(_inspect, images.values()), strict=True):
            inspected[frame] = file
            bar.advance()
        return inspected


def _inspect(path: Path) -> ImageFile:
    digest = b""
    try:
        check_regular(path)
        content = path.read_bytes()
        digest = hashlib.sha256(content).digest()
        return ImageFile(path=path, digest=digest, facts=inspect_image(path, content))
    except UserError as error:
        reason = str(error).removeprefix(f"{path}: ")
        return ImageFile(path=path, digest=digest, mistake=_NUMBERS_IN_BRACKETS.sub("", reason))
    except OSError as error:
        return ImageFile(path=path, mistake=f"cannot be read: {error.strerror or error}")
