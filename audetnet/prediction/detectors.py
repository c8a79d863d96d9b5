"""Selects the detector whose landmarks the networks were trained on."""

from collections.abc import Sequence

from audetnet.errors import UserError
from audetnet.faces.detector import LandmarkDetector, landmark_detector
from audetnet.faces.sources import DETECTORS, DetectorName
from audetnet.prediction.au_model import ModelInfo

_DEFAULT: DetectorName = "facemesh"


def select_detector(infos: Sequence[ModelInfo], requested: DetectorName | None) -> LandmarkDetector:
    """The networks' detector; if they name none, ``requested`` or the default. Raises UserError if
    they disagree, since another detector cuts other crops.
    """
    name = requested
    for each in infos:
        own = next((known for known in DETECTORS if known == each.landmarks), None)
        if own is None:
            continue
        if name is not None and name != own:
            raise UserError(
                f"{each.path}: trained on crops by landmarks of {own}, and {name} makes different "
                f"crops; use --landmarks {own}"
            )
        name = own
    return landmark_detector(name or _DEFAULT)
