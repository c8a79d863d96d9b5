"""DISFA's videos and landmark files to crops, as a user does it."""

import csv
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from audetnet.data.metadata import read_metadata
from create_dataset.extraction.disfa_layout import bad_frames
from create_dataset.frames import main
from tests.create_dataset.face_videos import (
    colour_centres,
    expected_eyes,
    landmarks_of,
    make_disfa,
    write_landmarks,
    write_video,
)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return make_disfa(tmp_path / "DISFA")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def _run(raw: Path, out: Path, *flags: str) -> int:
    return main(["disfa", str(raw), str(out), "--workers", "1", *flags])


def _ids(out: Path) -> set[str]:
    return {path.stem for path in (out / "imgs").iterdir()}


def _all(subject: str, numbers: range | list[int]) -> set[str]:
    return {f"{subject}_{number}" for number in numbers}


def _rows(out: Path) -> list[dict[str, str]]:
    with (out / "frames.csv").open() as file:
        return list(csv.DictReader(file))


def test_eyes_are_where_the_definition_says(raw: Path, out: Path, capsys) -> None:
    """Within a pixel, horizontal, colours in order; 0-based ids from both ways of counting."""
    assert _run(raw, out) == 0
    assert _ids(out) == _all("SN001", range(6)) | _all("SN031", [0, 1, 2, 4, 5])
    for path in sorted((out / "imgs").iterdir()):
        assert path.suffix == ".jpg"
        assert Image.open(path).size == (256, 256)
        number = int(path.stem.split("_")[1])
        found = colour_centres(path)
        np.testing.assert_allclose(found, expected_eyes(landmarks_of(number)), atol=0.7)
        assert abs(found[0, 1] - found[1, 1]) < 0.7
    captured = capsys.readouterr()
    assert f"wrote {out / 'imgs'}: 11 frames of 256x256 (jpg), 11 of them new" in captured.out
    assert "frames/s" in captured.out
    assert "left out 1 (no landmark file): SN031_3" in captured.err


def test_head_rotation_and_parameters_are_recorded(raw: Path, out: Path) -> None:
    assert _run(raw, out) == 0
    rows = _rows(out)
    assert [row["frame_id"] for row in rows[:6]] == [f"SN001_{n}" for n in range(6)]
    assert len(rows) == 11
    for row in rows[:6]:  # turned clockwise by -20 + 7 n: that is, anticlockwise by the negative
        number = int(row["frame_id"].split("_")[1])
        assert float(row["roll"]) == pytest.approx(20 - 7 * number, abs=4)
        assert abs(float(row["yaw"])) < 12
    recorded = json.loads((out / "frames.json").read_text())
    assert recorded["parameters"]["size"] == 256
    assert recorded["parameters"]["camera"] == "left"
    assert recorded["parameters"]["landmarks"] == "files"
    assert recorded["videos"]["SN001"]["frames"] == 6
    assert {path.name for path in out.iterdir()} - {".lock"} == {
        *("imgs", "frames.csv", "frames.json", "left_out.csv", "dataset.json")
    }
    assert read_metadata(out).landmarks == "files"


def test_two_workers_write_the_same(raw: Path, out: Path, tmp_path: Path) -> None:
    assert _run(raw, out) == 0
    other = tmp_path / "parallel"
    assert main(["disfa", str(raw), str(other), "--workers", "2"]) == 0
    assert (other / "frames.csv").read_text() == (out / "frames.csv").read_text()
    for path in (out / "imgs").iterdir():
        assert (other / "imgs" / path.name).read_bytes() == path.read_bytes()


def test_size_factors_and_format(raw: Path, out: Path) -> None:
    flags = ("--size", "96", "--width-factor", "2", "--height-factor", "1.5", "--format", "png")
    assert _run(raw, out, *flags, "--resampling", "area", "--subjects", "SN001") == 0
    assert _ids(out) == _all("SN001", range(6))
    for number in range(6):
        expected = expected_eyes(landmarks_of(number), 96, 2, 1.5)
        found = colour_centres(out / "imgs" / f"SN001_{number}.png")
        np.testing.assert_allclose(found, expected, atol=0.5)


def test_right_camera_under_its_other_name(raw: Path, out: Path) -> None:
    """The camera decides: here the right one has a shorter video."""
    write_video(raw / "Video_RightCamera" / "RIGHTVideoSN001_comp.AVI", 2)
    assert _run(raw, out, "--camera", "right") == 0
    assert _ids(out) == _all("SN001", range(2))


