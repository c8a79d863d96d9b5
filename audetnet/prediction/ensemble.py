"""What one network or several say of faces together. A AUs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from audetnet.faces.alignment import Alignment
from audetnet.prediction.au_model import AUModel, Outputs, Rest
from audetnet.prediction.observing import CropKind, Observation
from audetnet.prediction.table import Columns, Row

Rests: TypeAlias = tuple[Rest, ...] | None
"""What a person shows at rest, for each network; None: not known."""


@dataclass(frozen=True)
class Recognised:
    """Rows in the order of what was seen, and the outputs of the first network for those with a
    face.
    """

    rows: list[Row]
    outputs: Outputs | None


class Ensemble:
    """One network, or several whose mean counts. The threshold of an AU is then the mean of theirs,
    and its spread their standard deviation (n - 1).
    """

    def __init__(self, models: Sequence[AUModel], alignment: Alignment | None = None) -> None:
        """``alignment``: other factors than ``create_dataset.frames`` has by itself; its size does
        not count.
        """
        self.models = tuple(models)
        alignment = alignment or Alignment()
        facts = [model.facts for model in models]
        self.kinds = tuple(_kind(alignment, each.crop_size, each.frame_size) for each in facts)
        self.thresholds = np.mean([each.thresholds for each in facts], axis=0)
        self.columns = Columns(facts[0], self.thresholds, with_spread=len(models) > 1)

    def recognise(self, seen: Sequence[Observation], rests: Sequence[Rests]) -> Recognised:
        """``rests``: of the person in each of what was seen."""
        faces = [(one, rest) for one, rest in zip(seen, rests, strict=True) if one.crops]
        if not faces:
            return Recognised([self.columns.row(one, None, None) for one in seen], None)
        outputs = [self._of(number, faces) for number in range(len(self.models))]
        values = np.stack([each.values for each in outputs])
        mean = values.mean(axis=0)
        spread = values.std(axis=0, ddof=1) if len(outputs) > 1 else None
        numbers = iter(range(len(faces)))
        rows = []
        for one in seen:
            index = next(numbers) if one.crops else None
            rows.append(self.columns.row(one, _at(mean, index), _at(spread, index)))
        return Recognised(rows, outputs[0])

    def _of(self, number: int, faces: Sequence[tuple[Observation, Rests]]) -> Outputs:
        crops = np.stack([one.crops[self.kinds[number]] for one, _ in faces])
        own = [None if rests is None else rests[number] for _, rests in faces]
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
