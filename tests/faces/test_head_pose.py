"""Head rotation: signs and angles, on projections of the model."""

import cv2
import numpy as np
import pytest

from audetnet.faces.head_pose import HeadPose, head_pose, mean_face
from audetnet.faces.landmarks import LandmarkError

WIDTH, HEIGHT = 1024, 768


def _about(axis: int, degrees: float) -> np.ndarray:
    """A right-handed rotation with axes x right, y up, z towards the viewer."""
    vector = np.zeros(3)
    vector[axis] = np.radians(degrees)
    return cv2.Rodrigues(vector)[0]


def _seen(yaw: float, pitch: float, roll: float, place=(0.0, 0.0, 60.0), focal=WIDTH) -> np.ndarray:
    """Landmarks of the mean face, turned by our definition and seen by a pinhole camera. Looking to
    the image's right is a right-handed turn about y (up), lifting the face a left-handed one about
    x, anticlockwise a right-handed one about z.
    """
    turned = mean_face() @ (_about(2, roll) @ _about(1, yaw) @ _about(0, -pitch)).T
    depth = place[2] - turned[:, 2]
    x = (WIDTH - 1) / 2 + focal * (turned[:, 0] + place[0]) / depth
    y = (HEIGHT - 1) / 2 - focal * (turned[:, 1] + place[1]) / depth
    return np.column_stack([x, y])


ANGLES = [
    (0.0, 0.0, 0.0),
    (25.0, 0.0, 0.0),
    (0.0, 20.0, 0.0),
    (0.0, 0.0, 30.0),
    (-40.0, 15.0, -10.0),
    (60.0, -25.0, 5.0),
    (10.0, -10.0, 120.0),
    (-5.0, 3.0, -85.0),
]


@pytest.mark.parametrize("angles", ANGLES)
@pytest.mark.parametrize("place", [(0.0, 0.0, 60.0), (12.0, -8.0, 90.0), (-3.0, 2.0, 35.0)])
def test_the_rotation_of_the_model_is_recovered(angles, place) -> None:
    found = head_pose(_seen(*angles, place=place), WIDTH, HEIGHT)
    np.testing.assert_allclose((found.yaw, found.pitch, found.roll), angles, atol=0.05)


def test_signs_as_the_docstring_says() -> None:
    """Without matrices: where the nose moves relative to the outline and the eyes."""
    nose, outline = 30, [0, 16]
    straight, right = _seen(0, 0, 0), _seen(20, 0, 0)
    assert right[nose, 0] - right[outline, 0].mean() > straight[nose, 0] + 20 - 511.5
    assert head_pose(right, WIDTH, HEIGHT).yaw > 19
    up = _seen(0, 20, 0)
    assert up[nose, 1] - up[outline, 1].mean() < straight[nose, 1] - straight[outline, 1].mean()
    assert head_pose(up, WIDTH, HEIGHT).pitch > 19
    tilted = _seen(0, 0, 20)
    assert tilted[36, 1] > tilted[45, 1]  # the eye at the left is lower: anticlockwise
    assert head_pose(tilted, WIDTH, HEIGHT).roll > 19


def test_focal_length_may_be_given() -> None:
    seen = _seen(20, 10, 0, focal=2500)
    found = head_pose(seen, WIDTH, HEIGHT, focal_length=2500)
    np.testing.assert_allclose((found.yaw, found.pitch), (20, 10), atol=0.05)


def test_68_points_work_equally_well() -> None:
    points = np.insert(_seen(15, 5, 0), [60, 63], 0.0, axis=0)
    assert len(points) == 68
    assert head_pose(points, WIDTH, HEIGHT).yaw == pytest.approx(15, abs=0.05)


def test_limits_apply_to_yaw_and_pitch_only() -> None:
    assert HeadPose(-31, 0, 0).exceeds(30)
    assert HeadPose(0, 31, 0).exceeds(30)
    assert not HeadPose(30, -30, 90).exceeds(30)


def test_the_model_is_a_face_seen_from_the_front() -> None:
    face = mean_face()
    assert face.shape == (66, 3)
    np.testing.assert_allclose(face.mean(axis=0), 0, atol=1e-9)
    assert face[36, 0] < face[45, 0]  # eyes: left to right in the image
    assert face[0, 0] < face[16, 0]
    assert face[8, 1] < face[27, 1]  # the chin is below the nose
    assert face[30, 2] == face[:, 2].max()  # the tip of the nose is nearest
    # Symmetric, which a point at a wrong index would spoil.
    np.testing.assert_allclose(face[:8, 0], -face[16:8:-1, 0], atol=0.01)


def test_coinciding_points_are_refused() -> None:
    with pytest.raises(LandmarkError, match="same position"):
        head_pose(np.zeros((66, 2)), WIDTH, HEIGHT)
