"""Probes: what a simple model, fitted from scratch, can predict from a code.

Every prediction is by a probe that was fitted on other people (for identity: on other stretches of
time); its penalty was chosen on a held-out part of the people it was fitted on.
"""

import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from scipy.spatial.distance import pdist
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from audetnet.disentangling.block_metrics import macro_auc
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Indices

FEWEST_PEOPLE = 3
"""One to test on, one to choose the penalty on, one to fit on."""
_FOLDS, _INNER_FOLDS = 5, 3
_CS = (0.001, 0.01, 0.1, 1.0)
"""Inverse penalties C of logistic regression, increasing."""
_IDENTITY_C = 1.0
_PENALTIES = (1.0, 10.0, 100.0, 1e3, 1e4, 1e5)
"""Penalties of ridge regression on standardised codes."""
_KERNEL_PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)
_LANDMARKS = 300
_WIDTH_SAMPLE = 500
_KERNEL_FRAMES = 1500
"""Frames for kernel ridge regression, evenly spaced: its time grows with their cube."""

Split = tuple[Indices, Indices]


def au_scores(z: Array, labels: Array, person: Indices, non_linear: bool) -> Array:
    """Held-out scores (N, A) of each AU, 0 = undecided, by logistic regression with balanced
    classes on standardised codes (N, D); ``non_linear``: on 300 Nystroem features of an RBF kernel
    (Williams & Seeger 2001), whose width is the median distance.

    labels (N, A), NaN = unknown. C is chosen from 0.001 to 1 for the best macro AUC over all AUs.
    """
    scores = np.zeros(labels.shape)

    def fold(rows: Indices, held_out: Indices) -> None:
        features = _features(z[rows], non_linear)
        train, test = features.transform(z[rows]), features.transform(z[held_out])
        c = _best_c(train, labels[rows], person[rows])
        for au in range(labels.shape[1]):
            (scores[held_out, au],) = _logistic_scores(train, labels[rows, au], test, (c,))

    _in_parallel(fold, person_folds(person, _FOLDS))
    return scores


def _features(z: Array, non_linear: bool) -> Any:
    scaler = StandardScaler().fit(z)
    if not non_linear:
        return scaler
    kernel = Nystroem(
        gamma=_inverse_width(scaler.transform(z)),
        n_components=min(_LANDMARKS, len(z)),
        random_state=0,
    )
    return make_pipeline(scaler, kernel, StandardScaler()).fit(z)


def _inverse_width(z: Array) -> float:
    """gamma of exp(-gamma d^2) whose width is the median distance: 1 / (2 median^2)."""
    sample = z[np.linspace(0, len(z) - 1, min(len(z), _WIDTH_SAMPLE)).astype(np.int64)]
    median = float(np.median(pdist(sample)))
    return 1 / (2 * median**2) if median > 0 else 1.0


def _best_c(features: Array, labels: Array, person: Indices) -> float:
    rows, held_out = _inner_split(person)
    paths = [
        _logistic_scores(features[rows], labels[rows, au], features[held_out], _CS)
        for au in range(labels.shape[1])
    ]
    truth, people = labels[held_out], _renumbered(person[held_out])
    values = [
        macro_auc(np.stack(scores, axis=1), truth, people)(np.ones(int(people.max()) + 1))
        for scores in zip(*paths, strict=True)
    ]
    return _CS[int(np.argmax(np.nan_to_num(values)))]


def _logistic_scores(
    train: Array, labels: Array, test: Array, cs: tuple[float, ...]
) -> list[Array]:
    """Scores of the test features for each C; zeros if the known labels are all of one class."""
    known = ~np.isnan(labels)
    if len(np.unique(labels[known])) < 2:
        return [np.zeros(len(test)) for _ in cs]
    probe = LogisticRegression(class_weight="balanced", max_iter=200, tol=1e-3, warm_start=True)
    found = []
    for c in cs:
        probe.set_params(C=c)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            probe.fit(train[known], labels[known])
        found.append(np.asarray(probe.decision_function(test)))
    return found


