"""``audetnet baselines`` as a user runs it, on minimal_dataset."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audetnet.commands import train
from audetnet.commands.baselines import main
from audetnet.files.csv import read_csv
from tests.training.conftest import QUICK


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def _flags(data: Path, cache: Path) -> list[str]:
    return ["--data", str(data), "--cache", str(cache), "--device", "cpu"]


def _number(numbers: list[dict[str, Any]], metric: str, au: str = "mean") -> float | None:
    (found,) = (
        each["value"]
        for each in numbers
        if (each["frames_at_rest"], each["metric"], each["au"]) == ("none", metric, au)
    )
    return found


def test_a_run_stands_beside_the_baselines(
    minimal_data: Path,
    cache: Path,
    tmp_path: Path,
    edited_cfg: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, cfg = tmp_path / "run", edited_cfg(*QUICK)
    flags = _flags(minimal_data, cache)
    assert train.main(["--cfg", str(cfg), "--run", str(run), *flags]) == 0
    own = json.loads((run / "results.json").read_text())
    capsys.readouterr()
    assert main(["--run", str(run), *flags]) == 0
    out, err = capsys.readouterr()
    assert "there are no validation people" in err
    assert out.count("thresholds of F1 chosen on held-out training people") == 3
    found = json.loads((run / "baselines" / "results.json").read_text())["methods"]
    assert list(found) == ["HOG + ridge", "stem + ridge", "stem, mirror mean + ridge", "run"]
    by_training = own["last"]["test"]["mean"]

    for metric, name in (("auc", "2afc"), ("f1_fixed", "f1")):
        assert _number(found["run"]["numbers"], metric) == pytest.approx(by_training[name])
    header, *rows = read_csv(run / "baselines" / "results.csv")
    assert header[:4] == ["method", "frames_at_rest", "metric", "au"]
    assert len(rows) == sum(len(each["numbers"]) for each in found.values())


def test_data_that_are_not_there_are_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"{tmp_path / 'none'}: no such directory; expected a dataset directory"
    ]


def test_a_run_that_is_none_is_a_line(
    minimal_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(minimal_data), "--run", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no such file; expected a run directory of train.py, or a checkpoint" in line


def test_damaged_images_are_a_line(
    minimal_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(shutil.copytree(minimal_data, tmp_path / "data"))
    broken = next((data / "imgs").iterdir())
    broken.write_bytes(b"no image")
    assert main(["--data", str(data), "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(broken) in line
    assert not (tmp_path / "out").exists()
