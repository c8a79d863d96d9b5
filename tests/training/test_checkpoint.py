"""A checkpoint that is damaged, edited or another kind of file is reported and never resumed."""

import io
import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from audetnet.commands.disentangling import main as measure
from audetnet.config.reader import read_config
from audetnet.data.frames import DatasetPaths, load_dataset
from audetnet.data.metadata import update_metadata
from audetnet.errors import UserError
from audetnet.networks.model import build_model
from audetnet.networks.model_plan import plan_model
from audetnet.training.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from audetnet.training.compatibility import check_run
from audetnet.training.saved import load_saved
from audetnet.training.sealed import UnreadableError, write_sealed
from audetnet.vocabulary import VOCABULARY
from tests.training.conftest import DATA, assert_same_bits, start

Content = dict[str, Any]


def _latest(run: Path) -> Path:
    return run / "checkpoints" / "latest.pt"


def _line(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def _files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def _without_checksum(content: Content, version: int = 1) -> bytes:
    buffer = io.BytesIO()
    torch.save({**content, "format": version}, buffer)
    return buffer.getvalue()


def _content(run: Path) -> Content:
    return dict(torch.load(_latest(run), weights_only=True))


def _saved(value: object) -> Callable[[bytes], bytes]:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return lambda whole: buffer.getvalue()


def _script(whole: bytes) -> bytes:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Linear(1, 1), torch.ones(1)), buffer)
    return buffer.getvalue()


def _zip(whole: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", "no checkpoint")
    return buffer.getvalue()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "cut off": lambda whole: whole[:2000],
    "last byte missing": lambda whole: whole[:-1],
    "checksum missing": lambda whole: whole[:-80],
    "end filled with zeros": lambda whole: whole[:-9000] + bytes(9000),
    "middle filled with zeros": lambda whole: whole[:9000] + bytes(9000) + whole[18000:],
    "something appended": lambda whole: whole + b"x",
    "text": lambda whole: b"no checkpoint\n",
    "zip": _zip,
    "tensors of another project": _saved({"layer.weight": torch.ones(2)}),
    "a list": _saved([1, 2]),
    "pickled module": _saved(torch.nn.Linear(1, 1)),
    "torch script": _script,
}


@pytest.mark.filterwarnings("ignore:.*torch.jit")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named(damage: str, whole: Path, tmp_path: Path) -> None:
    file = tmp_path / "x.pt"
    file.write_bytes(DAMAGES[damage](_latest(whole).read_bytes()))
    with pytest.raises(CheckpointError, match=rf"^{re.escape(str(file))}: not a checkpoint"):
        load_checkpoint(file)