def test_landmarks_beside_the_usual_folder(tmp_path: Path, out: Path, capsys) -> None:
    raw = tmp_path / "raw"
    write_video(raw / "video_leftcamera" / "leftvideoSN002_comp.avi", 2)
    folder = raw / "landmark_points" / "sn002"
    write_landmarks(folder / "SN002_0000_lm.mat", landmarks_of(0))
    write_landmarks(folder / "SN002_0001_lm.mat", landmarks_of(1))
    write_landmarks(folder / "SN003_0001_lm.mat", landmarks_of(1))
    write_landmarks(folder / "SN002_0009_lm.mat", landmarks_of(1))
    assert _run(raw, out) == 0
    assert _ids(out) == _all("SN002", range(2))
    error = capsys.readouterr().err
    assert f"(landmark file whose name is not DISFA's): {folder / 'SN003_0001_lm.mat'}" in error
    assert "(landmark file, but no such frame in the video): SN002_9" in error


def test_subjects_with_half_of_what_is_needed_are_named(raw: Path, out: Path, capsys) -> None:
    write_video(raw / "Videos_LeftCamera" / "LeftVideoSN005_comp.avi", 1)
    write_landmarks(
        raw / "Landmark_Points" / "SN007" / "tmp_frame_lm" / "l00001_lm.mat", landmarks_of(0)
    )
    assert _run(raw, out) == 0
    error = capsys.readouterr().err
    assert "(video without landmark files): SN005" in error
    assert "(landmark files without video): SN007" in error


def test_only_labelled_frames(raw: Path, out: Path, capsys) -> None:
    """Of labels, landmarks and video, each lacks something."""
    out.mkdir()
    labelled = ["SN001_1", "SN001_4", "SN001_77", "SN031_3", "SN031_5", "SN009_0", "SN009_1"]
    (out / "aus.pkl").write_bytes(pickle.dumps({name: np.zeros(12) for name in labelled}))
    assert _run(raw, out) == 0
    assert _ids(out) == {"SN001_1", "SN001_4", "SN031_5"}
    error = capsys.readouterr().err
    assert "(labelled, but not in the video or folder): SN001_77" in error
    assert "(no landmark file): SN031_3" in error
    assert "(labelled, but no such video or images): SN009" in error
    assert _run(raw, out, "--all") == 0
    assert len(_ids(out)) == 11


def test_labels_of_other_subjects_are_no_matter(raw: Path, out: Path, capsys) -> None:
    out.mkdir()
    labelled = ["SN001_1", "SN031_5", "SN009_0"]
    (out / "aus.pkl").write_bytes(pickle.dumps({name: np.zeros(12) for name in labelled}))
    assert _run(raw, out, "--subjects", "SN001") == 0
    assert _ids(out) == {"SN001_1"}
    assert capsys.readouterr().err == ""


def test_list_of_bad_frames_is_the_published_one() -> None:
    """27 subjects of 4,845 frames, SN010 of 4,844; what is left is the number JAA-Net uses."""
    present = {name for name in bad_frames() if name != "SN010_4844"}
    assert 26 * 4845 + 4844 - len(present) == 126_144
    assert {"SN001_397", "SN001_419", "SN023_4844", "SN030_2954"} <= present
    assert not {"SN001_396", "SN001_420"} & present


def test_bad_frames_are_dropped(raw: Path, out: Path, capsys, monkeypatch) -> None:
    listed = raw / "bad.csv"
    listed.write_text("# source\nsubject,first,last\nSN001,1,2\nSN031,5,5\nSN0011,0,9\n")
    monkeypatch.setattr("create_dataset.extraction.disfa_layout.BAD_FRAMES_FILE", listed)
    assert _run(raw, out, "--drop-bad-frames") == 0
    assert _ids(out) == _all("SN001", [0, 3, 4, 5]) | _all("SN031", [0, 1, 2, 4])
    error = capsys.readouterr().err
    assert "left out 3 (listed as a bad frame): SN001_1, SN001_2, SN031_5" in error


def test_rotated_heads_are_left_out(tmp_path: Path, out: Path, capsys) -> None:
    """Roll does not count: frame 5 is turned by 15 degrees in the plane."""
    raw = tmp_path / "raw"

    def turning(number: int) -> np.ndarray:
        return landmarks_of(number, yaw=40.0 if number in (1, 4) else 0.0)

    write_video(raw / "Videos_LeftCamera" / "LeftVideoSN001_comp.avi", 6, turning)
    for number in range(6):
        path = raw / "Landmark_Points" / "SN001" / f"SN001_{number:04d}_lm.mat"
        write_landmarks(path, turning(number))
    assert _run(raw, out, "--max-rotation", "25") == 0
    assert _ids(out) == _all("SN001", [0, 2, 3, 5])
    assert "left out 2 (head rotated too far): SN001_1, SN001_4" in capsys.readouterr().err


