"""The summary that a script prints: what it wrote, what it left out and why."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from audetnet.console.lines import note, say
from audetnet.errors import first_few


class Summary:
    """Collects the lines that ``show`` prints at the end of a script."""

    def __init__(self) -> None:
        self._written: list[str] = []
        self._left_out: dict[str, list[str]] = {}
        self._notes: list[str] = []
        self._next: list[str] = []

    def wrote(self, path: Path, content: str) -> None:
        """A finished file or directory, and what it contains."""
        self._written.append(f"wrote {path}: {content}")

    def left_out(self, reason: str, names: Sequence[str]) -> None:
        """Frames, files or subjects that are not in what was written."""
        self._left_out.setdefault(reason, []).extend(names)

    def note(self, text: str) -> None:
        """Something to be aware of."""
        self._notes.append(text)

    def next_command(self, *words: str | Path, comment: str = "") -> None:
        """What to type next; words with spaces are quoted."""
        command = shlex.join(map(str, words))
        self._next.append(f"next: python {command}{comment and f'  # {comment}'}")

    def show(self) -> None:
        """Print what was written and what comes next to stdout, the rest to stderr."""
        for line in self._written:
            say(line)
        for reason, names in self._left_out.items():
            if names:
                note(f"left out {len(names)} ({reason}): {first_few(names)}")
        for line in self._notes:
            note(line)
        for line in self._next:
            say(line)


def note_one_subject_per_frame(subjects: Sequence[str], summary: Summary) -> None:
    """Warn if every frame has its own subject: usually the column is wrong, or the ids do not begin
    with the subject.
    """
    if len(subjects) == len(set(subjects)) > 1:
        summary.note(
            f"warning: each of the {len(subjects)} frames has its own subject, so splitting by "
            "subject is splitting by frame. If people appear in several frames, name the subject "
            "column with csv_labels --subject-column, or set subject_pattern in dataset.json"
        )
