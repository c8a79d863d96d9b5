"""The end of a run: the reported epoch is chosen without the test set, and its results are on the
whole test set, however the run ended."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audetnet.commands.train import main
from audetnet.evaluation.metrics import METRICS, Metric
from audetnet.evaluation.thresholds import read_thresholds
from audetnet.training.outcome import choose
from audetnet.training.pictures import curves
from audetnet.training.records import best_index, epoch_line, result_table
from audetnet.training.stopping import Stopped, StopRequest
from audetnet.training.trainer import Trainer
from tests.conftest import ROOT
from tests.forked import forked_world
from tests.training.conftest import QUICK, assert_same_bits, start

Train = Callable[..., Path]
Edited = Callable[..., Path]
PART = ("max_test_iters=10", "max_test_iters=1")
SMALL_BATCHES = ("batch_size=4", "batch_size=2")
VALIDATION = ("image_size=64", "image_size=64\nvalidation_subjects=SN002")
WATCHED = (*QUICK, SMALL_BATCHES, VALIDATION)
"""2 validation frames, 4 test frames: two batches, of which PART reads one."""
CHECKS_BEFORE_THE_END = 8 + 1 + 1 + 8 + 1 + 2
"""How often such a run with PART checks whether to stop: batches to train on, to validate and to
test, by epoch."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with WATCHED and PART. Do not modify."""
    text = (ROOT / "cfg" / "minimal.cfg").read_text()
    for old, new in (*WATCHED, PART):
        assert old in text
        text = text.replace(old, new, 1)
    cfg = tmp_path_factory.mktemp("watched") / "edited.cfg"
    cfg.write_text(text)
    assert start(cfg, cfg.parent / "run") == 0
    return cfg.parent / "run"


def _results(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "results.json").read_text())
    return found


def _history(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_the_chosen_epoch_is_measured_on_the_whole_test_set(
    train: Train, edited_cfg: Edited, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its results equal, bit for bit, those of a run that always tested on the whole set."""
    whole = train(edited_cfg(*WATCHED), "whole")
    capsys.readouterr()
    part = train(edited_cfg(*WATCHED, PART), "part")
    printed = capsys.readouterr().out
    results = _results(part)
    chosen = results["chosen"]
    assert results["chosen_by"] == "validation f1"
    assert chosen["epoch"] == 1, "this test needs a chosen epoch that is not the last"
    assert _history(part)[0]["test"]["frames"] == 2
    assert chosen["test"] == _history(whole)[0]["test"] and chosen["test"]["frames"] == 4
    assert chosen["validation"] == _history(whole)[0]["validation"]
    assert results["last"] == _history(part)[-1]
    for name, record in (("results.csv", chosen), ("results_last.csv", results["last"])):
        (mean,) = [x for x in (part / name).read_text().splitlines() if x.startswith("mean,")]
        assert float(mean.split(",")[1]) == record["test"]["mean"]["f1"]
    assert "epoch 1/2" in printed and "test (2 of 4 frames): F1" in printed
    last_line = next(line for line in printed.splitlines() if line.startswith("epoch 2/2"))
    assert "test: F1" in last_line
    chosen_at = printed.index("Test set after epoch 1 (4 frames), chosen by validation f1")
    assert chosen_at < printed.index("Test set after epoch 2 (4 frames), the last")
    for name in ("latest.pt", "best.pt"):
        assert_same_bits(whole / "checkpoints" / name, part / "checkpoints" / name)


@pytest.mark.parametrize(
    ("edits", "heading", "line"),
    [
        ((), "the last", "no validation frames: the last epoch is reported"),
        ((VALIDATION, ("max_epochs=2", "max_epochs=1")), "the last, chosen by validation f1", ""),
    ],
    ids=["without validation", "the last is chosen"],
)
def test_the_last_epoch_is_one_table(
    edits: tuple[tuple[str, str], ...],
    heading: str,
    line: str,
    train: Train,
    edited_cfg: Edited,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = train(edited_cfg(*QUICK, SMALL_BATCHES, PART, *edits), "run")
    results, printed = _results(run), capsys.readouterr().out
    assert results["chosen"] == results["last"] == _history(run)[-1]
    assert results["last"]["test"]["frames"] == 4
    assert printed.count("Test set after epoch") == 1
    assert f"(4 frames), {heading}\n" in printed
    assert line in printed
    assert (run / "results.csv").read_text() == (run / "results_last.csv").read_text()


def test_a_run_stopped_in_its_final_evaluation_gives_the_same_results(
    watched: Path,
    train: Train,
    edited_cfg: Edited,
    stop_after: Callable[[int | None], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    cfg = edited_cfg(*WATCHED, PART)
    stop_after(CHECKS_BEFORE_THE_END + 1)
    run = train(cfg, "run")
    assert "stopped (test) after the last epoch" in capsys.readouterr().out
    assert not (run / "results.json").exists()
    latest = (run / "checkpoints" / "latest.pt").read_bytes()
    stop_after(None)
    train(cfg, "run")
    assert (run / "checkpoints" / "latest.pt").read_bytes() == latest
    first = (run / "results.json").read_text()
    train(cfg, "run")
    assert (run / "results.json").read_text() == first
    assert _results(run)["chosen"]["test"] == _results(watched)["chosen"]["test"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "checkpoints" / "best.pt").unlink(), "no such file"),
        (
            lambda run: (run / "checkpoints" / "latest.pt").replace(run / "checkpoints/best.pt"),
            "epoch 1, the best of this run; found that of epoch 2",
        ),
    ],
    ids=["deleted", "of another epoch"],
)
def test_a_missing_best_checkpoint_is_an_error(
    spoil: Callable[[Path], object],
    message: str,
    watched: Path,
    edited_cfg: Edited,
    minimal_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cfg = edited_cfg(*WATCHED, PART)
    run = Path(shutil.copytree(watched, tmp_path / "run"))
    latest = run / "checkpoints" / "latest.pt"
    before, results = latest.read_bytes(), (run / "results.json").read_text()
    spoil(run)
    latest.write_bytes(before)
    capsys.readouterr()
    flags = ["--data", str(minimal_data), "--run", str(run), "--cache", str(tmp_path / "cache")]
    assert main(["--cfg", str(cfg), *flags, "--device", "cpu"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{run / 'checkpoints' / 'best.pt'}: ") and message in line
    assert latest.read_bytes() == before
    assert (run / "results.json").read_text() == results


@pytest.mark.parametrize(
    ("batch", "frames"), [(0, 4), (1, 2)], ids=["between two epochs", "within the next epoch"]
)
def test_max_epochs_can_be_lowered(
    batch: int,
    frames: int,
    train: Train,
    edited_cfg: Edited,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The last epoch is then evaluated on the whole set if its weights still exist; otherwise its
    table says on how many frames it was."""
    edits = (*QUICK, SMALL_BATCHES, PART)
    with monkeypatch.context() as patched:
        train_epoch, check = Trainer._train_epoch, StopRequest.check

        def stop_before(self: Trainer, stop: StopRequest) -> None:
            if self._progress.epoch == 2 and not batch:
                raise Stopped("test")
            train_epoch(self, stop)

        def stop_within(self: StopRequest) -> None:
            check(self)
            if (run / "metrics.jsonl").exists() and len(_history(run)) == 1:
                raise Stopped("test")

        run = edited_cfg().parent / "run"
        patched.setattr(Trainer, "_train_epoch", stop_before)
        patched.setattr(StopRequest, "check", stop_within)
        train(edited_cfg(*edits), "run")
    train(edited_cfg(*edits, ("max_epochs=2", "max_epochs=1")), "run")
    assert _results(run)["last"]["test"]["frames"] == frames
    of = "4 frames" if frames == 4 else "2 of 4 frames"
    assert f"Test set after epoch 1 ({of}), the last" in capsys.readouterr().out


@pytest.mark.slow
def test_several_processes_report_the_same_and_repeat_it(
    edited_cfg: Edited, minimal_data: Path, tmp_path: Path, watched: Path
) -> None:
    """Started again, they evaluate the best checkpoint again, bit for bit."""
    cfg, run = edited_cfg(*WATCHED, PART), tmp_path / "several"
    flags = ["--cfg", str(cfg), "--data", str(minimal_data), "--run", str(run), "--device", "cpu"]
    call = partial(main, [*flags, "--cache", str(tmp_path / "cache")])
    texts = []
    for _ in range(2):
        ranks = forked_world(2, call, tmp_path / "printed")
        assert [rank.wait() for rank in ranks] == [0, 0], ranks[0].printed()
        assert ranks[0].printed().count("Test set after epoch 1 (4 frames), chosen by") == 1
        texts.append((run / "results.json").read_text())
    assert texts[0] == texts[1]
    alone, several = (_results(one)["chosen"] for one in (watched, run))
    assert several["test"]["frames"] == alone["test"]["frames"] == 4
    for name, value in alone["test"]["loss"].items():
        assert several["test"]["loss"][name] == pytest.approx(value, rel=1e-2)


def _with_f1(name: str, *values: float | None) -> list[dict[str, Any]]:
    return [{"epoch": i + 1, name: {"mean": {"f1": v}}} for i, v in enumerate(values)]


@pytest.mark.parametrize(
    ("name", "values", "epoch", "by", "reason"),
    [
        ("validation", (0.1, 0.4, 0.3), 2, "validation f1", ""),
        ("validation", (0.4, None, 0.4), 1, "validation f1", ""),
        ("validation", (None, 0.0), 2, "validation f1", ""),
        ("validation", (None, None, None), 3, "last epoch", "undefined in every epoch"),
        ("test", (0.4, 0.1), 2, "last epoch", "epoch 1 by F1, checkpoints/best.pt"),
    ],
)
def test_which_epoch_is_reported(
    name: str, values: tuple[float | None, ...], epoch: int, by: str, reason: str
) -> None:
    history = _with_f1(name, *values)
    choice = choose(history, name, "f1")
    assert (choice.epoch, choice.by) == (epoch, by)
    assert reason in choice.reason and bool(reason) == bool(choice.reason)
    if name == "validation":
        assert best_index(history, name, "f1") == epoch - 1, "best.pt is the chosen epoch"


@pytest.mark.parametrize(("frames", "shown"), [(8, "test (8 of 30 frames): F1"), (30, "test: F1")])
def test_an_epochs_line_says_if_the_test_was_partial(frames: int, shown: str) -> None:
    record = {
        "epoch": 3,
        "train": {},
        "test": {"frames": frames, "mean": {"f1": 0.5, "2afc": None}, "code": {}},
        "seconds": 1.0,
    }
    assert shown in epoch_line(record, 9, 30)


@pytest.mark.parametrize("shown", [True, False])
def test_a_metric_says_its_title_and_whether_it_is_shown(
    shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    title = "share of smiles"
    monkeypatch.setitem(
        METRICS,
        "new",
        Metric(function=lambda *_: 0.25, title=title, reads=("labels",), shown=shown),
    )
    values = {"f1": {"AU1": 0.5}, "2afc": {"AU1": None}, "new": {"AU1": 0.25}, "old": {"AU1": 1}}
    mean = {"f1": 0.5, "2afc": None, "new": 0.25, "old": 1}
    test = {"frames": 8, "mean": mean, "au": values, "code": {}}
    line = epoch_line({"epoch": 3, "train": {}, "test": test, "seconds": 1.0}, 9, 8)
    assert (f"F1 0.500 2AFC - {title} 0.250" in line) == shown == (title in line)
    header, *rows = result_table(test).splitlines()
    assert header.split() == ["F1", "2AFC", *title.split(), "old"], "a name that nobody knows now"
    assert [row.split() for row in rows] == [
        ["AU1", "0.500", "-", "0.250", "1.000"],
        ["mean", "0.500", "-", "0.250", "1.000"],
    ]
    assert len({len(line) for line in (header, *rows)}) == 1


def test_a_new_metric_does_not_prevent_resuming(
    train: Train,
    quick_cfg: Path,
    stop_after: Callable[[int | None], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Earlier epochs lack it; it is in the tables and curves of later ones."""
    stop_after(6)
    train(quick_cfg, "run")
    monkeypatch.setitem(
        METRICS,
        "new",
        Metric(function=lambda *_: 0.25, title="new one", reads=("labels",), shown=True),
    )
    stop_after(None)
    run = train(quick_cfg, "run")
    first, second = (record["test"]["mean"].get("new") for record in _history(run))
    assert (first, second) == (None, 0.25)
    assert (run / "results.csv").read_text().splitlines()[0].endswith(",calibration_error,new")
    metrics = curves(_history(run)).axes[1]
    (line,) = (each for each in metrics.get_lines() if each.get_label() == "new one, test")
    np.testing.assert_array_equal(np.asarray(line.get_ydata()), [np.nan, 0.25])


def test_the_thresholds_are_those_of_the_chosen_epoch(watched: Path) -> None:
    """The default ones, and those of its validation people, or the default for AUs that they never
    show."""
    found, chosen = read_thresholds(watched), _results(watched)["chosen"]
    tuned = chosen["validation"]["thresholds"]
    assert found.epoch == chosen["epoch"] == 1, "this test needs one that is not the last"
    assert found.aus == tuple(tuned) and found.scale == "probability"
    assert found.default.tolist() == [0.5] * 12
    assert found.validation is not None
    values = list(tuned.values())
    assert None in values and any(value is not None for value in values)
    expected = [0.5 if value is None else value for value in values]
    np.testing.assert_array_equal(found.validation, expected)


def test_f1_is_reported_at_tuned_and_default_thresholds(watched: Path) -> None:
    chosen = _results(watched)["chosen"]
    assert {"f1", "f1_tuned"} <= chosen["test"]["au"].keys()
    assert "f1_tuned" not in chosen["validation"]["au"], "there it would be too good"
    tuned = chosen["validation"]["thresholds"]
    same = [au for au, value in tuned.items() if value is None]
    one, other = (chosen["test"]["au"][name] for name in ("f1", "f1_tuned"))
    assert [one[au] for au in same] == [other[au] for au in same]
    assert one != other, "this test needs a threshold that decides something"
    header = (watched / "results.csv").read_text().splitlines()[0].split(",")
    assert {"f1", "f1_tuned"} <= {*header}


def test_without_validation_people_there_are_only_default_thresholds(
    train: Train, quick_cfg: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(quick_cfg, "run")
    assert read_thresholds(run).validation is None
    assert "no validation people: thresholds.json has the default" in capsys.readouterr().out
    assert "f1_tuned" not in _results(run)["chosen"]["test"]["au"]