def test_a_flipped_bit_is_detected_anywhere(whole: Path, tmp_path: Path) -> None:
    data = _latest(whole).read_bytes()
    file = tmp_path / "x.pt"
    spread = range(0, len(data), len(data) // 40)
    for place in (*spread, *range(len(data) - 110, len(data), 3)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << (place % 8)
        file.write_bytes(flipped)
        with pytest.raises(CheckpointError):
            load_checkpoint(file)


def test_torch_load_reads_a_checkpoint(whole: Path) -> None:
    content = torch.load(_latest(whole), weights_only=True, mmap=True)
    assert content["format"] == 2 and content["progress"]["step"] == 8
    assert zipfile.ZipFile(_latest(whole)).testzip() is None


def test_checkpoints_without_checksum_can_be_resumed(
    short_cfg: Path, run: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their runs have no fold and no list of frames; the zip's own checksums are verified."""
    content = dict(torch.load(run / "checkpoints" / "epoch_0001.pt", weights_only=True))
    identity = json.loads(content["identity"])
    del identity["fold"]
    data = _without_checksum({**content, "identity": json.dumps(identity)})
    _latest(run).write_bytes(data)
    (run / "frames.csv").unlink()
    assert start(short_cfg, run) == 0
    assert "resuming from its last checkpoint" in capsys.readouterr().out
    assert_same_bits(_latest(whole), _latest(run))
    assert (run / "frames.csv").is_file()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    _latest(run).write_bytes(flipped)
    with pytest.raises(CheckpointError, match="checksum"):
        load_checkpoint(_latest(run))


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda path: path.mkdir(), "expected a file, found a directory"),
        (os.mkfifo, "expected a file, found a pipe"),
    ],
    ids=["directory", "pipe"],
)
def test_directories_and_pipes_are_left_alone(
    make: Callable[[Path], None],
    line: str,
    short_cfg: Path,
    run: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _latest(run).unlink()
    make(_latest(run))
    assert start(short_cfg, run) == 2
    assert f"{_latest(run)}: {line}" in _line(capsys)
    assert measure([str(run), "--data", str(DATA), "--device", "cpu"]) == 2
    assert f"{_latest(run)}: {line}" in _line(capsys)
    assert os.path.lexists(_latest(run))


def test_a_newer_version_does_not_count_as_damage(
    short_cfg: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _latest(run).write_bytes(_without_checksum(_content(run), 3))
    before = _files(run / "checkpoints")
    assert start(short_cfg, run) == 2
    assert "newer version of AUDetNet" in _line(capsys)
    assert _files(run / "checkpoints") == before


def _poison(tensors: dict[str, Any], value: float) -> None:
    tensors[next(iter(tensors))].view(-1)[0] = value


def _edit_record(content: Content, edit: Callable[[Content], object]) -> None:
    record = json.loads(content["history"][0])
    edit(record)
    content["history"] = [json.dumps(record), *content["history"][1:]]


def _edit_json(content: Content, name: str, edit: Callable[[Content], object]) -> None:
    value = json.loads(content[name])
    edit(value)
    content[name] = json.dumps(value)


def _first(state: Content) -> Content:
    """Adam's state of the encoder's first parameter."""
    found: Content = state["optimisers"]["encoder"]["state"][0]
    return found


EDITS: dict[str, tuple[Callable[[Content], object], str]] = {
    "weight NaN": (lambda c: _poison(c["model"], float("nan")), "model.encoder"),
    "moment infinite": (lambda c: _poison(_first(c), float("inf")), "optimisers.encoder.state.0"),
    "tensor missing": (lambda c: c["model"].pop(next(iter(c["model"]))), "is missing"),
    "tensor more": (lambda c: c["model"].update(x=torch.ones(1)), "x is not in this model"),
    "tensor of another shape": (
        lambda c: c["model"].update({next(iter(c["model"])): torch.ones(3)}), "expected float32"),
    "tensor of another type": (
        lambda c: c["model"].update({k: v.double() for k, v in c["model"].items()}), "is float64"),
    "sparse tensor": (
        lambda c: c["model"].update({k: v.to_sparse() for k, v in c["model"].items()}),
        "is not a plain tensor"),
    "tensor without values": (
        lambda c: _first(c).update(exp_avg=torch.ones(1, device="meta")), "is not a plain tensor"),
    "number for a tensor": (
        lambda c: c["model"].update({next(iter(c["model"])): 1}), "is int, expected float32"),
    "no model": (lambda c: c.pop("model"), "its model is missing"),
    "no optimisers": (lambda c: c.update(optimisers={}), "it has the optimisers ''"),
    "an optimiser without state": (
        lambda c: c["optimisers"].update(encoder=1), "optimiser of encoder has no state"),
    "state of another shape": (
        lambda c: _first(c).update(exp_avg=torch.ones(1)), "encoder, 0: exp_avg is float32 (1,)"),
    "state of no parameter": (
        lambda c: c["optimisers"]["encoder"]["state"].update({99: {}}), "no parameter 99"),
    "epoch -5": (lambda c: c["progress"].update(epoch=-5), "'epoch': -5"),
    "epoch 7": (lambda c: c["progress"].update(epoch=7), "is epoch 7, its history has 2"),
    "batch 999": (lambda c: c["progress"].update(batch=999), "batch 999 of 4"),
    "step 5": (lambda c: c["progress"].update(step=5), "step 5, expected 8"),
    "progress of words": (lambda c: c["progress"].update(step="8"), "its progress is {"),
    "no progress": (lambda c: c.update(progress={}), "its progress has the wrong entries"),
    "history of numbers": (lambda c: c.update(history=[1, 2]), "history is not a JSON object"),
    "history of a list": (lambda c: c.update(history=["[]", "[]"]), "not a JSON object"),
    "epochs in disorder": (lambda c: c["history"].reverse(), "its history has no epoch 1"),
    "no test results": (
        lambda c: _edit_record(c, lambda r: r.pop("test")), "no results of epoch 1 on the test"),
    "words for a mean": (
        lambda c: _edit_record(c, lambda r: r["test"]["mean"].update(f1="x")), "of epoch 1"),
    "a mean of 400 digits": (
        lambda c: _edit_record(c, lambda r: r["test"]["mean"].update(f1=10**400)), "of epoch 1"),
    "an AU missing": (
        lambda c: _edit_record(c, lambda r: r["test"]["au"]["f1"].popitem()), "of epoch 1"),
    "no F1": (lambda c: _edit_record(c, lambda r: r["test"]["mean"].pop("f1")), "of epoch 1"),
    "availability of other frames": (
        lambda c: c.update(availability=torch.ones(3, dtype=torch.bool)), "bool (3,), expected"),
    "no availability": (lambda c: c.update(availability=None), "is NoneType, expected bool"),
    "meter of numbers": (lambda c: c.update(meter={"a": 1}), "meter of a is not a dictionary"),
    "meter of other terms": (
        lambda c: c.update(meter={"a|b": {"sums": torch.ones(1, dtype=torch.float64)}}),
        "sums is float64 (1,), expected float64 (2,)"),
    "seconds NaN": (lambda c: c.update(seconds=float("nan")), "nan seconds"),
    "no identity": (lambda c: c.update(identity="{}"), "its identity has no cfg"),
    "identity of words": (lambda c: c.update(identity="x"), "its identity is not a JSON object"),
    "no description": (lambda c: c.update(description="{}"), "has no valid cfg_path, cfg_text"),
    "frame size of words": (
        lambda c: _edit_json(c, "description", lambda d: d.update(frame_size="64")), "frame_size"),
    "active from a number of 400 digits": (
        lambda c: _edit_json(c, "description", lambda d: d.update(active_from=10**400)),
        "no valid active_from"),
    "format of words": (lambda c: c.update(format="2"), "its format is not a number"),
    "format of tensors": (lambda c: c.update(format=torch.ones(2)), "its format is not a number"),
    "something more": (lambda c: c.update(more=1), "it has unexpected entries"),
}  # fmt: skip


@pytest.fixture(scope="module")
def check(short_cfg: Path) -> Callable[[Checkpoint], None]:
    """Checks a checkpoint against the run that it should belong to."""
    config = read_config(short_cfg, VOCABULARY)
    dataset = load_dataset(DatasetPaths(directory=DATA), config.data.regress_au_intensities)
    model = build_model(plan_model(config, (64, 64)), config.data, 0)
    return lambda checkpoint: check_run(checkpoint, model, config, dataset)


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_checkpoint_is_refused(
    edit: str, whole: Path, tmp_path: Path, check: Callable[[Checkpoint], None]
) -> None:
    """With a correct checksum, as a program would write it."""
    change, message = EDITS[edit]
    content = _content(whole)
    check(load_checkpoint(_latest(whole)))
    change(content)
    write_sealed(tmp_path / "x.pt", content)
    with pytest.raises((CheckpointError, UnreadableError), match=re.escape(message)):
        check(load_checkpoint(tmp_path / "x.pt"))


@pytest.mark.parametrize("edit", ["weight NaN", "tensor of another shape"])
def test_an_edited_checkpoint_is_renamed_with_one_line(
    edit: str, short_cfg: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, message = EDITS[edit]
    content = _content(run)
    change(content)
    write_sealed(_latest(run), content)
    assert start(short_cfg, run) == 2
    line = _line(capsys)
    assert line.startswith(f"{_latest(run)}: not a checkpoint of AUDetNet") and message in line
    assert "was renamed to" in line and not _latest(run).exists()


DESCRIPTIONS: dict[str, tuple[Callable[[Content], object], str]] = {
    "cfg that is none": (lambda d: d.update(cfg_text="x"), "the cfg in it cannot be used: "),
    "an AU more": (lambda d: d["au_names"].append("AU99"), "names 13 AUs, not 12"),
    "cfg of another model": (
        lambda d: d.update(cfg_text=d["cfg_text"].replace("filters=16", "filters=8")), "model: "),
    "frames of another size": (lambda d: d.update(frame_size=[8, 8]), "in it cannot be used: "),
    "no kind": (lambda d: d.pop("kind"), "no valid kind"),
    "landmarks of no known source": (lambda d: d.update(landmarks="haar"), "no valid landmarks"),
}  # fmt: skip


@pytest.mark.parametrize("edit", DESCRIPTIONS)
def test_a_description_that_does_not_fit_is_one_line(
    edit: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, message = DESCRIPTIONS[edit]
    content = _content(run)
    _edit_json(content, "description", change)
    write_sealed(_latest(run), content)
    assert measure([str(run), "--data", str(DATA), "--device", "cpu"]) == 2
    line = _line(capsys)
    assert line.startswith(f"{_latest(run)}: ") and message in line
    assert ("not a checkpoint of AUDetNet" in line) == ("cannot be used" not in message)


def test_the_landmark_source_must_not_change(
    short_cfg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For older runs, which do not store it, it is unknown."""
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(DATA, data, ignore=shutil.ignore_patterns("cache"))
    update_metadata(data, landmarks="dlib")
    assert start(short_cfg, run, data=data) == 0
    assert load_saved(run).landmarks == "dlib"
    for image in (data / "imgs").iterdir():
        shutil.copyfile(DATA / "imgs" / "SN001_0.jpg", image)
    update_metadata(data, landmarks="facemesh")
    capsys.readouterr()
    assert start(short_cfg, run, data=data) == 2
    assert "started with landmarks=dlib, now it is facemesh" in _line(capsys)
    content = _content(run)
    _edit_json(content, "description", lambda d: d.pop("landmarks"))
    write_sealed(_latest(run), content)
    assert load_saved(run).landmarks is None


def test_a_reader_of_a_damaged_checkpoint_changes_nothing(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _latest(run).write_bytes(_latest(run).read_bytes()[:-1])
    before = _files(run)
    assert measure([str(run), "--data", str(DATA), "--device", "cpu"]) == 2
    assert _line(capsys).startswith(f"{_latest(run)}: not a checkpoint of AUDetNet")
    assert _files(run) == before


def test_an_untrained_run_cannot_be_loaded(run: Path, tmp_path: Path) -> None:
    content = _content(run)
    content.update(history=[], progress={"epoch": 1, "batch": 0, "step": 0})
    write_sealed(_latest(run), content)
    with pytest.raises(UserError, match="nothing has been trained yet"):
        load_saved(run)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no such file; expected a run directory"):
        load_saved(tmp_path / "empty")


def test_a_damaged_checkpoint_is_renamed_and_an_intact_one_offered(
    short_cfg: Path, run: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The suggested command works, and leads to the weights of a run that was never damaged."""
    damaged = _latest(run).read_bytes()[:-7]
    _latest(run).write_bytes(damaged)
    (run / "checkpoints" / "latest.damaged.pt").write_bytes(b"of another day")
    (run / "checkpoints" / "epoch_0002.pt").write_bytes(b"damaged as well")
    shutil.copy(run / "checkpoints" / "epoch_0001.pt", run / "checkpoints" / "best.pt")
    assert start(short_cfg, run) == 2
    line = _line(capsys)
    aside = run / "checkpoints" / "latest.damaged-2.pt"
    assert f"{_latest(run)}: not a checkpoint" in line and f"renamed to {aside}" in line
    assert aside.read_bytes() == damaged
    assert "best.pt of epoch 1, epoch_0001.pt of epoch 1" in line and "epoch_0002" not in line
    (command,) = re.findall("`(.*)`", line)
    assert start(short_cfg, run) == 2
    assert command in _line(capsys), "the next time it is said again"
    subprocess.run(command, shell=True, check=True)
    assert start(short_cfg, run, "--save-every", "1") == 0
    for name in ("latest.pt", "best.pt", "epoch_0002.pt"):
        assert_same_bits(whole / "checkpoints" / name, run / "checkpoints" / name)
    lines = (run / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]
