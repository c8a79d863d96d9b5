"""Own videos and image folders to crops."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from create_dataset.frames import main
from tests.create_dataset.face_videos import (
    colour_centres,
    expected_eyes,
    landmarks_of,
    write_image,
    write_landmarks,
    write_video,
)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    write_video(path, 7)
    return path


@pytest.fixture
def points(tmp_path: Path) -> Path:
    folder = tmp_path / "points"
    for number in range(7):
        write_landmarks(folder / f"clip_{number}.mat", landmarks_of(number))
    return folder


def _ids(out: Path) -> set[str]:
    return {path.stem for path in (out / "imgs").iterdir()}


def test_every_third_frame_of_a_video(clip: Path, points: Path, out: Path, capsys) -> None:
    flags = ["--landmarks", str(points), "--workers", "1"]
    assert main(["videos", str(clip), str(out), "--every", "3", *flags]) == 0
    assert _ids(out) == {"clip_0", "clip_3", "clip_6"}
    for number in (0, 3, 6):
        found = colour_centres(out / "imgs" / f"clip_{number}.jpg")
        np.testing.assert_allclose(found, expected_eyes(landmarks_of(number)), atol=0.7)
    assert capsys.readouterr().err == ""
    # All of them later: what is there is kept, and the rest is added.
    before = (out / "imgs" / "clip_3.jpg").stat().st_mtime_ns
    assert main(["videos", str(clip), str(out), *flags]) == 0
    assert _ids(out) == {f"clip_{number}" for number in range(7)}
    assert (out / "imgs" / "clip_3.jpg").stat().st_mtime_ns == before
    assert "7 frames of 256x256 (jpg), 4 of them new" in capsys.readouterr().out


def test_several_videos(clip: Path, points: Path, out: Path, tmp_path: Path, capsys) -> None:
    other = tmp_path / "b_2.avi"
    write_video(other, 2)
    write_landmarks(points / "b_2_001.mat", landmarks_of(1))
    files = ["videos", str(clip), str(other), str(out)]
    assert main([*files, "--landmarks", str(points), "--workers", "1"]) == 0
    assert _ids(out) == {*(f"clip_{number}" for number in range(7)), "b_2_1"}
    assert "(no landmark file): b_2_0" in capsys.readouterr().err


def test_videos_of_one_name(clip: Path, points: Path, out: Path, tmp_path: Path, capsys) -> None:
    other = tmp_path / "more" / "clip.avi"
    write_video(other, 1)
    assert main(["videos", str(clip), str(other), str(out), "--landmarks", str(points)]) == 2
    error = capsys.readouterr().err
    assert str(clip) in error
    assert str(other) in error


def test_a_file_that_is_no_video(points: Path, out: Path, tmp_path: Path, capsys) -> None:
    path = tmp_path / "clip.mp4"
    path.write_text("not a video")
    flags = [str(out), "--landmarks", str(points), "--workers", "1"]
    assert main(["videos", str(path), *flags]) == 2
    assert f"{path}: not a readable video" in capsys.readouterr().err
    assert main(["videos", str(tmp_path / "none.mp4"), *flags]) == 2
    assert "none.mp4: no such file" in capsys.readouterr().err


def test_a_folder_of_images(tmp_path: Path, out: Path, capsys) -> None:
    folder, points = tmp_path / "photos", tmp_path / "photo points"
    names = {"a/b/1.jpg": "a_b_1", "a/x y.png": "a_x y", "c.jpeg": "c"}
    for number, name in enumerate(names):
        write_image(folder / name, landmarks_of(number))
        write_landmarks(points / Path(name).with_suffix(".mat"), landmarks_of(number))
    write_image(folder / ".thumbnails" / "c.jpg", landmarks_of(0))
    (folder / "d.jpg").write_bytes(b"")
    write_landmarks(points / "d.mat", landmarks_of(0))
    write_image(folder / "e.jpg", landmarks_of(0))
    flags = ["--landmarks", str(points), "--workers", "1"]
    assert main(["images", str(folder), str(out), *flags]) == 0
    assert _ids(out) == set(names.values())
    for number, frame_id in enumerate(names.values()):
        found = colour_centres(out / "imgs" / f"{frame_id}.jpg")
        np.testing.assert_allclose(found, expected_eyes(landmarks_of(number)), atol=0.7)
    error = capsys.readouterr().err
    assert "(unreadable image): d" in error
    assert "(no landmark file): e" in error


def test_images_are_turned_as_their_exif_says(tmp_path: Path, out: Path) -> None:
    """Landmarks are those of the upright image."""
    path = tmp_path / "photos" / "a.jpg"
    write_image(path, landmarks_of(2))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    turned = Image.open(path).transpose(Image.Transpose.ROTATE_90)
    turned.save(path, exif=exif, quality=95)
    write_landmarks(tmp_path / "points" / "a.mat", landmarks_of(2))
    flags = ["--landmarks", str(tmp_path / "points"), "--workers", "1"]
    assert main(["images", str(path.parent), str(out), *flags]) == 0
    found = colour_centres(out / "imgs" / "a.jpg")
    np.testing.assert_allclose(found, expected_eyes(landmarks_of(2)), atol=0.7)


@pytest.mark.parametrize(
    ("one", "other"), [("a/b.jpg", "a_b.jpg"), ("a.jpg", "a.png")], ids=["folder", "ending"]
)
def test_images_of_one_id(one: str, other: str, tmp_path: Path, out: Path, capsys) -> None:
    folder = tmp_path / "photos"
    write_image(folder / one, landmarks_of(0))
    write_image(folder / other, landmarks_of(0))
    assert main(["images", str(folder), str(out)]) == 2
    error = capsys.readouterr().err
    assert str(folder / one) in error
    assert str(folder / other) in error


def test_names_that_lists_of_ids_cannot_hold(tmp_path: Path, out: Path, capsys) -> None:
    write_image(tmp_path / "photos" / "a,b.jpg", landmarks_of(0))
    assert main(["images", str(tmp_path / "photos"), str(out)]) == 2
    assert "a,b.jpg: would become the frame id 'a,b'" in capsys.readouterr().err


def test_out_within_the_folder_that_is_read(tmp_path: Path, capsys) -> None:
    write_image(tmp_path / "photos" / "a.jpg", landmarks_of(0))
    assert main(["images", str(tmp_path / "photos"), str(tmp_path / "photos" / "out")]) == 2
    assert "whose images are read" in capsys.readouterr().err


def test_images_of_another_origin_are_not_mixed(clip, points, out: Path, capsys) -> None:
    write_image(out / "imgs" / "mine.jpg", landmarks_of(0))
    assert main(["videos", str(clip), str(out), "--landmarks", str(points)]) == 2
    assert "extract into another directory" in capsys.readouterr().err
    assert _ids(out) == {"mine"}


@pytest.mark.parametrize("words", [[], ["disfa"], ["bp4d"], ["videos"], ["images"]])
def test_help_ends_in_an_example(words: list[str]) -> None:
    """Quickly: nothing heavy is imported for it."""
    command = [sys.executable, "-X", "importtime", "-m", "create_dataset.frames", *words, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "example:\n  python -m create_dataset.frames " in done.stdout
    assert " cv2" not in done.stderr
    assert " numpy" not in done.stderr
