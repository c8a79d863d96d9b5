"""What a script wrote, and what it left out and why."""

from collections.abc import Sequence
from pathlib import Path

from audetnet.console import note, say
from audetnet.errors import first_few


class Summary:
    """Collects the lines of the end of a script; ``show`` prints them."""

    def __init__(self) -> None:
        self._written: list[str] = []
        self._left_out: dict[str, list[str]] = {}
        self._notes: list[str] = []

    def wrote(self, path: Path, content: str) -> None:
        """A file or directory that is whole now, and what it holds."""
        self._written.append(f"wrote {path}: {content}")

    def left_out(self, reason: str, names: Sequence[str]) -> None:
        """Frames, files or subjects that are not in what was written."""
        self._left_out.setdefault(reason, []).extend(names)

    def note(self, text: str) -> None:
        """Something to beware of."""
        self._notes.append(text)

    def show(self) -> None:
        """What was written to stdout, the rest to stderr."""
        for line in self._written:
            say(line)
        for reason, names in self._left_out.items():
            if names:
                note(f"left out {len(names)} ({reason}): {first_few(names)}")
        for line in self._notes:
            note(line)
