"""The shipped TensorFlow Lite networks (``models/``), run by OpenCV.

They are MediaPipe's; the licence (Apache 2.0) is in the same folder.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from audetnet.faces.opencv import cv2

FloatArray = npt.NDArray[np.float32]
ShippedFile = Literal["face_detection_short_range", "face_detection_back", "face_landmark"]
_FOLDER = Path(__file__).with_name("models")


class ShippedNetwork:
    """One network, and the names of the outputs to return."""

    def __init__(self, file: ShippedFile, outputs: Sequence[str]) -> None:
        # OpenCV 4 has one engine, called classic in OpenCV 5, whose new one omits some outputs.
        known = hasattr(cv2.dnn, "ENGINE_CLASSIC")
        engine: dict[str, Any] = {"engine": cv2.dnn.ENGINE_CLASSIC} if known else {}
        self._network = cv2.dnn.readNetFromTFLite(str(_FOLDER / f"{file}.tflite"), **engine)
        self._outputs = tuple(outputs)

    def __call__(self, image: FloatArray) -> list[FloatArray]:
        """The outputs, in the order asked for, for an image (H, W, 3) of the input size."""
        self._network.setInput(np.ascontiguousarray(image.transpose(2, 0, 1)[None]))
        found = self._network.forward(self._outputs)
        return [np.asarray(output, dtype=np.float32) for output in found]


def sigmoid(logits: FloatArray) -> FloatArray:
    """The logistic function, without overflow."""
    return np.asarray((1 + np.tanh(logits / 2)) / 2, dtype=np.float32)
