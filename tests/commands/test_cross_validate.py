"""``audetnet cross-validate`` as a user runs it, on minimal_dataset."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audetnet.commands import cross_validate
from audetnet.commands.cross_validate import main
from audetnet.files.csv import read_csv
from audetnet.results.prediction_file import read_predictions, write_predictions
from audetnet.training.stopping import Stopped, StopRequest
from tests.conftest import ROOT

DATA = ROOT / "minimal_dataset"
SHORT = (
    ("max_epochs=4", "max_epochs=1"),
    ("epoch_size=32", "epoch_size=8"),
    ("sampling_size=2", "sampling_size=1"),
)


@pytest.fixture(scope="module", autouse=True)
def few_draws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("audetnet.evaluation.people.DRAWS", 50)
        yield


@pytest.fixture(scope="module")
def folder(few_draws: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds ``short.cfg``, its cross-validation ``whole`` in two folds, and the cache. Not to be
    changed.
    """
    folder = tmp_path_factory.mktemp("folds")
    text = (ROOT / "cfg" / "minimal.cfg").read_text()
    for old, new in SHORT:
        text = text.replace(old, new, 1)
    (folder / "short.cfg").write_text(text)
    assert _run(folder, folder / "whole", "--validation", "1") == 0
    return folder


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder / "whole", tmp_path / "out"))


def _run(folder: Path, out: Path, *flags: str, cfg: str = "short.cfg") -> int:
    places = ["--cfg", str(folder / cfg), "--out", str(out), "--cache", str(folder / "cache")]
    return main([*places, "--data", str(DATA), "--k", "2", "--device", "cpu", *flags])


def _results(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "results.json").read_text())
    return found


def test_every_number_comes_from_the_predictions(folder: Path) -> None:
    out = folder / "whole"
    subsets, results = read_predictions(out), _results(out)
    assert [(subset.part, subset.seed) for subset in subsets] == [
        ("1", 0),
        ("2", 0),
    ]
    frames = [frame for subset in subsets for frame in subset.frames]
    assert len(frames) == len(set(frames)) == 12
    accuracy = results["methods"]["short"]["accuracy"]
    for subset in subsets:
        right = ((subset.outputs >= subset.threshold) == subset.active).mean(axis=0)
        for au, value in zip(subset.aus, right, strict=True):
            assert accuracy[au]["seeds"]["0"][subset.part] == pytest.approx(value)
    by_fold = list(accuracy["mean"]["seeds"]["0"].values())
    assert accuracy["mean"]["mean"] == pytest.approx(np.mean(by_fold))
    assert accuracy["mean"]["sd"] == pytest.approx(np.std(by_fold, ddof=1))
    header, *rows = read_csv(out / "results.csv")
    assert header == [
        *("method", "metric", "au", "fold_1", "fold_2", "mean", "sd", "sd_seeds"),
        *("pooled", "low", "high"),
    ]
    assert len(rows) == sum(len(by_au) for by_au in results["methods"]["short"].values())
    page = (out / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 6
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page), "it opens offline"
    assert r"\begin{tabular}" in (out / "tables.tex").read_text()
    assert "### F1 by AU and fold" in (out / "tables.md").read_text()


def test_a_fold_matches_the_results_of_its_training(folder: Path) -> None:
    run = folder / "whole" / "runs" / "fold-2-seed-0"
    said = json.loads((run / "results.json").read_text())["chosen"]["test"]["au"]
    found = _results(folder / "whole")["methods"]["short"]
    assert said.keys() == found.keys()
    for metric, by_au in said.items():
        for au, value in by_au.items():
            expected = None if value is None else pytest.approx(value, abs=1e-6)
            assert found[metric][au]["seeds"]["0"]["2"] == expected, (metric, au)


