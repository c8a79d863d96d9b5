"""Randomness by name: every draw of a run comes from (seed, purpose, epoch, batch), never from what
ran before.

So a resumed run draws what the uninterrupted one would have drawn, and observation changes nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
import torch


class Purpose(IntEnum):
    """What is drawn. The numbers are part of a run's identity: never renumber them."""

    WEIGHTS = 0
    ORDER = 1
    AUGMENTATION = 2
    CRITICS = 3
    DISENTANGLING = 4
    BLOCKS = 5
    VIEWS = 6
    REFERENCE = 7
    RESULTS = 8
    TIES = 9


def numpy_generator(
    seed: int, purpose: Purpose, epoch: int = 0, batch: int = 0
) -> np.random.Generator:
    """A numpy generator for one draw."""
    return np.random.default_rng([seed, purpose, epoch, batch])


def torch_generator(
    device: torch.device,
    seed: int,
    purpose: Purpose,
    epoch: int = 0,
    batch: int = 0,
    group: int = 0,
) -> torch.Generator:
    """A torch generator on a device for one draw, of a batch or of a group of its images (the first
    group's is the batch's).
    """
    place = [seed, purpose, epoch, batch, *([group] if group else [])]
    state = np.random.SeedSequence(place).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state) & 0x7FFF_FFFF_FFFF_FFFF)


@contextmanager
def seeded(
    device: torch.device,
    seed: int,
    purpose: Purpose,
    epoch: int = 0,
    batch: int = 0,
    process: int = 0,
) -> Iterator[None]:
    """Within it what torch draws by itself (weights, dropout) on the CPU and the device comes from
    the seed; afterwards torch's own generators are as they were.
    """
    place = (seed, purpose, epoch, batch, process)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(torch_generator(torch.device("cpu"), *place).initial_seed())
        yield
