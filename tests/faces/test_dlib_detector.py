"""dlib, which is optional: the real one on shipped frames, and the message if it is missing."""

import importlib.util
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from audetnet.errors import UserError
from audetnet.faces import dlib_detector, dlib_models
from audetnet.faces.alignment import LEFT_EYE, RIGHT_EYE
from audetnet.faces.detector import Face, LandmarkDetector, landmark_detector
from audetnet.faces.dlib_detector import DlibDetector


@pytest.fixture(scope="module")
def found() -> LandmarkDetector:
    """dlib with its model, which the extra 'test' installs."""
    return landmark_detector("dlib")


def _only(faces: list[Face]) -> Face:
    (face,) = faces
    return face


def test_shipped_frames_have_faces(found: LandmarkDetector, minimal_data: Path) -> None:
    for path in sorted((minimal_data / "imgs").iterdir()):
        face = _only(found.faces(np.asarray(Image.open(path).convert("RGB"))))
        assert math.isnan(face.confidence)
        points = face.points
        assert points.shape == (68, 2)
        left, right = points[LEFT_EYE].mean(axis=0), points[RIGHT_EYE].mean(axis=0)
        assert right[0] - left[0] > 30 / 256 * Image.open(path).width
        assert points[8, 1] > left[1]


def test_landmarks_are_in_pixels_of_the_full_image(
    found: LandmarkDetector, minimal_data: Path
) -> None:
    """A large photo is searched at 1024 pixels, with the same result within 2 % of the face."""
    small = Image.open(minimal_data / "imgs" / "SN001_0.jpg").convert("RGB").resize((700, 700))
    canvas = Image.new("RGB", (2500, 2000), (90, 90, 90))
    canvas.paste(small.resize((1400, 1400)), (800, 300))
    one, other = (_only(found.faces(np.asarray(image))) for image in (small, canvas))
    assert np.abs((other.points - (800, 300)) / 2 - one.points).mean() < 0.02 * 700


def test_no_face(found: LandmarkDetector) -> None:
    assert found.faces(np.full((300, 200, 3), 128, dtype=np.uint8)) == []


class _Box:
    def __init__(self, left: int, top: int, right: int, bottom: int) -> None:
        self.sides = (left, top, right, bottom)

    def __getattr__(self, name: str):
        left, top, right, bottom = self.sides
        values = {"left": left, "top": top, "right": right, "bottom": bottom}
        values |= {"width": right - left + 1, "height": bottom - top + 1}
        return lambda: values[name]


def _fake(monkeypatch: pytest.MonkeyPatch, boxes: dict[int, list[_Box]], asked: list) -> None:
    """A fake dlib that finds these boxes at given upsamplings, and records its calls."""

    def find(image: np.ndarray, enlarged: int) -> list[_Box]:
        asked.append((image.shape, enlarged))
        return boxes[enlarged]

    def place(image: np.ndarray, box: _Box) -> SimpleNamespace:
        asked.append((image.shape, box.sides))
        return SimpleNamespace(parts=lambda: [SimpleNamespace(x=i, y=2 * i) for i in range(68)])

    fake = SimpleNamespace(
        rectangle=_Box,
        get_frontal_face_detector=lambda: find,
        shape_predictor=lambda path: place,
    )
    monkeypatch.setitem(__import__("sys").modules, "dlib", fake)
    monkeypatch.setattr(dlib_detector, "dlib_model", lambda *_: Path("model.dat"))


def test_the_largest_face_comes_first_and_boxes_are_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list = []
    boxes = {0: [_Box(0, 0, 9, 9), _Box(10, 20, 59, 69), _Box(1, 1, 12, 12)]}
    _fake(monkeypatch, boxes, asked)
    faces = DlibDetector().faces(np.zeros((1024, 2048, 3), dtype=np.uint8))
    assert asked[:2] == [((512, 1024, 3), 0), ((1024, 2048, 3), (0, 0, 19, 19))]
    assert [face.box for face in faces] == [(20, 40, 100, 100), (2, 2, 24, 24), (0, 0, 20, 20)]
    np.testing.assert_array_equal(faces[0].points[67], [67, 134])


def test_enlarging_is_the_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list = []
    _fake(monkeypatch, {0: [], 1: [_Box(0, 0, 9, 9)]}, asked)
    assert len(DlibDetector().faces(np.zeros((100, 80, 3), dtype=np.uint8))) == 1
    assert asked == [((100, 80, 3), 0), ((100, 80, 3), 1), ((100, 80, 3), (0, 0, 9, 9))]


@pytest.mark.parametrize("missing", ["dlib", "face_recognition_models"])
def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(dlib_models, "find_spec", lambda n: None if n == missing else real(n))
    with pytest.raises(UserError, match=r"pip install -e '\.\[detector\]'") as error:
        landmark_detector("dlib")
    assert missing in str(error.value)
