"""Predictions of one network, or the mean of several. A AUs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from audetnet.faces.alignment import Alignment
from audetnet.prediction.au_model import AUModel, Neutral, Outputs
from audetnet.prediction.observing import CropKind, Observation
from audetnet.prediction.table import Columns, Row

Neutrals: TypeAlias = tuple[Neutral, ...] | None
"""A person's neutral for each network; None if unknown."""


@dataclass(frozen=True)
class Recognition:
    """``rows``: in the order of the observations; ``outputs``: of the first network, for the rows
    with a face.
    """

    rows: list[Row]
    outputs: Outputs | None


class Ensemble:
    """One network or several. Values and thresholds are means over the networks; the spread is
    their standard deviation (n - 1).
    """

    def __init__(self, models: Sequence[AUModel], alignment: Alignment | None = None) -> None:
        """``alignment``: crop factors, by default those of ``create_dataset.frames``; its size is
        ignored.
        """
        self.models = tuple(models)
        alignment = alignment or Alignment()
        infos = [model.info for model in models]
        self.kinds = tuple(_kind(alignment, each.crop_size, each.frame_size) for each in infos)
        self.thresholds = np.mean([each.thresholds for each in infos], axis=0)
        self.columns = Columns(infos[0], self.thresholds, with_spread=len(models) > 1)

    def recognise(self, seen: Sequence[Observation], neutrals: Sequence[Neutrals]) -> Recognition:
        """``neutrals``: of the person in each observation."""
        faces = [(one, neutral) for one, neutral in zip(seen, neutrals, strict=True) if one.crops]
        if not faces:
            return Recognition([self.columns.row(one, None, None) for one in seen], None)
        outputs = [self._of(number, faces) for number in range(len(self.models))]
        values = np.stack([each.values for each in outputs])
        mean = values.mean(axis=0)
        spread = values.std(axis=0, ddof=1) if len(outputs) > 1 else None
        numbers = iter(range(len(faces)))
        rows = []
        for one in seen:
            index = next(numbers) if one.crops else None
            rows.append(self.columns.row(one, _at(mean, index), _at(spread, index)))
        return Recognition(rows, outputs[0])

    def _of(self, number: int, faces: Sequence[tuple[Observation, Neutrals]]) -> Outputs:
        crops = np.stack([one.crops[self.kinds[number]] for one, _ in faces])
        own = [None if neutrals is None else neutrals[number] for _, neutrals in faces]
        return self.models[number](crops, own)


def _kind(alignment: Alignment, crop_size: int, frame_size: tuple[int, int]) -> CropKind:
    return CropKind(
        Alignment(
            size=crop_size,
            width_factor=alignment.width_factor,
            height_factor=alignment.height_factor,
            resampling=alignment.resampling,
        ),
        frame_size,
    )


def _at(
    values: npt.NDArray[np.float64] | None, index: int | None
) -> npt.NDArray[np.float64] | None:
    return None if values is None or index is None else values[index]
