"""Random draws keyed by (seed, purpose, epoch, batch), independent of everything drawn before.

So a resumed run draws what an uninterrupted one would have drawn, and logging changes nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
import torch


class Purpose(IntEnum):
    """What a draw is for. The numbers are part of a run's identity: never renumber them."""

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
    """A NumPy generator for one draw."""
    return np.random.default_rng([seed, purpose, epoch, batch])


def torch_generator(
    device: torch.device,
    seed: int,
    purpose: Purpose,
    epoch: int = 0,
    batch: int = 0,
    group: int = 0,
) -> torch.Generator:
    """A torch generator on a device for one draw, for a batch or a group of its images (group 0
    gets the batch's own).
    """
    key = [seed, purpose, epoch, batch, *([group] if group else [])]
    state = np.random.SeedSequence(key).generate_state(1, np.uint64)[0]
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
    """Seed torch's global generators (weights, dropout) on the CPU and the device inside the
    context; their state is restored afterwards.
    """
    key = (seed, purpose, epoch, batch, process)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(torch_generator(torch.device("cpu"), *key).initial_seed())
        yield
