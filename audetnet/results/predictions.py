"""Predictions of a model for whole sets of frames.

N frames, A AUs. Outputs are on the scale of the thresholds: intensities (0-5) where these are
regressed, else probabilities (0-1). Models trained with MSE may leave that range.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from audetnet.data.metadata import subject_indices
from audetnet.errors import UserError
from audetnet.evaluation.metrics import Array, Predictions
from audetnet.evaluation.people import Indices
from audetnet.labels import MAX_INTENSITY, LabelKind

_ANYBODY = "anybody"


@dataclass(frozen=True, kw_only=True)
class PredictionSet:
    """Predictions of one model for one set. ``part`` names the fold or dataset; ``seed`` is the
    training's, None for a single run. ``truth`` (N, A): labels on the scale of ``kind``, NaN =
    unknown; ``active``: the same as 1, 0 and NaN. ``threshold`` (A,): the defaults; ``tuned`` (A,):
    chosen on validation people, None without any.
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
        """(N, A), 0-1; None where intensities are regressed."""
        return None if self.regressed else self.within_scale

    @property
    def within_scale(self) -> Array:
        """The outputs clipped to 0-5 or 0-1, (N, A): what thresholds are applied to."""
        return self.outputs.clip(0, MAX_INTENSITY if self.regressed else 1)

    def of_frames(self, rows: Indices) -> "PredictionSet":
        """The predictions for some of the frames."""
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
    """Several sets as one. ``person`` (N,): index into ``people``."""

    aus: tuple[str, ...]
    frames: tuple[str, ...]
    people: tuple[str, ...]
    person: Indices
    predictions: Predictions


def pooled(subsets: Sequence[PredictionSet]) -> Pooled:
    """Pool sets of the same AUs, such as the folds of one seed. Each keeps its own thresholds.
    Raises UserError if the AUs differ.
    """
    if len({subset.aus for subset in subsets}) > 1:
        listed = "; ".join(f"{subset.part}: {', '.join(subset.aus)}" for subset in subsets)
        raise UserError(f"cannot pool predictions of different AUs ({listed})")
    subjects = [subject for subset in subsets for subject in subset.subjects]
    if not 1 < len(set(subjects)) < len(subjects):
        subjects = [_ANYBODY] * len(subjects)  # subjects unknown: no intervals
    outputs = np.concatenate([subset.outputs for subset in subsets])
    regressed = all(subset.regressed for subset in subsets)
    rated = regressed and all(subset.kind == "intensity" for subset in subsets)
    decisions = [(subset.within_scale >= subset.threshold) * 1.0 for subset in subsets]
    tuned = [(p.within_scale >= p.tuned) * 1.0 for p in subsets if p.tuned is not None]
    predictions = Predictions(
        scores=outputs,
        decisions=np.concatenate(decisions),
        labels=np.concatenate([subset.active for subset in subsets]),
        tuned_decisions=np.concatenate(tuned) if len(tuned) == len(subsets) else None,
        probabilities=None if regressed else outputs.clip(0, 1),
        intensities=outputs.clip(0, MAX_INTENSITY) if rated else None,
        intensity_labels=np.concatenate([subset.truth for subset in subsets]) if rated else None,
    )
    return Pooled(
        aus=subsets[0].aus,
        frames=tuple(frame for subset in subsets for frame in subset.frames),
        people=tuple(sorted(set(subjects))),
        person=subject_indices(subjects),
        predictions=predictions,
    )
