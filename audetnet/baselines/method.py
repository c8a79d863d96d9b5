"""Scores of a baseline or a run on unseen people, and how good they are.

N frames, A AUs, P people. Thresholds are chosen on ``tuning`` frames of people not in the test set.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from audetnet.baselines.agreement import macro_icc, macro_mae
from audetnet.data.frames import FrameSet
from audetnet.data.metadata import subject_indices
from audetnet.data.neutral_frames import NeutralFrames
from audetnet.disentangling.block_metrics import macro_auc, macro_f1
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.people import (
    Estimate,
    Indices,
    Statistic,
    estimate,
)
from audetnet.evaluation.thresholds import best_f1_thresholds
from audetnet.networks.au_head import AUHead
from audetnet.seeds import Purpose, numpy_generator

PLAIN = "none"
REFERENCES: Mapping[str, NeutralFrames] = {
    "5": NeutralFrames(frames="random", count=5),
    "20": NeutralFrames(frames="random", count=20),
    "all": NeutralFrames(),
}
"""Person references to subtract, by the number of frames they are estimated from; ``PLAIN`` is
without one.
"""
MEAN = "mean"
METRICS: Mapping[str, str] = {
    "auc": "AUC",
    "f1": "F1",
    "f1_fixed": "F1, fixed",
    "icc": "ICC(3,1)",
    "mae": "MAE",
}
"""Titles. ``f1`` is at tuned thresholds, ``f1_fixed`` at the fixed one of the AU loss (0.5)."""


@dataclass(frozen=True)
class Scores:
    """Scores of the tuning and of the test frames, (N, A) each; NaN = none."""

    tuning: Array
    test: Array


@dataclass(frozen=True, kw_only=True)
class Method:
    """A baseline or a run. ``by_reference``: its scores by person reference (see REFERENCES).
    ``tuning_labels`` (N, A) are of the tuning frames, ``tuned_on`` states whose they are.
    """

    name: str
    head: AUHead
    tuned_on: str
    tuning_labels: Array
    by_reference: Mapping[str, Scores]

    def statistics(
        self, reference: str, test: FrameSet, au_names: tuple[str, ...]
    ) -> dict[tuple[str, str], Statistic]:
        """By metric and AU (and MEAN): statistics over the test people. The threshold of an AU that
        is active in no tuning frame is the fixed one.
        """
        scores, head = self.by_reference[reference], self.head
        thresholds = best_f1_thresholds(scores.tuning, self.tuning_labels)
        test_scores = torch.from_numpy(scores.test)
        fixed = head.active(test_scores).double().numpy()
        tuned = np.where(np.isnan(thresholds), fixed, (scores.test >= thresholds) * 1.0)
        labels, person = active_labels(head, test), people_of(test)
        found: dict[tuple[str, str], Statistic] = {}
        for au, columns in _columns(au_names).items():
            own = labels[:, columns]
            found["auc", au] = macro_auc(scores.test[:, columns], own, person)
            found["f1", au] = macro_f1(tuned[:, columns], own, person)
            found["f1_fixed", au] = macro_f1(fixed[:, columns], own, person)
            if head.regress:
                intensities = head.predictions(test_scores).numpy()[:, columns]
                actual = test.labels[:, columns].astype(np.float64)
                found["icc", au] = macro_icc(intensities, actual, person)
                found["mae", au] = macro_mae(intensities, actual, person)
        return found

    def estimates(
        self, test: FrameSet, au_names: tuple[str, ...], seed: int
    ) -> dict[tuple[str, str, str], Estimate]:
        """By reference, metric and AU: values with intervals over the test people, over the same
        bootstrap samples for all.
        """
        return {
            (reference, *key): over_people(statistic, test, seed)
            for reference in self.by_reference
            for key, statistic in self.statistics(reference, test, au_names).items()
        }


def over_people(statistic: Statistic, test: FrameSet, seed: int) -> Estimate:
    """A statistic with its interval, if it is known who is in each frame."""
    generator = numpy_generator(seed, Purpose.DISENTANGLING)
    return estimate(statistic, int(people_of(test).max()) + 1, generator)


def people_of(frames: FrameSet) -> Indices:
    """Index of each frame's person, (N,); a single person if it is not known who is who."""
    if frames.subjects_fault():
        return np.zeros(len(frames), dtype=np.int64)
    return subject_indices(frames.subjects)


def active_labels(head: AUHead, frames: FrameSet) -> Array:
    """Labels (N, A) as 1, 0 and NaN."""
    return head.active_labels(torch.from_numpy(frames.labels)).double().numpy()


def _columns(au_names: tuple[str, ...]) -> dict[str, list[int]]:
    return {MEAN: [*range(len(au_names))], **{name: [au] for au, name in enumerate(au_names)}}
