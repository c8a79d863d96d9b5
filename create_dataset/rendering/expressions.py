"""Converts action units to weights of the face model's expressions."""

import numpy as np

from create_dataset.rendering.action_units import HIDDEN, PLACE, strengths_by_au
from create_dataset.rendering.curves import DoubleArray, FloatArray
from create_dataset.rendering.face_model import FaceModel
from create_dataset.rendering.traits import Traits

_SHAPES = {
    1: {"browInnerUp": 1.50},
    2: {"browOuterUp": 1.10},
    4: {"browDown": 1.40, "eyeSquint": 0.12},
    5: {"eyeWide": 1.35},
    6: {"cheekSquint": 1.15, "eyeSquint": 0.45},
    9: {"noseSneer": 0.95, "browDown": 0.35, "eyeSquint": 0.15},
    12: {"mouthSmile": 1.0},
    15: {"mouthFrown": 1.35},
    17: {"mouthShrugLower": 1.0},
    20: {"mouthStretch": 1.0, "mouthDimple": 0.35, "mouthSmile": 0.10},
    7: {"eyeSquint": 1.0, "cheekSquint": 0.2},
    10: {"mouthUpperUp": 0.9, "noseSneer": 0.3},
    14: {"mouthDimple": 1.1, "mouthPress": 0.4, "mouthFrown": 0.2},
    18: {"mouthPucker": 1.0},
    22: {"mouthFunnel": 1.0},
    23: {"mouthRollLower": 0.45, "mouthRollUpper": 0.45, "mouthPucker": 0.2},
    24: {"mouthPress": 1.5, "mouthPucker": 0.15},
    28: {"mouthRollLower": 1.0, "mouthRollUpper": 1.0},
    34: {"cheekPuff": 0.85},
    43: {"eyeBlink": 1.0},
}
"""AU25 and AU26 move lips and jaw by given lengths, see below."""
_HIDDEN_SHAPES = {
    7: "eyeSquint",
    10: "mouthUpperUp",
    14: "mouthDimple",
    18: "mouthPucker",
    24: "mouthPress",
    45: "eyeBlink",
}
_PRESSING = (
    "mouthShrugLower",
    "mouthPress_L",
    "mouthPress_R",
    "mouthPucker",
    "mouthDimple_L",
    "mouthDimple_R",
    "mouthRollLower",
)
"""Shapes that press the lips together; the gap that they seem to open is an artefact."""
_JAW = ((0, 1, 2, 3, 4, 5), (0, 0.07, 0.15, 0.26, 0.38, 0.50))
"""Intensity of AU26, weight of jawOpen."""
_GAP = ((0.3, 1, 2, 3, 4, 5), (0.02, 0.18, 0.42, 0.80, 1.35, 2.0))
"""Intensity of AU25, centimetres between the lips."""
_SIDES = ("L", "R")


class _Weights:
    """Weights of all expressions by name; a name without a side means both sides."""

    def __init__(self, model: FaceModel) -> None:
        self._model = model
        self.values = np.zeros(len(model.names))

    def __getitem__(self, name: str) -> float:
        return float(self.values[self._model.index[name]])

    def __setitem__(self, name: str, weight: float) -> None:
        self.values[self._model.index[name]] = weight

    def add(self, name: str, weight: float, asymmetry: float = 0.0) -> None:
        if name in self._model.index:
            self[name] += weight
        else:
            self[f"{name}_L"] += weight * (1 + asymmetry)
            self[f"{name}_R"] += weight * (1 - asymmetry)


def expression(
    model: FaceModel,
    traits: Traits,
    intensities: DoubleArray,
    hidden: DoubleArray,
    gaze: DoubleArray,
) -> FloatArray:
    """Weights of the expressions (53,) for one frame.

    ``intensities`` (A,) from 0 to 5; ``hidden`` (6,) from 0 to 1; ``gaze`` (2,): right and up in
    the picture, from -1 to 1.
    """
    weights = _Weights(model)
    for place, (au, amount) in enumerate(strengths_by_au(intensities).items()):
        for name, share in _SHAPES.get(au, {}).items():
            weights.add(name, share * amount, float(traits.asymmetry[place]))
    for au, amount in zip(HIDDEN, hidden.tolist(), strict=True):
        weights.add(_HIDDEN_SHAPES[au], amount)
    _settle_lids(weights)
    _look(weights, *gaze.tolist())
    weights.values *= traits.strength
    _part_lips(model, weights, float(intensities[PLACE[25]]), float(intensities[PLACE[26]]))
    return weights.values.astype(np.float32)


def _settle_lids(weights: _Weights) -> None:
    """A blink overrides wide eyes, and is limited by squinting."""
    squint = 0.5 * (weights["eyeSquint_L"] + weights["eyeSquint_R"])
    squint += 0.25 * weights["cheekSquint_L"]
    for side in _SIDES:
        blink = weights[f"eyeBlink_{side}"]
        weights[f"eyeWide_{side}"] *= 1 - blink
        weights[f"eyeBlink_{side}"] = blink * (1 - 0.35 * min(1.0, squint))
        weights[f"eyeSquint_{side}"] *= 1 - 0.6 * blink


def _look(weights: _Weights, right: float, up: float) -> None:
    for name, amount in (("Out_L", right), ("In_R", right), ("In_L", -right), ("Out_R", -right)):
        weights.add(f"eyeLook{name}", max(amount, 0.0))
    weights.add("eyeLookUp", max(up, 0.0))
    weights.add("eyeLookDown", max(-up, 0.0))


def _part_lips(model: FaceModel, weights: _Weights, au25: float, au26: float) -> None:
    """AU26 lowers the jaw; AU25 alone decides how far the lips are apart."""
    gaps = {name: float(model.expression_gap[place]) for name, place in model.index.items()}
    jaw = float(np.interp(au26, *_JAW)) + 0.012 * au25
    weights["jawOpen"] += jaw
    pressed = -0.12 * min(1.0, 6 * jaw)
    wanted = float(np.interp(au25, (0, *_GAP[0]), (pressed, *_GAP[1])))
    opening = sum(gap * weights[name] for name, gap in gaps.items())
    if au25 < 0.25:
        opening -= sum(gaps[name] * weights[name] for name in _PRESSING)
    missing = wanted - opening
    lower_gap = gaps["mouthLowerDown_L"] + gaps["mouthLowerDown_R"]
    upper_gap = gaps["mouthUpperUp_L"] + gaps["mouthUpperUp_R"]
    if missing > 0:
        lower = min(0.62 * missing / lower_gap, 1.15)
        upper = min(0.38 * missing / upper_gap, 0.75)
        rest = missing - lower * lower_gap - upper * upper_gap
        weights["jawOpen"] += max(rest, 0.0) / gaps["jawOpen"]
    else:
        closing = min(-missing, gaps["jawOpen"] * weights["jawOpen"])
        weights["mouthClose"] += closing / -gaps["mouthClose"]
        missing += closing
        lower = max(0.5 * missing / lower_gap, -0.8)
        upper = max(0.5 * missing / upper_gap, -0.8)
    weights.add("mouthLowerDown", lower)
    weights.add("mouthUpperUp", upper)
