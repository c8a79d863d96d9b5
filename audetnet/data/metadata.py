"""dataset.json: describes the labels of a dataset directory and the subjects of its frames."""

import dataclasses
import json
import os
import re
import reprlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from audetnet.data.names import folder_fault, id_fault, subject_fault
from audetnet.errors import UserError, did_you_mean, first_few
from audetnet.faces.sources import LANDMARK_SOURCES, LandmarkSource
from audetnet.files.atomic import write_text
from audetnet.files.csv import read_csv
from audetnet.files.json import read_json
from audetnet.labels import ACTIVE_INTENSITY, MAX_INTENSITY, LabelKind

DEFAULT_SUBJECT_PATTERN = r"[^_]+"
METADATA_FILE = "dataset.json"
SUBJECTS_FILE = "subjects.csv"


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """The content of dataset.json; None: not given."""

    aus: tuple[str, ...] | None = None
    """Names of the AU table's columns."""
    kind: LabelKind | None = None
    threshold: float = ACTIVE_INTENSITY
    """The intensity from which an AU counts as active (or counted as active, in occurrence tables
    made from intensities).
    """
    source: str | None = None
    """Where the data come from, in words."""
    subject_pattern: str = DEFAULT_SUBJECT_PATTERN
    """A regular expression for the subject at the start of a frame id: its first group, if it has
    one.
    """
    subjects: str | None = None
    """A CSV file with the columns frame,subject, used instead of the pattern."""
    folds: dict[str, tuple[str, ...]] | None = None
    """The subjects of each part; fold k is tested on part k and trained on the others."""
    landmarks: LandmarkSource | None = None
    """Source of the landmarks that the faces were cropped by."""


def read_metadata(directory: Path) -> Metadata:
    """dataset.json of a dataset directory; a directory without one is fine. Raises UserError."""
    metadata, mistakes = salvage_metadata(directory)
    if mistakes:
        raise mistakes[0]
    return metadata


def salvage_metadata(directory: Path) -> tuple[Metadata, list[UserError]]:
    """The valid part of dataset.json, and an error for every invalid key."""
    path = directory / METADATA_FILE
    if not os.path.lexists(path):
        return Metadata(), []
    try:
        content = _read_object(path)
    except UserError as error:
        return Metadata(), [error]
    given: dict[str, Any] = {}
    mistakes = []
    for key, value in content.items():
        try:
            if key not in _CHECKS:
                raise UserError(f'{path}: unknown key "{key}"{did_you_mean(key, list(_CHECKS))}')
            if value is not None:
                _CHECKS[key](path, value)
                given[key] = value
        except UserError as error:
            mistakes.append(error)
    if "aus" in given:
        given["aus"] = tuple(given["aus"])
    if "folds" in given:
        given["folds"] = {fold: tuple(subjects) for fold, subjects in given["folds"].items()}
    return Metadata(**given), mistakes


def update_metadata(directory: Path, **changes: Any) -> Path:
    """Update some keys of dataset.json, keeping the others; returns its path."""
    metadata = dataclasses.replace(read_metadata(directory), **changes)
    given = {key: value for key, value in dataclasses.asdict(metadata).items() if value is not None}
    path = directory / METADATA_FILE
    write_text(path, json.dumps(given, indent=1) + "\n")
    return path


def subjects_of(ids: list[str], directory: Path, metadata: Metadata) -> list[str]:
    """The subject of each frame, from subjects.csv or the pattern. Raises UserError."""
    if metadata.subjects is None:
        return _subjects_by_pattern(ids, metadata.subject_pattern)
    path = _inside(directory, metadata.subjects)
    known = _read_subjects(path)
    missing = [frame for frame in ids if frame not in known]
    if missing:
        raise UserError(f"{path}: no subject for {first_few(missing)}; add a row frame,subject")
    return [known[frame] for frame in ids]


def subject_indices(subjects: Sequence[str]) -> npt.NDArray[np.int64]:
    """The index of each frame's subject (N,), in the order of sorted names."""
    return np.unique(subjects, return_inverse=True)[1].astype(np.int64)


