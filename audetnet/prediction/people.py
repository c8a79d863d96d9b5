"""Tracks people over the frames of a video by the overlap of their boxes."""

from collections.abc import Sequence
from typing import Any

from audetnet.faces.detector import Box

_SAME_PERSON = 0.3
"""Least intersection over union of one person's boxes in consecutive frames."""
_LONGEST_GAP = 1.0
"""Seconds without a detection after which a person is gone, so that a face at the same place is
someone new; at least one frame must lie between. Longer than a hand in front of the face, shorter
than a change of seats.
"""


class People:
    """Numbers the people in a video from 0."""

    def __init__(self, state: dict[str, Any] | None = None) -> None:
        """``state``: from an earlier part of the same video."""
        state = state or {"next": 0, "last": 0.0, "seen": {}}
        self._next: int = state["next"]
        self._last: float = state["last"]
        """Time of the last frame."""
        self._seen = {
            int(number): (Box(*box), float(seconds))
            for number, (*box, seconds) in state["seen"].items()
        }

    def state(self) -> dict[str, Any]:
        """As plain JSON data."""
        seen = {str(number): [*box, seconds] for number, (box, seconds) in self._seen.items()}
        return {"next": self._next, "last": self._last, "seen": seen}

    def numbers(self, boxes: Sequence[Box], seconds: float) -> list[int]:
        """Assign the boxes of the next frame to people, greatest overlap first; a box that overlaps
        nobody is a new person.
        """
        since = min(self._last, seconds - _LONGEST_GAP)
        known = {n: (box, at) for n, (box, at) in self._seen.items() if at >= since}
        overlaps = [
            (box.overlap(old), index, number)
            for index, box in enumerate(boxes)
            for number, (old, _) in known.items()
        ]
        owner: dict[int, int] = {}
        for overlap, index, number in sorted(overlaps, reverse=True):
            if overlap >= _SAME_PERSON and index not in owner and number not in owner.values():
                owner[index] = number
        for index in range(len(boxes)):
            if index not in owner:
                owner[index], self._next = self._next, self._next + 1
        self._seen = known | {owner[index]: (box, seconds) for index, box in enumerate(boxes)}
        self._last = seconds
        return [owner[index] for index in range(len(boxes))]
