"""The parts around the training step, each against a plain version or a target.

``python benchmarks/parts.py [--rounds 5]``: the loader alone (batches of 64 from a mapped array of
synthetic 256x256 frames, one thread); the order of an epoch by MOMU, 130,000 frames with the AU
rates of DISFA, against two versions with Python sets (target: 30 times as fast); all metrics for
48,000 frames x 12 AUs; ``train.py --help``; and the time from start to the first training step on
minimal_dataset, after imports. Rounds are interleaved; prints medians.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from comparing import Action, in_turn
from reference import PlainSetMOMU, SetMOMU

from audetnet.data.batches import Batches
from audetnet.data.cache import PackedFrames
from audetnet.data.frames import FrameSet
from audetnet.data.momu import MOMU
from audetnet.evaluation.metrics import Predictions, au_metrics

ROOT = Path(__file__).parents[1]
FRAMES, EPOCH, DRAWN = 130_000, 97_280, 32
RATES = (0.067, 0.056, 0.188, 0.021, 0.149, 0.055, 0.236, 0.060, 0.099, 0.035, 0.352, 0.088)
"""Approximate shares of active frames of the 12 AUs of DISFA."""
TEST_FRAMES, AUS = 48_000, 12
LOADED, SIZE, BATCH = 4096, 256, 64
FIRST_STEP = """
import sys, time
import torch, torchvision, matplotlib.pyplot, torch.utils.tensorboard
from audetnet.commands import train
from audetnet.training.trainer import Trainer
start = time.perf_counter()
plain = Trainer._train_batch
def first(self, *arguments):
    plain(self, *arguments)
    print("FIRST", time.perf_counter() - start, flush=True)
    raise SystemExit
Trainer._train_batch = first
train.main(sys.argv[1:])
"""


def median_of(rounds: int, *actions: Action) -> list[float]:
    """Medians of interleaved rounds."""
    found = in_turn({str(number): action for number, action in enumerate(actions)}, rounds)
    return [statistics.median(values) for values in found.values()]


def loader(rounds: int, directory: Path) -> None:
    """Images per second from the mapped array (in the page cache) to tensors."""
    path = directory / "frames.npy"
    shape = (LOADED, 3, SIZE, SIZE)
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    array[:] = np.arange(LOADED, dtype=np.uint8).reshape(-1, 1, 1, 1)
    array.flush()
    ids = tuple(map(str, range(LOADED)))
    labels = np.zeros((LOADED, AUS), np.float32)
    frames = FrameSet(name="train", ids=ids, paths=(path,) * LOADED, subjects=ids, labels=labels)
    batches = Batches(frames, PackedFrames(np.load(path, mmap_mode="r"), ids), torch.device("cpu"))
    order = np.random.default_rng(0).permutation(LOADED)
    cuts = [order[start : start + BATCH] for start in range(0, LOADED, BATCH)]
    (median,) = median_of(rounds, lambda: sum(len(batch) for batch in batches(cuts)))
    print(f"loader: {LOADED / median:,.0f} images/s (target 30,000 per core)")


def momu(rounds: int) -> None:
    """The order of an epoch against Python sets, with the class shares of both."""
    generator = np.random.default_rng(0)
    active = (generator.random((FRAMES, AUS)) < RATES).astype(np.float32)
    fast = MOMU(active, EPOCH, DRAWN)
    others = {
        "sets changed in place": SetMOMU(active, EPOCH, DRAWN),
        "sets rebuilt": PlainSetMOMU(active, EPOCH, DRAWN),
    }
    own_shares = active[fast.epoch(generator)].mean(0)
    for name, other in others.items():
        shares = active[np.asarray(other.epoch())].mean(0)
        worst = abs(own_shares - shares).max()
        print(f"momu: largest difference in a class's share from {name}: {worst:.4f}")
    epochs = [other.epoch for other in others.values()]
    own, *plain = median_of(rounds, lambda: fast.epoch(generator), *epochs)
    for name, median in zip(others, plain, strict=True):
        print(f"momu: {own:.3f} s per epoch, {name} {median:.2f} s, ratio {median / own:.1f}")


def metrics(rounds: int) -> None:
    """Every metric of a whole test set, intensities included."""
    generator = np.random.default_rng(0)
    scores = generator.random((TEST_FRAMES, AUS))
    intensities = generator.integers(0, 6, (TEST_FRAMES, AUS)).astype(float)
    predictions = Predictions(
        scores=scores,
        decisions=(scores > 0.5).astype(float),
        labels=(intensities >= 2).astype(float),
        intensities=5 * scores,
        intensity_labels=intensities,
    )
    names = tuple(f"AU{number}" for number in range(AUS))
    (median,) = median_of(rounds, lambda: au_metrics(predictions, names))
    print(f"metrics: {median:.3f} s for {TEST_FRAMES} frames x {AUS} AUs (target 1)")


def starting(rounds: int, directory: Path) -> None:
    """Start-up time of commands as a user types them."""
    help_text = [sys.executable, str(ROOT / "train.py"), "--help"]
    (median,) = median_of(
        rounds, lambda: subprocess.run(help_text, check=True, capture_output=True)
    )
    print(f"train.py --help: {median:.2f} s (target 1)")
    found = []
    for number in range(rounds):
        arguments = ["--cfg", "cfg/minimal.cfg", "--data", "minimal_dataset"]
        arguments += ["--run", f"{directory}/{number}", "--cache", f"{directory}/cache{number}"]
        done = subprocess.run(
            [sys.executable, "-c", FIRST_STEP, *arguments],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        (line,) = [line for line in done.stdout.splitlines() if line.startswith("FIRST")]
        found.append(float(line.split()[1]))
    print(f"start to first step, after imports: {statistics.median(found):.2f} s (target 2)")


def main() -> None:
    """Run all of them."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--rounds", type=int, default=5)
    rounds = flags.parse_args().rounds
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        loader(rounds, Path(folder))
        momu(rounds)
        metrics(rounds)
        starting(rounds, Path(folder))


if __name__ == "__main__":
    main()
