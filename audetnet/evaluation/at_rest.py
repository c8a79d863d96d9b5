"""Features of people at rest, at the place where a model subtracts them."""

from collections.abc import Callable

import torch
from torch import Tensor

from audetnet.data.batches import Batches
from audetnet.data.frames import FrameSet
from audetnet.data.neutral_frames import Indices, NeutralFrames, neutral_medians
from audetnet.evaluation.encoder_input import EncoderInput
from audetnet.evaluation.evaluate import Reference
from audetnet.networks.fixed import PersonReference
from audetnet.networks.model import AUDetNet

_BATCH = 32


def reference_block(model: AUDetNet) -> tuple[int, PersonReference] | None:
    """The [person_reference] of a model's encoder with its index, or None."""
    blocks = enumerate(model.encoder.blocks)
    return next(((i, block) for i, block in blocks if isinstance(block, PersonReference)), None)


def stem_reference(
    model: AUDetNet, batches: Batches, frames: FrameSet, choice: NeutralFrames, seed: int
) -> Reference | None:
    """References at the model's [person_reference] for the people of a set; None without one."""
    found = reference_block(model)
    if found is None:
        return None
    chosen = choice.of(frames.ids, batches.subjects, seed)
    return Reference("stem", neutral_medians(chosen, reader(model, found[0], batches)))


def reader(
    model: AUDetNet, block: int, batches: Batches, people: Tensor | None = None
) -> Callable[[Indices], Tensor]:
    """A function from rows of a set to the inputs of an encoder block, (N, C, h, w) on the device.
    ``people``: the features at rest of each person of the set.
    """

    def read_batch(rows: Indices) -> Tensor:
        rest = None if people is None else people[batches.subjects[rows]]
        source = EncoderInput.of_rows(model, batches, rows)
        return model.encoder.block_input(block, source.values, rest, from_stem=source.from_stem)

    return torch.no_grad()(in_batches(read_batch))


def in_batches(read_batch: Callable[[Indices], Tensor]) -> Callable[[Indices], Tensor]:
    """``read_batch`` for any number of rows, called with a few at a time."""

    def read(rows: Indices) -> Tensor:
        starts = range(0, len(rows), _BATCH)
        return torch.cat([read_batch(rows[start : start + _BATCH]) for start in starts])

    return read


def z1_reader(model: AUDetNet, batches: Batches) -> Callable[[Indices], Tensor]:
    """A function from rows of a set to their z1; the model must be in eval mode."""

    def read_batch(rows: Indices) -> Tensor:
        return EncoderInput.of_rows(model, batches, rows).code(model).z1

    return torch.no_grad()(in_batches(read_batch))
