"""The metrics of the disentangling report, each defined once, as a statistic over people
(evaluation/people.py).

Conventions: N frames of P people, ``person`` (N,) counts people from 0; A AUs; labels are 0/1, NaN
= unknown; scores are real, higher is more active. Predictions are from probes fitted on other
people unless stated otherwise.
"""

import warnings

import numpy as np

from audetnet.evaluation.metrics import Array, two_afc
from audetnet.evaluation.people import Indices, Statistic, mean_over_people, sums_by_person


def macro_auc(scores: Array, labels: Array, person: Indices) -> Statistic:
    """Area under the ROC curve of each AU over all frames, averaged over the AUs with both
    classes. scores, labels (N, A).

    0-1, chance 0.5, ideal 1. The share of pairs (active frame, inactive frame) in which the active
    one scores higher, ties counting half (Mann & Whitney 1947). Pairs are counted by the people of
    both frames, so that a person drawn twice counts twice.
    """
    parts = [
        _pair_counts(scores[known, au], labels[known, au], person[known], int(person.max()) + 1)
        for au in range(labels.shape[1])
        for known in [~np.isnan(labels[:, au])]
    ]

    def statistic(weights: Array) -> float:
        values = []
        for wins, positives, negatives in parts:
            pairs = (weights @ positives) * (weights @ negatives)
            if pairs > 0:
                values.append(weights @ wins @ weights / pairs)
        return float(np.mean(values)) if values else float("nan")

    return statistic


def _pair_counts(
    scores: Array, labels: Array, person: Indices, people: int
) -> tuple[Array, Array, Array]:
    """Won pairs (P, P) by the person of the active and of the inactive frame; numbers of active and
    of inactive frames (P,).
    """
    wins = np.zeros((people, people))
    active = labels == 1
    for other in range(people):
        inactive = np.sort(scores[~active & (person == other)])
        below = np.searchsorted(inactive, scores[active], side="left")
        not_above = np.searchsorted(inactive, scores[active], side="right")
        np.add.at(wins[:, other], person[active], (below + not_above) / 2)
    positives = np.bincount(person[active], minlength=people).astype(np.float64)
    negatives = np.bincount(person[~active], minlength=people).astype(np.float64)
    return wins, positives, negatives


def macro_f1(decisions: Array, labels: Array, person: Indices) -> Statistic:
    """2 TP / (2 TP + FP + FN) of each AU over all frames, averaged over the AUs that occur.
    decisions, labels (N, A).

    0-1, ideal 1 (van Rijsbergen 1979); chance depends on the base rate: a coin flip on an AU with
    rate r gets 2r / (2r + 1).
    """
    known = ~np.isnan(labels)
    hits = sums_by_person((known & (decisions == 1) & (labels == 1)) * 1.0, person)
    decided = sums_by_person((known & (decisions == 1)) * 1.0, person)
    occurring = sums_by_person((known & (labels == 1)) * 1.0, person)

    def statistic(weights: Array) -> float:
        true = weights @ occurring
        values = 2 * (weights @ hits)[true > 0] / (weights @ decided + true)[true > 0]
        return float(values.mean()) if len(values) else float("nan")

    return statistic


def leak_ratio(auc_of_z2: Statistic, auc_of_z1: Statistic) -> Statistic:
    """(AUC(z2) - 0.5) / (AUC(z1) - 0.5): what z2 knows about the AUs, as a share of what z1 does.

    Chance and ideal 0, 1 = as much as z1; unbounded, as AUCs vary around 0.5. NaN if z1 itself is
    near chance (AUC below 0.55): a share of nothing is meaningless. AUDetNet's own measure.
    """

    def statistic(weights: Array) -> float:
        known = auc_of_z1(weights) - 0.5
        return (auc_of_z2(weights) - 0.5) / known if known >= 0.05 else float("nan")

    return statistic


