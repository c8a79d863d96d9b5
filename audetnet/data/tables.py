"""Safe reading of the files that users have: pickled AU tables, id lists, dataset.json.

Every mistake is a UserError that names the file and says what was expected.
"""

import json
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from audetnet.errors import UserError, first_few

UNKNOWN_CODE = 9
"""BP4D's mark of an AU that was not coded."""
MAX_INTENSITY = 5
DEFAULT_SUBJECT_PATTERN = r"[^_]+"
METADATA_FILE = "dataset.json"
_PICKLE_SUFFIXES = (".pkl", ".pickle")
_ALLOWED_GLOBALS = {
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
    ("collections", "OrderedDict"),
}
"""What pickles of dicts of numpy arrays name, under Python 2 and 3 protocols; numpy 1 says
numpy.core where numpy 2 says numpy._core.
"""

LabelKind = Literal["intensity", "occurrence"]
FloatArray = npt.NDArray[np.float32]


class _TableUnpickler(pickle.Unpickler):
    """Builds dicts, lists, strings, numbers and numpy arrays; refuses everything else by name."""

    def find_class(self, module: str, name: str) -> Any:
        current = re.sub(r"^numpy\.core\.", "numpy._core.", module)
        if (current, name) in _ALLOWED_GLOBALS:
            return super().find_class(current if hasattr(np, "_core") else module, name)
        raise pickle.UnpicklingError(f"it holds '{module}.{name}', which is not allowed")


@dataclass(frozen=True)
class Metadata:
    """What dataset.json says; None where it does not."""

    aus: tuple[str, ...] | None = None
    kind: LabelKind | None = None
    subject_pattern: str = DEFAULT_SUBJECT_PATTERN


@dataclass(frozen=True)
class AUTable:
    """Labels by frame id: rows of A values, 0-5 or 0/1, NaN = unknown."""

    path: Path
    rows: dict[str, FloatArray]
    kind: LabelKind

    @property
    def au_count(self) -> int:
        return len(next(iter(self.rows.values())))


def find_labels(directory: Path) -> Path:
    """The one pickle in a dataset directory."""
    if not directory.is_dir():
        raise UserError(f"{directory}: no such directory; --data names the dataset directory")
    found = sorted(path for path in directory.iterdir() if path.suffix.lower() in _PICKLE_SUFFIXES)
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(
            f"{directory}: no pickled AU table (*.pkl, *.pickle); name it with --labels FILE"
        )
    names = ", ".join(path.name for path in found)
    raise UserError(f"{directory}: several pickles ({names}); choose one with --labels FILE")


def read_labels(path: Path, kind: LabelKind | None) -> AUTable:
    """Read a pickled dict of frame id -> array of AU values.

    The kind that dataset.json gives is checked; without one a table is of intensities if any value
    exceeds 1, else of occurrences. 9 and NaN become NaN (unknown).
    """
    rows = {frame: _row(path, frame, row) for frame, row in _unpickle(path).items()}
    if not rows:
        raise UserError(f"{path}: the AU table is empty")
    lengths = {frame: len(row) for frame, row in rows.items()}
    first, expected = next(iter(lengths.items()))
    for frame, length in lengths.items():
        if length != expected:
            raise UserError(
                f"{path}: '{frame}' has {length} AU values, but '{first}' has {expected}"
            )
    if not expected:
        raise UserError(f"{path}: the rows of the AU table are empty")
    values = np.stack(list(rows.values()))
    if kind is None:
        kind = "intensity" if np.nanmax(values, initial=0) > 1 else "occurrence"
    allowed = "an intensity from 0 to 5" if kind == "intensity" else "0 or 1"
    fine = (
        (values >= 0) & (values <= MAX_INTENSITY)
        if kind == "intensity"
        else np.isin(values, (0, 1))
    )
    wrong = np.argwhere(~fine & ~np.isnan(values))
    if len(wrong):
        row, column = wrong[0]
        raise UserError(
            f"{path}: '{list(rows)[row]}' has the value {values[row, column]:g} in column {column} "
            f"({len(wrong)} such values); expected {allowed}, or {UNKNOWN_CODE} or NaN for unknown"
        )
    return AUTable(path, rows, kind)


def _unpickle(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            table = _TableUnpickler(file, encoding="latin1").load()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except Exception as error:
        raise UserError(f"{path}: not a pickled dict of numpy arrays: {error}") from error
    if not isinstance(table, dict) or not all(isinstance(frame, str) for frame in table):
        raise UserError(
            f"{path}: expected a pickled dict with frame ids as keys, found {type(table).__name__}"
        )
    return table


def _row(path: Path, frame: str, row: Any) -> FloatArray:
    try:
        values = np.asarray(row, dtype=np.float32).reshape(-1)
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{path}: the row of '{frame}' is not an array of numbers") from error
    values = values.copy()
    values[values == UNKNOWN_CODE] = np.nan
    return values


def read_ids(path: Path) -> list[str]:
    """Frame ids, one a row; blank lines do not count."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read: {error.strerror}; expected one frame id per row"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file; expected one frame id per row") from error
    ids = []
    for number, line in enumerate(lines, start=1):
        frame = line.strip().strip("\"'")
        if "," in frame or ";" in frame:
            raise UserError(f"{path}:{number}: expected one frame id per row, not '{line.strip()}'")
        if frame:
            ids.append(frame)
    if not ids:
        raise UserError(f"{path}: no frame ids; expected one per row")
    return ids


def read_metadata(directory: Path) -> Metadata:
    """dataset.json of a dataset directory; a directory without one is fine."""
    path = directory / METADATA_FILE
    if not path.is_file():
        return Metadata()
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a JSON file: {error}") from error
    if not isinstance(content, dict):
        raise UserError(
            f'{path}: expected an object such as {{"aus": ["AU1"], "kind": "intensity"}}'
        )
    aus = content.get("aus")
    if aus is not None and not (
        isinstance(aus, list) and all(isinstance(name, str) for name in aus)
    ):
        raise UserError(f'{path}: "aus": expected a list of names such as ["AU1", "AU2"]')
    if aus is not None and len(set(aus)) != len(aus):
        raise UserError(f'{path}: "aus" holds a name twice')
    kind = content.get("kind")
    if kind not in (None, "intensity", "occurrence"):
        raise UserError(f'{path}: "kind": expected "intensity" or "occurrence", not {kind!r}')
    pattern = content.get("subject_pattern", DEFAULT_SUBJECT_PATTERN)
    try:
        re.compile(pattern)
    except (re.error, TypeError) as error:
        raise UserError(f'{path}: "subject_pattern": not a regular expression: {error}') from error
    return Metadata(tuple(aus) if aus is not None else None, kind, pattern)


def subjects_of(ids: list[str], pattern: str) -> list[str]:
    """The subject of each frame: what the pattern matches at the id's start (its first group, if it
    has one).
    """
    compiled = re.compile(pattern)
    matches = [compiled.match(frame) for frame in ids]
    subjects = [match and (match[1] if compiled.groups else match[0]) for match in matches]
    unmatched = [frame for frame, subject in zip(ids, subjects, strict=True) if not subject]
    if unmatched:
        raise UserError(
            f"the subject pattern '{pattern}' of {METADATA_FILE} does not match "
            f"{first_few(unmatched)}"
        )
    return [subject for subject in subjects if subject]
