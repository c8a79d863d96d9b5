"""The detector whose landmarks networks were trained on."""

from collections.abc import Sequence

from audetnet.errors import UserError
from audetnet.faces.detector import LandmarkDetector, landmark_detector
from audetnet.faces.sources import DETECTORS, DetectorName
from audetnet.prediction.au_model import ModelFacts

_DEFAULT: DetectorName = "facemesh"


def chosen_detector(facts: Sequence[ModelFacts], asked: DetectorName | None) -> LandmarkDetector:
    """The detector of the networks; of those that do not name one the one that is asked for, or the
    default. Raises UserError for another one than theirs: its crops differ.
    """
    name = asked
    for each in facts:
        own = next((known for known in DETECTORS if known == each.landmarks), None)
        if own is None:
            continue
        if name is not None and name != own:
            raise UserError(
                f"{each.path}: was trained on crops by the landmarks of {own}; {name} makes "
                f"other crops: use --landmarks {own}"
            )
        name = own
    return landmark_detector(name or _DEFAULT)
