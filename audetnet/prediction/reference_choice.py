"""The frames that show a person's neutral face, as ``--reference`` names them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audetnet.errors import UserError

if TYPE_CHECKING:
    from audetnet.prediction.frames import FrameSource

FORMS = "none, median, neutral=FILE or first=SECONDS"


@dataclass(frozen=True)
class ReferenceChoice:
    """All frames of a person (the default), those in the ``first_seconds`` of a video, or an image
    ``file``.
    """

    file: Path | None = None
    first_seconds: float | None = None

    def takes(self, seconds: float | None) -> bool:
        """Whether a frame at this time is used."""
        return self.first_seconds is None or (seconds is not None and seconds < self.first_seconds)


def parse_reference(text: str) -> ReferenceChoice | None:
    """Parse one of ``FORMS``; None for none. Raises UserError."""
    name, given, value = text.partition("=")
    if not given and name in ("none", "median"):
        return None if name == "none" else ReferenceChoice()
    if name == "neutral" and value:
        return ReferenceChoice(file=Path(value))
    if name == "first":
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if 0 < seconds < math.inf:
            return ReferenceChoice(first_seconds=seconds)
    raise UserError(f"expected {FORMS}, not '{text}'")


def check_reference(
    choice: ReferenceChoice, sources: "Sequence[FrameSource]", one_face: bool
) -> None:
    """Raise UserError if the frames of a person cannot be told. ``one_face``: only one face per
    frame is used.
    """
    if one_face and choice.first_seconds is None:
        return
    if choice.file is not None:
        raise UserError(
            f"reference neutral={choice.file}: applies to one person; use only the largest face "
            "(--faces largest)"
        )
    image = next((source.name for source in sources if not source.is_video), None)
    if image is not None and choice.first_seconds is not None:
        raise UserError(f"reference first: {image} is an image, not a video; use median")
    if image is not None:
        raise UserError(
            f"reference median: {image} is an image, and people are tracked only in videos; if "
            "each folder shows one person, use only the largest face (--faces largest)"
        )
