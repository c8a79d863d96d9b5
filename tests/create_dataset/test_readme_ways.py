"""What the pages say of your own photographs, videos and crops, typed as it stands there."""

import shlex
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from audetnet.commands.train import main as train
from audetnet.data.frames import DatasetPaths, load_dataset
from audetnet.data.ids import IdFiles
from audetnet.files.csv import read_csv, write_csv
from create_dataset import worker_pool
from tests.conftest import ROOT
from tests.create_dataset.face_videos import write_frames
from tests.pages import MAKING_DATA, README

PEOPLE = {"anna": "SN001_0", "ben": "SN003_0", "cleo": "SN005_0"}
"""And the frames of minimal_dataset that show their faces."""
FACES = {**PEOPLE, "dora": "SN002_0", "emil": "SN004_0"}
"""Of all who are photographed in any test."""
FRAMES = 4
Pixels = npt.NDArray[np.uint8]
Row = list[str | float]


def _lines(text: str, before: str) -> list[list[str]]:
    """The words of each line of the first block of code after a text, without comments."""
    block = text[text.index(before) :].split("```")[1]
    return [shlex.split(line, comments=True) for line in block.strip().splitlines()]


def _commands(before: str) -> list[list[str]]:
    """The words of the commands in the page's first block after a text, without comments."""
    lines = _lines(MAKING_DATA, before)
    assert all(line[:2] == ["python", "-m"] for line in lines)
    return [line[2:] for line in lines]


def _picture(*who: str, shift: int = 0) -> Pixels:
    """Some people side by side on grey, farther to the right by ``shift``."""
    canvas = Image.new("RGB", (160 * len(who) + 40, 200), (120, 120, 120))
    for place, person in enumerate(who):
        face = Image.open(ROOT / "minimal_dataset" / "imgs" / f"{FACES[person]}.jpg")
        canvas.paste(face.resize((160, 160)), (160 * place + shift, 20))
    return np.asarray(canvas)


def _write_picture(path: str, *who: str, shift: int = 0) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(_picture(*who, shift=shift)).save(path, quality=95)


def _photographs(people: Iterable[str] = PEOPLE) -> list[Row]:
    """In the folder that the page names, a folder a person; one more is not in the table."""
    rows: list[Row] = [["path", "person", "AU1", "AU2"]]
    for who in people:
        for number in range(1, FRAMES + 1):
            path = f"photos/{who}/{number}.jpg"
            _write_picture(path, who, shift=5 * number)
            rows.append([path, who, number % 2, 3 * (number > 2)])
    _write_picture("photos/anna/99.jpg", "anna")
    return rows


def _videos() -> list[Row]:
    """Of every video, every other frame is in the table."""
    rows: list[Row] = [["video", "frame", "person", "AU1", "AU2"]]
    for who in PEOPLE:
        write_frames(Path(f"{who}.avi"), [_picture(who, shift=4 * n) for n in range(2 * FRAMES)])
        Path(f"{who}.avi").rename(f"{who}.mp4")  # OpenCV looks into the file, not at its name
        rows += [[f"{who}.mp4", 2 * n, who, n % 2, 3 * (n > 1)] for n in range(FRAMES)]
    return rows


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a fresh directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(worker_pool, "default_workers", lambda: 1)


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize(
    ("before", "make", "numbers"),
    [
        ("**Photographs** in a folder", _photographs, range(1, FRAMES + 1)),
        ("**Videos**, with rows", _videos, range(0, 2 * FRAMES, 2)),
        ("**Face crops** of one size", _photographs, range(1, FRAMES + 1)),
    ],
    ids=["photographs", "videos", "crops"],
)
def test_the_block_works_as_typed(
    before: str, make: Callable[[], list[Row]], numbers: range
) -> None:
    """To a dataset that training reads: every row of the table has its image and its subject."""
    write_csv(Path("labels.csv"), make())
    for module, *words in _commands(before):
        assert import_module(module).main(words) == 0
    expected = {f"{who}_{number}" for who in PEOPLE for number in numbers}
    assert {path.stem for path in Path("mine/imgs").iterdir()} == expected
    for fold in "123":
        dataset = load_dataset(
            DatasetPaths(directory=Path("mine"), ids=IdFiles().of_fold(fold)), True
        )
        assert dataset.notes == ()
        assert {name for part in dataset.sets() for name in part.ids} == expected
        assert [set(part.subjects) for part in dataset.sets()] == [
            {name.split("_")[0] for name in part.ids} for part in dataset.sets()
        ]
        assert sum(len(set(part.subjects)) for part in dataset.sets()) == len(PEOPLE)


