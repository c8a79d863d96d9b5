"""Does disentangling help where an AU goes with a factor? ``python benchmarks/confounded.py DIR
--work WORK [--au AU4] [--factors skin_tone,light_x,yaw] [--strengths 0,0.8,0.95] [--seeds 5]
[--arms A,B] [--epochs 8]``.

Every arm (confounded_arms.py) is trained by ``audetnet confounded`` with the AU tied to each factor
of DIR at each strength, and tested on other people with the same, no and the opposite tie. Epochs
are chosen on validation people *with* the tie. Two factors are worked on side by side, one thread
each; the same command goes on where it was stopped.

Success was fixed beforehand: the gap between the AUC with the same and with the opposite tie is at
most half of that of the plain arm (the trained head), and the AUC without a tie is not shown to be
lower (the 95 % interval of the paired difference over people does not lie below 0).
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from confounded_arms import ARMS, BASE, Arm, cfg_text

from audetnet.commands.confounded import Study, carried_out, strengths
from audetnet.console.arguments import names, positive
from audetnet.console.lines import say
from audetnet.data.frames import DatasetPaths, load_dataset
from audetnet.errors import UserError, did_you_mean, exit_status
from audetnet.results.tied_sets import Tie

_AT_ONCE = 2


def main(argv: list[str]) -> int:
    """Run the benchmark; returns its exit status."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("data", type=Path, metavar="DIR", help="dataset directory with factors.csv")
    flags.add_argument("--work", type=Path, required=True)
    flags.add_argument("--au", default="AU4")
    flags.add_argument("--factors", type=names, default=("skin_tone", "light_x", "yaw"))
    flags.add_argument("--strengths", type=strengths, default=(0.0, 0.8, 0.95))
    flags.add_argument("--seeds", type=positive, default=5, help="at most, see the arms")
    flags.add_argument("--arms", type=names, help="by name (default: all)")
    flags.add_argument("--epochs", type=positive, default=8)
    given = flags.parse_args(argv)
    return exit_status(lambda: _one(given) if len(given.factors) == 1 else _all(given, argv))


def _all(given: argparse.Namespace, argv: list[str]) -> int:
    """A process for each factor; what they say goes to WORK/FACTOR.log."""
    given.work.mkdir(parents=True, exist_ok=True)

    def child(factor: str) -> int:
        with (given.work / f"{factor}.log").open("w") as log:
            command = [sys.executable, __file__, *argv, "--factors", factor]
            status = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
        say(f"{factor}: exit status {status.returncode}, {log.name}")
        return status.returncode

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return max(pool.map(child, given.factors))


def _one(given: argparse.Namespace) -> int:
    torch.set_num_threads(1)
    (factor,) = given.factors
    paths = DatasetPaths(directory=given.data)
    dataset = load_dataset(paths, regress=False)
    out = given.work / factor
    out.mkdir(parents=True, exist_ok=True)
    seeds = {}
    for arm in chosen(given.arms):
        cfg = out / f"{arm.name}.cfg"
        text = cfg_text(
            arm,
            aus=len(dataset.au_names),
            frames=len(dataset.train) // 2,
            epochs=given.epochs,
            au=given.au,
            factor=factor,
            regress=dataset.kind == "intensity",
        )
        cfg.write_text(text)
        seeds[cfg] = min(given.seeds, arm.seeds)
    study = Study(
        paths=paths,
        tie=Tie(given.au, factor),
        strengths=given.strengths,
        seeds=seeds,
        out=out,
        device="cpu",
        cache=given.work / "cache",
    )
    return carried_out(study)


def chosen(asked: tuple[str, ...] | None) -> list[Arm]:
    """The arms of some names, the plain one first. Raises UserError."""
    known = {arm.name: arm for arm in ARMS}
    for name in asked or ():
        if name not in known:
            raise UserError(f"--arms {name}: no such arm{did_you_mean(name, known)}")
    return [known[name] for name in dict.fromkeys((BASE, *(asked or known)))]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
