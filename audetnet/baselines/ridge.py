"""A baseline: ridge regression on features, with thresholds from held-out people."""

import warnings

import numpy as np
import torch

from audetnet.baselines.features import Indices, Read
from audetnet.baselines.method import PLAIN, REFERENCES, Method, Scores, active_labels
from audetnet.config.binding import OptionError
from audetnet.data.frames import Dataset, FrameSet
from audetnet.data.metadata import subject_indices
from audetnet.data.neutral_frames import NeutralFrames
from audetnet.errors import UserError
from audetnet.evaluation.at_rest import in_batches
from audetnet.evaluation.metrics import Array
from audetnet.networks.au_head import AUHead
from audetnet.networks.people_folds import subsample_over_people
from audetnet.networks.ridge_readout import MAX_FRAMES, RidgeReadout, out_of_fold_outputs


def ridge_method(name: str, read: Read, dataset: Dataset, seed: int) -> Method:
    """Fitted on the training frames, to intensities if they are known, else to occurrences; the
    penalty is cross-validated over the training people. Thresholds are chosen on the validation
    people, or else on held-out predictions of the training people. Raises UserError.

    Person reference: the median of the person's outputs is subtracted, and the mean median of the
    training people added.
    """
    head = AUHead("MSE", dataset.kind == "intensity", dataset.active_from)
    train = _fitted_frames(dataset.train)
    people = subject_indices(train.subjects)
    features = in_batches(lambda rows: read(train, rows))(np.arange(len(train)))
    targets = head.targets(torch.from_numpy(train.labels))
    ridge = RidgeReadout(features[0].numel(), targets.shape[1], "cross-validated")
    try:
        ridge.fit(features, targets, people)
    except OptionError as error:
        raise UserError(f"{name}: cannot be fitted to the training frames: {error}") from error
    held_out = out_of_fold_outputs(features, targets, people, float(ridge.fitted_penalty)).numpy()
    del features

    def outputs(frames: FrameSet) -> Array:
        some = in_batches(lambda rows: ridge(read(frames, rows))[:, :, 0, 0])
        return some(np.arange(len(frames))).double().numpy()

    tuned, tuning = train, held_out
    if dataset.validation is not None:
        tuned, tuning = dataset.validation, outputs(dataset.validation)
    test = outputs(dataset.test)
    by_reference = {PLAIN: Scores(tuning, test)}
    if all(frames.subjects_fault() is None for frames in (train, tuned, dataset.test)):
        level = np.nanmean(medians(held_out, train, NeutralFrames(), seed), axis=0)
        for key, choice in REFERENCES.items():
            own = (
                scores - medians(scores, frames, choice, seed)[subject_indices(frames.subjects)]
                for scores, frames in ((tuning, tuned), (test, dataset.test))
            )
            by_reference[key] = Scores(*(level + scores for scores in own))
    return Method(
        name=name,
        head=head,
        tuned_on="held-out training people" if tuned is train else "validation people",
        tuning_labels=active_labels(head, tuned),
        by_reference=by_reference,
    )


def medians(scores: Array, frames: FrameSet, choice: NeutralFrames, seed: int) -> Array:
    """Medians (P, A) of the scores (N, A) over the chosen frames of each person, NaN = none."""
    chosen = choice.of(frames.ids, subject_indices(frames.subjects), seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all NaN
        return np.stack([np.nanmedian(scores[rows], axis=0) for rows in chosen])


def _fitted_frames(train: FrameSet) -> FrameSet:
    """The labelled frames, subsampled if there are too many. Raises UserError."""
    if train.people < 2:
        raise UserError(
            "the training frames are of one person, but the penalty is chosen on held-out people: "
            "expected frames of at least two (dataset.json says who is who)"
        )
    rows: Indices = np.flatnonzero(~np.isnan(train.labels).all(axis=1))
    rows = rows[subsample_over_people(subject_indices(train.subjects)[rows], MAX_FRAMES)]
    return train.keep(np.isin(np.arange(len(train)), rows).tolist(), train.name)
