"""Predictions of models and baselines for a set of frames."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from audetnet.baselines.method import PLAIN, Method
from audetnet.data.batches import Batches
from audetnet.data.frames import Dataset, FrameSet
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.outputs import read_scores
from audetnet.evaluation.thresholds import best_f1_thresholds
from audetnet.labels import active
from audetnet.networks.au_head import AUHead
from audetnet.results.predictions import PredictionSet
from audetnet.training.frames_of_run import packed_frames, stem_rows
from audetnet.training.saved import SavedModel


def predict(
    saved: SavedModel,
    dataset: Dataset,
    frames: FrameSet,
    device: torch.device,
    cache: Path | None,
    part: str,
    aus: Sequence[str],
    seed: int | None = None,
) -> PredictionSet:
    """Predict the AUs ``aus``, which model and dataset share, for a set of frames. On the dataset
    of its training, outputs of a frozen stem are taken from the cache. Raises UserError.
    """
    model = saved.trained().to(device).eval()
    head, thresholds = saved.head(), saved.thresholds()
    packed = packed_frames(saved, dataset, cache)
    own = saved.checkpoint.identity["digest_of_ids_and_labels"] == dataset.digest()
    stem = stem_rows(saved, model, packed, dataset, device, cache) if own else None
    scores = read_scores(model, head, Batches(frames, packed, device, stem=stem), len(frames))
    chosen = [saved.au_names.index(au) for au in aus]
    labels = frames.labels[:, [dataset.au_names.index(au) for au in aus]]
    return PredictionSet(
        part=part,
        seed=seed,
        frames=frames.ids,
        subjects=frames.subjects,
        aus=tuple(aus),
        kind=dataset.kind,
        regressed=head.regress,
        truth=labels.astype(np.float64),
        active=active(labels, dataset.active_from).astype(np.float64),
        outputs=head.outputs(scores).double().numpy()[:, chosen],
        threshold=thresholds.default[chosen],
        tuned=None if thresholds.validation is None else thresholds.validation[chosen],
    )


def predict_with_baseline(method: Method, dataset: Dataset, part: str, seed: int) -> PredictionSet:
    """Predictions of a baseline for the test set of a dataset."""
    head, scores = method.head, method.by_reference[PLAIN]
    default = np.full(len(dataset.au_names), head.threshold)
    tuned = best_f1_thresholds(
        head.predictions(torch.from_numpy(scores.tuning)).double().numpy(), method.tuning_labels
    )
    return PredictionSet(
        part=part,
        seed=seed,
        frames=dataset.test.ids,
        subjects=dataset.test.subjects,
        aus=dataset.au_names,
        kind=dataset.kind,
        regressed=head.regress,
        truth=dataset.test.labels.astype(np.float64),
        active=active(dataset.test.labels, dataset.active_from).astype(np.float64),
        outputs=_outputs(head, scores.test),
        threshold=default,
        tuned=np.where(np.isnan(tuned), default, tuned),
    )


def _outputs(head: AUHead, scores: Array) -> Array:
    return head.outputs(torch.from_numpy(scores)).double().numpy()
