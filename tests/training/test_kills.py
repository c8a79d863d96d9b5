"""Twenty runs, each killed at a different moment, end with the bits of an uninterrupted one."""

import random
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.training.conftest import DATA, assert_same_bits
from tests.training.test_resume import start_forked, without_times

RUNS = 20
TOGETHER = 5
"""Per test: several tests can be distributed to several processes."""


@pytest.fixture(scope="module")
def cfg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """cfg/minimal.cfg with shorter epochs."""
    path = tmp_path_factory.mktemp("cfg") / "short.cfg"
    text = (ROOT / "cfg" / "minimal.cfg").read_text()
    path.write_text(text.replace("epoch_size=32", "epoch_size=16"))
    return path


@pytest.fixture(scope="module")
def untouched(cfg: Path) -> tuple[Path, float]:
    """An uninterrupted run, and how many seconds a second one takes: the first one also waits for
    the fork server and packs the frames.
    """
    for name in ("untouched", "timed"):
        run, began = cfg.parent / name, time.monotonic()
        assert start_forked(cfg, DATA, run, cfg.parent / "cache").wait() == 0
    return run, time.monotonic() - began


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("first", range(0, RUNS, TOGETHER))
def test_runs_killed_at_random_resume_to_the_same_bits(
    first: int, cfg: Path, untouched: tuple[Path, float], tmp_path: Path
) -> None:
    """From the start of the command to the final table."""
    whole, seconds = untouched
    statuses = []
    for number in range(first, first + TOGETHER):
        run = tmp_path / f"run{number}"
        process = start_forked(cfg, DATA, run, cfg.parent / "cache")
        time.sleep(random.Random(number).uniform(0, seconds))
        process.send_signal(signal.SIGKILL)
        statuses.append(process.wait())
        process = start_forked(cfg, DATA, run, cfg.parent / "cache")
        assert process.wait() == 0, process.printed()
        for name in ("latest.pt", "best.pt"):
            assert_same_bits(whole / "checkpoints" / name, run / "checkpoints" / name)
        assert without_times(whole) == without_times(run)
    assert statuses.count(-signal.SIGKILL) > TOGETHER / 2, statuses
