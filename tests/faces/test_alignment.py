"""The aligned crop, against its definition and on drawn discs."""

import math

import numpy as np
import pytest

from audetnet.faces.alignment import (
    LEFT_EYE,
    RIGHT_EYE,
    Alignment,
    align,
    crop_transform,
    transform_points,
)
from audetnet.faces.head_pose import mean_face
from audetnet.faces.landmarks import LandmarkError

FLAT = mean_face()[:, :2] * (1, -1)
"""66 points of an upright face, y down."""


def _face(x: float, y: float, scale: float, degrees: float) -> np.ndarray:
    """Landmarks rotated clockwise."""
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return scale * FLAT @ turn.T + (x, y)


def _eyes(points: np.ndarray) -> np.ndarray:
    return np.stack([points[LEFT_EYE].mean(axis=0), points[RIGHT_EYE].mean(axis=0)])


def _discs(height: int, width: int, places: np.ndarray, radius: float) -> np.ndarray:
    """White discs with soft edges on black."""
    y, x = np.mgrid[:height, :width]
    image = np.zeros((height, width))
    for at_x, at_y in places:
        image += np.clip(radius + 0.5 - np.hypot(x - at_x, y - at_y), 0, 1)
    return np.repeat((image * 255).round().astype(np.uint8)[..., None], 3, axis=2)


