"""The settings of a run from its command-line flags."""

from dataclasses import dataclass
from pathlib import Path

import torch

from audetnet.data.batches import Residence
from audetnet.distributed.world import World


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Everything that is not in the cfg file."""

    directory: Path
    seed: int
    device: torch.device
    bf16: bool
    save_every: int
    """Keep the checkpoint of every k-th epoch; 0 keeps only the latest and the best."""
    deadline: float | None
    """When to save and stop, in the time of time.monotonic."""
    residence: Residence
    """Whether all frames are kept in the device's memory."""
    compile: bool
    """Whether to use torch.compile."""
    world: World
    """The processes that share the run."""
