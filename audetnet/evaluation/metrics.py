"""Every metric of AU recognition and of the code, each defined once. To add a metric of AU
recognition, write a decorated function here and its test.

Conventions: N frames, A AUs; scores are real, higher is more active; labels and decisions are 0/1;
intensities are on a scale of 0-5. A NaN label is unknown and is ignored. A metric is computed per
AU over all frames at once (never a mean of batch means); ``mean_of`` averages over the AUs for
which it is defined. Undefined values are NaN.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Array = npt.NDArray[np.float64]
MetricTable = dict[str, dict[str, float]]
"""Metric name -> AU name -> value."""
Function = Callable[..., float]


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """All predictions and labels (NaN = unknown) of a set, (N, A) each.

    ``tuned_decisions`` are at thresholds chosen on validation people, None without them.
    ``intensities`` and ``intensity_labels`` are None unless intensities are regressed;
    ``probabilities`` is None if they are.
    """

    scores: Array
    decisions: Array
    labels: Array
    tuned_decisions: Array | None = None
    probabilities: Array | None = None
    intensities: Array | None = None
    intensity_labels: Array | None = None


@dataclass(frozen=True, kw_only=True)
class Metric:
    """``reads`` names the fields of Predictions that the function gets, (N,) each, for the frames
    on which an AU is known; if one of them is None, the metric is omitted. ``shown``: in the line
    of each epoch and in the curves (higher must be better). ``is_error``: lower is better.
    """

    function: Function
    title: str
    reads: tuple[str, ...]
    shown: bool
    is_error: bool = False


METRICS: dict[str, Metric] = {}
"""By their names in files, in column order."""


def metric(
    name: str,
    title: str,
    reads: tuple[str, ...],
    shown: bool = False,
    is_error: bool = False,
) -> Callable[[Function], Function]:
    """Register a function as a per-AU metric."""

    def register(function: Function) -> Function:
        assert name not in METRICS, name
        assert {*reads} <= {field.name for field in fields(Predictions)}, reads
        METRICS[name] = Metric(
            function=function, title=title, reads=reads, shown=shown, is_error=is_error
        )
        return function

    return register


def metric_title(name: str) -> str:
    """The display title of a metric; its name if this version does not know it."""
    return METRICS[name].title if name in METRICS else name


@metric("f1", "F1", ("decisions", "labels"), shown=True)
def f1(decisions: Array, labels: Array) -> float:
    """2 TP / (2 TP + FP + FN), 0-1. NaN if no known frame is active: then it says nothing about the
    detector.
    """
    hits = float(np.sum((decisions == 1) & (labels == 1)))
    if not np.any(labels == 1):
        return float("nan")
    return 2 * hits / float(np.sum(decisions == 1) + np.sum(labels == 1))


@metric("accuracy", "accuracy", ("decisions", "labels"))
def accuracy(decisions: Array, labels: Array) -> float:
    """The share of correct decisions, 0-1. NaN without frames."""
    return float(np.mean(decisions == labels)) if len(labels) else float("nan")


@metric("2afc", "2AFC", ("scores", "labels"), shown=True)
def two_afc(scores: Array, labels: Array) -> float:
    """2AFC, the area under the ROC curve: the probability that an active frame scores higher than
    an inactive one, ties counting half.

    0-1, chance 0.5. Computed from ranks (Mann-Whitney); NaN unless both classes occur.
    """
    active = labels == 1
    positives, negatives = int(active.sum()), int((~active).sum())
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(scores)[active].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * negatives))


@metric("icc", "ICC(3,1)", ("intensities", "intensity_labels"), shown=True)
def icc31(predicted: Array, actual: Array) -> float:
    """ICC(3,1) of Shrout & Fleiss 1979: (BMS - EMS) / (BMS + EMS) for two raters, consistency,
    single rating.

    -1 to 1, chance 0, ideal 1. BMS is the mean square between frames, EMS the residual mean square.
    NaN for fewer than two frames or without any variance.
    """
    count = len(actual)
    if count < 2 or (np.ptp(predicted) == 0 and np.ptp(actual) == 0):
        return float("nan")
    ratings = np.stack([predicted, actual], axis=1)
    frame_means = ratings.mean(axis=1, keepdims=True)
    rater_means = ratings.mean(axis=0, keepdims=True)
    between = 2 * np.sum((frame_means - ratings.mean()) ** 2) / (count - 1)
    residual = np.sum((ratings - frame_means - rater_means + ratings.mean()) ** 2) / (count - 1)
    return float((between - residual) / (between + residual))


@metric("mae", "MAE", ("intensities", "intensity_labels"), is_error=True)
def mae(predicted: Array, actual: Array) -> float:
    """Mean absolute error, in intensity levels (0-5). NaN without frames."""
    return float(np.mean(np.abs(predicted - actual))) if len(actual) else float("nan")


@metric("mse", "MSE", ("intensities", "intensity_labels"), is_error=True)
def mse(predicted: Array, actual: Array) -> float:
    """Mean squared error, in squared intensity levels (0-25). NaN without frames."""
    return float(np.mean((predicted - actual) ** 2)) if len(actual) else float("nan")


@metric("pcc", "PCC", ("intensities", "intensity_labels"))
def pcc(predicted: Array, actual: Array) -> float:
    """Pearson correlation coefficient, -1 to 1. NaN if one of the two is constant."""
    if len(actual) < 2 or np.ptp(predicted) == 0 or np.ptp(actual) == 0:
        return float("nan")
    return float(np.corrcoef(predicted, actual)[0, 1])


@metric("f1_tuned", "F1, tuned", ("tuned_decisions", "labels"))
def f1_tuned(decisions: Array, labels: Array) -> float:
    """F1 at the thresholds that maximise it on the validation people."""
    return f1(decisions, labels)


@metric("average_precision", "AP", ("scores", "labels"))
def average_precision(scores: Array, labels: Array) -> float:
    """The mean precision at the scores of the active frames: the area under the precision-recall
    curve, without interpolation. 0-1, chance is the share of active frames. NaN if no frame is
    active.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, active = scores[order], labels[order] == 1
    if not active.any():
        return float("nan")
    ends = np.searchsorted(-ranked, -ranked, side="right")  # equal scores get equal decisions
    return float(np.mean((np.cumsum(active)[ends - 1] / ends)[active]))


