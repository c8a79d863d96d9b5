"""Predictions of whole sets, and the file of them that every table is made from.

N frames, A AUs. Outputs are on the scale of thresholds: intensities (0-5) where these are
regressed, else probabilities (0-1); an output of MSE may leave it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from audetnet.data.metadata import subject_indices
from audetnet.evaluation.metrics import Array, Predictions
from audetnet.evaluation.people import Indices
from audetnet.labels import MAX_INTENSITY, LabelKind

_ANYBODY = "anybody"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What one model says of one set. ``part`` names the fold, or the dataset; ``seed`` is that of
    the training, None of a single run. ``truth`` (N, A) are labels on the scale of ``kind``, NaN =
    unknown; ``active`` the same as 1, 0 and NaN. ``threshold`` and ``tuned`` (A,) are the default
    thresholds and those of people apart, None without such people.
    """

    part: str
    seed: int | None
    frames: tuple[str, ...]
    subjects: tuple[str, ...]
    aus: tuple[str, ...]
    kind: LabelKind
    regressed: bool
    truth: Array
    active: Array
    outputs: Array
    threshold: Array
    tuned: Array | None

    @property
    def probabilities(self) -> Array | None:
        """That an AU is active, (N, A), 0-1; None where intensities are regressed."""
        return None if self.regressed else self.within_scale

    @property
    def within_scale(self) -> Array:
        """The outputs that thresholds are applied to, (N, A): 0-5 or 0-1."""
        return self.outputs.clip(0, MAX_INTENSITY if self.regressed else 1)

    def of_frames(self, rows: Indices) -> "Piece":
        """Of some frames only."""
        return replace(
            self,
            frames=tuple(self.frames[row] for row in rows),
            subjects=tuple(self.subjects[row] for row in rows),
            truth=self.truth[rows],
            active=self.active[rows],
            outputs=self.outputs[rows],
        )


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """The frames of several pieces as one set. ``person`` (N,) counts ``people`` from 0."""

    aus: tuple[str, ...]
    frames: tuple[str, ...]
    people: tuple[str, ...]
    person: Indices
    predictions: Predictions


def pooled(pieces: Sequence[Piece]) -> Pooled:
    """Pieces of the same AUs, such as the folds of one seed. Each is decided by its own
    thresholds.
    """
    subjects = [subject for piece in pieces for subject in piece.subjects]
    if not 1 < len(set(subjects)) < len(subjects):
        subjects = [_ANYBODY] * len(subjects)  # it is not known who is who: no intervals
    outputs = np.concatenate([piece.outputs for piece in pieces])
    regressed = all(piece.regressed for piece in pieces)
    rated = regressed and all(piece.kind == "intensity" for piece in pieces)
    decisions = [(piece.within_scale >= piece.threshold) * 1.0 for piece in pieces]
    tuned = [(p.within_scale >= p.tuned) * 1.0 for p in pieces if p.tuned is not None]
    predictions = Predictions(
        scores=outputs,
        decisions=np.concatenate(decisions),
        labels=np.concatenate([piece.active for piece in pieces]),
        tuned_decisions=np.concatenate(tuned) if len(tuned) == len(pieces) else None,
        probabilities=None if regressed else outputs.clip(0, 1),
        intensities=outputs.clip(0, MAX_INTENSITY) if rated else None,
        intensity_labels=np.concatenate([piece.truth for piece in pieces]) if rated else None,
    )
    return Pooled(
        aus=pieces[0].aus,
        frames=tuple(frame for piece in pieces for frame in piece.frames),
        people=tuple(sorted(set(subjects))),
        person=subject_indices(subjects),
        predictions=predictions,
    )
