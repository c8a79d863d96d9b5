"""``--draw``: boxes and bars in pictures and videos."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from audetnet.prediction.drawn_faces import draw_faces, enlargement
from audetnet.prediction.table import Row
from tests.prediction.conftest import SIZE, FakeDetector, picture

Predict = Callable[..., Path]
WriteVideo = Callable[[str, list[int]], Path]
THRESHOLDS = {"AU01_p": 0.5, "AU12_p": 0.25}
FIRST = (255, 176, 0)
"""RGB of the first face."""


def _row(**changes: object) -> Row:
    row: Row = {
        "input": "a.png",
        "frame": 0,
        "success": 1,
        "reason": "",
        "face": 0,
        "x": 40.0,
        "y": 60.0,
        "width": 100.0,
        "height": 120.0,
        "AU01_p": 0.9,
        "AU01_c": 1,
        "AU12_p": 0.2,
        "AU12_c": 0,
    }
    return {**row, **changes}  # type: ignore[dict-item]


def _coloured(image: np.ndarray) -> np.ndarray:
    return (np.abs(image.astype(int) - FIRST) < 12).all(axis=2)


def test_the_box_is_where_the_face_is() -> None:
    image = np.zeros((720, 960, 3), dtype=np.uint8)
    assert enlargement(720, 960) == 1
    found = _coloured(draw_faces(image, [_row()], THRESHOLDS))
    rows, columns = np.nonzero(found[:, :142])  # the bars begin beyond it
    assert (columns.min(), columns.max()) == (40, 140)
    assert found[60, 40:140].all() and found[180, 40:140].all()
    assert rows.max() == 180


def test_bars_are_as_long_as_values_and_coloured_where_active() -> None:
    """0.9 in colour, so that 0.45 is half as long; 0.2 is grey."""
    image = np.zeros((720, 960, 3), dtype=np.uint8)

    def length(**changes: object) -> int:
        shown = draw_faces(image, [_row(x=None, y=None, **changes)], THRESHOLDS)
        assert shown.shape[1] > 960 and shown[:, :960].max() == 0  # in the margin of a crop
        return int((np.abs(shown.astype(int) - FIRST) < 80).all(axis=2).sum(axis=1).max())

    whole = length()
    assert whole > 60
    assert length(AU01_p=0.45) == pytest.approx(whole / 2, abs=3)
    assert length(AU01_c=0) == 0


def test_small_pictures_are_enlarged_and_reasons_written() -> None:
    small = np.zeros((90, 160, 3), dtype=np.uint8)
    shown = draw_faces(small, [_row(success=0, reason="no face found", x=None)], THRESHOLDS)
    assert shown.shape == (720, 1280, 3)
    assert shown[:40, :300].max() > 200 and shown[60:].max() == 0


def test_a_name_in_capitals_says_the_format(
    run: Path, detector: FakeDetector, predict: Predict, tmp_path: Path
) -> None:
    photo, drawn_to = tmp_path / "photos" / "A.PNG", tmp_path / "drawn"
    photo.parent.mkdir()
    Image.fromarray(picture(1)).save(photo)
    predict(run, photo, "--draw", drawn_to)
    with Image.open(drawn_to / "A.PNG") as image:
        assert image.format == "PNG"


def test_files_are_drawn_once(
    run: Path,
    photos: Path,
    write_video: WriteVideo,
    detector: FakeDetector,
    predict: Predict,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With their names and folders; a broken image is skipped."""
    clip = write_video("clips/clip.avi", [1, 2, 1, 0, 1])
    places = (run, photos, clip, "--every", "2", "--draw", tmp_path / "drawn")
    predict(*places)
    found = {
        path.relative_to(tmp_path / "drawn").as_posix()
        for path in (tmp_path / "drawn").rglob("*.*")
    }
    assert found == {"photos/a.png", "photos/b.png", "photos/c.png", "clips/clip.avi.mp4"}
    assert "4 pictures and videos drawn" in capsys.readouterr().out
    image = np.asarray(Image.open(tmp_path / "drawn" / "photos" / "a.png"))
    factor = enlargement(*SIZE)
    assert image.shape == (SIZE[0] * factor, SIZE[1] * factor, 3)
    assert _coloured(image).sum() > 500
    untouched = picture(1)[0, 0]
    np.testing.assert_allclose(image[0, 0], untouched, atol=2)
    video = cv2.VideoCapture(str(tmp_path / "drawn" / "clips" / "clip.avi.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 3 and video.get(cv2.CAP_PROP_FPS) == 5
    before = (tmp_path / "drawn" / "photos" / "a.png").stat().st_mtime_ns
    predict(*places)
    assert "0 pictures and videos drawn" in capsys.readouterr().out
    assert (tmp_path / "drawn" / "photos" / "a.png").stat().st_mtime_ns == before
