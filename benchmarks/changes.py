"""What each optimisation of the training step gains by itself: rounds of training with all of them,
interleaved with rounds with all but one.

``python benchmarks/changes.py [--batch-size 4] [--rounds 5]``: the largest cfg, with and without
its image critic, loader included. Ratio = time without the change / time with all; medians.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import torch
from comparing import in_turn, ratio
from trainees import LARGEST, SIZE, Trainee, config_of, made_images

from audetnet.config.options import Config
from audetnet.data.batches import Batch
from audetnet.data.cache import PackedFrames, pack_frames
from audetnet.data.frames import FrameSet
from audetnet.data.momu import Indices
from audetnet.machine.memory import keep_freed_memory
from audetnet.networks.model import AUDetNet
from audetnet.objectives import wgan_gp
from audetnet.objectives.critic_chain import score_gradient
from audetnet.objectives.critics import frozen
from audetnet.objectives.forward import Forward
from audetnet.training.step import TrainingStep


class GraphEverywhere(TrainingStep):
    """Builds the graph, and decodes, on every batch."""

    def _forward(self, batch: Batch, epoch: int, index: int, is_main: bool) -> Forward:
        forward = super()._forward(batch, epoch, index, True)
        forward.reconstruction()
        return forward


def upsampled_first(_: TrainingStep, model: AUDetNet) -> None:
    for network in model.networks().values():
        network._deferred = set()


def default_adam(step: TrainingStep, _: AUDetNet) -> None:
    for name, optimiser in step._optimisers.items():
        (group,) = optimiser.param_groups
        rate, betas = group["lr"], group["betas"]
        step._optimisers[name] = torch.optim.Adam(group["params"], lr=rate, betas=betas)


def unchanged(_: TrainingStep, __: AUDetNet) -> None: ...


WITHOUT: dict[str, Callable[[TrainingStep, AUDetNet], None]] = {
    "with all changes": unchanged,
    "penalty as a chain": unchanged,
    "both inputs in one call": unchanged,
    "products before the upsampling": upsampled_first,
    "fused Adam": default_adam,
    "no graph, no unread decoder": unchanged,
    "critics frozen in the main step": unchanged,
}
REPLACED: dict[str, tuple[str, Callable[..., object]]] = {
    "penalty as a chain": ("cheapest_score_gradient", lambda _: score_gradient),
    "both inputs in one call": ("is_sample_wise", lambda _: False),
    "critics frozen in the main step": ("frozen", lambda _: nullcontext()),
}
"""What replaces an attribute of wgan_gp to undo a change."""


@contextmanager
def replaced(without: str) -> Iterator[None]:
    """Within this context, a change to the critics' objectives is undone."""
    name, other = REPLACED.get(without, ("frozen", frozen))
    original = getattr(wgan_gp, name)
    setattr(wgan_gp, name, other)
    try:
        yield
    finally:
        setattr(wgan_gp, name, original)


def rounds_of(
    without: str, config: Config, frames: FrameSet, packed: PackedFrames
) -> Callable[[list[Indices]], None]:
    """Training without one of the changes."""
    kind = GraphEverywhere if without == "no graph, no unread decoder" else TrainingStep
    trainee = Trainee(config, frames, packed, step=kind)
    WITHOUT[without](trainee.step, trainee.model)

    def run(cuts: list[Indices]) -> None:
        with replaced(without):
            trainee(cuts)

    return run


def compare(config: Config, frames: FrameSet, packed: PackedFrames, rounds: int) -> None:
    """Time all variants in turn and print the ratios."""
    batch, every = config.training.batch_size, config.training.train_main_net_every_n_batches
    cuts = np.split(np.random.default_rng(1).permutation(batch * every), every)
    ways = {name: rounds_of(name, config, frames, packed) for name in WITHOUT}
    seconds = in_turn({name: partial(run, cuts) for name, run in ways.items()}, rounds)
    whole, *others = seconds
    print(f"{whole}: {statistics.median(seconds[whole]):.2f} s per round of {batch * every} images")
    for name in others:
        print(f"  {name:<34} {ratio(seconds[name], seconds[whole])}")


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("--batch-size", type=int, default=4)
    flags.add_argument("--rounds", type=int, default=5)
    arguments = flags.parse_args()
    keep_freed_memory()
    config = config_of(LARGEST, arguments.batch_size)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        count = arguments.batch_size * config.training.train_main_net_every_n_batches
        frames = made_images(directory, count)
        images = dict(zip(frames.ids, frames.paths, strict=True))
        packed = pack_frames(images, (SIZE, SIZE), False, directory / "cache")
        print("largest cfg; ratio: time without this change / time with all")
        compare(config, frames, packed, arguments.rounds)
        print("without the image critic")
        compare(config_of(LARGEST, arguments.batch_size, False), frames, packed, arguments.rounds)


if __name__ == "__main__":
    main()
