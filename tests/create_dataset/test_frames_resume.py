"""Extractions that were killed, interrupted, repeated or changed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audetnet.data import videos
from create_dataset import worker_pool
from create_dataset.extraction import crops, store
from create_dataset.extraction.disfa_layout import disfa_sequences
from create_dataset.frames import main
from create_dataset.summary import Summary
from tests.create_dataset.face_videos import (
    landmarks_of,
    make_disfa,
    write_landmarks,
)

UNFINISHED = "frames.unfinished"
LONG = 150
"""Frames of a video that an extraction can be killed in."""


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames of each of two subjects; of SN031, number 3 has no landmarks."""
    return make_disfa(tmp_path_factory.mktemp("raw"), frames=40)


@pytest.fixture(scope="module")
def whole(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an extraction that never stopped writes."""
    out = tmp_path_factory.mktemp("whole")
    assert _run(raw, out) == 0
    return out


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the frames that are decoded."""
    numbers: list[int] = []
    real = videos._retrieved

    def retrieved(capture, path: Path, number: int):
        numbers.append(number)
        return real(capture, path, number)

    monkeypatch.setattr(videos, "_retrieved", retrieved)
    return numbers


def _run(raw: Path, out: Path, *flags: str) -> int:
    return main(["disfa", str(raw), str(out), "--workers", "1", *flags])


def _content(out: Path) -> dict[str, bytes]:
    files = [path for path in out.rglob("*") if path.is_file() and path.name != ".lock"]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def _killed_after(monkeypatch: pytest.MonkeyPatch, raw: Path, out: Path, count: int) -> None:
    """An extraction that ends, without any tidying, after so many frames."""
    real = store.FrameWriter.write
    written = []

    def write(self, *frame) -> None:
        if len(written) == count:
            raise KeyboardInterrupt
        real(self, *frame)
        written.append(frame[0])

    with monkeypatch.context() as patch:
        patch.setattr(store.FrameWriter, "write", write)
        assert _run(raw, out) == 130


def test_an_interrupted_run_keeps_what_it_has(
    raw: Path, whole: Path, out: Path, monkeypatch, decoded: list[int], capsys
) -> None:
    _killed_after(monkeypatch, raw, out, 50)
    assert not (out / "imgs").exists()
    assert not (out / "frames.csv").exists()
    error = capsys.readouterr().err
    assert f"{out / UNFINISHED}: keeps what was extracted" in error
    assert error.endswith("interrupted\n")
    decoded.clear()
    assert _run(raw, out) == 0
    assert decoded == list(range(11, 40))  # SN031: 10 were made, of 0 to 10 without 3
    assert _content(out) == _content(whole)
    assert "79 frames of 256x256 (jpg), 29 of them new" in capsys.readouterr().out


def test_a_finished_dataset_opens_no_video(raw: Path, whole: Path, monkeypatch, capsys) -> None:
    before = _content(whole)
    monkeypatch.setattr(videos, "_opened", lambda path: pytest.fail(f"opened {path}"))
    assert _run(raw, whole) == 0
    assert _content(whole) == before
    captured = capsys.readouterr()
    assert "79 frames of 256x256 (jpg), 0 of them new" in captured.out
    assert "(no landmark file): SN031_3" in captured.err


def test_a_deleted_image_is_made_again(
    raw: Path, whole: Path, out: Path, decoded: list[int]
) -> None:
    assert _run(raw, out) == 0
    (out / "imgs" / "SN001_7.jpg").unlink()
    (out / "imgs" / "SN031_9.jpg").write_bytes(b"")
    decoded.clear()
    assert _run(raw, out) == 0
    assert decoded == [7, 9]
    assert _content(out) == _content(whole)


def test_landmarks_that_came_later(tmp_path: Path, out: Path, decoded: list[int]) -> None:
    raw = make_disfa(tmp_path / "raw")
    assert _run(raw, out) == 0
    folder = raw / "Landmark_Points" / "SN031" / "tmp_frame_lm"
    write_landmarks(folder / "l00004_lm.mat", landmarks_of(3))
    decoded.clear()
    assert _run(raw, out) == 0
    assert decoded == [3]
    assert (out / "imgs" / "SN031_3.jpg").is_file()
    assert "SN031_3," in (out / "frames.csv").read_text()


def test_a_video_that_has_grown(tmp_path: Path, out: Path) -> None:
    """Its length is counted anew, since the file is another one."""
    raw = make_disfa(tmp_path / "raw", frames=4)
    assert _run(raw, out) == 0
    make_disfa(raw, frames=6)
    assert _run(raw, out) == 0
    assert (out / "imgs" / "SN001_5.jpg").is_file()


@pytest.mark.parametrize("torn", ["SN001_9", "SN001_9,1.00,2.00", "SN001_9,1.00,2.00,3.0"])
def test_a_torn_last_line_is_no_frame(
    raw: Path, whole: Path, out: Path, monkeypatch, torn: str
) -> None:
    """Even where it could be read as a whole one: the last digit may be missing."""
    _killed_after(monkeypatch, raw, out, 10)
    record = next((out / UNFINISHED / "records").glob("0.*.csv"))
    lines = record.read_text().splitlines(keepends=True)
    assert lines[9].startswith("SN001_9,")
    record.write_text("".join(lines[:9]) + torn)
    assert _run(raw, out) == 0
    assert _content(out) == _content(whole)


def test_an_image_without_its_record_is_made_again(raw, whole, out: Path, monkeypatch) -> None:
    _killed_after(monkeypatch, raw, out, 10)
    (out / UNFINISHED / "imgs" / "SN001_10.jpg").write_bytes(b"from before the record's line")
    assert _run(raw, out) == 0
    assert _content(out) == _content(whole)


@pytest.mark.parametrize("into_existing", [False, True])
def test_killed_while_the_images_move(
    raw: Path, whole: Path, out: Path, monkeypatch, into_existing: bool, decoded: list[int]
) -> None:
    """frames.csv is there, some images are not at their place yet."""
    if into_existing:
        assert _run(raw, out, "--subjects", "SN001") == 0
    moved = []
    name = "replace" if into_existing else "rename"
    real = getattr(Path, name)

    def move(self: Path, target: Path) -> Path:
        if target.parent == out / "imgs" or target == out / "imgs":
            if len(moved) == (5 if into_existing else 0):
                raise KeyboardInterrupt
            moved.append(target)
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, name, move)
        assert _run(raw, out) == 130
    decoded.clear()
    assert _run(raw, out) == 0
    assert decoded == []
    assert _content(out) == _content(whole)


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--size", "128"), "size = 256, not 128"),
        (("--width-factor", "1.25"), "width-factor = 1.2, not 1.25"),
        (("--resampling", "area"), "resampling = lanczos, not area"),
        (("--format", "png"), "format = jpg, not png"),
        (("--max-rotation", "30"), "max-rotation = None, not 30.0"),
        (("--drop-bad-frames",), "drop-bad-frames = False, not True"),
        (("--landmarks", "facemesh"), "landmarks = files, not facemesh"),
        (("--landmarks", "dlib"), "landmarks = files, not dlib"),
    ],
)
def test_other_parameters_are_refused(raw: Path, whole: Path, flags, named: str, capsys) -> None:
    before = _content(whole)
    assert _run(raw, whole, *flags) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert f"{whole / 'frames.json'}: these frames were made with {named}" in error
    assert _content(whole) == before