def held_out_r2(predicted: Array, actual: Array, baseline: Array, person: Indices) -> Statistic:
    """1 - SSE / SST over held-out frames, summed over frames and, of targets (N, D), dimensions.

    At most 1, which is the ideal if the factor should be known; chance <= 0: no better than the
    mean of the people the probe was fitted on (``baseline``, same shape as ``actual``), negative if
    the fit does not transfer (out-of-sample R^2, Campbell & Thompson 2008).
    """
    errors = sums_by_person(_row_sums((actual - predicted) ** 2), person)
    total = sums_by_person(_row_sums((actual - baseline) ** 2), person)

    def statistic(weights: Array) -> float:
        variation = weights @ total
        return float(1 - weights @ errors / variation) if variation > 0 else float("nan")

    return statistic


def _row_sums(values: Array) -> Array:
    return np.asarray(values.reshape(len(values), -1).sum(axis=1))


def balanced_accuracy(predicted: Indices, person: Indices) -> Statistic:
    """Mean over people of the share of their frames in which a classifier recognises them.

    0-1, chance 1 / P, ideal for an identity code 1 (Brodersen et al. 2010). The classifier was
    fitted on other stretches of time.
    """
    hits = sums_by_person((predicted == person) * 1.0, person)
    return mean_over_people(hits / np.bincount(person))


def same_person_auc(z: Array, person: Indices, block: Indices) -> Statistic:
    """Verification AUC, mean over people: how well the cosine similarity of two frames, one of them
    of this person, predicts whether the other is of the same person.

    0-1, chance 0.5, ideal for an identity code 1 (as for faces: Huang et al. 2007). z (N, D),
    standardised per dimension. Only pairs from different stretches of time (``block`` (N,)) count:
    neighbouring frames of a video are alike for other reasons.
    """
    lengths = np.linalg.norm(z, axis=1, keepdims=True)
    unit = z / np.where(lengths > 0, lengths, 1)
    similarity = unit @ unit.T
    apart = block[:, None] != block[None, :]
    values = []
    for one in range(int(person.max()) + 1):
        rows = person == one
        same = (person == one)[None, :] & apart[rows]
        other = (person != one)[None, :] & apart[rows]
        pairs = similarity[rows]
        scores = np.concatenate([pairs[same], pairs[other]])
        labels = np.concatenate([np.ones(same.sum()), np.zeros(other.sum())])
        values.append(two_afc(scores, labels))
    return mean_over_people(np.array(values))


def info_nce(scores: Array) -> Array:
    """InfoNCE bound of each row, (K,), in nats: log K + log softmax of the true pair.

    scores (K, K): row i scores z1 of frame i with z2 of every frame, true pairs on the diagonal.
    The mean is at most log K, and at most the mutual information; 0 = independent, negative = a
    critic that does not transfer (van den Oord et al. 2018).
    """
    highest = scores.max(axis=1, keepdims=True)
    normaliser = highest[:, 0] + np.log(np.exp(scores - highest).sum(axis=1))
    return np.asarray(np.diag(scores) - normaliser + np.log(len(scores)))


def pair_auc(scores: Array) -> Array:
    """Share of shuffled pairs that score below the true pair of each row, (K,); ties count half.

    0-1, chance and, between blocks, ideal 0.5 (Mann & Whitney 1947). scores (K, K) as in info_nce.
    """
    true = np.diag(scores)[:, None]
    others = ~np.eye(len(scores), dtype=bool)
    wins = (scores < true) + 0.5 * (scores == true)
    return np.asarray((wins * others).sum(axis=1) / (len(scores) - 1))


def standardised(z: Array) -> Array:
    """z (N, D) with mean 0 and variance 1 over the frames, without constant dimensions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        deviations = z.std(axis=0)
    varying = deviations > 1e-8
    return np.asarray((z[:, varying] - z[:, varying].mean(axis=0)) / deviations[varying])


def relative_error(errors: Array, reference: Array, person: Indices) -> Statistic:
    """Sum of squared errors (N,) over the sum of squared errors of a reference (N,).

    At least 0, which is exact and the ideal; 1, chance: no better than the reference. Of re-encoded
    images it is the cycle error (after Zhu et al. 2017).
    """
    made, expected = sums_by_person(errors, person), sums_by_person(reference, person)

    def statistic(weights: Array) -> float:
        total = float(weights @ expected)
        return float(weights @ made) / total if total > 0 else float("nan")

    return statistic
