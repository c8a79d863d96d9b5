"""How a run is carried out: what its flags say."""

from dataclasses import dataclass
from pathlib import Path

import torch

from audetnet.data.batches import Residence
from audetnet.distributed.world import World


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What is not in the cfg file."""

    directory: Path
    seed: int
    device: torch.device
    bf16: bool
    save_every: int
    """Epochs between two checkpoints that are kept; 0 keeps the latest and the best only."""
    deadline: float | None
    """When to save and stop, on the clock of time.monotonic."""
    residence: Residence
    """Whether all frames lie in the device's memory."""
    compile: bool
    """Whether torch.compile takes the networks."""
    world: World
    """The processes that share the run."""