def regression(
    z: Array, targets: Array, person: Indices, kernel: bool, shared_penalty: bool = False
) -> tuple[Array, Array]:
    """Held-out predictions (N, T) of targets (N, T) from codes (N, D), and the mean targets of the
    people each was fitted on (N, T).

    Ridge regression on standardised codes; ``kernel``: kernel ridge regression with an RBF kernel,
    whose width is the median distance, on at most 1,500 frames. The penalty is chosen per target
    or, with ``shared_penalty``, for all together.
    """
    predicted, means = np.zeros(targets.shape), np.zeros(targets.shape)

    def fold(rows: Indices, held_out: Indices) -> None:
        means[held_out] = targets[rows].mean(axis=0)
        if kernel and len(rows) > _KERNEL_FRAMES:
            rows = rows[np.linspace(0, len(rows) - 1, _KERNEL_FRAMES).round().astype(np.int64)]
        scaler = StandardScaler().fit(z[rows])
        train, test = scaler.transform(z[rows]), scaler.transform(z[held_out])
        penalties = _best_penalties(train, targets[rows], person[rows], kernel, shared_penalty)
        for penalty in np.unique(penalties):
            columns = penalties == penalty
            predicted[np.ix_(held_out, columns)] = _ridge(
                train, targets[np.ix_(rows, columns)], test, penalty, kernel
            )

    _in_parallel(fold, person_folds(person, _FOLDS))
    return predicted, means


def _best_penalties(
    z: Array, targets: Array, person: Indices, kernel: bool, shared_penalty: bool
) -> Array:
    """The best penalty (T,) for each target, on held-out people."""
    rows, held_out = _inner_split(person)
    candidates = np.array(_KERNEL_PENALTIES if kernel else _PENALTIES)
    errors = np.stack(
        [
            np.square(
                _ridge(z[rows], targets[rows], z[held_out], c, kernel) - targets[held_out]
            ).sum(axis=0)
            for c in candidates
        ]
    )
    if shared_penalty:
        errors[:] = (errors / targets.var(axis=0).clip(1e-12)).sum(axis=1, keepdims=True)
    return np.asarray(candidates[errors.argmin(axis=0)])


def _ridge(z: Array, targets: Array, test: Array, penalty: float, kernel: bool) -> Array:
    mean = targets.mean(axis=0)
    probe = (
        KernelRidge(alpha=penalty, kernel="rbf", gamma=_inverse_width(z))
        if kernel
        else Ridge(alpha=penalty)
    )
    return np.asarray(probe.fit(z, targets - mean).predict(test).reshape(len(test), -1) + mean)


def predict_person(z: Array, person: Indices, block: Indices) -> Indices:
    """Predicted person of each frame (N,), by multinomial logistic regression (C = 1) on
    standardised codes (N, D), fitted on the other stretches of time (``block`` (N,)) of everyone.
    """
    found = np.zeros(len(z), dtype=np.int64)

    def fold(rows: Indices, held_out: Indices) -> None:
        probe = make_pipeline(
            StandardScaler(), LogisticRegression(C=_IDENTITY_C, max_iter=200, tol=1e-3)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found[held_out] = probe.fit(z[rows], person[rows]).predict(z[held_out])

    splits = [(np.flatnonzero(block != one), np.flatnonzero(block == one)) for one in set(block)]
    _in_parallel(fold, splits)
    return found


def person_folds(person: Indices, folds: int) -> list[Split]:
    """(train, test) rows of each fold: every frame is tested once, no person is on both sides."""
    splitter = GroupKFold(min(folds, len(np.unique(person))))
    return [(rows, held_out) for rows, held_out in splitter.split(person, groups=person)]


def _inner_split(person: Indices) -> Split:
    return person_folds(person, _INNER_FOLDS)[0]


def _renumbered(person: Indices) -> Indices:
    return np.asarray(np.unique(person, return_inverse=True)[1].astype(np.int64))


def _in_parallel(fold: Callable[[Indices, Indices], None], splits: list[Split]) -> None:
    """Each fold in a thread of one core; it writes only its own rows."""
    with threadpool_limits(1):
        Parallel(n_jobs=min(len(splits), os.cpu_count() or 1), prefer="threads")(
            delayed(fold)(rows, held_out) for rows, held_out in splits
        )