@pytest.mark.slow
def test_finished_trainings_are_not_repeated(
    folder: Path, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [copied / "runs" / f"fold-{fold}-seed-0" for fold in "12"]
    shutil.rmtree(runs[1])
    before = (runs[0] / "checkpoints" / "latest.pt").stat().st_mtime_ns
    capsys.readouterr()
    assert _run(folder, copied, "--validation", "1") == 0
    assert (runs[0] / "checkpoints" / "latest.pt").stat().st_mtime_ns == before
    out = capsys.readouterr().out
    assert "1 of 2 trainings are already finished" in out
    assert out.count("seed 0 on cpu") == 1 and "F1 by AU and fold" in out
    assert _results(copied)["methods"] == _results(folder / "whole")["methods"]


def test_a_stopped_training_stops_all(
    folder: Path,
    copied: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def check(self: StopRequest) -> None:
        raise Stopped("test")

    for run in (copied / "runs").iterdir():
        shutil.rmtree(run)
    (copied / "results.json").unlink()
    monkeypatch.setattr(StopRequest, "check", check)
    assert _run(folder, copied, "--validation", "1") == 0
    assert "a training stopped; run the same command again to resume" in capsys.readouterr().out
    assert [run.name for run in (copied / "runs").iterdir()] == ["fold-1-seed-0"]
    assert not (copied / "results.json").exists()


def test_another_cfg_is_not_mixed_in(
    folder: Path, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (folder / "short.cfg").read_text()
    (folder / "other.cfg").write_text(
        text.replace("discriminator_loss_lambda=0.1", "discriminator_loss_lambda=0.2")
    )
    assert _run(folder, copied, "--validation", "1", cfg="other.cfg") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "fold-1-seed-0: this run was started with" in line and "0.1, now it is 0.2" in line


@pytest.mark.slow
def test_two_are_compared_on_the_same_people(
    folder: Path, copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other one has every output right."""
    right = [subset.of_frames(np.arange(len(subset.frames))) for subset in read_predictions(copied)]
    for subset in right:
        subset.outputs[:] = subset.active
    write_predictions(tmp_path / "right", right)
    assert _run(folder, copied, "--validation", "1", "--compare", str(tmp_path / "right")) == 0
    found = _results(copied)["differences"]["right"]
    own = _results(copied)["methods"]["short"]
    assert found["accuracy"]["mean"]["value"] == pytest.approx(
        own["accuracy"]["mean"]["pooled"]["value"] - 1
    )
    assert (
        found["accuracy"]["mean"]["says"] == found["calibration_error"]["mean"]["says"] == "worse"
    )
    assert "short minus others" in capsys.readouterr().out
    write_predictions(tmp_path / "right", right[:1])
    assert _run(folder, copied, "--validation", "1", "--compare", str(tmp_path / "right")) == 2
    assert "6 frames in only one of the two" in capsys.readouterr().err


@pytest.mark.slow
def test_baselines_are_in_the_same_tables(
    folder: Path, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for fitted in (4, 0):
        capsys.readouterr()
        assert _run(folder, copied, "--validation", "1", "--baselines") == 0
        assert capsys.readouterr().out.count("to the training frames of fold") == fitted
    results = _results(copied)
    assert list(results["methods"]) == ["short", "HOG + ridge", "stem + ridge"]
    assert list(results["differences"]) == ["HOG + ridge", "stem + ridge"]
    assert "icc" in results["methods"]["HOG + ridge"]
    assert "| stem + ridge | " in (copied / "tables.md").read_text()


@pytest.mark.slow
def test_parallel_processes_give_the_same_results(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_validate, "_devices", lambda _: ["cpu", "cpu"])
    assert _run(folder, tmp_path / "out", "--validation", "1") == 0
    assert _results(tmp_path / "out")["methods"] == _results(folder / "whole")["methods"]
    assert (tmp_path / "out" / "runs" / "fold-2-seed-0" / "train.log").is_file()


def test_without_folds_there_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--cfg", str(ROOT / "cfg" / "minimal.cfg"), "--data", str(DATA), "--device", "cpu"]
    assert main([*flags, "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith('no folds/, and no "folds" in dataset.json; add --k K')


@pytest.mark.slow
def test_without_validation_people_a_line_says_what_is_reported(
    edited_cfg: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cfg = edited_cfg(*SHORT)
    flags = ["--cfg", str(cfg), "--data", str(DATA), "--k", "2", "--device", "cpu"]
    places = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    assert main([*flags, *places, "--seeds", "2"]) == 0
    assert "no validation people in 2 folds: the last epoch is" in capsys.readouterr().err
    found = _results(tmp_path / "out")["methods"]["edited"]
    assert "f1_tuned" not in found
    assert list(found["2afc"]["mean"]["seeds"]) == ["0", "1"]
    assert found["2afc"]["mean"]["sd_seeds"] > 0
