"""Landmark files: valid ones, and messages about invalid ones."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from audetnet.faces.landmarks import (
    LandmarkError,
    check_landmarks,
    read_landmarks,
    without_inner_mouth_corners,
)

POINTS = np.random.default_rng(0).uniform(0, 200, (68, 2))


def _pts(path: Path, points: np.ndarray, count: int | None = None) -> Path:
    rows = "\n".join(f"{x} {y}" for x, y in points)
    count = len(points) if count is None else count
    path.write_text(f"version: 1\nn_points:  {count}\n{{\n{rows}\n}}\n")
    return path


def _mat(path: Path, **variables: object) -> Path:
    savemat(path, variables)
    return path


def _npy(path: Path, points: object) -> Path:
    np.save(path, points)
    return path


@pytest.mark.parametrize("count", [66, 68])
def test_the_three_formats_hold_the_same(tmp_path: Path, count: int) -> None:
    points = POINTS[:count]
    paths = (
        _mat(tmp_path / "a.mat", pts=points),
        _npy(tmp_path / "a.npy", points),
        _pts(tmp_path / "a.PTS", points),
    )
    for path in paths:
        read = read_landmarks(path)
        assert read.dtype == np.float64
        np.testing.assert_allclose(read, points)


def test_whole_numbers_become_floats(tmp_path: Path) -> None:
    path = _mat(tmp_path / "a.mat", pts=POINTS.astype(np.int32))
    assert read_landmarks(path).dtype == np.float64


def test_66_points_lack_the_inner_mouth_corners() -> None:
    kept = without_inner_mouth_corners(POINTS)
    np.testing.assert_array_equal(kept[:60], POINTS[:60])
    np.testing.assert_array_equal(kept[60:63], POINTS[61:64])
    np.testing.assert_array_equal(kept[63:], POINTS[65:])
    np.testing.assert_array_equal(without_inner_mouth_corners(kept), kept)


BROKEN = {
    "another variable": (lambda p: _mat(p / "a.mat", points=POINTS), "found points"),
    "no variable": (lambda p: _mat(p / "a.mat"), "found nothing"),
    "transposed": (lambda p: _mat(p / "a.mat", pts=POINTS.T), "shape (2, 68)"),
    "inner points only": (lambda p: _npy(p / "a.npy", POINTS[:49]), "49 points: the outline"),
    "inner points, 51": (lambda p: _npy(p / "a.npy", POINTS[:51]), "51 points: the outline"),
    "five points": (lambda p: _npy(p / "a.npy", POINTS[:5]), "5 points: expected the 68-point"),
    "not finite": (lambda p: _npy(p / "a.npy", POINTS * np.nan), "not finite"),
    "objects": (lambda p: _npy(p / "a.npy", np.array([{}])), "not a readable .npy"),
    "wrong count": (lambda p: _pts(p / "a.pts", POINTS, 67), "says n_points: 67, but holds 68"),
    "another ending": (lambda p: p / "a.txt", "expected a landmark file (.mat, .npy, .pts)"),
    "missing": (lambda p: p / "a.mat", "cannot be read"),
}


@pytest.mark.parametrize(("make", "expected"), BROKEN.values(), ids=BROKEN.keys())
def test_unusable_landmark_files_are_named(tmp_path: Path, make, expected: str) -> None:
    path = make(tmp_path)
    with pytest.raises(LandmarkError) as error:
        read_landmarks(path)
    line = str(error.value)
    assert str(path) in line
    assert expected in line
    assert "\n" not in line


@pytest.mark.parametrize("suffix", [".mat", ".npy", ".pts"])
@pytest.mark.parametrize("content", [b"", b"not a file of landmarks", b"\x00\xff" * 200])
def test_broken_files_are_named(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(LandmarkError, match=r"a\.(mat|npy|pts)"):
        read_landmarks(path)


def test_pts_without_braces_and_with_words(tmp_path: Path) -> None:
    path = tmp_path / "a.pts"
    path.write_text("1 2\n3 4\n")
    with pytest.raises(LandmarkError, match="version, n_points"):
        read_landmarks(path)
    path.write_text("{\n1 2 3\n}\n")
    with pytest.raises(LandmarkError, match="two numbers per line"):
        read_landmarks(path)


def test_points_are_rows_of_two() -> None:
    with pytest.raises(LandmarkError, match=r"shape \(68, 3\)"):
        check_landmarks(np.zeros((68, 3)))
