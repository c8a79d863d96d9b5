"""Writes splits to a dataset directory and reports what is in them."""

import shutil
from pathlib import Path

import numpy as np

from audetnet.console.lines import counted, say
from audetnet.console.text_table import text_table
from audetnet.data.ids import FOLDS_DIRECTORY, IdFiles, write_ids
from audetnet.data.metadata import update_metadata
from audetnet.data.names import folder_fault
from audetnet.data.splitting import Split
from audetnet.errors import UserError
from audetnet.files.atomic import atomic_write, write_errors
from create_dataset.summary import Summary

_FILES = IdFiles()


def write_split(directory: Path, split: Split, summary: Summary) -> None:
    """Write one split to the directory itself. If killed, it leaves no training ids rather than
    those of another split.
    """
    train = directory / _FILES.train
    with write_errors(train):
        train.unlink(missing_ok=True)
        (directory / _FILES.validation).unlink(missing_ok=True)
    _write_lists(directory, split)
    say(_table({"": split}))
    summary.wrote(train.parent, _described(split))
    _warn("", split, summary)


def write_folds(directory: Path, folds: dict[str, Split], summary: Summary) -> None:
    """Replace the folds of a directory. Raises UserError if a fold's name cannot be a folder."""
    for fold in folds:
        if fault := folder_fault(fold):
            raise UserError(f"fold '{fold}' {fault}; use --k K instead")
    folder = directory / FOLDS_DIRECTORY
    staging = directory / f"{FOLDS_DIRECTORY}.unfinished"
    shutil.rmtree(staging, ignore_errors=True)
    with atomic_write(folder, staging) as unfinished:
        for fold, split in folds.items():
            _write_lists(unfinished / fold, split)
    say(_table(folds))
    for fold, split in folds.items():
        summary.wrote(folder / fold, _described(split))
        _warn(f"fold {fold}, ", split, summary)


def record_folds(directory: Path, folds: dict[str, Split], summary: Summary) -> None:
    """Store the parts, that is, the test subjects of each fold, in dataset.json."""
    parts = {fold: tuple(_people(split, "test")) for fold, split in folds.items()}
    summary.wrote(
        update_metadata(directory, folds=parts), f"the parts of {counted(len(parts), 'fold')}"
    )


def _write_lists(folder: Path, split: Split) -> None:
    for name in ("test", "validation", "train"):
        chosen = split.sets[name]
        if chosen.any():
            ids = (frame for frame, keep in zip(split.frames.ids, chosen, strict=True) if keep)
            write_ids(folder / getattr(_FILES, name), ids)


def _people(split: Split, name: str) -> list[str]:
    return sorted(set(split.frames.subjects[split.sets[name]].tolist()))


def _described(split: Split) -> str:
    return ", ".join(
        f"{counted(int(chosen.sum()), f'{name} frame')} of "
        f"{counted(len(_people(split, name)), 'subject')}"
        for name, chosen in split.sets.items()
        if chosen.any()
    )


def _table(splits: dict[str, Split]) -> str:
    """The share of active frames among the known ones, for each set and AU."""
    frames = next(iter(splits.values())).frames
    rows = [["active frames, %", *frames.aus]]
    for fold, split in splits.items():
        for name, chosen in split.sets.items():
            if chosen.any():
                part = split.frames.active[chosen]
                known = (~np.isnan(part)).sum(axis=0)
                rates = 100 * np.nansum(part, axis=0) / np.maximum(known, 1)
                cells = [f"{r:.1f}" if n else "-" for r, n in zip(rates, known, strict=True)]
                rows.append([f"fold {fold} {name}" if fold else name, *cells])
    return text_table(rows)


def _warn(where: str, split: Split, summary: Summary) -> None:
    """Warn about AUs that are never active in a set, and people in both training and test."""
    frames = split.frames
    for name, chosen in split.sets.items():
        absent = np.flatnonzero(np.nansum(frames.active[chosen], axis=0) == 0)
        if chosen.any() and len(absent):
            listed = [
                f"{frames.aus[au]} ({len(set(frames.subjects[frames.active[:, au] == 1]))})"
                for au in absent
            ]
            summary.note(
                f"warning: {where}{name}: no active frame of {', '.join(listed)} (in brackets: "
                "subjects that have any)"
            )
    shared = set(_people(split, "train")) & set(_people(split, "test"))
    if shared:
        summary.note(
            f"warning: {counted(len(shared), 'subject')} in both train and test: results do not "
            "hold for new people"
        )
