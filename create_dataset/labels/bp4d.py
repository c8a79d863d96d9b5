"""Reads the raw label files of BP4D.

``AU_OCC/F001_T1.csv``: a header, the frame number in the first column, the other columns named by
AU number, values 0, 1 and 9 (unknown). ``AU_INT/AU06/F001_T1_AU06.csv``: rows ``frame,intensity``,
0 to 5 and 9. Older copies have a text list: ``F001/T1/2440.jpg 0 1 0 ...``.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from audetnet.console.progress import ProgressBar
from audetnet.data.metadata import Metadata
from audetnet.errors import UserError, first_few
from audetnet.files.atomic import read_text
from audetnet.files.csv import read_csv
from audetnet.labels import MAX_INTENSITY, UNKNOWN_CODE
from create_dataset.labels.au_columns import au_of_number
from create_dataset.labels.table import LabelTable, Mistakes, select_subjects
from create_dataset.summary import Summary

BP4D = Path(__file__).parents[1] / "bp4d_dataset"
"""Holds its dataset.json: AUs, folds."""
INTENSITY_AUS = ("AU6", "AU10", "AU12", "AU14", "AU17")
"""The AUs with coded intensities."""
_SEQUENCE = re.compile(r"([FM]\d{3}_T\d+)(?:_AU\d+)?\.csv", re.IGNORECASE)
_LISTED = re.compile(r"(?:.*/)?([FM]\d{3})/(T\d+)/(\d+)\.\w+", re.IGNORECASE)
_OCCURRENCES = {"0": 0.0, "1": 1.0, str(UNKNOWN_CODE): np.nan}
_INTENSITIES = {
    **{str(value): float(value) for value in range(MAX_INTENSITY + 1)},
    str(UNKNOWN_CODE): np.nan,
}

Coded = dict[int, list[float]]
"""Values by frame number."""


def frame_id(sequence: str, frame: int) -> str:
    """F001_T1_0643, however the image file names are padded."""
    return f"{sequence}_{frame:04d}"


def read_coding(
    folder: Path,
    metadata: Metadata,
    subjects: tuple[str, ...] | None,
    mistakes: Mistakes,
    summary: Summary,
) -> LabelTable:
    """All sequences in AUCoding: occurrences or intensities, according to the metadata's kind."""
    assert metadata.aus is not None
    intensity = metadata.kind == "intensity"
    part = folder / ("AU_INT" if intensity else "AU_OCC")
    part = part if part.is_dir() else folder
    if intensity:
        folders = [part / f"AU{int(au.removeprefix('AU')):02d}" for au in metadata.aus]
        missing = [path.name for path in folders if not path.is_dir()]
        if missing:
            raise UserError(f"{part}: no folder {first_few(missing)}; expected AU_INT/AU06 ...")
    else:
        folders = [part]
    files = [_sequences(path, summary) for path in folders]
    found = sorted({sequence for group in files for sequence in group})
    chosen = select_subjects({sequence[:4] for sequence in found}, subjects, part)
    if not chosen:
        raise UserError(f"{part}: no sequences; expected files such as F001_T1.csv")
    rows: dict[str, list[float]] = {}
    with ProgressBar("reading labels", len(found), unit="sequence") as bar:
        for sequence in (name for name in found if name[:4] in chosen):
            paths = [group.get(sequence) for group in files]
            coded = _read_sequence(sequence, paths, folders, metadata, mistakes)
            rows |= {frame_id(sequence, frame): values for frame, values in coded.items()}
            bar.advance()
    return _table(rows, metadata)


def read_list(
    path: Path, metadata: Metadata, subjects: tuple[str, ...] | None, mistakes: Mistakes
) -> LabelTable:
    """A text list, whose columns are the metadata's AUs."""
    assert metadata.aus is not None
    rows: dict[str, list[float]] = {}
    seen = set()
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        name, *texts = re.split(r"[\s,]+", line.strip())
        match = _LISTED.fullmatch(name)
        if not name:
            continue
        if match is None or len(texts) != len(metadata.aus):
            mistakes.add(
                f"{path}:{number}: expected a path such as F001/T1/2440.jpg and "
                f"{len(metadata.aus)} values ({', '.join(metadata.aus)}), found '{name}' and "
                f"{len(texts)} values"
            )
            continue
        seen.add(match[1].upper())
        frame = frame_id(f"{match[1]}_{match[2]}".upper(), int(match[3]))
        if frame in rows:
            mistakes.add(f"{path}:{number}: {frame} is listed twice")
        rows[frame] = _values(texts, metadata, f"{path}:{number}", mistakes)
    mistakes.check()
    chosen = select_subjects(seen, subjects, path)
    if not chosen:
        raise UserError(f"{path}: no lines; expected lines such as F001/T1/2440.jpg 0 1 0 ...")
    return _table({frame: row for frame, row in rows.items() if frame[:4] in chosen}, metadata)


