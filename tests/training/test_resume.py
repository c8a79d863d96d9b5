"""A run that was stopped or killed and resumed equals one that never stopped, bit for bit."""

import json
import random
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from audetnet.commands.train import main
from audetnet.training.checkpoint import load_checkpoint
from tests.forked import Forked
from tests.objectives.all_objectives import with_objectives
from tests.training.conftest import QUICK, assert_same_bits

Train = Callable[..., Path]


def without_times(run: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for record in records:
        del record["seconds"]
    return records


@pytest.mark.parametrize("stops", [[1], [3, 2, 1, 1], [4], [5], [6, 1]])
def test_a_stopped_run_resumes_to_the_same_weights(
    stops: list[int],
    whole: Path,
    train: Train,
    quick_cfg: Path,
    stop_after: Callable[[int | None], None],
) -> None:
    """Stops at the first batch, repeatedly mid-epoch, at an epoch's end and while evaluating (an
    epoch checks four times in training and once in evaluation).
    """
    for count in stops:
        stop_after(count)
        stopped = train(quick_cfg, "stopped")
    assert not (stopped / "results.json").exists()
    stop_after(None)
    resumed = train(quick_cfg, "stopped")
    for name in ("latest.pt", "best.pt"):
        assert_same_bits(whole / "checkpoints" / name, resumed / "checkpoints" / name)
    assert without_times(whole) == without_times(resumed)


@pytest.mark.slow
def test_a_run_of_every_objective_resumes_to_the_same_weights(
    train: Train, quick_cfg: Path, stop_after: Callable[[int | None], None]
) -> None:
    text = with_objectives(quick_cfg.read_text())
    quick_cfg.write_text(text.replace("sampling_size", "balance_subjects=True\nsampling_size", 1))
    stop_after(None)
    whole = train(quick_cfg, "whole")
    for count in (3, 2, 4):
        stop_after(count)
        train(quick_cfg, "stopped")
    stop_after(None)
    resumed = train(quick_cfg, "stopped")
    assert_same_bits(*(run / "checkpoints" / "latest.pt" for run in (whole, resumed)))
    assert without_times(whole) == without_times(resumed)


def test_random_blocks_repeat_their_draws_in_a_resumed_run(
    train: Train, edited_cfg: Callable[..., Path], stop_after: Callable[[int | None], None]
) -> None:
    """Also in a critic, whose penalty runs it more than once a batch."""
    drop = "[dropout]\nprobability=0.5\n\n"
    last = ("[connected] # one logit", f"{drop}[connected] # one logit")
    of_critic = ("[connected]\noutput_features=1\n", f"{drop}[connected]\noutput_features=1\n")
    cfg = edited_cfg(*QUICK, last, of_critic)
    stop_after(None)
    whole = train(cfg, "whole")
    for count in (3, 2):
        stop_after(count)
        train(cfg, "stopped")
    stop_after(None)
    resumed = train(cfg, "stopped")
    assert_same_bits(whole / "checkpoints" / "latest.pt", resumed / "checkpoints" / "latest.pt")
    assert without_times(whole) == without_times(resumed)


def start_forked(cfg: Path, data: Path, run: Path, cache: Path) -> Forked:
    """``train.py`` in a process of its own."""
    flags = ["--cfg", cfg, "--data", data, "--run", run, "--cache", cache, "--device", "cpu"]
    return Forked(partial(main, [*map(str, flags)]), run.parent / f"{run.name}.txt")


@pytest.mark.slow
def test_sigkill_and_sigterm_lose_nothing(
    edited_cfg: Callable[..., Path], minimal_data: Path, tmp_path: Path
) -> None:
    """Killed twice some moments after an epoch, then terminated, then left alone: the weights equal
    those of an uninterrupted run."""
    cfg = edited_cfg(("max_epochs=4", "max_epochs=6"), ("epoch_size=32", "epoch_size=64"))
    cache = tmp_path / "cache"
    assert start_forked(cfg, minimal_data, tmp_path / "whole", cache).wait() == 0
    run = tmp_path / "killed"
    latest = run / "checkpoints" / "latest.pt"
    moments = random.Random(5)
    for number in (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM):
        process = start_forked(cfg, minimal_data, run, cache)
        process.wait_for("\nepoch ")
        time.sleep(moments.uniform(0, 1))
        process.send_signal(number)
        assert process.wait() == (-number if number == signal.SIGKILL else 0)
        assert load_checkpoint(latest).progress.step >= 0  # whole at any moment
    assert "stopped (SIGTERM)" in process.printed()
    assert start_forked(cfg, minimal_data, run, cache).wait() == 0
    assert_same_bits(tmp_path / "whole" / "checkpoints" / "latest.pt", latest)
    assert without_times(tmp_path / "whole") == without_times(run)


def test_a_time_limit_saves_and_exits_cleanly(
    train: Train, quick_cfg: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(quick_cfg, "limited", "--max-time", "0s")
    stopped = "stopped (time limit reached) in epoch 1, after 1 of its batches"
    assert stopped in capsys.readouterr().out
    assert torch.load(run / "checkpoints" / "latest.pt", weights_only=True)["progress"]["step"] == 1


def test_a_finished_run_prints_its_table_again(
    train: Train, quick_cfg: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(quick_cfg, "finished")
    first = capsys.readouterr().out
    before = (run / "checkpoints" / "latest.pt").read_bytes()
    train(quick_cfg, "finished")
    second = capsys.readouterr().out
    assert (run / "checkpoints" / "latest.pt").read_bytes() == before
    assert first[first.index("Test set") :] == second[second.index("Test set") :]
    assert "going on" not in second
    assert "finished: 2 epochs; raise max_epochs to continue, or use --overwrite" in second


@pytest.mark.parametrize(
    ("edits", "flags", "difference"),
    [
        (
            [("filters=16", "filters=8")],
            [],
            "cfg.networks.Encoder.blocks[0].filters=16, now it is 8",
        ),
        ([("beta1=0.5", "beta1=0.6")], [], "cfg.networks.Encoder.net.beta1=0.5, now it is 0.6"),
        ([], ["--seed", "1"], "seed=0, now it is 1"),
        ([], ["--bf16"], "bf16=False, now it is True"),
        ([], ["--test-ids", "train_ids.csv"], "different test ids: number 1 was "),
    ],
)
def test_another_run_is_not_resumed(
    edits: list[tuple[str, str]],
    flags: list[str],
    difference: str,
    train: Train,
    quick_cfg: Path,
    edited_cfg: Callable[..., Path],
    minimal_data: Path,
    stop_after: Callable[[int | None], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Options, seed, precision and data must be those that the run was started with."""
    stop_after(1)
    run = train(quick_cfg, "run")
    before = (run / "checkpoints" / "latest.pt").read_bytes()
    changed = edited_cfg(*QUICK, *edits, name="quick.cfg")
    arguments = ["--cfg", str(changed), "--data", str(minimal_data), "--run", str(run), *flags]
    assert main([*arguments, "--cache", str(run / "cache"), "--device", "cpu"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith(f"{run}: this run was started with ") and difference in error
    assert (run / "checkpoints" / "latest.pt").read_bytes() == before


def test_max_epochs_can_be_raised(
    train: Train, quick_cfg: Path, edited_cfg: Callable[..., Path]
) -> None:
    train(quick_cfg, "run")
    longer = edited_cfg(("max_epochs=4", "max_epochs=3"), *QUICK[1:])
    run = train(longer, "run")
    assert [record["epoch"] for record in without_times(run)] == [1, 2, 3]
