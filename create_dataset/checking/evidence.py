"""The contents of a dataset directory, as far as they can be read: what the checks look at."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from audetnet.data.au_names import au_names_of, names_by_column
from audetnet.data.ids import IdFiles, find_folds, read_ids
from audetnet.data.images import find_images
from audetnet.data.metadata import Metadata, salvage_metadata, subjects_of
from audetnet.data.tables import AUTable, find_labels, read_labels
from audetnet.errors import UserError
from audetnet.labels import FloatArray, active, active_from
from create_dataset.checking.cached import PackedArray, inspect_arrays
from create_dataset.checking.findings import Finding
from create_dataset.checking.image_inspection import ImageFile, inspect_images

SetName = Literal["train", "validation", "test"]
SETS: tuple[SetName, ...] = ("train", "validation", "test")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class IdList:
    """The frame ids of one set of a split."""

    fold: str | None
    """None for the plain split."""
    part: SetName
    path: Path
    ids: tuple[str, ...]
    """As written."""
    frames: tuple[str, ...]
    """Those that training would read: each once, if it has an image and labels."""

    @property
    def name(self) -> str:
        return self.part if self.fold is None else f"{self.part} of fold {self.fold}"


@dataclass(frozen=True)
class Labels:
    """The AU table. T frames, A AUs."""

    table: AUTable
    names: tuple[str, ...]
    smallest: float
    """The smallest label that counts as active."""

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row by frame id."""
        return {frame: row for row, frame in enumerate(self.table.rows)}

    @cached_property
    def values(self) -> FloatArray:
        """(T, A), NaN = unknown."""
        return np.stack(list(self.table.rows.values()))

    @cached_property
    def active(self) -> FloatArray:
        """(T, A): 1, 0, NaN = unknown."""
        return active(self.values, self.smallest)

    def active_of(self, frames: Iterable[str]) -> FloatArray:
        """The rows of ``active`` for these frames."""
        return self.active[[self.rows[frame] for frame in frames]]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything that could be read, and what could not."""

    directory: Path
    images_folder: Path
    images: dict[str, ImageFile] | None
    """By frame id; None if there is no image folder."""
    metadata: Metadata
    labels: Labels | None
    """None if there is no readable table."""
    lists: tuple[IdList, ...]
    subjects: dict[str, str]
    """By frame id, for all listed frames; empty if they cannot be determined."""
    mistakes: tuple[Finding, ...]
    resized: bool
    """The cfg sets image_size, so images may have any size."""
    arrays: tuple[PackedArray, ...]
    """What is in the cache; empty if there is none."""

    def splits(self) -> dict[str | None, list[IdList]]:
        """The lists of each split, by fold."""
        folds = dict.fromkeys(one.fold for one in self.lists)
        return {fold: [one for one in self.lists if one.fold == fold] for fold in folds}

    def listed(self) -> set[str]:
        """The frame ids in any list."""
        return {frame for one in self.lists for frame in one.ids}


def read_evidence(
    directory: Path, images: str, labels: str | None, resized: bool, cache: Path
) -> Evidence:
    """Read everything in a dataset directory and its cache. What cannot be read becomes a mistake;
    UserError is raised only if the directory does not exist.
    """
    if not directory.is_dir():
        raise UserError(f"{directory}: no such directory")
    metadata, wrong = salvage_metadata(directory)
    mistakes = [_error("metadata", str(mistake)) for mistake in wrong]
    known = _read_labels(directory, labels, metadata, mistakes)
    folder = directory / images
    found = _attempt(mistakes, "no-images", lambda: find_images(folder))
    lists = tuple(_read_lists(directory, found, known, mistakes))
    return Evidence(
        directory=directory,
        images_folder=folder,
        images=None if found is None else inspect_images(dict(sorted(found.items()))),
        metadata=metadata,
        labels=known,
        lists=lists,
        subjects=_read_subjects(directory, lists, metadata, mistakes),
        mistakes=tuple(mistakes),
        resized=resized,
        arrays=inspect_arrays(cache),
    )


def _error(code: str, message: str) -> Finding:
    return Finding(severity="error", code=code, message=message)


def _attempt(mistakes: list[Finding], code: str, read: Callable[[], T]) -> T | None:
    """What ``read`` returns; None, with one more mistake, if it raises UserError."""
    try:
        return read()
    except UserError as error:
        mistakes.append(_error(code, str(error)))
        return None


def _read_labels(
    directory: Path, name: str | None, metadata: Metadata, mistakes: list[Finding]
) -> Labels | None:
    path = (
        _attempt(mistakes, "no-single-table", lambda: find_labels(directory))
        if name is None
        else directory / name
    )
    if path is None:
        return None
    table = _attempt(mistakes, "unreadable-table", lambda: read_labels(path, metadata.kind))
    if table is None:
        return None
    names = _attempt(mistakes, "au-names", lambda: au_names_of(directory, table, metadata))
    return Labels(
        table,
        names or table.names or names_by_column(table),
        active_from(table.kind, metadata.threshold),
    )


def _read_lists(
    directory: Path, images: dict[str, Path] | None, labels: Labels | None, mistakes: list[Finding]
) -> Iterable[IdList]:
    """The lists of the plain split and of all folds. With folds, there need be no plain split."""
    folds = find_folds(directory)
    plain = IdFiles()
    splits: list[tuple[str | None, IdFiles]] = [(fold, plain.of_fold(fold)) for fold in folds]
    if not folds or any((directory / name).exists() for name in (plain.train, plain.test)):
        splits.insert(0, (None, plain))
    for fold, files in splits:
        for part in SETS:
            path = directory / getattr(files, part)
            if part == "validation" and not path.exists():
                continue
            code = "unreadable-ids" if path.exists() else "missing-ids"
            ids = _attempt(mistakes, code, lambda path=path: read_ids(path))  # type: ignore[misc]
            if ids is not None:
                frames = (
                    frame
                    for frame in dict.fromkeys(ids)
                    if (images is None or frame in images)
                    and (labels is None or frame in labels.rows)
                )
                yield IdList(fold=fold, part=part, path=path, ids=tuple(ids), frames=tuple(frames))


def _read_subjects(
    directory: Path, lists: Iterable[IdList], metadata: Metadata, mistakes: list[Finding]
) -> dict[str, str]:
    frames = list(dict.fromkeys(frame for one in lists for frame in one.frames))
    subjects = _attempt(mistakes, "no-subject", lambda: subjects_of(frames, directory, metadata))
    return dict(zip(frames, subjects or [], strict=False))
