"""Reads the raw label files of DISFA.

SN001/SN001_au1.txt has a line ``frame,intensity`` per frame, counted from 1; frame ids count from
0: SN001_0.
"""

import dataclasses
import re
from pathlib import Path

import numpy as np

from audetnet.console.progress import ProgressBar
from audetnet.data.metadata import read_metadata
from audetnet.errors import UserError, first_few
from audetnet.files.atomic import read_text
from audetnet.labels import MAX_INTENSITY, FloatArray
from create_dataset.labels.table import LabelTable, Mistakes, select_subjects
from create_dataset.summary import Summary

DISFA = Path(__file__).parents[1] / "disfa_dataset"
"""Holds its dataset.json (AUs, threshold, folds) and the list of frames without a usable face."""
FOLDER = "ActionUnit_Labels"
"""Where DISFA keeps its labels."""
_SUBJECT = re.compile(r"SN\d{3}")


def read_disfa(
    labels: Path,
    aus: tuple[str, ...] | None,
    subjects: tuple[str, ...] | None,
    threshold: float,
    summary: Summary,
) -> LabelTable:
    """The intensities of all subjects. Raises UserError with every mistake in the raw files."""
    metadata = read_metadata(DISFA)
    folder = labels / FOLDER if (labels / FOLDER).is_dir() else labels
    if not folder.is_dir():
        raise UserError(f"{folder}: no such directory; expected DISFA's {FOLDER}")
    found = {path.name: path for path in folder.iterdir() if path.is_dir()}
    others = sorted(name for name in found if not _SUBJECT.fullmatch(name))
    chosen = select_subjects(set(found) - set(others), subjects, folder)
    if not chosen:
        raise UserError(f"{folder}: no subjects; expected SN001/SN001_au1.txt and so on")
    summary.left_out("folders that are not subjects", others)
    assert metadata.aus is not None
    wanted = aus or metadata.aus
    mistakes = Mistakes()
    ids: list[str] = []
    parts = []
    with ProgressBar("reading labels", len(chosen), unit="subject") as bar:
        for subject in chosen:
            values = _read_subject(found[subject], wanted, mistakes)
            ids += [f"{subject}_{frame}" for frame in range(len(values))]
            parts.append(values)
            bar.advance()
    mistakes.check()
    described = dataclasses.replace(metadata, aus=wanted, threshold=threshold)
    return LabelTable(ids, np.concatenate(parts), described)


def _read_subject(folder: Path, aus: tuple[str, ...], mistakes: Mistakes) -> FloatArray:
    """Intensities (frames, AUs) of one subject."""
    pattern = re.compile(rf"{folder.name}_au0*(\d+)\.txt", re.IGNORECASE)
    matches = [(pattern.fullmatch(path.name), path) for path in folder.iterdir()]
    files = {f"AU{match[1]}": path for match, path in matches if match}
    missing = [au for au in aus if au not in files]
    if missing:
        number = missing[0].removeprefix("AU")
        mistakes.add(
            f"{folder}: no file for {first_few(missing)}; expected {folder.name}_au{number}.txt"
        )
        return np.empty((0, len(aus)), dtype=np.float32)
    columns = [_read_file(files[au], mistakes) for au in aus]
    lengths = {au: len(column) for au, column in zip(aus, columns, strict=True)}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{au} {length}" for au, length in lengths.items())
        mistakes.add(f"{folder}: files differ in length, in frames: {listed}")
        return np.empty((0, len(aus)), dtype=np.float32)
    return np.array(columns, dtype=np.float32).T


def _read_file(path: Path, mistakes: Mistakes) -> list[float]:
    """Intensities of one AU, frame by frame."""
    values: list[float] = []
    for line, text in enumerate(read_text(path).splitlines(), start=1):
        match = re.fullmatch(r"\s*(\d+)\s*,\s*(-?\d+(?:\.\d+)?)\s*", text)
        if match is None:
            if text.strip():
                mistakes.add(f"{path}:{line}: expected frame,intensity, not '{text.strip()}'")
                return values
            continue
        frame, value = int(match[1]), float(match[2])
        if frame != len(values) + 1:
            mistakes.add(f"{path}:{line}: frame {frame}, expected frame {len(values) + 1}")
            return values
        if not 0 <= value <= MAX_INTENSITY:
            mistakes.add(f"{path}:{line}: intensity {value:g}, expected 0 to {MAX_INTENSITY}")
        values.append(value)
    if not values:
        mistakes.add(f"{path}: is empty; expected lines frame,intensity")
    return values
