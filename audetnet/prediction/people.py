"""Which face of a video frame is whose: people are kept apart by how their boxes overlap."""

from collections.abc import Sequence
from typing import Any

from audetnet.faces.detector import Box

_SAME_PERSON = 0.3
"""Overlap (intersection over union) from which on two boxes, of frames one after another, are of
one person.
"""
_LONGEST_GAP = 1.0
"""Seconds after which who was not seen counts as gone, though not before a frame was looked at
without them: a face at the same place is then someone new. Shorter than a change of seats, longer
than a hand before the face.
"""


class People:
    """Numbers, from 0, of the people in a video."""

    def __init__(self, state: dict[str, Any] | None = None) -> None:
        """``state``: of an earlier part of the same video."""
        state = state or {"next": 0, "last": 0.0, "seen": {}}
        self._next: int = state["next"]
        self._last: float = state["last"]
        """When the last frame was."""
        self._seen = {
            int(number): (Box(*box), float(seconds))
            for number, (*box, seconds) in state["seen"].items()
        }

    def state(self) -> dict[str, Any]:
        """As plain JSON data."""
        seen = {str(number): [*box, seconds] for number, (box, seconds) in self._seen.items()}
        return {"next": self._next, "last": self._last, "seen": seen}

    def numbers(self, boxes: Sequence[Box], seconds: float) -> list[int]:
        """Whose the boxes of the next frame are. Pairs with the greatest overlap come first, and
        whoever overlaps with nobody is new.
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