def _table(rows: dict[str, list[float]], metadata: Metadata) -> LabelTable:
    ids = sorted(rows)
    return LabelTable(ids, np.array([rows[frame] for frame in ids], dtype=np.float32), metadata)


def _sequences(folder: Path, summary: Summary) -> dict[str, Path]:
    """The files in a folder by sequence: F001_T1."""
    matches = [(_SEQUENCE.fullmatch(path.name), path) for path in sorted(folder.iterdir())]
    summary.left_out(
        "files that are not sequences", [str(path) for match, path in matches if match is None]
    )
    return {match[1].upper(): path for match, path in matches if match}


def _read_sequence(
    sequence: str,
    paths: Sequence[Path | None],
    folders: Sequence[Path],
    metadata: Metadata,
    mistakes: Mistakes,
) -> Coded:
    """Values of all AUs by frame; NaN if the file of an AU has no row for a frame."""
    aus = metadata.aus or ()
    parts: list[Coded] = []
    for path, folder in zip(paths, folders, strict=True):
        if path is None:
            mistakes.add(f"{folder}: no file for {sequence}, though other AUs have one")
        elif metadata.kind == "intensity":
            parts.append(_read_file(path, [1], metadata, mistakes))
        else:
            columns = _columns(path, aus, mistakes)
            if columns:
                parts.append(_read_file(path, columns, metadata, mistakes))
    if len(parts) < len(paths):
        return {}
    if metadata.kind == "occurrence":
        return parts[0]
    frames = sorted({frame for part in parts for frame in part})
    return {frame: [part.get(frame, [np.nan])[0] for part in parts] for frame in frames}


def _columns(path: Path, aus: tuple[str, ...], mistakes: Mistakes) -> list[int]:
    """Column numbers of the AUs; empty, with a line in ``mistakes``, if the header lacks one."""
    header = next(iter(read_csv(path)), [])
    named = [au_of_number(name) if place else None for place, name in enumerate(header)]
    for problem, names in (
        ("no column for", [au for au in aus if au not in named]),
        ("several columns for", [au for au in aus if named.count(au) > 1]),
    ):
        if names:
            mistakes.add(
                f"{path}:1: {problem} {first_few(names)}; its columns are {', '.join(header)}"
            )
            return []
    return [named.index(au) for au in aus]


def _read_file(path: Path, columns: Sequence[int], metadata: Metadata, mistakes: Mistakes) -> Coded:
    """Values of these columns by frame."""
    coded: Coded = {}
    for line, row in _numbered_rows(path, metadata.kind == "occurrence"):
        if not row or not row[0].strip().isdecimal() or len(row) <= max(columns):
            mistakes.add(
                f"{path}:{line}: expected a frame number and values, not '{','.join(row)}'"
            )
            break
        frame = int(row[0])
        if frame in coded:
            mistakes.add(f"{path}:{line}: frame {frame} is listed twice")
        texts = [row[column] for column in columns]
        coded[frame] = _values(texts, metadata, f"{path}:{line}", mistakes)
    return coded


def _numbered_rows(path: Path, headed: bool) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) without the header, which intensity files may or may not have."""
    cells = read_csv(path)
    headed = headed or bool(cells and cells[0] and not cells[0][0].strip().isdecimal())
    yield from enumerate(cells[headed:], start=1 + headed)


def _values(
    texts: Sequence[str], metadata: Metadata, where: str, mistakes: Mistakes
) -> list[float]:
    known = _INTENSITIES if metadata.kind == "intensity" else _OCCURRENCES
    wrong = [text for text in texts if text.strip() not in known]
    if wrong:
        mistakes.add(f"{where}: value '{wrong[0]}', expected {' '.join(known)} (9: unknown)")
    return [known.get(text.strip(), np.nan) for text in texts]
