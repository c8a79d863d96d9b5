"""Agreement of predicted and labelled intensities, as statistics over people.

predicted, actual (N, A), 0-5; NaN = unknown. Means are over the AUs with a defined value.
"""

import numpy as np

from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import Indices, Statistic, sums_by_person


def macro_icc(predicted: Array, actual: Array, person: Indices) -> Statistic:
    """ICC(3,1) (Shrout & Fleiss 1979) of each AU over all frames, averaged. For two raters it is
    2 cov / (var + var), which sums over each person's frames determine.
    """
    x, y, known = _known(predicted, actual)
    sums = sums_by_person(np.stack([known, x, y, x * x + y * y, x * y], axis=1), person)

    def statistic(weights: Array) -> float:
        with np.errstate(invalid="ignore", divide="ignore"):
            count, of_x, of_y, squares, products = np.tensordot(weights, sums, axes=1)
            covariance = products / count - of_x * of_y / count**2
            variances = squares / count - (of_x**2 + of_y**2) / count**2
            values = np.where(variances > 1e-12, 2 * covariance / variances, np.nan)
        return _mean(values)

    return statistic


def macro_mae(predicted: Array, actual: Array, person: Indices) -> Statistic:
    """The mean absolute error of each AU over all frames, averaged, in intensity levels."""
    x, y, known = _known(predicted, actual)
    errors, counts = sums_by_person(np.abs(x - y), person), sums_by_person(known, person)

    def statistic(weights: Array) -> float:
        with np.errstate(invalid="ignore", divide="ignore"):
            return _mean((weights @ errors) / (weights @ counts))

    return statistic


def _known(predicted: Array, actual: Array) -> tuple[Array, Array, Array]:
    """Both with 0 at unknown labels, and a mask of known labels."""
    known = ~np.isnan(actual)
    return np.where(known, predicted, 0.0), np.nan_to_num(actual), known.astype(np.float64)


def _mean(values: Array) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")
