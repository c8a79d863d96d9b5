"""Whose face it is: dlib's descriptor of faces; an optional part (see dlib_models.py).

A residual network that D. King trained on about 3 million pictures of 7,485 people (2017,
http://blog.dlib.net/2017/02/high-quality-face-recognition-with-deep.html).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from audetnet.faces.dlib_models import dlib_model

SIDE = 150
"""Pixels along the edges of the pictures that it reads, with a face that fills them."""
_WIDTH = 128
_AT_A_TIME = 32


class FaceDescriptor:
    """Raises UserError where dlib or the model is not installed."""

    def __init__(self) -> None:
        model = dlib_model("dlib_face_recognition_resnet_model_v1", "telling people apart")
        import dlib

        network = dlib.face_recognition_model_v1(str(model))
        self._describe: Callable[[list[Any]], Sequence[Any]] = network.compute_face_descriptor

    def descriptors(self, faces: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """(N, 128) of RGB pictures (N, SIDE, SIDE, 3): near each other for one person."""
        found: list[Any] = []
        for start in range(0, len(faces), _AT_A_TIME):
            found += self._describe(list(map(np.ascontiguousarray, faces[start:][:_AT_A_TIME])))
        return np.array(found, dtype=np.float64).reshape(len(faces), _WIDTH)
