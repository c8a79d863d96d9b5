"""The predictions of each fold, kept beside what made them, so that none is made twice."""

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch

from audetnet.baselines.features import Read, hog_reader, stem_readers
from audetnet.baselines.ridge import ridge_method
from audetnet.console.lines import say
from audetnet.data.frames import Dataset, FrameSet
from audetnet.errors import UserError
from audetnet.results.predicting import predicted, predicted_by_baseline
from audetnet.results.prediction_file import read_predictions, write_predictions
from audetnet.results.predictions import Piece
from audetnet.results.trainings import Training
from audetnet.training.logs import RunDirectory
from audetnet.training.saved import load_reported

_BASELINES = ("HOG + ridge", "stem + ridge")


def trained_piece(
    training: Training, dataset: Dataset, device: torch.device, cache: Path | None
) -> Piece:
    """What a finished training says of the test set of its fold. Raises UserError."""

    def make() -> Piece:
        saved, test = load_reported(training.run), dataset.test
        part, aus = training.fold, dataset.au_names
        return predicted(saved, dataset, test, device, cache, part, aus, training.seed)

    made_after = RunDirectory(training.run).latest
    return _kept(training.run, dataset.test, make, os.path.getmtime(made_after))


def baseline_pieces(
    directory: Path, datasets: Mapping[str, Dataset], device: torch.device, cache: Path | None
) -> dict[str, list[Piece]]:
    """What each baseline says of the test set of each fold. Raises UserError."""
    found: dict[str, list[Piece]] = {name: [] for name in _BASELINES}
    for fold, dataset in datasets.items():
        for name, read in _readers(dataset, cache, device):
            make = partial(_baseline_piece, name, read, dataset, fold)
            kept_at = directory / f"{name.split()[0]}-fold-{fold}"
            found[name].append(_kept(kept_at, dataset.test, make, 0))
    return found


def _baseline_piece(name: str, read: Read, dataset: Dataset, fold: str) -> Piece:
    say(f"fitting {name} to the training frames of fold {fold}")
    return predicted_by_baseline(ridge_method(name, read, dataset, 0), dataset, fold, 0)


def _readers(
    dataset: Dataset, cache: Path | None, device: torch.device
) -> Iterator[tuple[str, Read]]:
    readers = {**hog_reader(dataset, cache), **stem_readers(dataset, cache, device)}
    return ((name, readers[name]) for name in _BASELINES)


def _kept(directory: Path, test: FrameSet, make: Callable[[], Piece], made_after: float) -> Piece:
    """The piece in a directory, if it is of these frames and labels and not older than what made
    it; else it is made and kept there.
    """
    for path in directory.glob("predictions.*"):
        if os.path.getmtime(path) >= made_after:
            try:
                (piece,) = read_predictions(directory)
            except (UserError, ValueError):
                break
            if piece.frames == test.ids and np.array_equal(
                piece.truth, test.labels.astype(np.float64), equal_nan=True
            ):
                return piece
    piece = make()
    write_predictions(directory, [piece])
    return piece
