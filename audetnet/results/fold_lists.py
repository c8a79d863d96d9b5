"""The folds of a cross-validation: id lists that it keeps, so that they stay the same."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audetnet.data.ids import FOLDS_DIRECTORY, IdFiles, find_folds, read_ids, write_ids
from audetnet.data.metadata import METADATA_FILE, read_metadata
from audetnet.data.splitting import Request, Splitter, read_labelled_frames
from audetnet.errors import UserError, first_few
from audetnet.files.atomic import atomic_write

Lists = Mapping[str, list[str]]
"""The frame ids of each set of a fold: train, test, perhaps validation."""
_SETS = ("train", "test", "validation")


@dataclass(frozen=True, kw_only=True)
class FoldsAsked:
    """What the flags ask for. ``validation``: a number or fraction of the training subjects of each
    fold that is made here.
    """

    data: Path
    images: str
    labels: str | None
    k: int | None
    validation: int | float | None


def prepared_folds(out: Path, asked: FoldsAsked) -> dict[str, IdFiles]:
    """The id lists in OUT/folds by fold, written there at first. Raises UserError, also where other
    lists are there, and for a frame that two folds test.
    """
    folds = _asked_folds(asked)
    _check_disjoint(folds)
    folder = out / FOLDS_DIRECTORY
    names = IdFiles()
    if folder.is_dir():
        if _read(out) != folds:
            raise UserError(
                f"{folder}: holds other folds than are asked for now; choose another directory "
                "with --out"
            )
    else:
        staging = out / f"{FOLDS_DIRECTORY}.unfinished"
        shutil.rmtree(staging, ignore_errors=True)
        with atomic_write(folder, staging) as unfinished:
            for fold, lists in folds.items():
                for name, ids in lists.items():
                    write_ids(unfinished / fold / getattr(names, name), ids)
    places = {fold: (folder / fold).resolve() for fold in folds}
    return {
        fold: IdFiles(*(str(place / getattr(names, name)) for name in _SETS))
        for fold, place in places.items()
    }


def _asked_folds(asked: FoldsAsked) -> dict[str, Lists]:
    if asked.k is None and find_folds(asked.data):
        if asked.validation is not None:
            raise UserError(
                f"{asked.data / FOLDS_DIRECTORY}: says who validates each fold; --validation goes "
                "with --k, or with the folds of dataset.json"
            )
        return _read(asked.data)
    if asked.k is None and read_metadata(asked.data).folds is None:
        raise UserError(
            f'{asked.data}: has no {FOLDS_DIRECTORY}/, and {METADATA_FILE} no "folds"; choose --k K'
        )
    frames = read_labelled_frames(asked.data, asked.images, asked.labels)
    splitter = Splitter(frames, Request(asked.validation, None, 0))
    made = splitter.given_folds(asked.data) if asked.k is None else splitter.k_folds(asked.k)
    return {
        fold: {
            name: [frame for frame, kept in zip(frames.ids, chosen, strict=True) if kept]
            for name, chosen in split.sets.items()
            if chosen.any()
        }
        for fold, split in made.items()
    }


def _read(directory: Path) -> dict[str, Lists]:
    found: dict[str, Lists] = {}
    for fold in find_folds(directory):
        names = IdFiles().of_fold(fold)
        paths = {name: directory / getattr(names, name) for name in _SETS}
        found[fold] = {
            name: read_ids(path)
            for name, path in paths.items()
            if name != "validation" or path.exists()
        }
    return found


def _check_disjoint(folds: Mapping[str, Lists]) -> None:
    seen: dict[str, str] = {}
    for fold, lists in folds.items():
        twice = [frame for frame in lists["test"] if frame in seen]
        if twice:
            raise UserError(
                f"fold {fold}: tests frames that fold {seen[twice[0]]} tests as well: "
                f"{first_few(twice)}"
            )
        seen.update(dict.fromkeys(lists["test"], fold))
