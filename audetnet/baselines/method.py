"""What a method says of people whom it was not fitted on, and how good that is.

N frames, A AUs, P people. A method's thresholds are chosen on ``tuning`` frames, of other people
than those of the test.
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
"""What is taken off a person's frames, by how many of them say it; beside ``PLAIN``."""
MEAN = "mean"
METRICS: Mapping[str, str] = {
    "auc": "AUC",
    "f1": "F1",
    "f1_fixed": "F1, fixed",
    "icc": "ICC(3,1)",
    "mae": "MAE",
}
"""Titles. ``f1`` is at the tuned thresholds, ``f1_fixed`` where the AU loss puts it (0.5)."""


@dataclass(frozen=True)
class Scores:
    """Of the tuning frames and of the test frames, (N, A) each; NaN = none."""

    tuning: Array
    test: Array


@dataclass(frozen=True, kw_only=True)
class Method:
    """A baseline or a run. ``by_reference``: its scores by how many frames of each person say what
    is at rest. ``tuning_labels`` (N, A) are of the tuning frames, ``tuned_on`` says whose they are.
    """

    name: str
    head: AUHead
    tuned_on: str
    tuning_labels: Array
    by_reference: Mapping[str, Scores]

    def statistics(
        self, reference: str, test: FrameSet, au_names: tuple[str, ...]
    ) -> dict[tuple[str, str], Statistic]:
        """By metric and AU, their mean among them: functions of how much each test person counts.
        Where no tuning frame shows an AU its threshold is the fixed one.
        """
        scores, head = self.by_reference[reference], self.head
        thresholds = best_f1_thresholds(scores.tuning, self.tuning_labels)
        said = torch.from_numpy(scores.test)
        fixed = head.active(said).double().numpy()
        tuned = np.where(np.isnan(thresholds), fixed, (scores.test >= thresholds) * 1.0)
        labels, person = active_labels(head, test), people_of(test)
        found: dict[tuple[str, str], Statistic] = {}
        for au, columns in _columns(au_names).items():
            own = labels[:, columns]
            found["auc", au] = macro_auc(scores.test[:, columns], own, person)
            found["f1", au] = macro_f1(tuned[:, columns], own, person)
            found["f1_fixed", au] = macro_f1(fixed[:, columns], own, person)
            if head.regress:
                intensities = head.predictions(said).numpy()[:, columns]
                actual = test.labels[:, columns].astype(np.float64)
                found["icc", au] = macro_icc(intensities, actual, person)
                found["mae", au] = macro_mae(intensities, actual, person)
        return found

    def estimates(
        self, test: FrameSet, au_names: tuple[str, ...], seed: int
    ) -> dict[tuple[str, str, str], Estimate]:
        """By reference, metric and AU: values with their intervals over the test people, who are
        drawn alike for all.
        """
        return {
            (reference, *key): over_people(statistic, test, seed)
            for reference in self.by_reference
            for key, statistic in self.statistics(reference, test, au_names).items()
        }


def over_people(statistic: Statistic, test: FrameSet, seed: int) -> Estimate:
    """A statistic with its interval; without one where it is not known who is in each frame."""
    generator = numpy_generator(seed, Purpose.DISENTANGLING)
    return estimate(statistic, int(people_of(test).max()) + 1, generator)


def people_of(frames: FrameSet) -> Indices:
    """The number of each frame's person, (N,); all one person where it is not known who is who."""
    if frames.subjects_fault():
        return np.zeros(len(frames), dtype=np.int64)
    return subject_indices(frames.subjects)


def active_labels(head: AUHead, frames: FrameSet) -> Array:
    """Labels (N, A) as 1, 0 and NaN."""
    return head.active_labels(torch.from_numpy(frames.labels)).double().numpy()


def _columns(au_names: tuple[str, ...]) -> dict[str, list[int]]:
    return {MEAN: [*range(len(au_names))], **{name: [au] for au, name in enumerate(au_names)}}
