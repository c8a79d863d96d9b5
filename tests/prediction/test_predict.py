"""``audetnet predict`` on images and videos with made-up faces."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from audetnet.commands.predict import main
from audetnet.data.augment import to_unit_range
from audetnet.data.images import read_image
from audetnet.files.atomic import write_text
from audetnet.prediction import parts, to_file
from audetnet.prediction.parts import PredictionParts
from audetnet.prediction.table_file import read_rows
from audetnet.training.saved import load_saved
from tests.prediction.conftest import FakeDetector

Predict = Callable[..., Path]
WriteVideo = Callable[[str, list[int]], Path]


def test_one_row_per_face_and_per_frame_without_a_face(
    run: Path, photos: Path, detector: FakeDetector, predict: Predict, capsys
) -> None:
    table = pd.read_csv(predict(run, photos))
    names = [Path(each).name for each in table["input"]]
    assert names == ["a.png", "b.png", "b.png", "broken.jpg", "c.png"]
    assert table["success"].tolist() == [1, 1, 1, 0, 0]
    assert table["face"].fillna(-1).tolist() == [0, 0, 1, -1, -1]
    assert table["reason"][4] == "no face found" and "not a readable image" in table["reason"][3]
    assert table["width"][1] > table["width"][2]
    assert table["x"][2] - table["x"][1] > 100
    assert table.loc[:2, "yaw":].notna().all(axis=None)
    assert table.loc[3:, "confidence":].isna().all(axis=None)
    captured = capsys.readouterr()
    assert "skipped 1 file: neither image nor video" in captured.err
    assert "4 frames, 3 faces" in captured.out


@pytest.mark.parametrize(
    ("fixture", "ending", "most"), [("run", "_p", 1), ("intensity_run", "_r", 5)]
)
def test_decisions_follow_from_the_written_values(
    fixture: str, ending: str, most: int, minimal_data: Path, predict: Predict, request
) -> None:
    """In Parquet too, with the thresholds stored beside the table."""
    run = request.getfixturevalue(fixture)
    for out in ("out.csv", "out.parquet"):
        file = predict(run, minimal_data / "imgs", "--aligned", out=out)
        rows = read_rows(file)
        thresholds = json.loads(Path(f"{file}.json").read_text())["thresholds"]
        assert list(thresholds) == [name for name in rows[0] if name.endswith(ending)]
        assert len(thresholds) == 12 and f"AU01{ending}" in thresholds
        for row in rows:
            for name, threshold in thresholds.items():
                assert 0 <= row[name] <= most and round(row[name], 4) == row[name]
                assert row[name.replace(ending, "_c")] == int(row[name] >= threshold)


def test_aligned_crops_give_what_the_evaluation_gives(
    run: Path, minimal_data: Path, predict: Predict
) -> None:
    """The latest checkpoint's scores: without validation frames it is the one that is reported."""
    saved = load_saved(run)
    model = saved.trained().eval()
    paths = sorted((minimal_data / "imgs").glob("*.jpg"))
    pixels = np.stack([read_image(path, saved.plan.image[1:]) for path in paths])
    with torch.no_grad():
        scores = saved.head().scores(
            model.predict(model.encode(to_unit_range(torch.from_numpy(pixels))))
        )
    table = pd.read_csv(predict(run, minimal_data / "imgs", "--aligned"))
    np.testing.assert_allclose(table.filter(like="_p"), scores, atol=6e-5)


def test_people_keep_their_numbers(
    run: Path, write_video: WriteVideo, detector: FakeDetector, predict: Predict
) -> None:
    """The second leaves for a moment, which is bridged, and the first stays."""
    clip = write_video("clip.avi", [2, 2, 1, 1, 2, 0, 2])
    rows = read_rows(predict(run, clip))
    seen = [(row["frame"], row["face"]) for row in rows]
    assert seen == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
        (2, 0),
        (3, 0),
        (4, 0),
        (4, 1),
        (5, None),
        (6, 0),
        (6, 1),
    ]
    assert [row["timestamp"] for row in rows if row["face"] == 0] == [0, 0.1, 0.2, 0.3, 0.4, 0.6]


def test_every_nth_frame_and_the_largest_face(
    run: Path, write_video: WriteVideo, detector: FakeDetector, predict: Predict
) -> None:
    clip = write_video("clip.avi", [2] * 7)
    rows = read_rows(predict(run, clip, "--every", "3", "--faces", "largest"))
    assert [(row["frame"], row["face"]) for row in rows] == [(0, 0), (3, 0), (6, 0)]


