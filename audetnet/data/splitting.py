"""Splits the frames of a dataset into training, validation and test sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from audetnet.console.lines import counted
from audetnet.data.au_names import au_names_of
from audetnet.data.images import find_images
from audetnet.data.metadata import METADATA_FILE, read_metadata, subjects_of
from audetnet.data.partition import Counts, divide
from audetnet.data.tables import find_labels, read_labels
from audetnet.errors import UserError, first_few
from audetnet.labels import FloatArray, active, active_from

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class LabelledFrames:
    """N frames with labels and images. ``active`` (N, A): 1, 0 or NaN. ``without_image``: ids with
    labels only, unless there is no folder of images at all.
    """

    ids: tuple[str, ...]
    subjects: npt.NDArray[np.str_]
    active: FloatArray
    aus: tuple[str, ...]
    without_image: tuple[str, ...] = ()

    @property
    def people(self) -> list[str]:
        """The names of the subjects, sorted, without duplicates."""
        return sorted(set(self.subjects.tolist()))

    def counts(self, people: Sequence[str]) -> Counts:
        """Numbers of active frames per AU and of all frames, for S subjects: (S, A + 1)."""
        places = {subject: place for place, subject in enumerate(people)}
        others = len(people)
        place = np.array([places.get(subject, others) for subject in self.subjects.tolist()])
        columns = [*np.nan_to_num(self.active).T, np.ones(len(self.ids))]
        counts = [np.bincount(place, column, minlength=others + 1) for column in columns]
        return np.stack(counts, axis=1)[:others].astype(np.float64)


@dataclass(frozen=True)
class Split:
    """The frames of each set by name: train, validation (possibly empty), test."""

    frames: LabelledFrames
    sets: dict[str, Flags]


@dataclass(frozen=True)
class Request:
    """The validation set asked for (a number or fraction of the training subjects, or their names)
    and the seed.
    """

    validation: int | float | None
    validation_subjects: tuple[str, ...] | None
    seed: int


def read_labelled_frames(directory: Path, images: str, labels: str | None) -> LabelledFrames:
    """The frames to split. Raises UserError."""
    path = directory / labels if labels else find_labels(directory)
    metadata = read_metadata(directory)
    table = read_labels(path, metadata.kind)
    ids = list(table.rows)
    folder, without = directory / images, list[str]()
    if folder.is_dir():
        found = find_images(folder)
        without = [frame for frame in ids if frame not in found]
        ids = [frame for frame in ids if frame in found]
        if not ids:
            raise UserError(f"{folder}: contains no image of any frame in {path.name}")
    values = np.stack([table.rows[frame] for frame in ids])
    return LabelledFrames(
        ids=tuple(ids),
        subjects=np.array(subjects_of(ids, directory, metadata)),
        active=active(values, active_from(table.kind, metadata.threshold)),
        aus=au_names_of(directory, table, metadata),
        without_image=tuple(without),
    )


class Splitter:
    """Splits a dataset's frames. All methods raise UserError if there are too few subjects."""

    def __init__(self, frames: LabelledFrames, request: Request) -> None:
        self._frames = frames
        self._request = request

    def given_folds(self, directory: Path) -> dict[str, Split]:
        """The folds of dataset.json."""
        path = directory / METADATA_FILE
        parts = read_metadata(directory).folds
        if parts is None:
            raise UserError(f'{path}: has no "folds"; choose --k K or --leave-one-subject-out')
        named = {subject for part in parts.values() for subject in part}
        unassigned = [subject for subject in self._frames.people if subject not in named]
        if unassigned:
            raise UserError(f'{path}: no part of "folds" contains {first_few(unassigned)}')
        present = set(self._frames.people)
        return self._folds({fold: sorted(present & set(part)) for fold, part in parts.items()})

    def k_folds(self, count: int) -> dict[str, Split]:
        """K parts of about the same number of subjects."""
        people = self._frames.people
        if len(people) < count:
            raise UserError(
                f"--k {count}: only {counted(len(people), 'subject')}: {first_few(people)}; "
                f'{METADATA_FILE} defines the subjects ("subject_pattern", "subjects"); csv_labels '
                "--subject-column writes it"
            )
        sizes = [len(part) for part in np.array_split(np.arange(len(people)), count)]
        parts = divide(self._frames.counts(people), sizes, self._generator())
        return self._folds(
            {
                str(part + 1): [who for who, at in zip(people, parts, strict=True) if at == part]
                for part in range(count)
            }
        )

    def leave_one_subject_out(self) -> dict[str, Split]:
        """A fold per subject."""
        return self._folds({subject: [subject] for subject in self._frames.people})

    def one_split(self, fraction: float | None, subjects: Sequence[str] | None) -> Split:
        """One split, of given test subjects or a fraction of all."""
        if subjects is None:
            assert fraction is not None
            subjects = self._choose(self._frames.people, fraction, "--test")
        return self._split(list(subjects), "--test-subjects")

    def random_frames(self, fraction: float) -> Split:
        """One split by frame, regardless of subjects."""
        count = len(self._frames.ids)
        order = self._generator().permutation(count)
        test = np.zeros(count, dtype=bool)
        test[order[: max(1, round(fraction * count))]] = True
        if self._request.validation is not None or self._request.validation_subjects:
            raise UserError("--random-frames: --validation takes subjects; leave it out")
        return Split(self._frames, {"train": ~test, "validation": test & False, "test": test})

    def _folds(self, parts: dict[str, list[str]]) -> dict[str, Split]:
        for fold, part in parts.items():
            if not part:
                raise UserError(f"fold {fold}: none of its subjects has frames here")
        if len(parts) < 2:
            raise UserError(f"folds need at least 2 parts, found only {first_few(list(parts))}")
        return {fold: self._split(part, f"fold {fold}") for fold, part in parts.items()}

    def _split(self, test: list[str], source: str) -> Split:
        people = self._frames.people
        known, taken = set(people), set(test)
        unknown = [subject for subject in test if subject not in known]
        if unknown:
            raise UserError(f"{source}: no frames of {first_few(unknown)}; subjects are {people}")
        rest = [subject for subject in people if subject not in taken]
        if not rest:
            raise UserError(f"{source}: leaves no subject to train on")
        validation = self._validation(rest)
        where = {"test": test, "validation": validation}
        where["train"] = sorted(set(rest) - set(validation))
        subjects = self._frames.subjects
        return Split(
            self._frames,
            {name: np.isin(subjects, where[name]) for name in ("train", "validation", "test")},
        )

    def _validation(self, training: list[str]) -> list[str]:
        """The subjects of a training set to validate on."""
        asked = self._request.validation_subjects
        if asked is not None:
            chosen = [subject for subject in training if subject in asked]
            if not chosen or len(chosen) == len(training):
                raise UserError(
                    f"--validation-subjects: {len(chosen)} of the "
                    f"{counted(len(training), 'training subject')} ({first_few(training)}); both "
                    "sets need at least one"
                )
            return chosen
        if self._request.validation is None or self._request.validation == 0:
            return []
        return self._choose(training, self._request.validation, "--validation")

    def _choose(self, people: list[str], amount: int | float, flag: str) -> list[str]:
        """A number or fraction of subjects that resemble the others."""
        count = amount if isinstance(amount, int) else max(1, round(amount * len(people)))
        if count >= len(people):
            raise UserError(
                f"{flag} {amount}: takes {count} of {counted(len(people), 'subject')}, leaving "
                "none to train on"
            )
        counts = self._frames.counts(people)
        parts = divide(counts, [count, len(people) - count], self._generator())
        return [who for who, part in zip(people, parts, strict=True) if part == 0]

    def _generator(self) -> np.random.Generator:
        return np.random.default_rng(self._request.seed)
