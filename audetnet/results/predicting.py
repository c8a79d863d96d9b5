"""From models and baselines to predictions of a set."""

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
from audetnet.results.predictions import Piece
from audetnet.training.frames_of_run import packed_frames, stem_rows
from audetnet.training.saved import SavedModel


def predicted(
    saved: SavedModel,
    dataset: Dataset,
    frames: FrameSet,
    device: torch.device,
    cache: Path | None,
    part: str,
    aus: Sequence[str],
    seed: int | None = None,
) -> Piece:
    """What a trained model says of some AUs in a set of a dataset, which both know. Outputs of a
    frozen stem are taken from the cache where the dataset is that of its training. Raises
    UserError.
    """
    model = saved.trained().to(device).eval()
    head, thresholds = saved.head(), saved.thresholds()
    packed = packed_frames(saved, dataset, cache)
    own = saved.checkpoint.identity["digest_of_ids_and_labels"] == dataset.digest()
    stem = stem_rows(saved, model, packed, dataset, device, cache) if own else None
    scores = read_scores(model, head, Batches(frames, packed, device, stem=stem), len(frames))
    said = [saved.au_names.index(au) for au in aus]
    labels = frames.labels[:, [dataset.au_names.index(au) for au in aus]]
    return Piece(
        part=part,
        seed=seed,
        frames=frames.ids,
        subjects=frames.subjects,
        aus=tuple(aus),
        kind=dataset.kind,
        regressed=head.regress,
        truth=labels.astype(np.float64),
        active=active(labels, dataset.active_from).astype(np.float64),
        outputs=head.outputs(scores).double().numpy()[:, said],
        threshold=thresholds.default[said],
        tuned=None if thresholds.validation is None else thresholds.validation[said],
    )


def predicted_by_baseline(method: Method, dataset: Dataset, part: str, seed: int) -> Piece:
    """What a baseline says of the test set of a dataset."""
    head, scores = method.head, method.by_reference[PLAIN]
    default = np.full(len(dataset.au_names), head.threshold)
    tuned = best_f1_thresholds(
        head.predictions(torch.from_numpy(scores.tuning)).double().numpy(), method.tuning_labels
    )
    return Piece(
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
