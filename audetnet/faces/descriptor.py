"""dlib's face descriptor, which identifies people; optional (see dlib_models.py).

A residual network trained by D. King on about 3 million images of 7,485 people (2017,
http://blog.dlib.net/2017/02/high-quality-face-recognition-with-deep.html).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from audetnet.faces.dlib_models import dlib_model

SIDE = 150
"""Input size in pixels; the face should fill the image."""
_WIDTH = 128
_BATCH = 32


class FaceDescriptor:
    """Raises UserError if dlib or the model is not installed."""

    def __init__(self) -> None:
        model = dlib_model("dlib_face_recognition_resnet_model_v1", "telling people apart")
        import dlib

        network = dlib.face_recognition_model_v1(str(model))
        self._describe: Callable[[list[Any]], Sequence[Any]] = network.compute_face_descriptor

    def descriptors(self, faces: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Descriptors (N, 128) of RGB images (N, SIDE, SIDE, 3): close for the same person."""
        found: list[Any] = []
        for start in range(0, len(faces), _BATCH):
            found += self._describe(list(map(np.ascontiguousarray, faces[start:][:_BATCH])))
        return np.array(found, dtype=np.float64).reshape(len(faces), _WIDTH)