def test_what_was_made_while_dlib_was_the_only_detector(
    raw: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is gone on with by dlib, and by nothing else."""
    assert _run(raw, out) == 0
    before = out / "frames.json"
    before.write_text(before.read_text().replace('"landmarks": "files"', '"landmarks": "detector"'))
    capsys.readouterr()
    assert _run(raw, out, "--landmarks", "facemesh") == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"{before}: these frames were made with landmarks = dlib, not face")
    assert _run(raw, out, "--landmarks", "dlib") == 0
    assert json.loads(before.read_text())["parameters"]["landmarks"] == "dlib"
    assert json.loads((out / "dataset.json").read_text())["landmarks"] == "dlib"


def test_a_broken_dataset_json_is_said_before_the_work(raw: Path, out: Path, capsys) -> None:
    out.mkdir()
    (out / "dataset.json").write_text('{"landmarks": "haar"}')
    assert _run(raw, out) == 2
    assert '"landmarks": expected facemesh, dlib, files, not' in capsys.readouterr().err
    assert not (out / UNFINISHED).exists()


def test_other_parameters_are_refused_of_an_unfinished_run_too(
    raw: Path, out: Path, monkeypatch, capsys
) -> None:
    _killed_after(monkeypatch, raw, out, 5)
    assert _run(raw, out, "--size", "128") == 2
    assert "size = 256, not 128" in capsys.readouterr().err


def test_a_run_that_made_nothing_binds_nobody(raw: Path, out: Path, monkeypatch) -> None:
    _killed_after(monkeypatch, raw, out, 0)
    assert _run(raw, out, "--size", "128", "--subjects", "SN001") == 0


def test_files_of_another_origin_are_named(raw: Path, out: Path, capsys) -> None:
    assert _run(raw, out, "--subjects", "SN001") == 0
    (out / "frames.csv").write_text("frame,x\nSN001_1,2\n")
    assert _run(raw, out) == 2
    assert f"{out / 'frames.csv'}:1: expected frame_id,yaw" in capsys.readouterr().err
    (out / "frames.json").write_text("{")
    assert _run(raw, out) == 2
    assert f"{out / 'frames.json'}: not the JSON file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        "[]",
        "null",
        "{}",
        '{"parameters": [], "videos": {}}',
        '{"parameters": {}, "videos": []}',
        '{"parameters": {}, "videos": {"a": 1}}',
        '{"parameters": {}, "videos": {"a": {"frames": "many", "bytes": 1}}}',
        '{"parameters": {}, "videos": {"a": {"frames": 1e999, "bytes": 1}}}',
    ],
    ids=lambda content: content[:60],
)
def test_a_description_of_another_shape_is_one_line(
    raw: Path, out: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out.mkdir()
    (out / "frames.json").write_text(content)
    assert _run(raw, out) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"{out / 'frames.json'}: not the JSON file")
    assert (out / "frames.json").read_text() == content


def test_two_at_once(raw: Path, out: Path, capsys) -> None:
    from audetnet.files.lock import locked

    with locked(out, "busy"):
        assert _run(raw, out) == 2
    assert "another process is extracting frames there" in capsys.readouterr().err


def test_a_full_disk_is_one_line(raw: Path, out: Path, monkeypatch, capsys) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.os, "replace", full)
    assert _run(raw, out) == 2
    assert "cannot be written: No space left on device" in capsys.readouterr().err


def _started(raw: Path, out: Path, *flags: str) -> subprocess.Popen[str]:
    """An extraction as a process of its own, in a group of its own as in a terminal."""
    command = [sys.executable, "-m", "create_dataset.frames", "disfa", str(raw), str(out), *flags]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell's background jobs, of which these tests may be one, start with Ctrl-C ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def _wait_for_frames(process: subprocess.Popen[str], out: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    folder = out / UNFINISHED / "imgs"
    while not folder.is_dir() or len(list(folder.iterdir())) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def _group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture(scope="module")
def long_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough frames for a kill to come midway."""
    raw = make_disfa(tmp_path_factory.mktemp("long"), frames=1)
    from tests.create_dataset.face_videos import write_video

    for subject, ending in (("SN001", "comp"), ("SN031", "Comp")):
        video = raw / "Videos_LeftCamera" / f"LeftVideo{subject}_{ending}.avi"
        write_video(video, LONG, lambda number: landmarks_of(number % 10))
        for number in range(LONG):
            name = (
                f"SN001_{number:04d}_lm.mat" if subject == "SN001" else f"l{number + 1:05d}_lm.mat"
            )
            path = raw / "Landmark_Points" / subject / "tmp_frame_lm" / name
            write_landmarks(path, landmarks_of(number % 10))
    return raw


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_real_signals(long_raw: Path, out: Path, workers: str, number: signal.Signals) -> None:
    """SIGKILL hits the main process alone, Ctrl-C the whole group; then the same command."""
    process = _started(long_raw, out, "--workers", workers)
    _wait_for_frames(process, out, 20)
    if number == signal.SIGKILL:
        process.kill()
    else:
        os.killpg(process.pid, number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 130), error
    assert "Traceback" not in error
    deadline = time.monotonic() + 20
    while not _group_is_gone(process.pid):
        assert time.monotonic() < deadline, "workers went on without their parent"
        time.sleep(0.05)
    assert not (out / "imgs").exists()
    kept = len(list((out / UNFINISHED / "imgs").iterdir()))
    assert 20 <= kept < 2 * LONG
    after = _started(long_raw, out, "--workers", workers)
    said, error = after.communicate(timeout=120)
    assert after.returncode == 0, error
    assert f"{2 * LONG} frames of 256x256 (jpg)" in said
    new = int(said.split("(jpg), ")[1].split()[0])
    assert 2 * LONG - kept <= new <= 2 * LONG - kept + int(workers)
    assert len((out / "frames.csv").read_text().splitlines()) == 2 * LONG + 1
    assert json.loads((out / "frames.json").read_text())["videos"]["SN031"]["frames"] == LONG


def test_ctrl_c_while_a_worker_has_nothing_to_do(long_raw: Path, out: Path) -> None:
    """Of SN031 one frame is wanted, so that its worker waits for jobs when the signal comes."""
    out.mkdir()
    ids = ["SN031_0", *(f"SN001_{number}" for number in range(LONG))]
    (out / "aus.csv").write_text("frame,AU1\n" + "".join(f"{frame_id},0\n" for frame_id in ids))
    process = _started(long_raw, out, "--workers", "2")
    deadline = time.monotonic() + 60
    while not (out / UNFINISHED / "frames.json").is_file() or (
        "SN031" not in (out / UNFINISHED / "frames.json").read_text()
    ):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "Traceback" not in error


def _die(job: crops.Job) -> None:
    """As the system does where the memory is full."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_is_one_line(raw: Path, out: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(worker_pool, "_run_job", _die)
    assert main(["disfa", str(raw), str(out), "--workers", "2"]) == 2
    assert "a worker process was killed" in capsys.readouterr().err


def test_stop_is_heard_at_the_next_frame(raw: Path, out: Path) -> None:
    kept = store.FrameStore(out, {"format": "jpg"})
    sequence = disfa_sequences(raw, "left", True, False, Summary())[0]
    job = crops.Job(
        sequence=sequence,
        wanted=None,
        done=frozenset(),
        length=None,
        record=kept.record_path(0),
    )
    settings = crops.CropSettings(
        landmarks="files",
        alignment=crops.Alignment(),
        image_format="jpg",
        max_rotation=None,
    )
    advanced: list[int] = []
    report = crops.SequenceExtraction(
        job, settings, kept.unfinished, advanced.append, lambda: len(advanced) == 7
    ).run()
    assert report.written == 7
    assert report.length is None
