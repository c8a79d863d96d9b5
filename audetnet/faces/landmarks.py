"""Facial landmarks in the 68-point scheme of Multi-PIE and iBUG, and files of them.

Points are float64 (P, 2), x to the right and y down in pixels, pixel centres at integers. P is 68,
or 66 without the inner mouth corners (60 and 64), as in DISFA. 0-16 are the outline of the face
from left to right in the image, 36-41 and 42-47 the left and right eye.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from audetnet.errors import UserError, first_few, first_line

Points = npt.NDArray[np.float64]
INNER_MOUTH_CORNERS = (60, 64)
POINT_COUNTS = (66, 68)
SUFFIXES = (".mat", ".npy", ".pts")
MAT_VARIABLE = "pts"


class LandmarkError(UserError):
    """Landmarks that cannot be used."""


def check_landmarks(points: npt.ArrayLike) -> Points:
    """The points as float64 (66 or 68, 2). Raises LandmarkError for other shapes or non-finite
    numbers.
    """
    array = np.asarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise LandmarkError(
            f"an array of shape {array.shape}: expected one row (x, y) for each of 66 or 68 points"
        )
    count = len(array)
    if count in (49, 51):
        raise LandmarkError(
            f"{count} points: the outline of the face is missing, but cropping needs it; "
            "expected the 68-point scheme, or its 66 points without the inner mouth corners"
        )
    if count not in POINT_COUNTS:
        raise LandmarkError(
            f"{count} points: expected the 68-point scheme, or its 66 points without the inner "
            "mouth corners"
        )
    if not np.isfinite(array).all():
        raise LandmarkError("coordinates are not finite; expected pixels")
    return array


def without_inner_mouth_corners(points: Points) -> Points:
    """The 66-point form of 66 or 68 points."""
    points = check_landmarks(points)
    if len(points) == 66:
        return points
    return np.delete(points, INNER_MOUTH_CORNERS, axis=0)


def read_landmarks(path: Path) -> Points:
    """Read a .mat (variable ``pts``), .npy or .pts (iBUG) file, keeping coordinates as they are.

    Raises LandmarkError, naming the file and what was expected.
    """
    readers = {".mat": _read_mat, ".npy": _read_npy, ".pts": _read_pts}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise LandmarkError(f"{path}: expected a landmark file ({', '.join(SUFFIXES)})")
    try:
        return check_landmarks(reader(path))
    except OSError as error:
        raise LandmarkError(f"{path}: cannot be read: {error.strerror or error}") from error
    except LandmarkError as error:
        raise LandmarkError(f"{path}: {error}") from error
    except Exception as error:  # scipy and NumPy may raise anything for a damaged file
        raise LandmarkError(
            f"{path}: not a readable {path.suffix} landmark file: {first_line(error)}"
        ) from error


def _read_mat(path: Path) -> npt.ArrayLike:
    from scipy.io import loadmat, whosmat

    try:
        content = loadmat(path, variable_names=[MAT_VARIABLE])
        if MAT_VARIABLE not in content:
            found = first_few([name for name, _, _ in whosmat(path)]) or "nothing"
            raise LandmarkError(
                f"expected a variable '{MAT_VARIABLE}' (66x2 or 68x2), found {found}"
            )
    except NotImplementedError as error:
        raise LandmarkError(
            "MATLAB 7.3 files (HDF5) are not supported; save it with -v7"
        ) from error
    array: npt.ArrayLike = content[MAT_VARIABLE]
    return array


def _read_npy(path: Path) -> npt.ArrayLike:
    array: npt.ArrayLike = np.load(path, allow_pickle=False)
    return array


def _read_pts(path: Path) -> npt.ArrayLike:
    lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    if "{" not in lines or "}" not in lines:
        raise LandmarkError("expected a .pts file: version, n_points, {, one point per line, }")
    head, body = lines[: lines.index("{")], lines[lines.index("{") + 1 : lines.index("}")]
    points = [[float(number) for number in line.split()] for line in body if line]
    if any(len(point) != 2 for point in points):
        raise LandmarkError("expected two numbers per line between { and }")
    for line in head:
        key, _, value = line.partition(":")
        if key.strip() == "n_points" and int(value) != len(points):
            raise LandmarkError(f"says n_points: {int(value)}, but holds {len(points)} points")
    return points
