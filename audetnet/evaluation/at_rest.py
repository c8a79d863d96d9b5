"""What people of a set show at rest, read where a model takes it off."""

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
    """The [person_reference] of a model's encoder, and its index."""
    blocks = enumerate(model.encoder.blocks)
    return next(((i, block) for i, block in blocks if isinstance(block, PersonReference)), None)


def stem_reference(
    model: AUDetNet, batches: Batches, frames: FrameSet, choice: NeutralFrames, seed: int
) -> Reference | None:
    """What a set's people show at rest at the model's [person_reference]; None without one."""
    found = reference_block(model)
    if found is None:
        return None
    chosen = choice.of(frames.ids, batches.subjects, seed)
    return Reference("stem", neutral_medians(chosen, reader(model, found[0], batches)))


def reader(
    model: AUDetNet, block: int, batches: Batches, people: Tensor | None = None
) -> Callable[[Indices], Tensor]:
    """Reads what a block of the encoder reads of some frames of a set, (N, C, h, w) on the
    device. ``people``: what each person of the set shows at rest.
    """

    def some(rows: Indices) -> Tensor:
        rest = None if people is None else people[batches.subjects[rows]]
        read = EncoderInput.of_rows(model, batches, rows)
        return model.encoder.block_input(block, read.values, rest, from_stem=read.from_stem)

    return torch.no_grad()(read_in_parts(some))


def read_in_parts(read: Callable[[Indices], Tensor]) -> Callable[[Indices], Tensor]:
    """Reads of many frames what ``read`` gives of a few."""

    def whole(rows: Indices) -> Tensor:
        parts = range(0, len(rows), _BATCH)
        return torch.cat([read(rows[start : start + _BATCH]) for start in parts])

    return whole


def z1_reader(model: AUDetNet, batches: Batches) -> Callable[[Indices], Tensor]:
    """Reads z1 of some frames as they are; the model must be in eval mode."""

    def some(rows: Indices) -> Tensor:
        return EncoderInput.of_rows(model, batches, rows).code(model).z1

    return torch.no_grad()(read_in_parts(some))
