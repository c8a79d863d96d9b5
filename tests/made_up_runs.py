"""Runs with all that is made up, in processes of their own: ``python -m tests.made_up_runs WHAT
FOLDER``, with a cfg ``made_up.cfg`` in the folder.
"""

import json
import os
import signal
import sys
from pathlib import Path

from audetnet.commands import disentangling, train
from audetnet.disentangling import reference_classifier
from audetnet.evaluation import people
from audetnet.faces import dlib_models
from audetnet.training.pictures import curves
from audetnet.training.stopping import StopRequest
from tests import made_up  # noqa: F401 - it registers what it holds

DATA = Path(__file__).parents[1] / "minimal_dataset"
CHECKS_BEFORE_THE_KILL = 7
"""A run asks whether to stop after each of an epoch's 4 batches and once in its evaluation: it is
killed in the second epoch.
"""


def killed(folder: Path) -> None:
    """Train a while and end by SIGKILL."""
    left = iter(range(CHECKS_BEFORE_THE_KILL))

    def check(self: StopRequest) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    StopRequest.check = check  # type: ignore[method-assign]
    _train(folder, "killed")


def others(folder: Path) -> None:
    """An unbroken run, its curves' names, then what is left of the killed one, and its report."""
    _train(folder, "whole")
    records = (folder / "whole" / "metrics.jsonl").read_text().splitlines()
    lines = curves([json.loads(record) for record in records]).axes[1].get_lines()
    print("curves:", *(line.get_label() for line in lines), sep="|", flush=True)
    _train(folder, "killed")
    reference_classifier._EPOCHS, people.DRAWS = 1, 50  # barely trained, few draws
    dlib_models.find_spec = lambda _: None  # the own classifier is fast
    assert disentangling.main([str(folder / "killed"), *_flags(folder)]) == 0


def _train(folder: Path, name: str) -> None:
    flags = ["--cfg", str(folder / "made_up.cfg"), "--run", str(folder / name), *_flags(folder)]
    assert train.main(flags) == 0


def _flags(folder: Path) -> list[str]:
    return ["--data", str(DATA), "--cache", str(folder / "cache"), "--device", "cpu"]


if __name__ == "__main__":
    {"killed": killed, "others": others}[sys.argv[1]](Path(sys.argv[2]))
