"""The face model: a mean face, identity shapes and expression blendshapes.

Reduced from ICT-FaceKit (USC Institute for Creative Technologies, Li et al. 2020, "Learning
Formation of Physically-Based Face Attributes", MIT licence in the same folder). Lengths are in
centimetres; x points right in the picture, y up, z towards the camera.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from create_dataset.rendering.curves import FloatArray

FOLDER = Path(__file__).parent / "ict_facekit"
LICENCE = "LICENSE.ICT-FaceKit.txt"
IntArray = npt.NDArray[np.int32]
ByteArray = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

BROWS = (17, 18, 19, 20, 21), (26, 25, 24, 23, 22)
"""Landmarks (68-point scheme) of each brow, from the outer to the inner end."""
EYES = slice(36, 42), slice(42, 48)
OUTER_LIPS = slice(48, 60)
_UPPER_LIP, _LOWER_LIP = [61, 62, 63], [67, 66, 65]
_LOWER_LASHES_BELOW = 3.42


class Part(IntEnum):
    """What a triangle belongs to."""

    FACE = 0
    HEAD = 1
    MOUTH = 2
    EYE_SOCKET = 3
    GUMS = 4
    TEETH = 5
    LEFT_EYE = 6
    RIGHT_EYE = 7
    LASHES = 8
    GLASSES = 9


@dataclass(frozen=True, kw_only=True)
class FaceModel:
    """V vertices, F triangles, 53 expressions and 100 identity shapes."""

    vertices: FloatArray
    """The mean face (V, 3)."""
    triangles: IntArray
    """Vertices of each triangle (F, 3)."""
    parts: ByteArray
    """The Part of each triangle (F,)."""
    uv: FloatArray
    """Texture coordinates in [0, 1] from the bottom left corner (V, 2)."""
    eye_positions: FloatArray
    """Positions (V, 3) in the coordinates of the eyeball, which has radius 1 and looks along z."""
    expressions: FloatArray
    """Displacements at full strength (53, V, 3)."""
    names: tuple[str, ...]
    """The names of the expressions."""
    identities: FloatArray
    """Displacements at one standard deviation (100, V, 3)."""
    landmarks: IntArray
    """The vertices of the 68-point scheme."""

    @cached_property
    def index(self) -> dict[str, int]:
        """The index of each expression by name."""
        return {name: place for place, name in enumerate(self.names)}

    @cached_property
    def solid(self) -> IntArray:
        """The triangles (S, 3) that cast shadows: all but the lashes."""
        return np.ascontiguousarray(self.triangles[self.parts != Part.LASHES])

    def is_in(self, *parts: Part) -> Flags:
        """Whether each vertex belongs to one of the parts (V,)."""
        inside = np.zeros(len(self.vertices), dtype=np.bool_)
        inside[self.triangles[np.isin(self.parts, parts)]] = True
        return inside

    def lip_gap(self, shapes: FloatArray) -> FloatArray:
        """How far each of K shapes (K, V, 3) opens the lips, in cm, at the three inner landmark
        pairs: (K, 3).
        """
        upper, lower = self.landmarks[_UPPER_LIP], self.landmarks[_LOWER_LIP]
        gap: FloatArray = shapes[:, upper, 1] - shapes[:, lower, 1]
        return gap

    @cached_property
    def expression_gap(self) -> FloatArray:
        """The mean opening of each expression (53,)."""
        mean: FloatArray = self.lip_gap(self.expressions).mean(axis=1)
        return mean


def read_face_model() -> FaceModel:
    """Read the arrays shipped with the package, without the cards of the lower lashes, which look
    far too heavy.
    """
    with np.load(FOLDER / "face_model.npz") as arrays:
        vertices, triangles, parts = arrays["base"], arrays["F"], arrays["part"]
        height = vertices[triangles][:, :, 1].mean(axis=1)
        kept = (parts != Part.LASHES) | (height >= _LOWER_LASHES_BELOW)
        return FaceModel(
            vertices=vertices,
            triangles=np.ascontiguousarray(triangles[kept]),
            parts=np.ascontiguousarray(parts[kept]),
            uv=arrays["uv"],
            eye_positions=arrays["eyeq"],
            expressions=arrays["E"].astype(np.float32),
            names=tuple(arrays["names"].tolist()),
            identities=arrays["I"].astype(np.float32),
            landmarks=arrays["lm"],
        )