def _read_object(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise UserError(
            f'{path}: expected an object such as {{"aus": ["AU1"], "kind": "intensity"}}'
        )
    return content


def _inside(directory: Path, name: str) -> Path:
    """A file named in dataset.json. Raises UserError if it, or the target of a link, is outside the
    directory: a downloaded dataset must not be able to read other files.
    """
    try:
        inside = (directory / name).resolve().is_relative_to(directory.resolve())
    except (OSError, ValueError, RuntimeError):  # a NUL, a name too long, circular links
        inside = False
    if not inside:
        raise UserError(
            f'{directory / METADATA_FILE}: "subjects": expected a file within the directory, not '
            f"{reprlib.repr(name)}"
        )
    return directory / name


def _subjects_by_pattern(ids: list[str], pattern: str) -> list[str]:
    compiled = re.compile(pattern)
    matches = [compiled.match(frame) for frame in ids]
    subjects = [match and (match[1] if compiled.groups else match[0]) for match in matches]
    unmatched = [frame for frame, subject in zip(ids, subjects, strict=True) if not subject]
    if unmatched:
        raise UserError(
            f"the subject pattern '{pattern}' in {METADATA_FILE} does not match "
            f"{first_few(unmatched)}"
        )
    found = [subject for subject in subjects if subject]
    for subject in dict.fromkeys(found):
        if fault := subject_fault(subject):
            raise UserError(
                f"the subject pattern '{pattern}' in {METADATA_FILE} gives the subject "
                f"'{subject}', which {fault}"
            )
    return found


def _read_subjects(path: Path) -> dict[str, str]:
    subjects: dict[str, str] = {}
    for number, row in enumerate(read_csv(path)[1:], start=2):
        if len(row) != 2 or not all(row):
            raise UserError(f"{path}:{number}: expected frame,subject, not '{','.join(row)}'")
        frame, subject = row
        if fault := id_fault(frame):
            raise UserError(f"{path}:{number}: frame id '{frame}' {fault}")
        if fault := subject_fault(subject):
            raise UserError(f"{path}:{number}: subject '{subject}' {fault}")
        if subjects.setdefault(frame, subject) != subject:
            raise UserError(
                f"{path}:{number}: frame '{frame}' has the subject '{subject}' here, but "
                f"'{subjects[frame]}' in an earlier row; keep one of them"
            )
    return subjects


def _check_aus(path: Path, value: Any) -> None:
    if not (isinstance(value, list) and all(isinstance(name, str) for name in value)):
        raise UserError(f'{path}: "aus": expected a list of names such as ["AU1", "AU2"]')
    if len(set(value)) != len(value):
        raise UserError(f'{path}: "aus" contains a duplicate name')


def _check_kind(path: Path, value: Any) -> None:
    if value not in ("intensity", "occurrence"):
        raise UserError(
            f'{path}: "kind": expected "intensity" or "occurrence", not {reprlib.repr(value)}'
        )


def _check_threshold(path: Path, value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and 0 < value <= MAX_INTENSITY):
        raise UserError(
            f'{path}: "threshold": expected an intensity above 0, at most {MAX_INTENSITY}, '
            f"not {reprlib.repr(value)}"
        )


def _check_text(path: Path, value: Any) -> None:
    if not isinstance(value, str):
        raise UserError(
            f'{path}: "source" and "subjects": expected text, not {reprlib.repr(value)}'
        )


def _check_pattern(path: Path, value: Any) -> None:
    try:
        re.compile(value)
    except (re.error, TypeError, OverflowError, RecursionError) as error:
        raise UserError(f'{path}: "subject_pattern": not a regular expression: {error}') from error


def _check_landmarks(path: Path, value: Any) -> None:
    if value not in LANDMARK_SOURCES:
        raise UserError(
            f'{path}: "landmarks": expected {", ".join(LANDMARK_SOURCES)}, not '
            f"{reprlib.repr(value)}"
        )


def _check_folds(path: Path, value: Any) -> None:
    if not (
        isinstance(value, dict)
        and all(isinstance(part, list) and part for part in value.values())
        and all(isinstance(subject, str) for part in value.values() for subject in part)
    ):
        raise UserError(
            f'{path}: "folds": expected subjects by part, such as {{"1": ["SN001"], "2": '
            '["SN002"]}'
        )
    for fold in value:
        if fault := folder_fault(fold):
            raise UserError(f'{path}: "folds": the name {reprlib.repr(fold)} {fault}')
    counts = Counter(subject for part in value.values() for subject in part)
    twice = sorted(subject for subject, count in counts.items() if count > 1)
    if twice:
        raise UserError(f'{path}: "folds" contains a subject twice: {first_few(twice)}')


_CHECKS = {
    "aus": _check_aus,
    "kind": _check_kind,
    "threshold": _check_threshold,
    "source": _check_text,
    "subject_pattern": _check_pattern,
    "subjects": _check_text,
    "folds": _check_folds,
    "landmarks": _check_landmarks,
}
