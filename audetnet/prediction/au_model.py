"""The interface between prediction and networks. B crops, A AUs."""

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
Neutral = npt.NDArray[np.float32]
"""Features of a person's neutral face, (C, h, w), which a network subtracts."""


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """Description of a network. ``kind``: outputs are intensities (0-5) or probabilities of
    occurrence (0-1); ``thresholds`` (A,): in the same unit. Crops of ``crop_size`` pixels are
    resized to ``frame_size``. ``digest``: of the weights. ``landmarks``: source of the landmarks
    that its training crops were cut by; None if unknown.
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
    """Outputs for B crops: ``values`` (B, A), 0-5 or 0-1, and spatially averaged codes (B, Z1) and
    (B, Z2).
    """

    values: npt.NDArray[np.float64]
    z1: npt.NDArray[np.float32]
    z2: npt.NDArray[np.float32]


class AUModel(Protocol):
    """A loaded network."""

    @property
    def info(self) -> ModelInfo: ...

    def __call__(self, crops: Crops, neutrals: Sequence[Neutral | None] | None = None) -> Outputs:
        """``neutrals``: of the person in each crop; None where unknown."""

    def prepare_neutral(self) -> None:
        """Load what ``at_rest`` needs. Raises UserError if the network does not support it."""

    def neutral(self, crops: Crops) -> Neutral:
        """The median over some crops of one person."""
