"""Which frames are said to show people at rest, as ``--reference`` says it."""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

FORMS = "none, median, neutral=FILE or first=SECONDS"


@dataclass(frozen=True)
class ReferenceChoice:
    """All frames of a person (neither is given), those of the ``first_seconds`` of a video, or an
    image ``file``.
    """

    file: Path | None = None
    first_seconds: float | None = None

    def takes(self, seconds: float | None) -> bool:
        """Whether a frame of that time is one of them."""
        return self.first_seconds is None or (seconds is not None and seconds < self.first_seconds)


def reference_choice(text: str) -> ReferenceChoice | None:
    """What the flag says; None for none. For argparse."""
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
    raise argparse.ArgumentTypeError(f"expected {FORMS}, not '{text}'")
