"""The folds of a cross-validation, kept as id lists in its directory so that they stay fixed."""

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
"""The frame ids of each set of a fold: train, test and optionally validation."""
_SETS = ("train", "test", "validation")


@dataclass(frozen=True, kw_only=True)
class FoldRequest:
    """What the flags ask for. ``validation``: number or fraction of training subjects to hold out
    in folds made here.
    """

    data: Path
    images: str
    labels: str | None
    k: int | None
    validation: int | float | None


def prepare_folds(out: Path, asked: FoldRequest) -> dict[str, IdFiles]:
    """The id lists in OUT/folds by fold, which the first call writes. Raises UserError, also if OUT
    holds other folds, or if two folds test the same frame.
    """
    folds = _requested_folds(asked)
    _check_disjoint(folds)
    folder = out / FOLDS_DIRECTORY
    names = IdFiles()
    if folder.is_dir():
        if _read(out) != folds:
            raise UserError(
                f"{folder}: holds folds other than those requested; choose another directory with "
                "--out"
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


def _requested_folds(asked: FoldRequest) -> dict[str, Lists]:
    if asked.k is None and find_folds(asked.data):
        if asked.validation is not None:
            raise UserError(
                f"{asked.data / FOLDS_DIRECTORY}: already defines the validation sets; use "
                "--validation with --k, or with folds from dataset.json"
            )
        return _read(asked.data)
    if asked.k is None and read_metadata(asked.data).folds is None:
        raise UserError(
            f'{asked.data}: no {FOLDS_DIRECTORY}/, and no "folds" in {METADATA_FILE}; add --k K'
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
                f"fold {fold}: also tests frames that fold {seen[twice[0]]} tests: "
                f"{first_few(twice)}"
            )
        seen.update(dict.fromkeys(lists["test"], fold))
