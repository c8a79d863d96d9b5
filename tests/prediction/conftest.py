"""A short run, and a fake detector that finds more faces in brighter images."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from audetnet.commands.predict import main
from audetnet.faces.detector import Box, Face
from audetnet.faces.landmarks import Points
from audetnet.prediction import detectors
from tests.conftest import ROOT
from tests.create_dataset.face_videos import landmarks_of
from tests.training.conftest import QUICK, start

SIZE = (240, 480)
STEP = 80
"""Grey levels per face."""
APART = 200
"""Pixels between two faces."""


class FakeDetector:
    """Finds faces by brightness; the first is the largest."""

    name = "facemesh"

    def __init__(self) -> None:
        self.looked = 0

    def faces(self, image: npt.NDArray[np.uint8]) -> list[Face]:
        self.looked += 1
        return [_face(number) for number in range(round(image.mean() / STEP))]


def _face(number: int) -> Face:
    points: Points = landmarks_of(5 - number) + np.array([APART * number - 60, 0])
    low, high = points.min(axis=0), points.max(axis=0)
    return Face(points, Box(*low.tolist(), *(high - low).tolist()), 0.9)


def picture(faces: int) -> npt.NDArray[np.uint8]:
    """An image in which this many faces are found; left and right faces look different."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    texture = STEP * faces + 10 + 20 * np.sin(x / 7) * np.cos(y / 9)
    slope = np.linspace(-60, 60, SIZE[1])
    return np.stack([texture + slope, texture, texture - slope], -1).clip(0, 255).astype(np.uint8)


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> FakeDetector:
    """The detector that prediction uses."""
    fake = FakeDetector()
    monkeypatch.setattr(detectors, "landmark_detector", lambda name: fake)
    return fake


def trained(folder: Path, *replacements: tuple[str, str]) -> Path:
    text = (ROOT / "cfg" / "minimal.cfg").read_text()
    for old, new in (*QUICK, *replacements):
        assert old in text
        text = text.replace(old, new, 1)
    cfg = folder / "quick.cfg"
    cfg.write_text(text)
    assert start(cfg, folder / "run") == 0
    return folder / "run"


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run trained on occurrence; do not modify."""
    return trained(tmp_path_factory.mktemp("occurrence"))


@pytest.fixture(scope="session")
def intensity_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run trained on intensities; do not modify."""
    return trained(
        tmp_path_factory.mktemp("intensity"),
        ("regress_au_intensities=False", "regress_au_intensities=True"),
        ("au_regression_loss_function=BCEWithLogits", "au_regression_loss_function=MSE"),
    )


@pytest.fixture
def write_video(tmp_path: Path) -> Callable[[str, list[int]], Path]:
    """Writes a video with this many faces in each frame."""

    def write(name: str, faces: list[int]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        codec = cv2.VideoWriter.fourcc(*"MJPG")
        writer = cv2.VideoWriter(str(path), codec, 10, SIZE[::-1])
        for count in faces:
            writer.write(cv2.cvtColor(picture(count), cv2.COLOR_RGB2BGR))
        writer.release()
        return path

    return write


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Images with 1, 2 and no faces, a broken one, and a file of another kind."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, count in {"a.png": 1, "b.png": 2, "c.png": 0}.items():
        Image.fromarray(picture(count)).save(folder / name)
    (folder / "broken.jpg").write_bytes(b"no image")
    (folder / "notes.txt").write_text("not looked at")
    return folder


@pytest.fixture
def predict(tmp_path: Path) -> Callable[..., Path]:
    """Runs ``audetnet predict`` on the CPU; returns its table."""

    def run(*arguments: str | Path, out: str = "out.csv") -> Path:
        flags = ["--out", str(tmp_path / out), "--device", "cpu"]
        assert main([*map(str, arguments), *flags]) == 0
        return tmp_path / out

    return run
