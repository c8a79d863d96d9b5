"""``audetnet evaluate`` as a user runs it, on minimal_dataset."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audetnet.commands import train
from audetnet.commands.evaluate import main
from audetnet.data.metadata import read_metadata
from audetnet.data.tables import read_labels, write_labels
from audetnet.evaluation.thresholds import read_thresholds
from audetnet.files.csv import read_csv, write_csv
from audetnet.results.prediction_file import read_predictions
from tests.conftest import ROOT
from tests.training.conftest import QUICK

DATA = ROOT / "minimal_dataset"
VALIDATION = ("image_size=64", "image_size=64\nvalidation_subjects=SN002")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds ``run``, whose first epoch was chosen on its validation people, and the cache."""
    folder = tmp_path_factory.mktemp("evaluate")
    text = (ROOT / "cfg" / "minimal.cfg").read_text()
    for old, new in (*QUICK, VALIDATION):
        text = text.replace(old, new, 1)
    (folder / "quick.cfg").write_text(text)
    flags = ["--cfg", str(folder / "quick.cfg"), "--run", str(folder / "run"), "--save-every", "1"]
    assert train.main([*flags, "--data", str(DATA), *_flags(folder)]) == 0
    return folder


def _flags(folder: Path) -> list[str]:
    return ["--cache", str(folder / "cache"), "--device", "cpu"]


def _evaluate(folder: Path, out: Path, *flags: str, run: str = "run") -> dict[str, Any]:
    arguments = [str(folder / run), "--out", str(out), *_flags(folder), *flags]
    assert main(arguments) == 0
    found: dict[str, Any] = json.loads((out / "results.json").read_text())
    return found


def test_evaluation_agrees_with_training(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _evaluate(folder, tmp_path, "--data", str(DATA))["datasets"]["minimal_dataset"]
    chosen = json.loads((folder / "run" / "results.json").read_text())["chosen"]
    assert chosen["epoch"] == 1, "this test needs a reported epoch that is not the last"
    assert found["frames"] == 4 and found["people"] == 2
    for name, by_au in chosen["test"]["au"].items():
        for au, value in by_au.items():
            assert found["metrics"][name][au]["value"] == (
                None if value is None else pytest.approx(value, abs=1e-6)
            ), (name, au)
    assert set(found["few"]) == set(found["active_frames"]), "4 frames are fewer than 20"
    out, err = capsys.readouterr()
    assert "AU12 *" in out and "worst person and group" in out
    assert err == ""


@pytest.mark.slow
def test_every_table_is_made_of_the_predictions(folder: Path, tmp_path: Path) -> None:
    found = _evaluate(folder, tmp_path, "--data", str(DATA))["datasets"]["minimal_dataset"]
    (subset,) = read_predictions(tmp_path)
    thresholds = read_thresholds(folder / "run")
    np.testing.assert_array_equal(subset.threshold, thresholds.default)
    assert subset.tuned is not None and thresholds.validation is not None
    np.testing.assert_array_equal(subset.tuned, thresholds.validation)
    right = (subset.outputs >= 0.5) == subset.active
    by_au = dict(zip(subset.aus, right.mean(axis=0), strict=True))
    assert {au: found["metrics"]["accuracy"][au]["value"] for au in subset.aus} == by_au
    header, *rows = read_csv(tmp_path / "results.csv")
    assert header == ["dataset", "metric", "au", "active_frames", "value", "low", "high"]
    assert len(rows) == sum(len(by_au) for by_au in found["metrics"].values())
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 5
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page), "it opens offline"
    assert "### Means over the AUs" in (tmp_path / "tables.md").read_text()