@pytest.mark.parametrize("every", ["1", "5"])
def test_a_video_that_is_cut_off_is_noted(
    every: str, run: Path, write_video: WriteVideo, detector, predict: Predict, capsys
) -> None:
    """Once, and not for whole videos."""
    whole, cut = write_video("whole.avi", [1] * 40), write_video("cut.avi", [1] * 40)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    rows = read_rows(predict(run, whole, cut, "--every", every))
    last = [row for row in rows if row["input"] == str(cut)][-1]
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"{cut}: damaged or cut off: the last frame that could be read is {last['frame']} (from 0, "
        f"{last['timestamp']:.1f} s), but its header announces 40 frames"
    )


def test_a_broken_video_is_a_row(run: Path, tmp_path: Path, detector, predict: Predict) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    (row,) = read_rows(predict(run, tmp_path / "clip.mp4"))
    assert row["success"] == 0 and "not a readable video" in row["reason"]


def test_several_runs_give_mean_and_spread(
    run: Path, photos: Path, detector: FakeDetector, predict: Predict
) -> None:
    best = run / "checkpoints" / "best.pt"
    alone = [
        pd.read_csv(predict(each, photos, out=f"{n}.csv")) for n, each in enumerate((run, best))
    ]
    both = pd.read_csv(predict(run, best, photos, out="both.csv"))
    values = np.stack([table.filter(like="_p").iloc[:3] for table in alone])
    np.testing.assert_allclose(both.filter(like="_p").iloc[:3], values.mean(axis=0), atol=1.01e-4)
    spread = values.std(axis=0, ddof=1)
    np.testing.assert_allclose(both.filter(like="_sd").iloc[:3], spread, atol=1.5e-4)
    assert (spread > 1e-3).any()


def test_codes_are_those_of_the_faces(
    run: Path, photos: Path, detector: FakeDetector, predict: Predict, tmp_path: Path
) -> None:
    predict(run, photos, "--codes", str(tmp_path / "codes.parquet"))
    codes = pd.read_parquet(tmp_path / "codes.parquet")
    assert [Path(each).name for each in codes["input"]] == ["a.png", "b.png", "b.png"]
    assert codes["face"].tolist() == [0, 0, 1]
    plan = load_saved(run).plan
    assert {len(each) for each in codes["z1"]} == {plan.z1_channels}
    assert {len(each) for each in codes["z2"]} == {plan.code_channels - plan.z1_channels}
    assert not np.array_equal(codes["z1"][1], codes["z1"][2])


