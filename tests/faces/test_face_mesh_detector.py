"""The shipped detector on photographs: upright, rotated, with several faces, and none."""

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from audetnet.faces import shipped_network
from audetnet.faces.alignment import LEFT_EYE, RIGHT_EYE, Alignment, align, transform_points
from audetnet.faces.detector import Face, LandmarkDetector, landmark_detector
from audetnet.faces.landmarks import Points
from audetnet.faces.shipped_network import ShippedNetwork
from tests.conftest import ROOT
from tests.faces.photographs import Pixels, photographs, turned

PHOTOGRAPHS = photographs()
RENDERED = ROOT.parent / "shared" / "faces" / "imgs"


@pytest.fixture(scope="module")
def found() -> LandmarkDetector:
    return landmark_detector("facemesh")


@pytest.fixture(scope="module")
def upright(found: LandmarkDetector) -> dict[str, Face]:
    """The face of each unrotated photograph."""
    return {name: _only(found.faces(image)) for name, image in PHOTOGRAPHS.items()}


def _only(faces: list[Face]) -> Face:
    (face,) = faces
    return face


def _eye_distance(points: Points) -> float:
    across = points[RIGHT_EYE].mean(axis=0) - points[LEFT_EYE].mean(axis=0)
    return float(np.hypot(*across))


def _error(points: Points, others: Points) -> float:
    """The mean distance of two sets of landmarks, in eye distances."""
    return float(np.linalg.norm(points - others, axis=1).mean()) / _eye_distance(others)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_landmarks_are_where_dlib_puts_them(upright: dict[str, Face], name: str) -> None:
    """Except the outline, which is defined differently."""
    (other,) = landmark_detector("dlib").faces(PHOTOGRAPHS[name])
    face = upright[name]
    assert face.points.shape == (68, 2)
    assert _error(face.points[17:], other.points[17:]) < 0.07 * _eye_distance(other.points)
    assert face.box.overlap(other.box) > 0.5
    assert 0.9 < face.confidence <= 1


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("degrees", [20, 45, 90, 110, 135, 180, 200, 225, 270, 290, 315, 340])
def test_a_turned_photograph_gives_the_same_crop(
    found: LandmarkDetector, upright: dict[str, Face], name: str, degrees: int
) -> None:
    """Upside-down faces look enough like faces to be mistaken for upright ones."""
    image, matrix = turned(PHOTOGRAPHS[name], degrees)
    face = _only(found.faces(image))
    assert _error(face.points, transform_points(upright[name].points, matrix)) < 0.06
    crops = [
        align(whole, points, Alignment(size=64)).astype(float)
        for whole, points in (
            (image, face.points),
            (PHOTOGRAPHS[name], upright[name].points),
        )
    ]
    assert np.corrcoef(crops[0].ravel(), crops[1].ravel())[0, 1] > 0.9


def test_several_faces_come_largest_first(
    found: LandmarkDetector, upright: dict[str, Face]
) -> None:
    canvas = np.full((640, 1280, 3), 120, dtype=np.uint8)
    expected = []
    for name, scale, x in (("collins", 0.8, 40), ("hopper", 1.0, 700)):
        small = cv2.resize(
            PHOTOGRAPHS[name], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
        )
        canvas[20 : 20 + small.shape[0], x : x + small.shape[1]] = small
        expected.append((upright[name].points + 0.5) * scale - 0.5 + (x, 20))
    faces = found.faces(canvas)
    assert len(faces) == 2 and faces[0].box.area > faces[1].box.area
    assert _error(faces[0].points, expected[1]) < 0.05
    assert _error(faces[1].points, expected[0]) < 0.05


def test_a_small_face_of_a_large_picture(found: LandmarkDetector) -> None:
    """At 4 % of the image's width, the short range does not see it."""
    canvas = np.full((1200, 1600, 3), 120, dtype=np.uint8)
    canvas[700:956, 900:1156] = cv2.resize(
        PHOTOGRAPHS["collins"], (256, 256), interpolation=cv2.INTER_AREA
    )
    face = _only(found.faces(canvas))
    assert face.box.x > 900 and face.box.x + face.box.width < 1156
    assert 20 < _eye_distance(face.points) < 40


@pytest.mark.parametrize("name", ["brick", "chelsea", "coffee", "page"])
def test_no_face(found: LandmarkDetector, name: str) -> None:
    """A wall, a cat, a cup and a text."""
    image = getattr(data, name)()
    assert found.faces(image if image.ndim == 3 else np.stack([image] * 3, axis=2)) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (3000, 2), (40, 40)])
def test_pictures_of_any_size(found: LandmarkDetector, size: tuple[int, int]) -> None:
    assert found.faces(np.full((*size, 3), 128, dtype=np.uint8)) == []


def test_shipped_frames_have_faces(found: LandmarkDetector) -> None:
    for path in sorted((ROOT / "minimal_dataset" / "imgs").iterdir()):
        _check_upright(found, np.asarray(Image.open(path).convert("RGB")))


@pytest.mark.skipif(not RENDERED.is_dir(), reason="needs the rendered faces beside the project")
def test_rendered_faces(found: LandmarkDetector) -> None:
    for path in sorted(RENDERED.iterdir())[::60]:
        _check_upright(found, np.asarray(Image.open(path).convert("RGB")))


def _check_upright(found: LandmarkDetector, image: Pixels) -> None:
    points = _only(found.faces(image)).points
    left, right = points[LEFT_EYE].mean(axis=0), points[RIGHT_EYE].mean(axis=0)
    assert right[0] - left[0] > 30 / 256 * image.shape[1]
    assert points[8, 1] > points[57, 1] > points[30, 1] > left[1]


def test_opencv_4_has_one_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is called with the file only."""
    asked = []
    monkeypatch.delattr(shipped_network.cv2.dnn, "ENGINE_CLASSIC", raising=False)
    monkeypatch.setattr(
        shipped_network.cv2.dnn, "readNetFromTFLite", lambda *a, **k: asked.append((a, k))
    )
    ShippedNetwork("face_landmark", ("conv2d_21",))
    ((files, others),) = asked
    assert len(files) == 1 and files[0].endswith("face_landmark.tflite") and others == {}
