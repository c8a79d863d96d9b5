"""What prediction asks of a network, whoever runs it. B crops, A AUs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from audetnet.data.images import Size
from audetnet.labels import LabelKind

Crops = npt.NDArray[np.uint8]
"""RGB, (B, H, W, 3)."""
Rest = npt.NDArray[np.float32]
"""What a person shows at rest, (C, h, w), where a network takes it off."""


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """A network without its weights. ``kind`` says what its outputs are: intensities (0-5) or
    probabilities of occurrence (0-1); ``thresholds`` (A,), in the same unit, from which on an AU is
    active. Crops of ``crop_size`` pixels are resized to ``frame_size``. ``digest`` tells its
    weights from others. ``landmarks`` made the crops of its training; None: not known.
    """

    path: Path
    version: str
    au_names: tuple[str, ...]
    kind: LabelKind
    thresholds: tuple[float, ...]
    frame_size: Size
    crop_size: int
    landmarks: str | None
    digest: str
    has_person_reference: bool


@dataclass(frozen=True)
class Outputs:
    """Of B crops: ``values`` (B, A) within 0-5 or 0-1, and codes (B, Z1), (B, Z2), means over their
    positions.
    """

    values: npt.NDArray[np.float64]
    z1: npt.NDArray[np.float32]
    z2: npt.NDArray[np.float32]


class AUModel(Protocol):
    """A network that is ready to run."""

    @property
    def facts(self) -> ModelFacts: ...

    def __call__(self, crops: Crops, rests: Sequence[Rest | None] | None = None) -> Outputs:
        """``rests``: of the person in each crop; None where it is not known."""

    def prepare_for_rest(self) -> None:
        """Be ready to be asked what people show at rest. Raises UserError where that cannot be."""

    def at_rest(self, crops: Crops) -> Rest:
        """What a person shows at rest, the median over some crops of that person."""