def test_datasets_stand_side_by_side_over_the_aus_they_share(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other dataset has its columns in another order, one more AU, and three fewer."""
    other = Path(shutil.copytree(DATA, tmp_path / "other"))
    table = read_labels(other / "aus.csv", read_metadata(DATA).kind)
    values = np.stack(list(table.rows.values()))
    aus = list(read_metadata(DATA).aus or ())
    kept = ["AU26", "AU25", "AU12", "AU9", "AU6", "AU5", "AU4", "AU2", "AU1"]
    columns = np.stack([values[:, aus.index(au)] for au in kept] + [values[:, 0] * 0], axis=1)
    (other / "aus.csv").unlink()
    (other / "dataset.json").write_text('{"kind": "intensity"}')
    write_labels(other, list(table.rows), columns, [*kept, "AU45"], "csv")
    flags = ["--data", str(DATA), "--data", str(other)]
    found = _evaluate(folder, tmp_path / "out", *flags)["datasets"]
    assert "ignored: AU15, AU17, AU20" in capsys.readouterr().err
    one, two = found["minimal_dataset"], found["other"]
    assert list(one["active_frames"]) == [au for au in aus if au in kept]
    assert one["metrics"] == two["metrics"]


@pytest.mark.slow
def test_all_frames_of_which_some_were_trained_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(shutil.copytree(DATA, tmp_path / "minimal_dataset"))
    subjects = {"SN001": "old", "SN002": "old", "SN005": "young", "SN009": "young"}
    rows = [
        [path.stem, who, subjects.get(who, ""), "1"]
        for path in sorted((data / "imgs").iterdir())
        for who in [path.stem.split("_")[0]]
    ]
    write_csv(data / "factors.csv", [["frame", "subject", "age", "yaw"], *rows])
    (data / "test_ids.csv").unlink()
    found = _evaluate(folder, tmp_path / "out", "--data", str(data), "--set", "all")
    found = found["datasets"]["minimal_dataset"]
    assert found["frames"] == 12 and found["people"] == 6
    err = capsys.readouterr().err
    assert "6 frames have the same names as training frames of the run" in err
    assert "F1 at these thresholds is too optimistic if --set all includes them" in err
    assert {each["who"] for each in found["worst_group"].values()} <= {"age old", "age young"}
    assert (
        found["worst_person"]["accuracy"]["value"] < found["metrics"]["accuracy"]["mean"]["value"]
    )


@pytest.mark.slow
def test_the_validation_people_and_another_epoch(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Thresholds belong to the reported epoch and are not applied to another."""
    run = "run/checkpoints/epoch_0002.pt"
    flags = ["--data", str(DATA), "--set", "validation"]
    found = _evaluate(folder, tmp_path, *flags, run=run)["datasets"]["minimal_dataset"]
    assert found["frames"] == 2
    assert "f1" in found["metrics"] and "f1_tuned" not in found["metrics"]
    assert "no thresholds of validation people for this epoch" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data", "{none}"], "no such directory; expected a dataset directory"),
        (["--data", "{data}", "--data", "{data}"], "another dataset has the same name"),
        (
            ["--data", "{data}", "--group-columns", "sex"],
            "factors.csv: no column 'sex'",
        ),
    ],
    ids=["no data", "twice", "no groups"],
)
def test_mistakes_are_lines(
    flags: list[str],
    message: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"{data}": str(DATA), "{none}": str(tmp_path / "none")}
    arguments = [places.get(flag, flag) for flag in flags]
    status = main(
        [str(folder / "run"), "--out", str(tmp_path / "out"), *arguments, *_flags(folder)]
    )
    assert status == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_no_shared_aus_is_one_line(
    folder: Path,
    tmp_path: Path,
    edited_cfg: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = Path(shutil.copytree(DATA, tmp_path / "data"))
    names = json.loads((data / "dataset.json").read_text())
    renamed = [f"X{name}" for name in names["aus"]]
    (data / "dataset.json").write_text(json.dumps({**names, "aus": renamed}))
    table = (data / "aus.csv").read_text().split("\n", 1)
    (data / "aus.csv").write_text("\n".join([",".join(["frame", *renamed]), table[1]]))
    assert main([str(folder / "run"), "--data", str(data), *_flags(folder)]) == 2
    assert "none of the AUs that it was trained on (AU1, AU2" in capsys.readouterr().err
