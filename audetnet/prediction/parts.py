"""A prediction in progress: parts in ``OUT.parts``, each written atomically and joined at the end.
A killed prediction resumes after the last complete part.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from audetnet.errors import UserError, shorten
from audetnet.files.atomic import write_text
from audetnet.files.csv import csv_text
from audetnet.files.json import read_json
from audetnet.prediction.codes_file import join_codes, write_codes
from audetnet.prediction.stream import Part, Position
from audetnet.prediction.table import Columns
from audetnet.prediction.table_file import join_rows

BUSY = "in use by another prediction; wait for it, or choose another file with --out FILE"
_CHANGED = "undo the change, choose another file with --out FILE, or start over with --overwrite"


@dataclass(kw_only=True)
class Progress:
    """The progress of a prediction."""

    parts: int = 0
    frames: int = 0
    faces: int = 0
    position: Position


class PredictionParts:
    """The files of one prediction. ``request``: what must match to resume, as plain JSON data;
    ``facts``: what is stored beside the table.
    """

    def __init__(
        self,
        out: Path,
        codes: Path | None,
        columns: Columns,
        request: Mapping[str, Any],
        facts: Mapping[str, Any],
    ) -> None:
        self.out, self._codes, self._columns = out, codes, columns
        self._request, self._facts = _plain(request), facts
        self.folder = out.with_name(f"{out.name}.parts")
        self.facts_file = out.with_name(f"{out.name}.json")
        self._asked, self._state = self.folder / "request.json", self.folder / "state.json"

    def is_finished(self) -> bool:
        """Raises UserError if OUT was made with other options, or by something else."""
        if not self.out.exists():
            return False
        if not self.facts_file.exists():
            raise UserError(f"{self.out}: exists already; choose another file with --out FILE")
        self._check(self.facts_file, read_json(self.facts_file).get("request"))
        return self._codes is None or self._codes.exists()

    def begin(self) -> Progress:
        """Where to resume. Raises UserError if the parts were made with other options."""
        if self._state.exists():
            self._check(self.folder, read_json(self._asked))
            done = read_json(self._state)
            return Progress(**{**done, "position": Position(**done["position"])})
        write_text(self._asked, json.dumps(self._request))
        return Progress(position=Position())

    def delete(self) -> None:
        """Delete all files, to start over."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for file in (self.out, self.facts_file):
            file.unlink(missing_ok=True)

    def add(self, parts: list[Part], done: Progress) -> None:
        """Write one part and update ``done``. Raises FileError."""
        rows = [row for part in parts for row in part.rows]
        names = self._columns.names
        write_text(self._rows_file(done.parts), csv_text([row[n] for n in names] for row in rows))
        if self._codes is not None:
            write_codes(self._codes_file(done.parts), parts)
        done.parts += 1
        done.frames += sum(part.frames for part in parts)
        done.faces += sum(len(part.with_codes) for part in parts)
        done.position = parts[-1].position
        write_text(self._state, json.dumps(asdict(done)))

    def finish(self, done: Progress) -> None:
        """Join the parts. The table comes last: it marks the prediction as complete. Raises
        FileError.
        """
        numbers = range(done.parts)
        if self._codes is not None:
            join_codes([self._codes_file(number) for number in numbers], self._codes)
        facts = {**self._facts, "frames": done.frames, "faces": done.faces}
        write_text(self.facts_file, json.dumps({**facts, "request": self._request}, indent=1))
        join_rows([self._rows_file(n) for n in numbers], self.out, self._columns.names, facts)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _check(self, place: Path, was: Any) -> None:
        was = was if isinstance(was, dict) else {}
        for name, value in self._request.items():
            if was.get(name) != value:
                old, new = (shorten(json.dumps(each)) for each in (was.get(name), value))
                raise UserError(f"{place}: made with {name} {old}, but now it is {new}; {_CHANGED}")

    def _rows_file(self, number: int) -> Path:
        return self.folder / f"rows-{number:06}.csv"

    def _codes_file(self, number: int) -> Path:
        return self.folder / f"codes-{number:06}.parquet"


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values after a round trip through JSON."""
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain
