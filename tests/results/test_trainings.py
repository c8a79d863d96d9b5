"""The order of trainings, one per device, and what happens if one fails or stops."""

import json
from pathlib import Path
from threading import Barrier

import pytest

from audetnet.errors import UserError
from audetnet.results.trainings import Training, is_finished, run_trainings, start_in_subprocess


def _trainings(folder: Path, count: int = 4) -> list[Training]:
    return [
        Training(fold=str(n), seed=0, run=folder / str(n), flags=("--cfg", "none.cfg"))
        for n in range(count)
    ]


def _finish(training: Training, epochs: int = 3) -> None:
    training.run.mkdir(exist_ok=True)
    (training.run / "results.json").write_text(json.dumps({"last": {"epoch": epochs}}))


def test_each_is_trained_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trainings, trained = _trainings(tmp_path), list[str]()
    _finish(trainings[1])
    _finish(trainings[2], epochs=2)

    def start(training: Training, device: str) -> int:
        assert device == "cpu"
        trained.append(training.fold)
        _finish(training)
        return 0

    assert run_trainings(trainings, ["cpu"], start, 3) == "finished"
    assert trained == ["0", "2", "3"]
    assert "1 of 4 trainings are already finished" in capsys.readouterr().out


@pytest.mark.parametrize(("status", "outcome"), [(0, "stopped"), (2, "failed")])
def test_no_training_starts_after_one_that_stops_or_fails(
    tmp_path: Path, status: int, outcome: str
) -> None:
    trained = []

    def start(training: Training, device: str) -> int:
        trained.append(training.fold)
        if training.fold == "0":
            _finish(training)
            return 0
        return status

    assert run_trainings(_trainings(tmp_path), ["cpu"], start, 3) == outcome
    assert trained == ["0", "1"]


def test_several_devices_train_at_once(tmp_path: Path) -> None:
    together, seen = Barrier(2, timeout=20), list[str]()

    def start(training: Training, device: str) -> int:
        together.wait()
        seen.append(device)
        _finish(training)
        return 0

    assert run_trainings(_trainings(tmp_path), ["cuda:0", "cuda:1"], start, 3) == "finished"
    assert sorted(seen) == ["cuda:0", "cuda:0", "cuda:1", "cuda:1"]


def test_a_damaged_result_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("[]")
    with pytest.raises(UserError, match="not written by train"):
        is_finished(tmp_path, 3)


@pytest.mark.slow
def test_a_subprocess_writes_its_output_to_its_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (training,) = _trainings(tmp_path, 1)
    flags = (*training.flags, "--data", str(tmp_path))
    failing = Training(fold="0", seed=0, run=training.run, flags=flags)
    assert start_in_subprocess(failing, "cpu") == 2
    assert "none.cfg" in (training.run / "train.log").read_text()
    assert "fold 0, seed 0 failed" in capsys.readouterr().out
