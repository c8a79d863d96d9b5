"""What each change of the step gives alone: whole rounds of training with all of them, and with all
but one, in turn.

``python benchmarks/changes.py [--batch-size 4] [--rounds 5]``: the largest cfg, as it is and
without its image critic, loader included. Ratio = time without the change / time with all; medians.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from training import CFG, CPU, HEAD, SIZE, made_frames, without_image_critic

from audetnet.config.options import Config
from audetnet.config.reader import read_config
from audetnet.data.augment import Augmentation
from audetnet.data.batches import Batch, Batches
from audetnet.data.cache import PackedFrames, pack
from audetnet.data.frames import FrameSet
from audetnet.data.momu import Indices
from audetnet.distributed.world import World
from audetnet.memory import keep_freed_memory
from audetnet.networks.model import AUDetNet, build_model, plan_model
from audetnet.objectives import wgan_gp
from audetnet.objectives.critic_chain import score_gradient
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import pursued
from audetnet.training.step import TrainingStep, make_optimisers
from audetnet.vocabulary import VOCABULARY


class GraphEverywhere(TrainingStep):
    """Keeps a graph, and decodes, on every batch."""

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


def as_it_is(_: TrainingStep, __: AUDetNet) -> None: ...


WITHOUT: dict[str, Callable[[TrainingStep, AUDetNet], None]] = {
    "with all changes": as_it_is,
    "penalty as a chain": as_it_is,
    "both inputs in one call": as_it_is,
    "products before the upsampling": upsampled_first,
    "fused Adam": default_adam,
    "no graph, no unread decoder": as_it_is,
    "critics frozen in the main step": as_it_is,
}
REPLACED: dict[str, tuple[str, Callable[..., object]]] = {
    "penalty as a chain": ("cheapest_score_gradient", lambda _: score_gradient),
    "both inputs in one call": ("is_sample_wise", lambda _: False),
    "critics frozen in the main step": ("frozen", lambda _: nullcontext()),
}
"""What stands in wgan_gp in place of its own, without a change."""


@contextmanager
def replaced(without: str) -> Iterator[None]:
    """Within it the critics' objectives do without a change."""
    name, other = REPLACED.get(without, ("frozen", wgan_gp.frozen))
    own = getattr(wgan_gp, name)
    setattr(wgan_gp, name, other)
    try:
        yield
    finally:
        setattr(wgan_gp, name, own)


def rounds_of(
    without: str, config: Config, frames: FrameSet, packed: PackedFrames
) -> Callable[[list[Indices]], None]:
    """Training without one of the changes."""
    plan = plan_model(config, (SIZE, SIZE))
    model = build_model(plan, config.data, 0)
    every = config.training.train_main_net_every_n_batches
    kind = GraphEverywhere if without == "no graph, no unread decoder" else TrainingStep
    step = kind(
        model,
        make_optimisers(model, config),
        pursued(plan),
        every,
        HEAD,
        0,
        lambda: torch.autocast("cpu", enabled=False),
        Augmentation(),
        World(),
    )
    WITHOUT[without](step, model)
    batches = Batches(frames, packed, CPU)

    def run(cuts: list[Indices]) -> None:
        with replaced(without):
            for index, batch in enumerate(batches(cuts)):
                step(batch, every - len(cuts) + index + 1, 1, index)

    return run


def compare(config: Config, frames: FrameSet, packed: PackedFrames, rounds: int) -> None:
    """Time all ways in turn and print the ratios."""
    batch, every = config.training.batch_size, config.training.train_main_net_every_n_batches
    cuts = np.split(np.random.default_rng(1).permutation(batch * every), every)
    ways = {name: rounds_of(name, config, frames, packed) for name in WITHOUT}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, run in ways.items():
            start = time.perf_counter()
            run(cuts)
            if number:
                seconds[name].append(time.perf_counter() - start)
    whole, *others = seconds
    print(f"{whole}: {statistics.median(seconds[whole]):.2f} s a round of {batch * every} images")
    for name in others:
        ratios = [a / b for a, b in zip(seconds[name], seconds[whole], strict=True)]
        low, high = min(ratios), max(ratios)
        print(f"  {name:<34} {statistics.median(ratios):5.2f}  ({low:.2f} to {high:.2f})")


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("--batch-size", type=int, default=4)
    flags.add_argument("--rounds", type=int, default=5)
    arguments = flags.parse_args()
    keep_freed_memory()
    config = read_config(CFG, VOCABULARY)
    training = replace(config.training, batch_size=arguments.batch_size)
    config = replace(config, training=training)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        count = arguments.batch_size * training.train_main_net_every_n_batches
        frames = made_frames(directory, count)
        images = dict(zip(frames.ids, frames.paths, strict=True))
        packed = pack(images, (SIZE, SIZE), False, directory / "cache")
        print("largest cfg; ratio: time without this change / time with all")
        compare(config, frames, packed, arguments.rounds)
        print("without the image critic")
        compare(without_image_critic(config), frames, packed, arguments.rounds)


if __name__ == "__main__":
    main()