BINS = 15
"""Number of bins of the calibration error, of equal width."""


@metric("calibration_error", "ECE", ("probabilities", "labels"), is_error=True)
def calibration_error(probabilities: Array, labels: Array) -> float:
    """Expected calibration error (Guo et al. 2017) of the probability of being active: the
    difference between the mean probability and the share of active frames in a bin, averaged over
    frames. 0-1, ideal 0. NaN without frames.
    """
    if not len(labels):
        return float("nan")
    gaps = np.bincount(calibration_bins(probabilities), probabilities - labels, minlength=BINS)
    return float(np.abs(gaps).sum() / len(labels))


def calibration_bins(probabilities: Array) -> npt.NDArray[np.int64]:
    """The bin (from 0) of each probability; 1 is in the last bin."""
    return np.minimum(probabilities * BINS, BINS - 1).astype(np.int64)


def au_metrics(predictions: Predictions, au_names: tuple[str, ...]) -> MetricTable:
    """Every metric whose inputs are available, for every AU."""
    known = ~np.isnan(predictions.labels)
    table: MetricTable = {}
    for name, entry in METRICS.items():
        inputs = [getattr(predictions, field) for field in entry.reads]
        if all(values is not None for values in inputs):
            table[name] = {
                au: entry.function(*(values[known[:, column], column] for values in inputs))
                for column, au in enumerate(au_names)
            }
    return table


def mean_of(values: dict[str, float]) -> float:
    """The mean over the AUs for which a metric is defined; NaN if there are none."""
    defined = [value for value in values.values() if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def cross_correlation(z1: Array, z2: Array) -> float:
    """XCov: the mean squared Pearson correlation over all pairs of a z1 and a z2 dimension, 0-1.

    z1 (N, D1), z2 (N, D2); constant dimensions are ignored. Independent blocks give about
    1 / (N - 1), not 0; only linear dependence is seen. NaN if no dimensions are left.
    """
    first, second = _standardised(z1), _standardised(z2)
    if len(z1) < 2 or not first.size or not second.size:
        return float("nan")
    return float(np.mean((first.T @ second / len(z1)) ** 2))


def mean_variance(z: Array) -> float:
    """The variance over frames, averaged over dimensions; 0 = collapsed. z (N, D)."""
    return float(z.var(axis=0).mean()) if z.size else float("nan")


def _standardised(z: Array) -> Array:
    centred = z - z.mean(axis=0)
    deviations = centred.std(axis=0)
    varying = deviations > 0
    return np.asarray(centred[:, varying] / deviations[varying])
