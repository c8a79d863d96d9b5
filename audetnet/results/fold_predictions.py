"""Predictions of each fold, cached in the directory of the model that made them."""

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
from audetnet.results.predicting import predict, predict_with_baseline
from audetnet.results.prediction_file import read_predictions, write_predictions
from audetnet.results.predictions import PredictionSet
from audetnet.results.trainings import Training
from audetnet.training.logs import RunDirectory
from audetnet.training.saved import load_reported

_BASELINES = ("HOG + ridge", "stem + ridge")


def training_predictions(
    training: Training, dataset: Dataset, device: torch.device, cache: Path | None
) -> PredictionSet:
    """Predictions of a finished training for its test fold. Raises UserError."""

    def make() -> PredictionSet:
        saved, test = load_reported(training.run), dataset.test
        part, aus = training.fold, dataset.au_names
        return predict(saved, dataset, test, device, cache, part, aus, training.seed)

    made_after = RunDirectory(training.run).latest
    return _kept(training.run, dataset.test, make, os.path.getmtime(made_after))


def baseline_predictions(
    directory: Path, datasets: Mapping[str, Dataset], device: torch.device, cache: Path | None
) -> dict[str, list[PredictionSet]]:
    """Predictions of each baseline for each test fold. Raises UserError."""
    found: dict[str, list[PredictionSet]] = {name: [] for name in _BASELINES}
    for fold, dataset in datasets.items():
        for name, read in _readers(dataset, cache, device):
            make = partial(_predict_with_baseline, name, read, dataset, fold)
            kept_at = directory / f"{name.split()[0]}-fold-{fold}"
            found[name].append(_kept(kept_at, dataset.test, make, 0))
    return found


def _predict_with_baseline(name: str, read: Read, dataset: Dataset, fold: str) -> PredictionSet:
    say(f"fitting {name} to the training frames of fold {fold}")
    return predict_with_baseline(ridge_method(name, read, dataset, 0), dataset, fold, 0)


def _readers(
    dataset: Dataset, cache: Path | None, device: torch.device
) -> Iterator[tuple[str, Read]]:
    readers = {**hog_reader(dataset, cache), **stem_readers(dataset, cache, device)}
    return ((name, readers[name]) for name in _BASELINES)


def _kept(
    directory: Path, test: FrameSet, make: Callable[[], PredictionSet], made_after: float
) -> PredictionSet:
    """The predictions in a directory, if they are for these frames and labels and no older than
    their model; otherwise they are computed and stored there.
    """
    for path in directory.glob("predictions.*"):
        if os.path.getmtime(path) >= made_after:
            try:
                (subset,) = read_predictions(directory)
            except (UserError, ValueError):
                break
            if subset.frames == test.ids and np.array_equal(
                subset.truth, test.labels.astype(np.float64), equal_nan=True
            ):
                return subset
    subset = make()
    write_predictions(directory, [subset])
    return subset
