"""Whole training, loader included, against the plain implementation ``benchmarks/reference.py``.

``python benchmarks/training.py [--batch-size 4] [--rounds 5]``: the largest cfg with and without
its image critic. Both sides first train on the same batches from the same weights without
augmentation, and their losses must agree; then rounds (critic-only batches followed by a main one)
are timed in turn, each way in its own process. Prints medians and their ratios.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from comparing import in_turn, ratio
from reference import ReferenceStep, reference_batches
from trainees import CPU, HEAD, LARGEST, SIZE, Trainee, config_of, made_images

from audetnet.config.options import Config
from audetnet.config.reader import read_config
from audetnet.data.augment import Augmentation, to_unit_range
from audetnet.data.cache import PackedFrames, pack_frames
from audetnet.data.frames import FrameSet
from audetnet.data.momu import Indices
from audetnet.machine.memory import keep_freed_memory
from audetnet.networks.model import build_model
from audetnet.networks.model_plan import plan_model
from audetnet.objectives.objective import objectives_of
from audetnet.seeds import Purpose, numpy_generator, torch_generator
from audetnet.vocabulary import VOCABULARY

TOLERANCE, ROUND_TOLERANCE = 1e-4, 5e-3
LOSSES = ("discriminator_loss", "image_discriminator_loss", "main_loss")
Round = Callable[[list[Indices]], list[dict[str, float]]]
"""Trains on batches, the last of which is a main one; returns the losses of each."""


def own_way(
    config: Config, frames: FrameSet, packed: PackedFrames, augmentation: Augmentation
) -> Round:
    """As train.py does it."""
    trainee = Trainee(config, frames, packed, augmentation=augmentation)

    def run(cuts: list[Indices]) -> list[dict[str, float]]:
        terms = [
            {name: float(value.detach()) for group in groups for name, value in group.items()}
            for groups in trainee(cuts)
        ]
        return [{n: v for n, v in each.items() if n in LOSSES} for each in terms]

    return run


def plain_way(
    config: Config,
    frames: FrameSet,
    packed: PackedFrames,
    augmentation: Augmentation | None,
    device: torch.device = CPU,
) -> Round:
    """The plain way; without ``augmentation`` it reads the packed frames unchanged. The last batch
    in a round, and every n-th before it, is a main one.
    """
    height, width = packed.shape[2:]
    plan = plan_model(config, (height, width))
    model = build_model(plan, config.data, 0).to(device)
    every = config.training.train_main_net_every_n_batches
    step = ReferenceStep(model, config, objectives_of(plan), HEAD)
    ids = frames.ids

    def run(cuts: list[Indices]) -> list[dict[str, float]]:
        found = []
        for index, cut in enumerate(cuts):
            if augmentation is None:
                rows = packed.rows([ids[i] for i in cut])
                clean = to_unit_range(torch.from_numpy(packed.gather(rows)).to(device))
                noisy = clean
            else:
                ((noisy, clean),) = reference_batches(frames.paths, [cut])
            roll = int(numpy_generator(0, Purpose.CRITICS, 1, index).integers(1, len(cut)))
            draws = torch_generator(CPU, 0, Purpose.CRITICS, 1, index)
            mixes = [torch.rand(len(cut), generator=draws).to(device) for _ in range(2)]
            labels = torch.from_numpy(frames.labels[cut]).to(device)
            is_main = (len(cuts) - 1 - index) % every == 0
            found.append(step(noisy, clean, labels, is_main, roll, iter(mixes)))
        return found

    return run


def difference(
    config: Config, frames: FrameSet, packed: PackedFrames, cuts: list[Indices]
) -> float:
    """The largest relative difference in losses when both ways train from the same weights on the
    same batches.
    """
    quiet = Augmentation(flip=0.0, colour=0.0, noise=(0.0, 0.0))
    own = own_way(config, frames, packed, quiet)(cuts)
    plain = plain_way(config, frames, packed, None)(cuts)
    worst = 0.0
    for mine, theirs in zip(own, plain, strict=True):
        assert mine.keys() == theirs.keys(), (mine, theirs)
        for name, value in theirs.items():
            worst = max(worst, abs(mine[name] - value) / max(1.0, abs(value)))
    return worst


def check_equal(config: Config, frames: FrameSet, packed: PackedFrames, cuts: list[Indices]) -> str:
    """Text about the differences in one batch and in a round. Exits if they exceed the tolerance.

    A round may differ more: the gradient of the bias of a critic's last layer is nothing but
    rounding error, which Adam turns into a full step.
    """
    one, round_ = (difference(config, frames, packed, some) for some in (cuts[:1], cuts))
    if one > TOLERANCE or round_ > ROUND_TOLERANCE:
        sys.exit(f"the losses differ by {one:.1e} and {round_:.1e}; nothing was measured")
    return f"losses differ by {one:.1e} in one batch, {round_:.1e} in a round (relative)"


@dataclass(frozen=True)
class Bench:
    """What both ways train on."""

    batch_size: int
    image_critic: bool
    frames: FrameSet
    directory: Path

    def config(self) -> Config:
        return config_of(LARGEST, self.batch_size, self.image_critic)

    def packed(self) -> PackedFrames:
        images = dict(zip(self.frames.ids, self.frames.paths, strict=True))
        return pack_frames(images, (SIZE, SIZE), False, self.directory / "cache")

    def cuts(self) -> list[Indices]:
        """A round: critic-only batches followed by a main one."""
        every = self.config().training.train_main_net_every_n_batches
        return np.split(np.random.default_rng(1).permutation(self.batch_size * every), every)


WAYS = {
    "plain": (plain_way, False),
    "audetnet": (own_way, True),
    "audetnet, freed memory given back": (own_way, False),
}
"""How to train, and whether the process keeps freed memory, as train.py makes it do."""


def worker(way: str, bench: Bench, connection: Connection) -> None:
    """Train a round on each request, and reply when done; runs in its own process."""
    train, keep = WAYS[way]
    if keep:
        keep_freed_memory()
    run = train(bench.config(), bench.frames, bench.packed(), Augmentation())
    while connection.recv():
        run(bench.cuts())
        connection.send(True)


def asked(connection: Connection) -> None:
    """Have a worker train a round."""
    connection.send(True)
    connection.recv()


def compare(name: str, bench: Bench, rounds: int) -> None:
    """Check, then time all ways in turn, each in its own process, and print medians."""
    print(f"{name}: {check_equal(bench.config(), bench.frames, bench.packed(), bench.cuts())}")
    spawn = get_context("spawn")
    lines = {}
    for way in WAYS:
        lines[way], end = spawn.Pipe()
        spawn.Process(target=worker, args=(way, bench, end), daemon=True).start()
    seconds = in_turn({way: partial(asked, line) for way, line in lines.items()}, rounds)
    for line in lines.values():
        line.send(False)
    images = len(bench.cuts()) * bench.batch_size
    for way, values in seconds.items():
        median = statistics.median(values)
        print(f"  {way:<34} {median:7.2f} s per round  {images / median:6.2f} images/s")
        if way != "plain":
            print(
                f"    ratio {ratio(seconds['plain'], values)}, median of {rounds} rounds, "
                f"batch {bench.batch_size}, {torch.get_num_threads()} threads"
            )


def main() -> None:
    """Run the benchmark."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--batch-size", type=int, default=4)
    flags.add_argument("--rounds", type=int, default=5)
    arguments = flags.parse_args()
    every = read_config(LARGEST, VOCABULARY).training.train_main_net_every_n_batches
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        frames = made_images(directory, arguments.batch_size * every)
        for name, image_critic in (("largest cfg", True), ("without the image critic", False)):
            bench = Bench(arguments.batch_size, image_critic, frames, directory)
            compare(name, bench, arguments.rounds)


if __name__ == "__main__":
    main()
