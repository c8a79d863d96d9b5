"""Twenty runs, each killed at a moment of its own, end with the bits of an untouched one."""

import random
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.training.conftest import assert_same_bits
from tests.training.test_resume import _start, _without_times

RUNS = 20
AT_ONCE = 2


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_runs_killed_at_random_moments_go_on_to_the_same_bits(
    edited_cfg: Callable[..., Path], minimal_data: Path, tmp_path: Path
) -> None:
    """From the first import to the table at the end: a first run measures how long that is."""
    cfg = edited_cfg(("epoch_size=32", "epoch_size=16"))
    cache = tmp_path / "cache"
    whole = tmp_path / "whole"
    began = time.monotonic()
    assert _start(cfg, minimal_data, whole, cache).wait(timeout=240) == 0
    length = time.monotonic() - began

    def killed_and_gone_on_with(number: int) -> list[int]:
        """The exit codes of the killed process and of the one after it."""
        run = tmp_path / f"run{number}"
        process = _start(cfg, minimal_data, run, cache)
        try:
            process.communicate(timeout=random.Random(number).uniform(0, length))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=60)
        killed = process.returncode
        process = _start(cfg, minimal_data, run, cache)
        process.communicate(timeout=240)
        return [killed, process.returncode]

    with ThreadPoolExecutor(AT_ONCE) as workers:
        codes = list(workers.map(killed_and_gone_on_with, range(RUNS)))
    assert {after for _, after in codes} == {0}, codes
    assert sum(killed == -signal.SIGKILL for killed, _ in codes) > RUNS / 2, codes
    for number in range(RUNS):
        run = tmp_path / f"run{number}"
        for name in ("latest.pt", "best.pt"):
            assert_same_bits(whole / "checkpoints" / name, run / "checkpoints" / name)
        assert _without_times(whole) == _without_times(run)