@pytest.mark.parametrize(
    ("out", "killed_after"),
    [
        ("out.csv", 3),
        *(pytest.param("out.csv", count, marks=pytest.mark.slow) for count in (1, 2, 4, 5)),
        pytest.param("out.parquet", 3, marks=pytest.mark.slow),
    ],
)
def test_the_same_command_resumes(
    out: str,
    killed_after: int,
    run: Path,
    photos: Path,
    write_video: WriteVideo,
    detector: FakeDetector,
    predict: Predict,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed between two parts, in the middle of videos, it ends with the same bytes and reads no
    finished frame again.
    """
    monkeypatch.setattr(to_file, "_ROWS_A_PART", 1)
    clips = [write_video(name, [1, 2, 2, 0, 1, 2]) for name in ("a.avi", "b.avi")]
    flags = ("--batch-size", "2", "--codes", str(tmp_path / "codes.parquet"))
    whole = predict(run, photos, *clips, *flags, out=out)
    expected = [file.read_bytes() for file in (whole, tmp_path / "codes.parquet")]
    frames, detector.looked = detector.looked, 0
    for file in tmp_path.glob("*.json"):
        file.unlink()
    whole.unlink()
    real, left = PredictionParts.add, iter(range(killed_after))

    def add(self: PredictionParts, *arguments: object) -> None:
        if next(left, None) is None:
            raise SystemError("killed")
        real(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises(SystemError):
        patch.setattr(PredictionParts, "add", add)
        predict(run, photos, *clips, *flags, out=out)
    assert not whole.exists() and (tmp_path / f"{out}.parts").is_dir()
    before = detector.looked
    predict(run, photos, *clips, *flags, out=out)
    assert [file.read_bytes() for file in (whole, tmp_path / "codes.parquet")] == expected
    assert before + detector.looked - before < 2 * frames
    assert detector.looked <= frames + 4  # what was seen of the part that was lost
    assert not (tmp_path / f"{out}.parts").exists()


@pytest.mark.slow
def test_killed_within_a_part_that_ends_elsewhere_next_time(
    run: Path,
    write_video: WriteVideo,
    detector: FakeDetector,
    predict: Predict,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Parts also end by the clock: leftovers of a killed one are not joined."""
    clip, codes = write_video("a.avi", [0, 2, 0, 2, 1]), tmp_path / "codes.parquet"
    flags = ("--batch-size", "1", "--codes", str(codes))
    table, expected = predict(run, clip, *flags).read_bytes(), pd.read_parquet(codes)
    (tmp_path / "out.csv").unlink()

    def write(path: Path, text: str) -> None:
        if path.name == "state.json":
            raise SystemError("killed")
        write_text(path, text)

    with monkeypatch.context() as patch, pytest.raises(SystemError):
        patch.setattr(parts, "write_text", write)
        predict(run, clip, *flags)
    monkeypatch.setattr(to_file, "_ROWS_A_PART", 1)
    assert predict(run, clip, *flags).read_bytes() == table
    pd.testing.assert_frame_equal(pd.read_parquet(codes), expected)


def test_a_finished_command_does_nothing(
    run: Path, photos: Path, detector: FakeDetector, predict: Predict, capsys
) -> None:
    predict(run, photos)
    looked = detector.looked
    predict(run, photos)
    assert detector.looked == looked
    assert "already finished" in capsys.readouterr().out
    predict(run, photos, "--overwrite")
    assert detector.looked == 2 * looked


def test_another_command_is_refused(
    run: Path, photos: Path, detector: FakeDetector, predict: Predict, tmp_path: Path, capsys
) -> None:
    out = predict(run, photos)
    assert main([str(run), str(photos), "--out", str(out), "--faces", "largest"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert 'made with faces "all", but now it is "largest"; undo the change' in error
    Path(f"{out}.json").unlink()
    assert main([str(run), str(photos), "--out", str(out)]) == 2
    assert f"{out}: exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN"], "no images or videos given; name them after the run"),
        (["RUN", "nowhere/*.jpg"], "nowhere/*.jpg: no such file; expected images, videos"),
        (["RUN", "PHOTOS", "--out", "a.xlsx"], "--out a.xlsx: expected a file ending in .csv or"),
        (
            ["RUN", "PHOTOS", "--codes", "a.csv"],
            "--codes a.csv: expected a file ending in .parquet",
        ),
        (["RUN", "RUN", "PHOTOS", "--codes", "a.parquet"], "--codes: supports a single run only"),
        (["RUN", "PHOTOS", "--draw", "PHOTOS/drawn"], "photos, which is an input"),
        (["RUN", "PHOTOS", "--reference", "median"], "people are tracked only in videos"),
        (["RUN", "PHOTOS", "--reference", "first=2"], "is an image, not a video; use median"),
        (
            ["RUN", "PHOTOS", "--reference", "neutral=a.png"],
            "applies to one person; use only the largest face (--faces largest)",
        ),
        (
            ["RUN", "PHOTOS", "--reference", "median", "--faces", "largest"],
            "without [person_reference], the neutral of a person is subtracted",
        ),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)
def test_mistakes_are_a_line(
    arguments: list[str], message: str, run: Path, photos: Path, detector, tmp_path: Path, capsys
) -> None:
    places = {"RUN": str(run), "PHOTOS": str(photos)}
    flags = [places.get(each, each).replace("PHOTOS", str(photos)) for each in arguments]
    if "--out" not in flags:
        flags += ["--out", str(tmp_path / "out.csv")]
    assert main(flags) == 2
    (line,) = [each for each in capsys.readouterr().err.splitlines() if "skipped" not in each]
    assert message in line
    assert not (tmp_path / "out.csv").exists()


def test_runs_of_other_aus_are_refused(
    run: Path, intensity_run: Path, photos: Path, detector, tmp_path: Path, capsys
) -> None:
    assert main([str(run), str(intensity_run), str(photos), "--out", str(tmp_path / "o.csv")]) == 2
    assert "they must agree" in capsys.readouterr().err


def test_the_epoch_and_the_thresholds_that_the_run_reports(
    run: Path, photos: Path, detector, predict: Predict, tmp_path: Path, capsys
) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    file = copy / "thresholds.json"
    stored = json.loads(file.read_text())
    stored["epoch"] = load_saved(copy / "checkpoints" / "best.pt").epochs
    assert stored["epoch"] != load_saved(copy).epochs
    stored["validation"] = {**stored["default"], "AU1": 0.1, "AU2": 0.9}
    file.write_text(json.dumps(stored))
    rows = read_rows(predict(copy, photos))
    assert [(row["AU01_c"], row["AU02_c"]) for row in rows if row["success"]] == [(1, 0)] * 3
    beside = json.loads((tmp_path / "out.csv.json").read_text())
    assert Path(beside["networks"][0]).name == "best.pt"
    assert beside["thresholds"]["AU01_p"] == 0.1 and beside["thresholds"]["AU04_p"] == 0.5
    file.write_text(json.dumps({**stored, "epoch": 77}))
    assert main([str(copy), str(photos), "--out", str(tmp_path / "b.csv")]) == 2
    assert "the checkpoint of the reported epoch 77 is missing" in capsys.readouterr().err
