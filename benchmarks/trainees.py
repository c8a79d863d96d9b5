"""What the benchmarks train, and on what."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from audetnet.config.options import Config
from audetnet.config.reader import read_config
from audetnet.data.augment import Augmentation
from audetnet.data.batches import Batch, Batches, resident_frames
from audetnet.data.cache import PackedFrames
from audetnet.data.frames import FrameSet
from audetnet.data.momu import Indices
from audetnet.distributed.batch_norm import synchronise_batch_norm
from audetnet.distributed.world import World
from audetnet.networks.au_head import AUHead
from audetnet.networks.model import build_model
from audetnet.networks.model_plan import plan_model
from audetnet.objectives.objective import Terms, objectives_of
from audetnet.objectives.wgan_gp import ImageCritic
from audetnet.training.compiled import memory_format
from audetnet.training.step import TrainingStep, make_optimisers
from audetnet.vocabulary import VOCABULARY

LARGEST = Path(__file__).parents[1] / "cfg" / "image_discriminator.cfg"
SIZE, AUS = 256, 12
CPU = torch.device("cpu")
HEAD = AUHead("BCEWithLogits", False, 2.0)


def made_images(directory: Path, count: int) -> FrameSet:
    """Smooth random JPEGs with random labels."""
    generator = np.random.default_rng(0)
    paths = []
    for number in range(count):
        coarse = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        paths.append(directory / f"f_{number:03d}.jpg")
        picture.save(paths[-1], quality=95)
    ids = tuple(path.stem for path in paths)
    labels = generator.integers(0, 2, (count, AUS)).astype(np.float32) * 3
    return FrameSet(
        name="train", ids=ids, paths=tuple(paths), subjects=("f",) * count, labels=labels
    )


def made_array(path: Path, count: int, size: int) -> None:
    """A file of packed frames, uint8 (count, 3, size, size), of random squares."""
    coarse = np.random.default_rng(0).integers(0, 256, (count, 3, size // 8, size // 8), np.uint8)
    np.save(path, coarse.repeat(8, axis=2).repeat(8, axis=3))


def mapped_frames(path: Path) -> tuple[FrameSet, PackedFrames]:
    """The frames in such a file, memory-mapped, with random labels."""
    pixels = np.load(path, mmap_mode="r")
    count = len(pixels)
    ids = tuple(map(str, range(count)))
    labels = np.random.default_rng(0).integers(0, 2, (count, AUS)).astype(np.float32) * 3
    frames = FrameSet(name="train", ids=ids, paths=(path,) * count, subjects=ids, labels=labels)
    return frames, PackedFrames(pixels, ids)


def config_of(cfg: Path, batch_size: int, image_critic: bool = True) -> Config:
    """A cfg with another batch size, with or without its {Image Discriminator}."""
    config = read_config(cfg, VOCABULARY)
    config = replace(config, training=replace(config.training, batch_size=batch_size))
    return config if image_critic else _without_image_critic(config)


def _without_image_critic(config: Config) -> Config:
    section = ImageCritic.critic
    networks = {name: each for name, each in config.networks.items() if name != section}
    objectives = tuple(
        each for each in config.objectives if each.objective.critic_section != section
    )
    return replace(config, networks=networks, objectives=objectives)


class Trainee:
    """AUDetNet as train.py trains it, a few batches at a time, except for the options: ``layout``
    of the networks, frames ``resident`` in device memory, the classes for step and batches.
    """

    def __init__(
        self,
        config: Config,
        frames: FrameSet,
        packed: PackedFrames,
        device: torch.device = CPU,
        *,
        augmentation: Augmentation | None = None,
        bf16: bool = False,
        layout: torch.memory_format | None = None,
        resident: bool = False,
        world: World | None = None,
        step: type[TrainingStep] = TrainingStep,
        batches: type[Batches] = Batches,
    ) -> None:
        world = world or World()
        height, width = packed.shape[2:]
        plan = plan_model(config, (height, width))
        model = build_model(plan, config.data, 0).to(device)
        self.model = model.to(memory_format=layout or memory_format(device))
        synchronise_batch_norm(model, world)
        self.every = config.training.train_main_net_every_n_batches
        self.step = step(
            model,
            make_optimisers(model, config),
            objectives_of(plan),
            self.every,
            HEAD,
            0,
            lambda: torch.autocast(device.type, torch.bfloat16, enabled=bf16),
            augmentation or Augmentation(),
            world,
        )
        whole = resident_frames(packed, device, "on") if resident else None
        self.batches = batches(frames, packed, device, whole, world)

    def __call__(self, cuts: list[Indices]) -> list[list[Terms]]:
        """Train on batches of these frames; the last one is a main batch."""
        return self.train(self.batches(cuts), len(cuts))

    def train(self, batches: Iterable[Batch], count: int) -> list[list[Terms]]:
        """The same on ``count`` ready batches."""
        first = self.every - count + 1
        return [self.step(b, first + index, 1, index) for index, b in enumerate(batches)]
