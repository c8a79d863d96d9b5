"""A directory with a run is never started over unasked, and what has changed since is named."""

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from audetnet.files.lock import locked
from audetnet.labels import FloatArray
from audetnet.training.checkpoint import Checkpoint, load_checkpoint
from audetnet.training.trainer import Trainer
from tests.edited_labels import edit_labels
from tests.training.conftest import DATA, assert_same_bits, start


def _latest(run: Path) -> Path:
    return run / "checkpoints" / "latest.pt"


def _files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def _line(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def _only_metrics(run: Path) -> None:
    shutil.rmtree(run / "checkpoints")
    (run / "results.json").unlink()
    (run / "results.csv").unlink()


def _only_results(run: Path) -> None:
    shutil.rmtree(run / "checkpoints")
    (run / "metrics.jsonl").unlink()


def _dangling(run: Path) -> None:
    _latest(run).unlink()
    _latest(run).symlink_to(run / "nowhere.pt")


@pytest.mark.parametrize(
    ("lose", "messages"),
    [
        (
            lambda run: _latest(run).unlink(),
            ["metrics of 2 epochs, best.pt, epoch_0001.pt", "`cp "],
        ),
        (_dangling, ["metrics of 2 epochs", "`rm ", " && cp "]),
        (_only_metrics, ["metrics of 2 epochs, but", "no other intact checkpoint"]),
        (_only_results, ["has results.json, results.csv, but"]),
    ],
    ids=["deleted", "dangling link", "only metrics", "only results"],
)
def test_a_run_without_its_latest_checkpoint_is_not_started_over(
    lose: Callable[[Path], None],
    messages: list[str],
    short_cfg: Path,
    run: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lose(run)
    before = _files(run)
    assert start(short_cfg, run) == 2
    line = _line(capsys)
    assert line.startswith(f"{run}: has ") and "--overwrite" in line and "--run DIR" in line
    assert all(message in line for message in messages)
    assert {**before, ".lock": b""} == _files(run)


@pytest.mark.parametrize("latest", ["intact", "damaged", "deleted"])
def test_overwrite_starts_over_and_keeps_other_files(
    latest: str, short_cfg: Path, run: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if latest == "damaged":
        _latest(run).write_bytes(b"x")
    elif latest == "deleted":
        _latest(run).unlink()
    own = ["notes.txt", "results.txt", "checkpoints/good.pt", "pictures/mine.png"]
    own.append("disentangling/report.html")
    for name in own:
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).write_text("mine")
    for name in ("checkpoints/epoch_0017.pt", "results_last.csv"):
        (run / name).write_text("of the old run")
    assert start(short_cfg, run, "--overwrite", "--save-every", "1") == 0
    printed = capsys.readouterr()
    assert f"run directory {run}: new run" in printed.out
    assert f"{run / 'disentangling'}: a report on the overwritten run" in printed.err
    assert all((run / name).read_text() == "mine" for name in own)
    left = {name for name in _files(run) if not name.startswith("tensorboard")} - set(own)
    assert left == {name for name in _files(whole) if not name.startswith("tensorboard")}
    assert len(list((run / "tensorboard").iterdir())) == 1
    assert_same_bits(_latest(whole), _latest(run))


def test_a_run_in_progress_is_not_overwritten(
    short_cfg: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked(run, ""):
        before = _files(run)
        assert start(short_cfg, run, "--overwrite") == 2
    assert "another process is training in this run directory" in _line(capsys)
    assert _files(run) == before


def test_nothing_is_overwritten_before_the_new_run_can_begin(
    short_cfg: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(DATA, data)
    (data / "imgs" / "SN002_1.jpg").write_bytes(b"no image")
    before = _files(run)
    assert start(short_cfg, run, "--overwrite", data=data) == 2
    assert "not a readable image" in _line(capsys)
    assert _files(run) == before


@pytest.mark.slow
@pytest.mark.parametrize("save", range(4))
def test_a_run_killed_while_saving_can_be_resumed(
    save: int, short_cfg: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its first checkpoint, between the metrics of the first epoch and best.pt, between
    best.pt and the kept one, and before latest.pt: the same command resumes every time.
    """
    write, calls, run = Checkpoint.save, iter(range(100)), tmp_path / "run"

    def killed(self: Checkpoint, path: Path) -> None:
        if next(calls) == save:
            raise KeyboardInterrupt
        write(self, path)

    monkeypatch.setattr(Checkpoint, "save", killed)
    assert start(short_cfg, run, "--save-every", "1") == 130
    names = ["latest.pt", "best.pt", "epoch_0001.pt"][:save]
    assert sorted(path.name for path in (run / "checkpoints").glob("*")) == sorted(names)
    monkeypatch.setattr(Checkpoint, "save", write)
    assert start(short_cfg, run, "--save-every", "1") == 0
    for name in ("latest.pt", "best.pt", "epoch_0001.pt"):
        assert_same_bits(whole / "checkpoints" / name, run / "checkpoints" / name)


def test_an_untrained_run_can_be_restarted_with_another_cfg(
    short_cfg: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as there is only its initial checkpoint; results are not thrown away."""
    run = tmp_path / "run"
    monkeypatch.setattr(Trainer, "_train_epoch", _interrupted)
    assert start(short_cfg, run) == 130
    assert load_checkpoint(_latest(run)).progress.step == 0
    assert start(short_cfg, run, "--seed", "1") == 130
    (run / "metrics.jsonl").write_text("{}\n")
    assert start(short_cfg, run, "--seed", "2") == 2


def _interrupted(self: Trainer, stop: object) -> None:
    raise KeyboardInterrupt


def test_weights_that_are_not_finite_are_never_saved(
    short_cfg: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Even if every loss was finite: the last step may spoil them."""
    train_batch, run = Trainer._train_batch, tmp_path / "run"

    def spoiling(self: Trainer, *arguments: object) -> None:
        train_batch(self, *arguments)  # type: ignore[arg-type]
        if self._progress.step == 8:
            with torch.no_grad():
                next(self._model.predictor.parameters()).view(-1)[0] = float("inf")

    monkeypatch.setattr(Trainer, "_train_batch", spoiling)
    assert start(short_cfg, run) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("epoch 2, batch 4: model.predictor.")
    assert f"is not finite; the last good checkpoint is {_latest(run)}." in line
    assert load_checkpoint(_latest(run)).progress.step == 4


def _rewrite(path: Path, edit: Callable[[list[str]], list[str]]) -> None:
    path.write_text("\n".join(edit(path.read_text().split())) + "\n")


def _relabel(data: Path) -> None:
    frames = ("SN002_1", (data / "test_ids.csv").read_text().split()[1])

    def turn(table: dict[str, FloatArray]) -> None:
        for frame in frames:
            table[frame] = np.where(table[frame] > 0, 0, 5)

    edit_labels(data, turn)


def _rename_au12(data: Path) -> None:
    for path in (data / "dataset.json", data / "aus.csv"):
        path.write_text(path.read_text().replace("AU12", "AU13"))


def _fold(data: Path, name: str, edit: Callable[[list[str]], list[str]]) -> None:
    (data / "folds" / name).mkdir(parents=True)
    for kind in ("train", "test"):
        path = Path(shutil.copy(data / f"{kind}_ids.csv", data / "folds" / name))
        _rewrite(path, edit)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A copy of minimal_dataset with folds, of which 1 and a are the same."""
    data = Path(shutil.copytree(DATA, tmp_path / "data"))
    for name in ("1", "a"):
        _fold(data, name, lambda ids: ids)
    _fold(data, "2", lambda ids: ids[1:])
    return data


CHANGES: dict[str, tuple[Callable[[Path], object], list[str], str]] = {
    "fold": (
        lambda data: None,
        ["--fold", "2"], "fold=1, now it is 2 and with different train ids: number 1 was "),
    "id gone": (
        lambda data: _rewrite(data / "folds" / "1" / "train_ids.csv", lambda ids: ids[:-1]),
        ["--fold", "1"], "different train ids: number 8 was '{train[7]}' and is now nothing"),
    "id more": (
        lambda data: _rewrite(
            data / "folds" / "1" / "test_ids.csv", lambda ids: [*ids, "SN002_1"]),
        ["--fold", "1"], "different test ids: number 5 was nothing and is now 'SN002_1'"),
    "order": (
        lambda data: _rewrite(data / "folds" / "1" / "test_ids.csv", lambda ids: ids[::-1]),
        ["--fold", "1"],
        "different test ids: number 1 was '{test[0]}' and is now '{test[3]}'"),
    "labels": (_relabel, ["--fold", "1"], "different labels of 2 frames, first 'SN002_1'"),
    "image": (
        lambda data: (data / "imgs" / "SN002_1.jpg").write_bytes(
            (data / "imgs" / "SN002_1.jpg").read_bytes() + b"x"),
        ["--fold", "1"], "different image (name or size) of 1 frames, first 'SN002_1'"),
    "AU names": (
        _rename_au12,
        ["--fold", "1"], "AU12, now it is AU13"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_has_changed_in_the_data_is_named(
    change: str,
    short_cfg: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    edit, flags, message = CHANGES[change]
    ids = {kind: (data / f"{kind}_ids.csv").read_text().split() for kind in ("train", "test")}
    run = tmp_path / "run"
    monkeypatch.setattr(Trainer, "_train_epoch", _interrupted)
    assert start(short_cfg, run, "--fold", "1", data=data) == 130
    (run / "metrics.jsonl").write_text("{}\n")  # something to lose
    capsys.readouterr()
    edit(data)
    assert start(short_cfg, run, *flags, data=data) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]  # after a warning
    expected = message.format(**ids)
    assert line.startswith(f"{run}: this run was started with ") and expected in line
    if change != "fold":
        (run / "frames.csv").unlink()
        assert start(short_cfg, run, *flags, data=data) == 2
        assert "digest_of_" in capsys.readouterr().err or change == "AU names"


@pytest.mark.parametrize("used", [True, False], ids=["drawn evenly", "of no account"])
def test_a_run_that_uses_subjects_needs_the_same_ones(
    used: bool,
    short_cfg: Path,
    data: Path,
    tmp_path: Path,
    stop_after: Callable[[int | None], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    cfg, run = tmp_path / "a.cfg", tmp_path / "run"
    options = f"balance_subjects={used}\nsampling_size"
    cfg.write_text(short_cfg.read_text().replace("sampling_size", options, 1))
    stop_after(1)
    assert start(cfg, run, "--fold", "1", data=data) == 0
    described = json.loads((data / "dataset.json").read_text()) | {
        "subject_pattern": "SN00[12]|SN00"
    }
    (data / "dataset.json").write_text(json.dumps(described))
    assert start(cfg, run, "--fold", "1", data=data) == (2 if used else 0)
    assert ("digest_of_subjects" in capsys.readouterr().err) == used


def test_another_fold_of_the_same_frames_is_not_a_change(
    short_cfg: Path, data: Path, tmp_path: Path, stop_after: Callable[[int | None], None]
) -> None:
    stop_after(1)
    assert start(short_cfg, tmp_path / "run", "--fold", "1", data=data) == 0
    assert start(short_cfg, tmp_path / "run", "--fold", "a", data=data) == 0
    assert load_checkpoint(_latest(tmp_path / "run")).progress.step == 8


def test_the_frame_list_does_not_reveal_labels(whole: Path) -> None:
    with (whole / "frames.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["set", "frame", "digest of labels", "image", "bytes"]
    ids = [
        frame
        for kind in ("train", "test")
        for frame in (DATA / f"{kind}_ids.csv").read_text().split()
    ]
    assert [row[1] for row in rows] == ids
    assert json.loads((whole / "options.json").read_text())["fold"] is None


@pytest.mark.parametrize("where", [".", "checkpoints", "pictures", "tensorboard", "frames.csv"])
def test_a_file_or_directory_in_the_way_is_one_line(
    where: str, short_cfg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    path = run / where
    if where.endswith(".csv"):
        path.mkdir(parents=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert start(short_cfg, run) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith(str(path))
    assert "cannot be written" in line if where == "." else "expected a" in line
    assert os.path.lexists(path)


@pytest.mark.parametrize("where", [".", "checkpoints", "pictures", "tensorboard"])
def test_a_dangling_link_is_not_a_directory(
    where: str, short_cfg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run" / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("nowhere")
    assert start(short_cfg, tmp_path / "run") == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith(str(path)) and (where == "." or "a dangling link" in line)
    assert path.is_symlink() and not path.exists()


def test_no_table_of_an_overwritten_run_is_left(
    short_cfg: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "run", lambda trainer: None)
    assert start(short_cfg, run, "--overwrite") == 0
    assert not list(run.glob("results*"))