def test_unusable_landmarks_are_named(raw: Path, out: Path, capsys) -> None:
    folder = raw / "Landmark_Points" / "SN001" / "tmp_frame_lm"
    (folder / "SN001_0002_lm.mat").write_bytes(b"torn")
    write_landmarks(folder / "SN001_0003_lm.mat", landmarks_of(3) + 5000)
    assert _run(raw, out) == 0
    assert not {"SN001_2", "SN001_3"} & _ids(out)
    error = capsys.readouterr().err
    assert "(unreadable landmark file): SN001_2" in error
    assert f"first unreadable landmark file: {folder / 'SN001_0002_lm.mat'}" in error
    assert "(unusable landmarks): SN001_3" in error


def _one_line(capsys) -> str:
    """The last line of stderr, which a mistake ends in."""
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error.splitlines()[-1]


def test_mistakes_are_one_line_and_status_2(raw: Path, out: Path, tmp_path: Path, capsys) -> None:
    assert _run(tmp_path / "nowhere", out) == 2
    assert "nowhere: no such directory" in _one_line(capsys)
    assert _run(tmp_path, out) == 2
    assert "expected Videos_LeftCamera/LeftVideoSN001_comp.avi" in _one_line(capsys)
    assert _run(raw, out, "--camera", "right") == 2
    assert "no video of the right camera" in _one_line(capsys)
    assert _run(raw, out, "--subjects", "SN001,SN099") == 2
    assert "--subjects SN099: not found; there are SN001, SN031" in _one_line(capsys)
    assert not (out / "imgs").exists()


def test_missing_landmarks_folder_advises_the_detector(tmp_path: Path, out: Path, capsys) -> None:
    write_video(tmp_path / "raw" / "Videos_LeftCamera" / "LeftVideoSN001_comp.avi", 1)
    assert _run(tmp_path / "raw", out) == 2
    assert "--landmarks facemesh detects the faces instead" in _one_line(capsys)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_unreadable_video(raw: Path, out: Path, workers: str, capsys) -> None:
    """Cut within its header, and right behind it."""
    video = raw / "Videos_LeftCamera" / "LeftVideoSN031_Comp.avi"
    content = video.read_bytes()
    video.write_bytes(content[:100])
    assert main(["disfa", str(raw), str(out), "--workers", workers]) == 2
    assert f"{video}: not a readable video" in _one_line(capsys)
    video.write_bytes(content[: content.index(b"movi") + 4])
    assert main(["disfa", str(raw), str(out), "--workers", workers]) == 2
    assert f"{video}: no frame of the video can be read" in _one_line(capsys)


def test_two_videos_of_a_subject(raw: Path, out: Path, capsys) -> None:
    write_video(raw / "Video_LeftCamera" / "LeftVideoSN001_comp.avi", 1)
    assert _run(raw, out) == 2
    line = _one_line(capsys)
    assert "Video_LeftCamera/LeftVideoSN001_comp.avi" in line
    assert "Videos_LeftCamera/LeftVideoSN001_comp.avi" in line


def test_two_landmark_files_of_a_frame(raw: Path, out: Path, capsys) -> None:
    folder = raw / "Landmark_Points" / "SN001" / "tmp_frame_lm"
    write_landmarks(folder / "l00001_lm.mat", landmarks_of(0))
    assert _run(raw, out) == 2
    line = _one_line(capsys)
    assert "SN001_0000_lm.mat" in line
    assert "l00001_lm.mat" in line


def test_nothing_to_extract(raw: Path, out: Path, capsys) -> None:
    """Says so, and leaves nothing that would bind the next run to its flags."""
    assert _run(raw, out, "--max-rotation", "0.0001") == 2
    error = capsys.readouterr().err
    assert "left out 11 (head rotated too far)" in error
    assert "no frame could be extracted" in error.splitlines()[-1]
    assert not (out / "imgs").exists()
    assert _run(raw, out) == 0


@pytest.mark.parametrize(
    "flags",
    [("--size", "0"), ("--max-rotation", "-3"), ("--width-factor", "nan"), ("--every", "2")],
)
def test_flags_are_checked(raw: Path, out: Path, flags: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        _run(raw, out, *flags)
    assert exit_.value.code == 2
