"""What is added as docs/architecture.md says goes all the way: training, a kill, going on with it,
the report.
"""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.conftest import ROOT
from tests.training.conftest import QUICK, assert_same_bits

OBJECTIVES = """{Objectives}
[reconstruction]
[small_code]
weight=0.1
"""


def _write_cfg(folder: Path) -> None:
    """cfg/minimal.cfg without its critics, with all that is made up."""
    text, _, _ = (ROOT / "cfg" / "minimal.cfg").read_text().partition("{Discriminator}")
    text = re.sub(r"^reconstruction_loss_function.*\n|^\w+_lambda.*\n", "", text, flags=re.M)
    for old, new in (
        *QUICK,
        ("au_regression_loss_function=BCEWithLogits", "au_regression_loss_function=Signed"),
        ("[connected] # one logit", "[jitter]\nscale=0.5\n\n[connected] # one logit"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    (folder / "made_up.cfg").write_text(OBJECTIVES + text)


def _process(what: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tests.made_up_runs", what, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
        timeout=280,
    )


def _records(run: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in record.items() if k != "seconds"} for record in records]


@dataclass(frozen=True)
class Made:
    """A run that nobody touched, one that was killed and gone on with, and what was printed."""

    whole: Path
    killed: Path
    printed: str


def _made(folder: Path) -> Made:
    _write_cfg(folder)
    first = _process("killed", folder)
    assert first.returncode == -signal.SIGKILL, first.stdout
    others = _process("others", folder)
    assert others.returncode == 0, others.stdout
    return Made(folder / "whole", folder / "killed", others.stdout)


@pytest.mark.timeout(600)
def test_what_is_added_goes_all_the_way(tmp_path: Path) -> None:
    """In one test, as its processes take a while."""
    made = _made(tmp_path)
    _is_trained_and_logged(made)
    _goes_on_to_the_same_numbers(made)
    _is_in_the_report(made)


def _is_trained_and_logged(made: Made) -> None:
    run, printed = made.whole, made.printed
    records = _records(run)
    assert len(records) == 2
    for record in records:
        assert record["train"]["code_size"] > 0 and record["train"]["au_loss"] > 0
        assert set(record["test"]["au"]["by_sign"].values()) == {1.0}, "decided at 0, not at 0.5"
        assert record["test"]["mean"]["by_sign"] == 1
    header, *rows = (run / "results.csv").read_text().splitlines()
    assert header.split(",")[-1] == "by_sign" and len(rows) == 13
    options = json.loads((run / "options.json").read_text())["cfg"]
    assert {"type": "jitter", "scale": 0.5} in options["networks"]["AUPredictor"]["blocks"]
    small_code = {"type": "small_code", "weight": 0.1, "ramp_epochs": 0, "power": 2}
    assert small_code in options["objectives"]
    assert options["loss"]["au_regression_loss_function"] == "Signed"
    of_epochs = [line for line in printed.splitlines() if line.startswith("epoch ")]
    assert len(of_epochs) == 3, "two of the whole run, one of that gone on with"
    assert all("by sign 1.000" in line for line in of_epochs)
    (curves,) = (line for line in printed.splitlines() if line.startswith("curves:"))
    assert {"F1, test", "by sign, test"} <= set(curves.split("|"))
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    assert {"train/code_size", "test/mean/by_sign"} <= set(events.Tags()["scalars"])


def _goes_on_to_the_same_numbers(made: Made) -> None:
    """The block draws, the objective has its weight, the loss its decisions."""
    assert "resuming from its last checkpoint" in made.printed
    latest = Path("checkpoints") / "latest.pt"
    assert_same_bits(made.whole / latest, made.killed / latest)
    assert _records(made.whole) == _records(made.killed)
    tables = [(run / "results.csv").read_text() for run in (made.whole, made.killed)]
    assert tables[0] == tables[1]


def _is_in_the_report(made: Made) -> None:
    out = made.killed / "disentangling"
    rows = {row["key"]: row for row in json.loads((out / "results.json").read_text())["rows"]}
    row = rows["small_z1"]
    assert row["values"]["killed"]["value"] > 0 and row["values"]["untrained"]["value"] > 0
    assert "size of z1" in (out / "report.html").read_text()
    assert "10 size of z1 (mean square)" in made.printed
