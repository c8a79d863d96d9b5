"""Full disks and closed terminals: a run needs its checkpoints and metrics; other failures are
reported once and the run continues."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from audetnet.commands.train import main
from audetnet.training import logs
from audetnet.training.events import EventFile
from tests.conftest import ROOT
from tests.training.conftest import QUICK, assert_same_bits

Train = Callable[..., Path]
ALLOWED = 512
"""Bytes of a file; every event with a picture and every line of metrics.jsonl is longer."""


@contextmanager
def _small_files() -> Iterator[None]:
    """Inside this context larger files fail (EFBIG), much like on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ALLOWED, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _refusing(function: Callable[..., Any]) -> Callable[..., Any]:
    def refused(*arguments: object) -> object:
        with _small_files():
            return function(*arguments)

    return refused


def _flags(cfg: Path, data: Path, run: Path) -> list[str]:
    flags = ["--cfg", str(cfg), "--data", str(data), "--run", str(run), "--device", "cpu"]
    return [*flags, "--cache", str(run.parent / "cache")]


def _epochs(run: Path) -> list[int]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["epoch"] for line in lines]


@pytest.mark.parametrize(
    ("owner", "name", "refused"),
    [
        (EventFile, "_add", "tensorboard/events.out.tfevents."),
        (EventFile, "__init__", "cannot be written: File too large"),
        (logs, "_save_picture", "pictures/reconstruction_0001.png: cannot be written"),
    ],
    ids=["events", "new event file", "pictures"],
)
def test_a_run_continues_without_pictures_and_events(
    owner: Any,
    name: str,
    refused: str,
    whole: Path,
    train: Train,
    quick_cfg: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    function = getattr(owner, name)
    if name == "__init__":

        def small(self: EventFile, directory: Path, first_step: int) -> None:
            function(self, directory, first_step)
            self._file.write(bytes(ALLOWED + 1))
            self.flush()

        monkeypatch.setattr(owner, name, _refusing(small))
    else:
        monkeypatch.setattr(owner, name, _refusing(function))
    run = train(quick_cfg, "run")
    (line,) = capsys.readouterr().err.splitlines()
    assert refused in line and "the run continues without" in line
    assert_same_bits(whole / "checkpoints" / "latest.pt", run / "checkpoints" / "latest.pt")
    assert (run / "results.json").is_file() and _epochs(run) == [1, 2]


def test_unwritable_metrics_stop_the_run_without_loss(
    whole: Path,
    train: Train,
    quick_cfg: Path,
    minimal_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(logs, "append_text", _refusing(logs.append_text))
        assert main(_flags(quick_cfg, minimal_data, run)) == 2
    expected = f"{run / 'metrics.jsonl'}: cannot be written: File too large"
    assert capsys.readouterr().err.splitlines() == [expected]
    latest = run / "checkpoints" / "latest.pt"
    progress = torch.load(latest, weights_only=True)["progress"]
    assert (progress["epoch"], progress["batch"]) == (2, 0), "the finished epoch is saved"
    train(quick_cfg, "run")
    assert_same_bits(whole / "checkpoints" / "latest.pt", latest)
    assert _epochs(run) == [1, 2]


@pytest.mark.parametrize(
    ("place", "make"),
    [
        ("tensorboard", Path.touch),
        ("pictures", Path.touch),
        ("checkpoints", Path.touch),
        ("metrics.jsonl", Path.mkdir),
        ("options.json", Path.mkdir),
        ("results.json", Path.mkdir),
        ("results_last.csv", Path.mkdir),
        ("curves.png", Path.mkdir),
        ("checkpoints/latest.pt", Path.mkdir),
        ("metrics.jsonl", os.mkfifo),
    ],
)
def test_something_in_the_way_is_reported_at_once(
    place: str,
    make: Callable[[Path], object],
    quick_cfg: Path,
    minimal_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = tmp_path / "run"
    (run / place).parent.mkdir(parents=True)
    make(run / place)
    assert main(_flags(quick_cfg, minimal_data, run)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{run / place}: expected a ")
    assert not (tmp_path / "cache").exists(), "said before any image is decoded"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirection", "environment", "shown"),
    [
        ("", {"PYTHONIOENCODING": "ascii"}, r"Lippenw\xf6lbung"),
        (">/dev/full 2>&-", {}, ""),
    ],
    ids=["a terminal without umlauts", "a full disk and no stderr"],
)
def test_a_closed_terminal_does_not_end_a_run(
    redirection: str,
    environment: dict[str, str],
    shown: str,
    edited_cfg: Callable[..., Path],
    minimal_data: Path,
    tmp_path: Path,
) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(minimal_data, data, ignore=shutil.ignore_patterns("cache"))
    description = (data / "dataset.json").read_text(encoding="utf-8")
    header, rows = (data / "aus.csv").read_text(encoding="utf-8").split("\n", 1)
    for old, new in (("AU12", "Lippenwölbung"), ("AU1", r"$\frac{1$")):
        description = description.replace(f'"{old}"', json.dumps(new, ensure_ascii=False))
        header = ",".join(new if name == old else name for name in header.split(","))
    (data / "dataset.json").write_text(description, encoding="utf-8")
    (data / "aus.csv").write_text(f"{header}\n{rows}", encoding="utf-8")
    cfg = edited_cfg(("max_epochs=4", "max_epochs=1"), *QUICK[1:])
    command = " ".join([sys.executable, "train.py", *_flags(cfg, data, run), redirection])
    result = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert shown in result.stdout
    assert "Lippenwölbung," in (run / "results.csv").read_text(encoding="utf-8")
