"""Some training steps of one process of a world, by plain gradient descent (Adam turns rounding
errors into full steps where a gradient is 0).
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from audetnet.config.reader import read_config
from audetnet.data.augment import Augmentation
from audetnet.data.batches import Batch
from audetnet.distributed.batch_norm import synchronise_batch_norm
from audetnet.distributed.world import World, launched_world, process_group
from audetnet.networks.au_head import AUHead
from audetnet.networks.model import build_model
from audetnet.networks.model_plan import plan_model
from audetnet.objectives.objective import objectives_of
from audetnet.training.step import TrainingStep
from audetnet.vocabulary import VOCABULARY

CPU = torch.device("cpu")
LENGTHS = (7, 7, 5, 4, 1 + 16 + 3, 3)
"""Frames of the batches: parts of different sizes, a frame for each of three processes, more than
one group of draws; every second one trains the main network.
"""

PEOPLE = 4
PATTERNS = 4
"""Of labels in a batch: some frames have their pattern in common, some have one of their own."""


@dataclass(frozen=True)
class Outcome:
    """Terms of every batch, and all weights and buffers after the last."""

    terms: list[dict[str, float]]
    state: dict[str, Tensor]


def steps(cfg: Path, world: World, device: torch.device = CPU) -> Outcome:
    """Train this process's part of a few batches with unknown labels."""
    config = read_config(cfg, VOCABULARY)
    plan = plan_model(config, (64, 64))
    model = build_model(plan, config.data, seed=0).to(device).train()
    synchronise_batch_norm(model, world)
    optimisers: dict[str, torch.optim.Optimizer] = {
        name: torch.optim.SGD(network.parameters(), lr=0.01)
        for name, network in model.networks().items()
    }
    step = TrainingStep(
        model,
        optimisers,
        objectives_of(plan),
        config.training.train_main_net_every_n_batches,
        AUHead("BCEWithLogits", False, 2.0),
        0,
        lambda: torch.autocast(device.type, enabled=False),
        Augmentation(),
        world,
    )
    generator = torch.Generator().manual_seed(1)
    found = []
    for index, length in enumerate(LENGTHS):
        frames = torch.randint(0, 256, (length, 3, 64, 64), generator=generator).to(torch.uint8)
        labels = torch.randint(0, 6, (length, 12), generator=generator).float()
        labels[torch.rand(length, 12, generator=generator) < 0.3] = float("nan")
        labels = labels[torch.arange(length) % PATTERNS]
        part = world.part(length)
        batch = Batch(
            indices=torch.arange(length).numpy()[part],
            frames=frames[part].to(device),
            labels=labels[part].to(device),
            subjects=(torch.arange(length, device=device) % PEOPLE)[part],
            length=length,
            part=part,
        )
        groups = step(batch, index + 1, 1, index)
        found.append({name: float(value) for group in groups for name, value in group.items()})
    return Outcome(found, model.state_dict())


def save_steps(cfg: Path, out: Path) -> int:
    """The same in one of the processes that torchrun starts; rank 0 saves."""
    torch.set_num_threads(1)
    own = launched_world()
    with process_group(own, CPU):
        outcome = steps(cfg, own)
        if own.is_main:
            torch.save(vars(outcome), out)
    return 0
