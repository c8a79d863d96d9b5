"""BP4D's image folders to crops, with landmark files and with the detector."""

import csv
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from audetnet.data.metadata import read_metadata
from audetnet.faces import dlib_models
from audetnet.faces.detector import Box, Face, landmark_detector
from create_dataset.extraction import crops
from create_dataset.frames import main
from tests.create_dataset.face_videos import (
    colour_centres,
    expected_eyes,
    landmarks_of,
    write_image,
    write_landmarks,
)

FILES = {
    "F001/T1/643.jpg": "F001_T1_0643",
    "F001/T1/0644.jpg": "F001_T1_0644",
    "F001/T2/7.png": "F001_T2_0007",
    "m014/t8/12345.JPG": "M014_T8_12345",
}
"""Paddings as they differ from sequence to sequence, and the ids they become."""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    for number, name in enumerate(FILES):
        write_image(folder / name, landmarks_of(number))
    (folder / "F001" / "T1" / "notes.txt").write_text("no image")
    (folder / "readme").mkdir()
    return folder


@pytest.fixture
def points(tmp_path: Path) -> Path:
    """Landmark files padded in yet another way."""
    folder = tmp_path / "points"
    for number, name in enumerate(FILES):
        path = folder / name
        write_landmarks(path.with_name(f"{int(path.stem):06d}.mat"), landmarks_of(number))
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def _run(images: Path, out: Path, *flags: str) -> int:
    return main(["bp4d", str(images), str(out), "--workers", "1", *flags])


def _ids(out: Path) -> set[str]:
    return {path.stem for path in (out / "imgs").iterdir()}


def test_any_padding_becomes_four_digits(images: Path, points: Path, out: Path) -> None:
    assert _run(images, out, "--landmarks", str(points)) == 0
    assert _ids(out) == set(FILES.values())
    for number, frame_id in enumerate(FILES.values()):
        found = colour_centres(out / "imgs" / f"{frame_id}.jpg")
        np.testing.assert_allclose(found, expected_eyes(landmarks_of(number)), atol=0.7)


def test_other_landmark_formats(images: Path, points: Path, out: Path) -> None:
    """.npy and .pts stand beside .mat."""
    (points / "F001/T1/000643.mat").unlink()
    np.save(points / "F001/T1/643.npy", landmarks_of(0))
    (points / "F001/T1/000644.mat").unlink()
    rows = "\n".join(f"{x} {y}" for x, y in landmarks_of(1))
    (points / "F001/T1/0644.pts").write_text(f"version: 1\nn_points: 66\n{{\n{rows}\n}}\n")
    assert _run(images, out, "--landmarks", str(points), "--subjects", "F001") == 0
    assert _ids(out) == {"F001_T1_0643", "F001_T1_0644", "F001_T2_0007"}


def test_two_files_of_one_frame(images: Path, points: Path, out: Path, capsys) -> None:
    write_image(images / "F001/T1/0643.jpg", landmarks_of(0))
    assert _run(images, out, "--landmarks", str(points)) == 2
    line = capsys.readouterr().err
    assert str(images / "F001/T1/643.jpg") in line
    assert str(images / "F001/T1/0643.jpg") in line
    assert "'F001_T1_0643'" in line


def test_what_is_missing_is_named(images: Path, points: Path, out: Path, capsys) -> None:
    (points / "F001/T1/000644.mat").unlink()
    (points / "F001/T2/000007.mat").unlink()
    (images / "F001/T1/643.jpg").write_bytes(b"torn")
    write_image(images / "F001/T1/a1.jpg", landmarks_of(0))
    write_landmarks(points / "F002/T1/1.mat", landmarks_of(0))
    assert _run(images, out, "--landmarks", str(points)) == 0
    assert _ids(out) == {"M014_T8_12345"}
    error = capsys.readouterr().err
    assert "(no landmark file): F001_T1_0644" in error
    assert "(images without landmark files): F001_T2" in error
    assert "(landmark files without images): F002_T1" in error
    assert "(unreadable image): F001_T1_0643" in error
    assert "(image whose name is not a frame number): " in error


