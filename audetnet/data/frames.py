"""A dataset directory as training, validation and test sets of labelled frames."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audetnet.data.images import Size, find_images, image_size
from audetnet.data.tables import (
    METADATA_FILE,
    AUTable,
    FloatArray,
    LabelKind,
    find_labels,
    read_ids,
    read_labels,
    read_metadata,
    subjects_of,
)
from audetnet.errors import UserError, first_few


@dataclass(frozen=True)
class DatasetPaths:
    """Where a dataset lies. Names are relative to the directory; ``labels`` None finds the pickle
    by itself.
    """

    directory: Path
    images: str = "imgs"
    labels: str | None = None
    train_ids: str = "train_ids.csv"
    test_ids: str = "test_ids.csv"


@dataclass(frozen=True)
class FrameSet:
    """N labelled frames. ``labels`` is float32 (N, A), NaN = unknown."""

    name: str
    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    subjects: tuple[str, ...]
    labels: FloatArray

    def __len__(self) -> int:
        return len(self.ids)

    def keep(self, kept: Sequence[bool], name: str) -> "FrameSet":
        """The frames that are marked, as a set of another name."""
        rows = [row for row, keep in enumerate(kept) if keep]
        return FrameSet(
            name,
            tuple(self.ids[row] for row in rows),
            tuple(self.paths[row] for row in rows),
            tuple(self.subjects[row] for row in rows),
            self.labels[rows],
        )


@dataclass(frozen=True)
class Dataset:
    """All that a run reads. ``notes`` are lines for the user: what was left out, what to
    beware of.
    """

    train: FrameSet
    test: FrameSet
    validation: FrameSet | None
    au_names: tuple[str, ...]
    kind: LabelKind
    notes: tuple[str, ...]

    def sets(self) -> tuple[FrameSet, ...]:
        return tuple(s for s in (self.train, self.validation, self.test) if s is not None)

    def first_image_size(self) -> Size:
        """(height, width) of the first training image, from its header."""
        return image_size(self.train.paths[0])

    def digest(self) -> str:
        """A fingerprint of the sets: ids in their order, labels, AU names and kind."""
        content = hashlib.sha256()
        for part in self.sets():
            content.update("\n".join([part.name, *part.ids, *self.au_names, self.kind]).encode())
            content.update(np.nan_to_num(part.labels, nan=-1).tobytes())
        return content.hexdigest()[:16]


def load_dataset(
    paths: DatasetPaths,
    regress: bool,
    au_names: tuple[str, ...] | None = None,
    validation_subjects: tuple[str, ...] | None = None,
) -> Dataset:
    """Read ids and labels and find the images; no image is opened.

    Frames without image or label are left out and named in the notes. Frames of
    ``validation_subjects`` leave the training set. Raises UserError.
    """
    directory = paths.directory
    labels_path = directory / paths.labels if paths.labels else find_labels(directory)
    metadata = read_metadata(directory)
    table = read_labels(labels_path, metadata.kind)
    if regress and table.kind == "occurrence":
        raise UserError(
            f"{labels_path}: the labels are occurrences (0 or 1), from which no intensities can be "
            "learnt: set regress_au_intensities=False (or, if they are intensities that never "
            f'exceed 1, say "kind": "intensity" in {METADATA_FILE})'
        )
    names = _au_names(metadata.aus, au_names, table, directory)
    images = find_images(directory / paths.images)
    notes: list[str] = []
    train = _frame_set(
        "train", directory / paths.train_ids, table, images, metadata.subject_pattern, notes
    )
    test = _frame_set(
        "test", directory / paths.test_ids, table, images, metadata.subject_pattern, notes
    )
    test = _without_duplicates(test, notes)
    for frames in (train, test):
        if np.isnan(frames.labels).all():
            raise UserError(f"{labels_path}: no AU of any {frames.name} frame is known")
    notes += _overlaps(train, test)
    train, validation = _split_validation(train, validation_subjects, directory / paths.train_ids)
    if validation is not None:
        validation = _without_duplicates(validation, notes)
    return Dataset(train, test, validation, names, table.kind, tuple(notes))


def _au_names(
    described: tuple[str, ...] | None,
    asked: tuple[str, ...] | None,
    table: AUTable,
    directory: Path,
) -> tuple[str, ...]:
    if described and asked and described != asked:
        raise UserError(
            f"{directory / METADATA_FILE}: its AUs ({', '.join(described)}) are not "
            "au_names of the cfg "
            f"({', '.join(asked)}); delete au_names"
        )
    names = described or asked or tuple(f"column {column}" for column in range(table.au_count))
    if len(names) != table.au_count:
        source = directory / METADATA_FILE if described else "au_names of the cfg"
        raise UserError(
            f"{table.path}: rows have {table.au_count} values, but {source} names {len(names)} AUs"
        )
    return names


def _frame_set(
    name: str, path: Path, table: AUTable, images: dict[str, Path], pattern: str, notes: list[str]
) -> FrameSet:
    ids = read_ids(path)
    kept = [frame for frame in ids if frame in images and frame in table.rows]
    for reason, missing in (
        ("an image", [frame for frame in ids if frame not in images]),
        ("labels", [frame for frame in ids if frame in images and frame not in table.rows]),
    ):
        if missing:
            notes.append(
                f"{path}: {len(missing)} of {len(ids)} ids left out, without {reason}: "
                f"{first_few(missing)}"
            )
    if not kept:
        raise UserError(
            f"{path}: none of its {len(ids)} ids has both an image and labels: {first_few(ids)}"
        )
    return FrameSet(
        name,
        tuple(kept),
        tuple(images[frame] for frame in kept),
        tuple(subjects_of(kept, pattern)),
        np.stack([table.rows[frame] for frame in kept]),
    )


def _without_duplicates(frames: FrameSet, notes: list[str]) -> FrameSet:
    seen: set[str] = set()
    first = [not (frame in seen or seen.add(frame)) for frame in frames.ids]  # type: ignore[func-returns-value]
    if not all(first):
        notes.append(f"{frames.name} ids: {first.count(False)} duplicates are counted once")
    return frames.keep(first, frames.name)


def _overlaps(train: FrameSet, test: FrameSet) -> list[str]:
    frames = sorted(set(train.ids) & set(test.ids))
    if frames:
        return [
            f"beware: {len(frames)} frames are in both train and test, which inflates "
            f"results: {first_few(frames)}"
        ]
    people = sorted(set(train.subjects) & set(test.subjects))
    if people:
        return [
            "beware: subjects in both train and test, results do not hold for new "
            f"people: {first_few(people)}"
        ]
    return []


def _split_validation(
    train: FrameSet, subjects: tuple[str, ...] | None, path: Path
) -> tuple[FrameSet, FrameSet | None]:
    if subjects is None:
        return train, None
    for subject in subjects:
        if subject not in train.subjects:
            known = first_few(sorted(set(train.subjects)))
            raise UserError(
                f"{path}: validation_subjects names '{subject}', but its subjects are {known}"
            )
    held_out = [subject in subjects for subject in train.subjects]
    if all(held_out):
        raise UserError(f"{path}: validation_subjects leaves no training frames")
    return train.keep([not held for held in held_out], "train"), train.keep(held_out, "validation")