@pytest.mark.slow
@pytest.mark.usefixtures("one_process")
def test_the_five_lines_of_the_readme_train_a_network() -> None:
    """On a table with as many AUs as the shipped cfg is for."""
    header, *rows = _photographs(FACES)
    aus = [f"AU{number}" for number in range(1, 13)]
    write_csv(
        Path("labels.csv"),
        [[*header[:2], *aus], *([path, who, *[active] * 12] for path, who, _, active in rows)],
    )
    *making, training = _lines(README, "five lines turn")
    assert making == _lines(MAKING_DATA, "**Photographs** in a folder")
    for _, _, module, *words in making:
        assert import_module(module).main(words) == 0
    assert training[:2] == ["python", "train.py"]
    Path("cfg").symlink_to(ROOT / "cfg")
    assert train([*training[2:], "--device", "cpu"]) == 0
    (run,) = Path("runs").iterdir()
    assert (run / "results.json").is_file() and f"predict {run} " in README


@pytest.mark.usefixtures("one_process")
def test_copied_photographs_are_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    """By their sizes, by frames, which would mix both, and after it by csv_labels."""
    rows = _photographs()
    write_csv(Path("labels.csv"), rows)
    small = Path(str(rows[1][0]))
    Image.open(small).resize((50, 60)).save(small)
    (labels, *table), (frames, *images), *_ = _commands("**Photographs** in a folder")
    copying = table[: table.index("--photographs")]
    assert import_module(labels).main(copying) == 0
    assert "images of 2 sizes" in capsys.readouterr().err
    assert import_module(frames).main(images) == 2
    error = capsys.readouterr().err
    assert "mine/imgs" in error and "delete them if they are uncropped photographs" in error
    for path in Path("mine/imgs").iterdir():
        path.unlink()
    assert import_module(frames).main(images) == 0
    before = {path: path.read_bytes() for path in Path("mine/imgs").iterdir()}
    capsys.readouterr()
    assert import_module(labels).main(copying) == 2
    assert "mine/imgs: holds faces" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path("mine/imgs").iterdir()} == before
    assert import_module(labels).main(table) == 0


@pytest.mark.usefixtures("one_process")
def test_what_is_left_out_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """All of it, once, however often the command runs, and no more once it is there."""
    rows = _photographs()
    write_csv(Path("labels.csv"), [*rows, ["photos/ben/7.bmp", "ben", 0, 0]])
    Path("photos/ben/7.bmp").write_bytes(b"")
    torn = Path("photos/cleo/2.jpg")
    whole = torn.read_bytes()
    torn.write_bytes(b"")
    (labels, *table), (frames, *images), *_ = _commands("**Photographs** in a folder")
    assert import_module(labels).main(table) == 0
    expected = {
        ("anna_99", "not in the AU table", "photos/anna/99.jpg"),
        ("cleo_2", "unreadable image", str(torn)),
        ("ben_7", "labelled, but not in the video or folder", ""),
        ("", "file whose ending is not .jpg, .jpeg, .png", "photos/ben/7.bmp"),
    }
    for _ in range(2):
        assert import_module(frames).main(images) == 0
        header, *listed = read_csv(Path("mine/left_out.csv"))
        assert header == ["frame", "reason", "file"]
        assert set(map(tuple, listed)) == expected and len(listed) == len(expected)
        assert "mine/left_out.csv" in capsys.readouterr().out
    torn.write_bytes(whole)
    assert import_module(frames).main(images) == 0
    assert "cleo_2" not in Path("mine/left_out.csv").read_text()


@pytest.mark.usefixtures("one_process")
def test_videos_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the first left out stays listed; what the first made is not missed by the second."""
    rows = _videos()
    write_csv(Path("labels.csv"), [*rows, ["anna.mp4", 50, "anna", 0, 0]])
    (labels, *table), (frames, *_), *_ = _commands("**Videos**, with rows")
    assert import_module(labels).main(table) == 0
    for name in ("anna", "ben"):
        capsys.readouterr()
        assert import_module(frames).main(["videos", f"{name}.mp4", "mine"]) == 0
    assert "(labelled, but no such video or images): cleo\n" in capsys.readouterr().err
    listed = read_csv(Path("mine/left_out.csv"))
    assert listed[1][0] == "anna_50" and len(listed) == 2 + FRAMES


@pytest.mark.usefixtures("one_process")
def test_several_faces_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    for name, who in (("a", ["ben"]), ("b", list(PEOPLE)), ("c", ["cleo", "anna"])):
        _write_picture(f"photos/{name}.jpg", *who)
    assert import_module("create_dataset.frames").main(["images", "photos", "out"]) == 0
    error = capsys.readouterr().err
    assert "2 frames with several faces" in error and "largest" in error
    assert "b (3 faces), c (2 faces)" in error