def test_only_labelled_frames(images: Path, points: Path, out: Path, capsys) -> None:
    out.mkdir()
    labelled = ["F001_T1_0643", "F001_T1_0999", "F001_T2_0007", "F009_T1_0001", "F009_T1_0002"]
    (out / "aus.pkl").write_bytes(pickle.dumps({name: np.zeros(12) for name in labelled}))
    assert _run(images, out, "--landmarks", str(points)) == 0
    assert _ids(out) == {"F001_T1_0643", "F001_T2_0007"}
    error = capsys.readouterr().err
    assert "(labelled, but not in the video or folder): F001_T1_0999" in error
    assert "(labelled, but no such video or images): F009_T1" in error
    assert "left out 2 (not in the AU table): F001_T1_0644, M014_T8_12345" in error


def test_the_edge_is_repeated_beyond_the_image(tmp_path: Path, out: Path) -> None:
    """Half of the face lies outside: the eyes stay where they belong, and grey goes on."""
    landmarks = landmarks_of(3) - landmarks_of(3).mean(axis=0) + (30, 40)
    path = tmp_path / "images" / "F001" / "T1" / "1.png"
    path.parent.mkdir(parents=True)
    image = np.full((240, 320, 3), 90, dtype=np.uint8)
    image[:, 0] = 220
    Image.fromarray(image).save(path)
    write_landmarks(tmp_path / "points" / "F001" / "T1" / "1.mat", landmarks)
    flags = ("--landmarks", str(tmp_path / "points"), "--format", "png")
    assert _run(tmp_path / "images", out, *flags) == 0
    crop = np.asarray(Image.open(out / "imgs" / "F001_T1_0001.png")).astype(int)
    assert (np.abs(crop[:, :20] - 220) < 3).all()
    assert (np.abs(crop[:, -60:] - 90) < 3).all()


def test_without_landmarks_the_detector_finds_them(
    minimal_data: Path, tmp_path: Path, out: Path, capsys
) -> None:
    """Rendered faces, one of them on a larger canvas, and a picture without a face."""
    folder = tmp_path / "images" / "F001" / "T1"
    folder.mkdir(parents=True)
    shipped = sorted((minimal_data / "imgs").iterdir())[:3]
    for number, path in enumerate(shipped):
        face = Image.open(path).convert("RGB").resize((300, 300))
        canvas = Image.new("RGB", (640, 480), (100, 100, 100))
        canvas.paste(face, (40 * number, 50))
        canvas.save(folder / f"{number}.jpg", quality=95)
    Image.new("RGB", (640, 480), (100, 100, 100)).save(folder / "9.jpg")
    assert _run(tmp_path / "images", out) == 0
    assert _ids(out) == {"F001_T1_0000", "F001_T1_0001", "F001_T1_0002"}
    assert "(no face found): F001_T1_0009" in capsys.readouterr().err
    assert read_metadata(out).landmarks == "facemesh"
    found = landmark_detector("facemesh")
    for path in (out / "imgs").iterdir():
        (face,) = found.faces(np.asarray(Image.open(path)))
        left, right = face.points[36:42].mean(axis=0), face.points[42:48].mean(axis=0)
        assert abs(left[1] - right[1]) < 6  # found a second time, by a detector that errs
    with (out / "frames.csv").open() as file:
        assert all(abs(float(row["yaw"])) < 60 for row in csv.DictReader(file))


def test_the_detector_that_is_asked_for_finds_them(images: Path, out: Path, monkeypatch) -> None:
    seen = []

    class Fake:
        def __init__(self, name: str) -> None:
            self.name = name

        def faces(self, image: np.ndarray) -> list[Face]:
            seen.append((self.name, image.shape))
            return [Face(landmarks_of(0), Box(0, 0, 9, 9), 1.0)]

    monkeypatch.setattr(crops, "_detector", Fake)
    assert _run(images, out, "--landmarks", "dlib") == 0
    assert seen == [("dlib", (240, 320, 3))] * 4
    assert read_metadata(out).landmarks == "dlib"


def test_missing_detector_is_said_at_once(images: Path, out: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(dlib_models, "find_spec", lambda name: None)
    assert _run(images, out, "--landmarks", "dlib") == 2
    assert "--landmarks dlib needs the detector: pip install -e" in capsys.readouterr().err
    assert not (out / "imgs").exists()


def test_mistakes_are_one_line(images: Path, points: Path, out: Path, tmp_path, capsys) -> None:
    (tmp_path / "empty").mkdir()
    for flags in (
        (tmp_path / "nowhere",),
        (tmp_path / "empty",),
        (images, "--landmarks", str(tmp_path / "empty")),
        (images, "--landmarks", str(tmp_path / "nowhere")),
    ):
        assert _run(flags[0], out, *map(str, flags[1:])) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "expected F001/T1/0643" in error
