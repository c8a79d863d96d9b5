"""Every metric as a function of person weights, for bootstrap intervals over people.

A metric without an implementation here is recomputed on repeated frames. P people, A AUs; one value
per AU, NaN where undefined (definitions: evaluation/metrics.py).
"""

from collections.abc import Callable

import numpy as np

from audetnet.disentangling.block_metrics import macro_auc
from audetnet.evaluation.metrics import BINS, METRICS, Array, Predictions, calibration_bins
from audetnet.evaluation.people import Indices, sums_by_person

ByAU = Callable[[Array], Array]
"""Integer person weights (P,) to values (A,)."""


def statistics(predictions: Predictions, person: Indices) -> dict[str, ByAU]:
    """All metrics whose inputs are available, by name. ``person`` (N,): from 0."""
    found: dict[str, ByAU] = {}
    for name, entry in METRICS.items():
        inputs = [getattr(predictions, field) for field in entry.reads]
        if all(values is not None for values in inputs):
            known = ~np.isnan(predictions.labels)
            make = _WEIGHTED.get(name)
            if make is None:
                found[name] = _repeated(name, inputs, known, person)
            else:
                found[name] = make(*inputs, person)
    return found


def _repeated(name: str, inputs: list[Array], known: Array, person: Indices) -> ByAU:
    def by_au(weights: Array) -> Array:
        rows = np.repeat(np.arange(len(person)), weights[person].astype(np.int64))
        columns = (
            [values[rows, au][known[rows, au]] for values in inputs] for au in range(known.shape[1])
        )
        return np.array([METRICS[name].function(*values) for values in columns])

    return by_au


def _f1(decisions: Array, labels: Array, person: Indices) -> ByAU:
    hits = sums_by_person(((decisions == 1) & (labels == 1)) * 1.0, person)
    decided = sums_by_person(((decisions == 1) & ~np.isnan(labels)) * 1.0, person)
    active = sums_by_person((labels == 1) * 1.0, person)

    def by_au(weights: Array) -> Array:
        true = weights @ active
        return _ratio(2 * (weights @ hits), np.where(true > 0, weights @ decided + true, 0))

    return by_au


def _accuracy(decisions: Array, labels: Array, person: Indices) -> ByAU:
    return _mean((decisions == labels) * 1.0, labels, person)


def _mean(values: Array, labels: Array, person: Indices) -> ByAU:
    known = ~np.isnan(labels)
    sums = sums_by_person(np.where(known, values, 0), person)
    counts = sums_by_person(known * 1.0, person)
    return lambda weights: _ratio(weights @ sums, weights @ counts)


def _auc(scores: Array, labels: Array, person: Indices) -> ByAU:
    each = [macro_auc(scores[:, [au]], labels[:, [au]], person) for au in range(labels.shape[1])]
    return lambda weights: np.array([statistic(weights) for statistic in each])


def _average_precision(scores: Array, labels: Array, person: Indices) -> ByAU:
    ranked = []
    for au in range(labels.shape[1]):
        known = ~np.isnan(labels[:, au])
        order = np.argsort(-scores[known, au], kind="stable")
        own = scores[known, au][order]
        active = labels[known, au][order] == 1
        last = np.searchsorted(-own, -own, side="right")[active] - 1  # ties share a rank
        ranked.append((person[known][order], active, last))

    def one(weights: Array, who: Indices, active: Array, last: Indices) -> float:
        counts = weights[who]
        hits, decided = np.cumsum(counts * active)[last], np.cumsum(counts)[last]
        own = counts[active.astype(bool)]
        total = own.sum()
        if not total:
            return float("nan")
        return float((own * _ratio(hits, decided))[own > 0].sum() / total)

    return lambda weights: np.array([one(weights, *each) for each in ranked])


def _calibration_error(probabilities: Array, labels: Array, person: Indices) -> ByAU:
    known = ~np.isnan(labels)
    gaps = np.where(known, probabilities - labels, 0)
    bins = calibration_bins(probabilities)
    people, aus = int(person.max()) + 1, labels.shape[1]
    sums = np.zeros((people, aus, BINS))
    np.add.at(sums, (person[:, None], np.arange(aus)[None], bins), gaps)
    counts = sums_by_person(known * 1.0, person)

    def by_au(weights: Array) -> Array:
        total: Array = np.abs(np.tensordot(weights, sums, axes=1)).sum(axis=1)
        return _ratio(total, weights @ counts)

    return by_au


def _moments(predicted: Array, actual: Array, person: Indices) -> Callable[[Array], Array]:
    """Function of the weights to (5, A): both means, both variances, and the covariance."""
    known = ~np.isnan(actual)
    x, y = np.where(known, predicted, 0), np.nan_to_num(actual)
    sums = sums_by_person(np.stack([known * 1.0, x, y, x * x, y * y, x * y], axis=1), person)

    def moments(weights: Array) -> Array:
        totals = np.tensordot(weights, sums, axes=1)
        of_x, of_y, xx, yy, xy = (_ratio(part, totals[0]) for part in totals[1:])
        return np.stack([of_x, of_y, xx - of_x**2, yy - of_y**2, xy - of_x * of_y])

    return moments


_NO_VARIANCE = 1e-12


def _icc(predicted: Array, actual: Array, person: Indices) -> ByAU:
    """For two raters, ICC(3,1) = 2 cov(x, y) / (var x + var y)."""
    moments = _moments(predicted, actual, person)

    def by_au(weights: Array) -> Array:
        _, _, of_x, of_y, both = moments(weights)
        return _ratio(2 * both, np.where(of_x + of_y > _NO_VARIANCE, of_x + of_y, 0))

    return by_au


def _pcc(predicted: Array, actual: Array, person: Indices) -> ByAU:
    moments = _moments(predicted, actual, person)

    def by_au(weights: Array) -> Array:
        _, _, of_x, of_y, both = moments(weights)
        vary = np.minimum(of_x, of_y) > _NO_VARIANCE
        return _ratio(both, np.sqrt(np.where(vary, of_x * of_y, 0)))

    return by_au


def _mae(predicted: Array, actual: Array, person: Indices) -> ByAU:
    return _mean(np.abs(predicted - actual), actual, person)


def _mse(predicted: Array, actual: Array, person: Indices) -> ByAU:
    return _mean((predicted - actual) ** 2, actual, person)


def _ratio(numerator: Array, denominator: Array) -> Array:
    """NaN where the denominator is 0."""
    ratio = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=ratio, where=np.asarray(denominator) > 0)
    return ratio


_WEIGHTED: dict[str, Callable[..., ByAU]] = {
    "f1": _f1,
    "f1_tuned": _f1,
    "accuracy": _accuracy,
    "2afc": _auc,
    "average_precision": _average_precision,
    "calibration_error": _calibration_error,
    "icc": _icc,
    "mae": _mae,
    "mse": _mse,
    "pcc": _pcc,
}
