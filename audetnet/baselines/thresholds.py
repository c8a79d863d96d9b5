"""From which score on an AU counts as active, chosen on people apart."""

import numpy as np

from audetnet.evaluation.metrics import Array


def best_f1_threshold(scores: Array, labels: Array) -> float:
    """The threshold with the highest F1 of ``scores >= threshold``, half way to the next lower
    score; the highest of several. scores, labels (N,): 0/1, NaN takes no part. NaN where no frame
    is active.
    """
    known = ~np.isnan(labels) & ~np.isnan(scores)
    order = np.argsort(-scores[known], kind="stable")
    ranked, active = scores[known][order], labels[known][order] == 1
    if not active.any():
        return float("nan")
    f1 = 2 * np.cumsum(active) / (np.arange(1, len(ranked) + 1) + active.sum())
    ends = np.append(ranked[1:] < ranked[:-1], True)  # equal scores are decided alike
    best = int(np.argmax(np.where(ends, f1, -1)))
    if best + 1 == len(ranked):
        return float(ranked[best])
    return float((ranked[best] + ranked[best + 1]) / 2)


def best_f1_thresholds(scores: Array, labels: Array) -> Array:
    """Of each AU, (A,), from (N, A) each."""
    columns = range(labels.shape[1])
    return np.array([best_f1_threshold(scores[:, au], labels[:, au]) for au in columns])
