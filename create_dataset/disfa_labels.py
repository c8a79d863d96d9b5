"""``python -m create_dataset.disfa_labels``: DISFA's ActionUnit_Labels to an AU table.

SN001/SN001_au1.txt holds a line ``frame,intensity`` per frame, frames counted from 1; frame ids
count from 0: SN001_0.
"""

import argparse
import dataclasses
import re
import sys
from pathlib import Path

import numpy as np

from audetnet.arguments import command_parser, names
from audetnet.data.metadata import read_metadata
from audetnet.errors import UserError, exit_status, first_few
from audetnet.files import read_text
from audetnet.labels import ACTIVE_INTENSITY, MAX_INTENSITY, FloatArray
from audetnet.progress import ProgressBar
from create_dataset.au_columns import aus
from create_dataset.label_table import (
    LabelTable,
    Mistakes,
    add_scale_flags,
    add_table_flags,
    check_free,
    chosen_subjects,
    write_dataset,
)
from create_dataset.summary import Summary

DISFA = Path(__file__).parent / "disfa_dataset"
"""Its dataset.json: AUs, threshold, folds."""
_FOLDER = "ActionUnit_Labels"
_SUBJECT = re.compile(r"SN\d{3}")


def main(argv: list[str]) -> int:
    """Run the script; returns its exit status."""
    arguments = _parser().parse_args(argv)
    return exit_status(lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    flags = command_parser(
        "python -m create_dataset.disfa_labels",
        f"Write the AU table of DISFA from its folder {_FOLDER} (SN001/SN001_au1.txt ...), with "
        "frame ids SN001_0 (counted from 0, as the frames of the videos).",
        "  python -m create_dataset.disfa_labels DISFA/ActionUnit_Labels disfa",
    )
    flags.add_argument("labels", type=Path, metavar="LABELS", help=f"{_FOLDER}, or DISFA's folder")
    add_table_flags(flags)
    flags.add_argument(
        "--aus", type=aus, help="AUs to write (default: all 12); detection uses 1,2,4,6,9,12,25,26"
    )
    flags.add_argument("--subjects", type=names, help="subjects to read (default: all)")
    add_scale_flags(flags, ACTIVE_INTENSITY)
    return flags


def _run(arguments: argparse.Namespace) -> int:
    check_free(arguments.out, arguments.format)
    summary = Summary()
    table = read_disfa(
        arguments.labels, arguments.aus, arguments.subjects, arguments.threshold, summary
    )
    if arguments.occurrence:
        table = table.as_occurrence()
    write_dataset(table, arguments.out, arguments.format, summary)
    summary.show()
    return 0


def read_disfa(
    labels: Path,
    aus: tuple[str, ...] | None,
    subjects: tuple[str, ...] | None,
    threshold: float,
    summary: Summary,
) -> LabelTable:
    """The intensities of all subjects. Raises UserError with every mistake of the raw files."""
    metadata = read_metadata(DISFA)
    folder = labels / _FOLDER if (labels / _FOLDER).is_dir() else labels
    if not folder.is_dir():
        raise UserError(f"{folder}: no such directory; expected DISFA's {_FOLDER}")
    found = {path.name: path for path in folder.iterdir() if path.is_dir()}
    others = sorted(name for name in found if not _SUBJECT.fullmatch(name))
    chosen = chosen_subjects(set(found) - set(others), subjects, folder)
    if not chosen:
        raise UserError(f"{folder}: no subjects; expected SN001/SN001_au1.txt and so on")
    summary.left_out("folders that are no subjects", others)
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
        mistakes.add(f"{folder}: files of different length, in frames: {listed}")
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
