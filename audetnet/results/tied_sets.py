"""Sets of a dataset in which an AU goes with a factor, and the id lists of them that are kept.

People are trained on, validated on and tested as the dataset says. Of the training and validation
people those frames are chosen that have the tie; of the test people three choices are made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audetnet.data.cells import au_column
from audetnet.data.factors import factor_of
from audetnet.data.frames import Dataset, FrameSet
from audetnet.data.ids import IdFiles, read_ids, write_ids
from audetnet.data.ties import SHARES, CannotTieError, TiedFrames, tied_frames
from audetnet.errors import UserError
from audetnet.evaluation.people import Indices
from audetnet.labels import active
from audetnet.seeds import Purpose, numpy_generator

TESTS: Mapping[str, int] = {"same": 1, "none": 0, "opposite": -1}
"""The tie that each test has, in units of that of the training."""
_SETS = ("train", "validation", "test")
_FOLDER = "ties"
_TOLERANCE = 0.1


@dataclass(frozen=True)
class Tie:
    """An AU and a column of factors.csv."""

    au: str
    factor: str

    def __str__(self) -> str:
        return f"{self.au}:{self.factor}"


@dataclass(frozen=True, kw_only=True)
class TiedSets:
    """Of one strength. ``tests``: rows of the dataset's test frames. ``achieved``: gamma of the
    training and validation frames and of each test.
    """

    strength: float
    train: tuple[str, ...]
    validation: tuple[str, ...]
    tests: Mapping[str, Indices]
    achieved: Mapping[str, float]


class _TooWeakError(UserError):
    """A tie is not reached."""


def tied_sets(
    dataset: Dataset, directory: Path, tie: Tie, strengths: Sequence[float]
) -> list[TiedSets]:
    """The sets of every strength, all of the same numbers of active and inactive frames, which are
    the largest of SHARES by which all are reached. Tests are tied as strongly as the training;
    those of a training without a tie as strongly as the strongest one. Raises UserError.
    """
    if dataset.validation is None:
        raise UserError(
            f"{directory}: has no validation people, on whom epochs are chosen: python -m "
            "create_dataset.splits DATA --validation N makes them"
        )
    for frames in dataset.sets():
        if fault := frames.subjects_fault():
            raise UserError(f"{directory}: an interval over people {fault}")
    column = au_column(tie.au, dataset.au_names, f"--tie {tie}")
    sets = dict(zip(_SETS, (dataset.train, dataset.validation, dataset.test), strict=True))
    factors = {
        name: factor_of(directory, tie.factor, frames.ids, f"--tie {tie}")
        for name, frames in sets.items()
    }

    def chosen(name: str, strength: float, share: float) -> TiedFrames:
        shown = active(sets[name].labels[:, column], dataset.active_from)
        draws = numpy_generator(0, Purpose.TIES, _SETS.index(name))
        where = f"{directory}: --tie {tie}: {name} frames"
        try:
            found = tied_frames(shown, factors[name], strength, draws, share)
        except CannotTieError as error:
            raise UserError(f"{where}: {error}") from error
        if not abs(found.achieved - strength) <= _TOLERANCE:
            raise _TooWeakError(
                f"{where}: gamma {found.achieved:.2f} is as near to {strength:g} as they get"
            )
        return found

    def of_strength(strength: float, share: float) -> TiedSets:
        own, held_out = (chosen(name, strength, share) for name in _SETS[:2])
        tested = strength or max(strengths)
        tests = {name: chosen("test", sign * tested, share) for name, sign in TESTS.items()}
        return TiedSets(
            strength=strength,
            train=_ids(sets["train"], own.rows),
            validation=_ids(sets["validation"], held_out.rows),
            tests={name: found.rows for name, found in tests.items()},
            achieved={
                "train": own.achieved,
                "validation": held_out.achieved,
                **{name: found.achieved for name, found in tests.items()},
            },
        )

    for share in SHARES:
        try:
            return [of_strength(strength, share) for strength in strengths]
        except _TooWeakError as error:
            too_weak = error
    raise too_weak


def _ids(frames: FrameSet, rows: Indices) -> tuple[str, ...]:
    return tuple(np.array(frames.ids, object)[rows].tolist())


def kept_lists(out: Path, sets: Sequence[TiedSets], test: FrameSet) -> dict[float, IdFiles]:
    """The id lists in OUT/ties by strength; that of the test frames is of all. Raises UserError
    where other lists are there.
    """
    found = {}
    for each in sets:
        folder = (out / _FOLDER / f"{each.strength:g}").resolve()
        files = IdFiles(
            str(folder / "train_ids.csv"),
            str(folder.parent / "test_ids.csv"),
            str(folder / "validation_ids.csv"),
        )
        lists = {files.train: each.train, files.test: test.ids, files.validation: each.validation}
        for path, ids in ((Path(path), ids) for path, ids in lists.items()):
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                write_ids(path, ids)
            elif tuple(read_ids(path)) != ids:
                raise UserError(
                    f"{path}: holds other frames than are asked for now; choose another directory "
                    "with --out"
                )
        found[each.strength] = files
    return found
