"""The texture of the face: where its pixels are on the head, and drawing in it.

Textures are TEXTURE pixels high and wide, with the first row at the top; u and v start at the
bottom left corner, and u = 0.5 is the middle of the face.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from create_dataset.rendering.curves import DoubleArray, FloatArray
from create_dataset.rendering.face_model import FaceModel, Flags, Part
from create_dataset.rendering.rasteriser import rasterise

TEXTURE = 768
"""Side of a texture in pixels."""


@dataclass(frozen=True, kw_only=True)
class TextureSpace:
    """``positions`` (T, T, 3) on the mean face in cm, extrapolated beyond its edge; ``covered`` (T,
    T): whether on the face. ``across`` and ``down`` (T, T, 3): what a height step per pixel in that
    direction adds to the surface gradient. ``landmarks`` (68, 2) in pixels.
    """

    positions: FloatArray
    covered: Flags
    across: FloatArray
    down: FloatArray
    landmarks: DoubleArray

    @cached_property
    def u(self) -> DoubleArray:
        """(1, T)."""
        return ((np.arange(TEXTURE) + 0.5) / TEXTURE)[None]

    @cached_property
    def v(self) -> DoubleArray:
        """(T, 1)."""
        return 1 - ((np.arange(TEXTURE) + 0.5) / TEXTURE)[:, None]

    @cached_property
    def off_middle(self) -> DoubleArray:
        """Distance from the middle of the face, in u."""
        return np.abs(self.u - 0.5)

    def gradient(self, height: npt.NDArray[np.floating]) -> FloatArray:
        """The surface gradient (T, T, 3) of heights in cm (T, T)."""
        fine = height.astype(np.float32)
        columns, rows = np.gradient(fine, axis=1), np.gradient(fine, axis=0)
        slope: FloatArray = columns[..., None] * self.across + rows[..., None] * self.down
        return slope

    def spot(self, u: float, v: float, width: float, height: float) -> DoubleArray:
        """A Gaussian around a point, in u and v."""
        return np.exp(-(((self.u - u) / width) ** 2)) * np.exp(-(((self.v - v) / height) ** 2))


def texture_space(model: FaceModel) -> TextureSpace:
    """Map the pixels of the texture to the mean face."""
    from scipy.ndimage import distance_transform_edt

    faces = np.ascontiguousarray(model.triangles[model.parts == Part.FACE])
    flat = _in_pixels(model.uv.astype(np.float64))
    points = np.concatenate([flat, np.zeros((len(flat), 1))], axis=1).astype(np.float32)
    if _turned(points, faces):
        faces = np.ascontiguousarray(faces[:, ::-1])
    no_lashes = np.zeros(len(faces), np.uint8)
    shown, weights = rasterise(points, faces, no_lashes, model.uv, TEXTURE, 0.0)
    covered = shown >= 0
    all_weights = np.concatenate([weights, 1 - weights.sum(axis=-1, keepdims=True)], axis=-1)
    corners = model.vertices[faces[np.maximum(shown, 0)]]
    positions = (corners * all_weights[..., None]).sum(axis=2)
    nearest = distance_transform_edt(~covered, return_distances=False, return_indices=True)
    positions = positions[nearest[0], nearest[1]].astype(np.float32)
    return TextureSpace(
        positions=positions,
        covered=covered,
        across=_per_length(np.gradient(positions, axis=1)),
        down=_per_length(np.gradient(positions, axis=0)),
        landmarks=flat[model.landmarks],
    )


def spline(points: npt.ArrayLike, count: int, *, closed: bool = False) -> DoubleArray:
    """``count`` points on a smooth curve through the given ones (K, 2)."""
    from scipy.interpolate import CubicSpline

    knots = np.asarray(points, np.float64)
    if closed:
        knots = np.concatenate([knots, knots[:1]])
    lengths = np.linalg.norm(np.diff(knots, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    curve = CubicSpline(along, knots, bc_type="periodic" if closed else "natural")
    found: DoubleArray = curve(np.linspace(0, along[-1], count))
    return found


def filled(outline: DoubleArray, blur: float) -> FloatArray:
    """1 inside a polygon (in texture pixels), 0 outside, with a soft edge: (T, T)."""
    from scipy.ndimage import gaussian_filter

    picture = Image.new("L", (2 * TEXTURE, 2 * TEXTURE), 0)
    ImageDraw.Draw(picture).polygon([(2 * x, 2 * y) for x, y in outline.tolist()], fill=255)
    small = picture.resize((TEXTURE, TEXTURE), Image.Resampling.BOX)
    soft: FloatArray = gaussian_filter(np.asarray(small, np.float32) / 255, blur)
    return soft


def distance_to(points: Sequence[tuple[float, float]]) -> DoubleArray:
    """The distance of every pixel from the curve through points (u, v), in sides of the texture:
    (T, T).
    """
    from scipy.ndimage import distance_transform_edt

    curve = np.round(spline(_in_pixels(np.array(points)), 400)).astype(int)
    column, row = np.clip(curve, 0, TEXTURE - 1).T
    away = np.ones((TEXTURE, TEXTURE), dtype=np.bool_)
    away[row, column] = False
    distance: DoubleArray = distance_transform_edt(away) / TEXTURE
    return distance


def _in_pixels(uv: DoubleArray) -> DoubleArray:
    return np.stack([uv[..., 0], 1 - uv[..., 1]], axis=-1) * TEXTURE


def _turned(points: FloatArray, faces: npt.NDArray[np.int32]) -> bool:
    """Whether most triangles have the opposite orientation in the texture."""
    a, b, c = (points[faces[:, corner], :2].astype(np.float64) for corner in range(3))
    ab, ac = b - a, c - a
    return bool(np.median(ab[:, 0] * ac[:, 1] - ac[:, 0] * ab[:, 1]) > 0)


def _per_length(step: FloatArray) -> FloatArray:
    """A direction divided by its squared length."""
    length = (step**2).sum(axis=-1, keepdims=True)
    scaled: FloatArray = step / np.maximum(length, np.float32(1e-5))
    return scaled