def _centroid(image: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    weight = image.astype(float)
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


@pytest.mark.parametrize("degrees", [-170.0, -35.0, 0.0, 20.0, 90.0])
@pytest.mark.parametrize("factors", [(1.2, 1.3), (2.0, 1.0)])
def test_transform_is_the_definition(degrees: float, factors: tuple[float, float]) -> None:
    """Eyes level; the rotated box, times its factors, centred and as large as the crop."""
    alignment = Alignment(size=200, width_factor=factors[0], height_factor=factors[1])
    matrix = crop_transform(_face(300, 200, 11, degrees), alignment)
    moved = transform_points(_face(300, 200, 11, degrees), matrix)
    left, right = _eyes(moved)
    assert left[1] == pytest.approx(right[1], abs=1e-9)
    assert left[0] < right[0]
    low, high = moved.min(axis=0), moved.max(axis=0)
    # The crop reaches from -0.5 to 199.5.
    np.testing.assert_allclose((low + high) / 2, 99.5)
    assert ((high - low) * factors).max() == pytest.approx(200)
    linear = matrix[:, :2]
    np.testing.assert_allclose(linear @ linear.T, np.linalg.det(linear) * np.eye(2), atol=1e-12)


def test_known_square() -> None:
    """A case for mental arithmetic: a box of 100 x 100 about (50, 60), side 130, to 65 pixels."""
    points = np.full((68, 2), (50.0, 60.0))
    points[LEFT_EYE], points[RIGHT_EYE] = (30, 50), (70, 50)
    points[0], points[8], points[16] = (0, 10), (50, 110), (100, 60)
    matrix = crop_transform(points, Alignment(size=65))
    # Source edge x = 50 - 65 = -15 is the crop's edge 0, that is, its coordinate -0.5.
    np.testing.assert_allclose(matrix, [[0.5, 0, 7.0], [0, 0.5, 2.0]])
    np.testing.assert_allclose(transform_points(np.array([[-15.0, -5.0]]), matrix), [[-0.5, -0.5]])


@pytest.mark.parametrize("resampling", ["area", "lanczos"])
@pytest.mark.parametrize("scale", [3.0, 9.0, 25.0, 45.0])
@pytest.mark.parametrize("degrees", [0.0, -25.0])
def test_pixels_land_where_the_transform_says(resampling, scale: float, degrees: float) -> None:
    """Enlarged (3) and reduced from 2 to 4 times the size: within a twentieth of a pixel."""
    alignment = Alignment(size=128, resampling=resampling)
    landmarks = _face(402.3, 380.8, scale, degrees)
    for eye in _eyes(landmarks):
        image = _discs(800, 800, eye[None], radius=scale)
        crop = align(image, landmarks, alignment)
        assert crop.shape == (128, 128, 3)
        assert crop.dtype == np.uint8
        expected = transform_points(eye[None], crop_transform(landmarks, alignment))[0]
        np.testing.assert_allclose(_centroid(crop[..., 0]), expected, atol=0.05)


@pytest.mark.parametrize("resampling", ["area", "lanczos"])
def test_identity_keeps_pixels(resampling) -> None:
    """A crop as large as its square, at whole pixels, copies the image."""
    points = np.full((68, 2), (99.5, 99.5))
    points[LEFT_EYE], points[RIGHT_EYE] = (80, 90), (120, 90)
    points[0], points[16] = (49.5, 49.5), (149.5, 149.5)
    image = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    crop = align(
        image,
        points,
        Alignment(size=130, width_factor=1.3, height_factor=1.3, resampling=resampling),
    )
    np.testing.assert_array_equal(crop, image[35:165, 35:165])


@pytest.mark.parametrize("resampling", ["area", "lanczos"])
def test_fine_patterns_become_grey(resampling) -> None:
    """One-pixel lines, reduced by 3.5, must not turn into broad ones (aliasing)."""
    image = np.zeros((900, 900, 3), dtype=np.uint8)
    image[:, ::2] = 255
    crop = align(image, _face(450, 450, 32, 0), Alignment(size=128, resampling=resampling))
    assert crop.std() < 15  # 127 where source pixels are skipped
    assert crop.mean() == pytest.approx(127.5, abs=2)


def test_edges_are_repeated_and_the_box_stays() -> None:
    """For a face in the corner the eyes are still where they belong; outside, the edge repeats."""
    image = np.full((300, 300, 3), 40, dtype=np.uint8)
    image[0], image[:, 0] = 200, 200
    landmarks = _face(20, 25, 10, 0)
    alignment = Alignment(size=128)
    crop = align(image, landmarks, alignment)
    matrix = crop_transform(landmarks, alignment)
    x, y = np.floor(transform_points(np.array([[0.0, 0.0]]), matrix)[0]).astype(int)
    assert 20 < x < 110
    assert 20 < y < 110
    for part, grey in ((crop[: y - 2], 200), (crop[:, : x - 2], 200), (crop[y + 5 :, x + 5 :], 40)):
        np.testing.assert_allclose(part.astype(float), grey, atol=2)


def test_channels_keep_their_order() -> None:
    image = np.zeros((300, 300, 3), dtype=np.uint8)
    image[..., 0], image[..., 2] = 200, 50
    crop = align(image, _face(150, 150, 15, 10), Alignment(size=64))
    np.testing.assert_array_equal(crop[32, 32], [200, 0, 50])


def _with(indices: slice | int, value: tuple[float, float]) -> np.ndarray:
    points = _face(100, 100, 8, 0)
    points[indices] = value
    return points


UNUSABLE = {
    "eyes coincide": (_with(slice(36, 48), (90.0, 80.0)), "same position"),
    "one line": (_face(100, 100, 8, 0) * (1, 0) + (0, 50), "on one line"),
    "far outside": (_face(900, 100, 8, 0), "outside the image of 200x200"),
    "huge": (_face(100, 100, 800, 0), "another image"),
    "not finite": (_with(3, (math.inf, 0.0)), "not finite"),
}


@pytest.mark.parametrize(("points", "expected"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_degenerate_landmarks_are_refused(points: np.ndarray, expected: str) -> None:
    with pytest.raises(LandmarkError, match=expected):
        align(np.zeros((200, 200, 3), dtype=np.uint8), points, Alignment(size=64))


def test_programming_errors() -> None:
    with pytest.raises(ValueError, match="uint8"):
        align(np.zeros((200, 200, 3)), _face(100, 100, 8, 0), Alignment(size=64))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="positive"):
        Alignment(size=0)
    with pytest.raises(ValueError, match="one of"):
        Alignment(resampling="nearest")  # type: ignore[arg-type]
