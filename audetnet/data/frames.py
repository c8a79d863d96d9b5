"""Loads a dataset directory as training, validation and test sets of labelled frames."""

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from audetnet.console.lines import counted
from audetnet.data.au_names import au_names_of
from audetnet.data.ids import IdFiles, find_folds, read_ids
from audetnet.data.images import Size, find_images, image_size
from audetnet.data.metadata import METADATA_FILE, Metadata, read_metadata, subjects_of
from audetnet.data.tables import AUTable, find_labels, read_labels
from audetnet.errors import UserError, first_few
from audetnet.faces.sources import LandmarkSource
from audetnet.labels import FloatArray, LabelKind, active_from


@dataclass(frozen=True, kw_only=True)
class DatasetPaths:
    """The paths of a dataset, relative to its directory. ``labels`` None: look for the AU table."""

    directory: Path
    images: str = "imgs"
    labels: str | None = None
    ids: IdFiles = field(default_factory=IdFiles)


@dataclass(frozen=True, kw_only=True)
class FrameSet:
    """N labelled frames. ``labels`` is float32 (N, A), NaN = unknown."""

    name: str
    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    subjects: tuple[str, ...]
    labels: FloatArray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def people(self) -> int:
        """The number of subjects."""
        return len(set(self.subjects))

    def subjects_fault(self) -> str | None:
        """Why the subjects cannot be used, as a message for the user; None if they can."""
        if 1 < self.people < len(set(self.ids)):
            return None
        who = "one person" if self.people == 1 else "a different person each"
        return (
            f"needs to know who is in each frame, but the {self.name} frames seem to show {who}: "
            f"define the subjects in {METADATA_FILE} (subject_pattern or subjects)"
        )

    def keep(self, kept: Sequence[bool], name: str) -> "FrameSet":
        """The selected frames, as a set with another name."""
        rows = [row for row, keep in enumerate(kept) if keep]
        return FrameSet(
            name=name,
            ids=tuple(self.ids[row] for row in rows),
            paths=tuple(self.paths[row] for row in rows),
            subjects=tuple(self.subjects[row] for row in rows),
            labels=self.labels[rows],
        )


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The data of a run. ``notes`` are lines for the user: what was left out, and warnings."""

    train: FrameSet
    test: FrameSet
    validation: FrameSet | None
    au_names: tuple[str, ...]
    kind: LabelKind
    active_from: float
    """The smallest label that counts as active."""
    notes: tuple[str, ...]
    landmarks: LandmarkSource | None = None
    """Source of the landmarks that the faces were cropped by; None if unknown."""
    cells: npt.NDArray[np.int64] | None = None
    """The cell of each training frame, (N,), if epochs are balanced over cells (cells.py)."""

    def sets(self) -> tuple[FrameSet, ...]:
        return tuple(s for s in (self.train, self.validation, self.test) if s is not None)

    def images(self) -> dict[str, Path]:
        """The image of every frame of all sets, by frame id."""
        return {
            frame: path
            for frames in self.sets()
            for frame, path in zip(frames.ids, frames.paths, strict=True)
        }

    def first_image_size(self) -> Size:
        """(height, width) of the first training image, from its header."""
        return image_size(self.train.paths[0])

    def digest(self) -> str:
        """A fingerprint of the sets: ids in order, labels, AU names and label scale."""
        content = hashlib.sha256()
        scale = f"{self.kind} {self.active_from:g}"
        for part in self.sets():
            content.update("\n".join([part.name, *part.ids, *self.au_names, scale]).encode())
            content.update(np.nan_to_num(part.labels, nan=-1).tobytes())
        return content.hexdigest()[:16]


def load_dataset(
    paths: DatasetPaths,
    regress: bool,
    au_names: tuple[str, ...] | None = None,
    validation_subjects: tuple[str, ...] | None = None,
) -> Dataset:
    """Read ids and labels and find the images, without opening any.

    Frames without an image or labels are left out and named in the notes. Frames of
    ``validation_subjects`` are moved from the training to the validation set. Raises UserError.
    """
    directory = paths.directory
    labels_path = directory / paths.labels if paths.labels else find_labels(directory)
    metadata = read_metadata(directory)
    table = read_labels(labels_path, metadata.kind)
    if regress and table.kind == "occurrence":
        raise UserError(
            f"{labels_path}: the labels are occurrences (0 or 1), not intensities: set "
            "regress_au_intensities=False (or, if these are intensities that never exceed 1, write "
            f'"kind": "intensity" in {METADATA_FILE})'
        )
    names = au_names_of(directory, table, metadata, au_names)
    source = _FrameSource(
        directory=directory,
        table=table,
        images=find_images(directory / paths.images),
        metadata=metadata,
    )
    notes: list[str] = []
    train = source.frames("train", _id_list(directory, paths.ids.train), notes)
    test = source.frames("test", _id_list(directory, paths.ids.test), notes)
    test = _without_duplicates(test, notes)
    listed = directory / paths.ids.validation
    if os.path.lexists(listed):
        if validation_subjects is not None:
            raise UserError(
                f"{listed}: validation frames are already listed here; delete validation_subjects "
                "from the cfg, or this file"
            )
        validation: FrameSet | None = source.frames("validation", listed, notes)
    else:
        train, validation = _split_validation(
            train, validation_subjects, directory / paths.ids.train
        )
    if validation is not None:
        validation = _without_duplicates(validation, notes)
    for frames in (train, test):
        if np.isnan(frames.labels).all():
            raise UserError(f"{labels_path}: no AU of any {frames.name} frame is known")
    dataset = Dataset(
        train=train,
        test=test,
        validation=validation,
        au_names=names,
        kind=table.kind,
        active_from=active_from(table.kind, metadata.threshold),
        notes=tuple(notes),
        landmarks=metadata.landmarks,
    )
    return dataclasses.replace(dataset, notes=(*notes, *overlaps(dataset.sets())))


def _id_list(directory: Path, name: str) -> Path:
    path = directory / name
    folds = find_folds(directory)
    if folds and not os.path.lexists(path):
        raise UserError(
            f"{path}: no such file; this dataset has folds ({first_few(folds)}): choose one with "
            "--fold"
        )
    return path


@dataclass(frozen=True, kw_only=True)
class _FrameSource:
    """What the ids of a dataset refer to."""

    directory: Path
    table: AUTable
    images: dict[str, Path]
    metadata: Metadata

    def frames(self, name: str, path: Path, notes: list[str]) -> FrameSet:
        """The frames of an id list that have an image and labels; the others are noted."""
        ids = read_ids(path)
        rows = self.table.rows
        kept = [frame for frame in ids if frame in self.images and frame in rows]
        for reason, missing in (
            ("an image", [frame for frame in ids if frame not in self.images]),
            ("labels", [frame for frame in ids if frame in self.images and frame not in rows]),
        ):
            if missing:
                notes.append(
                    f"{path}: {len(missing)} of {counted(len(ids), 'id')} left out for lack of "
                    f"{reason}: {first_few(missing)}"
                )
        if not kept:
            raise UserError(
                f"{path}: none of its {counted(len(ids), 'id')} has both an image and labels: "
                f"{first_few(ids)}"
            )
        return FrameSet(
            name=name,
            ids=tuple(kept),
            paths=tuple(self.images[frame] for frame in kept),
            subjects=tuple(subjects_of(kept, self.directory, self.metadata)),
            labels=np.stack([rows[frame] for frame in kept]),
        )


def _without_duplicates(frames: FrameSet, notes: list[str]) -> FrameSet:
    seen: set[str] = set()
    first = [not (frame in seen or seen.add(frame)) for frame in frames.ids]  # type: ignore[func-returns-value]
    if not all(first):
        notes.append(f"{frames.name} ids: {counted(first.count(False), 'duplicate')}, counted once")
    return frames.keep(first, frames.name)


def overlaps(sets: Sequence[FrameSet]) -> list[str]:
    """A warning for each pair of sets that share frames or subjects."""
    lines = []
    for one, other in combinations(sets, 2):
        both = f"both {one.name} and {other.name}"
        frames = sorted(set(one.ids) & set(other.ids))
        people = sorted(set(one.subjects) & set(other.subjects))
        if frames:
            lines.append(
                f"warning: {counted(len(frames), 'frame')} in {both}, which inflates results: "
                f"{first_few(frames)}"
            )
        elif people:
            lines.append(
                f"warning: subjects in {both}, so results do not hold for new people: "
                f"{first_few(people)}"
            )
    return lines


def _split_validation(
    train: FrameSet, subjects: tuple[str, ...] | None, path: Path
) -> tuple[FrameSet, FrameSet | None]:
    if subjects is None:
        return train, None
    known_subjects = set(train.subjects)
    for subject in subjects:
        if subject not in known_subjects:
            known = first_few(sorted(known_subjects))
            raise UserError(
                f"{path}: validation_subjects names '{subject}', but the subjects are {known}"
            )
    chosen = set(subjects)
    held_out = [subject in chosen for subject in train.subjects]
    if all(held_out):
        raise UserError(f"{path}: validation_subjects leaves no training frames")
    return train.keep([not held for held in held_out], "train"), train.keep(held_out, "validation")
