"""What is made ready before the first epoch, and known again after a resumption: what people show
at rest.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from audetnet.console import note
from audetnet.data.augment import to_unit_range
from audetnet.data.batches import Batch, Batches
from audetnet.data.frames import FrameSet
from audetnet.data.person_at_rest import FEW, Indices, at_rest
from audetnet.errors import UserError
from audetnet.evaluation.evaluate import evaluating
from audetnet.networks.fixed import PersonReference
from audetnet.networks.model import AUDetNet
from audetnet.seeds import Purpose, torch_generator

_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class PeopleAtRest:
    """What each training person shows at rest, ``values`` (P, C, h, w) by subject number; of
    ``missing`` of the frames of a batch the person counts as unknown, and the mean is taken.
    """

    values: Tensor
    missing: float
    seed: int

    def __call__(self, batch: Batch, epoch: int, index: int) -> Tensor:
        """Of the frames of this process's part of a batch, (b, C, h, w)."""
        rest = self.values[batch.subjects]
        if not self.missing:
            return rest
        device = self.values.device
        generator = torch_generator(device, self.seed, Purpose.REFERENCE, epoch, index)
        unknown = torch.rand(batch.length, generator=generator, device=device) < self.missing
        unknown = unknown[batch.part].view(-1, 1, 1, 1)
        return torch.where(unknown, self.values.mean(dim=0, keepdim=True), rest)


def reference_block(model: AUDetNet) -> tuple[int, PersonReference] | None:
    """The [person_reference] of a model's encoder, and its index."""
    blocks = enumerate(model.encoder.blocks)
    return next(((i, block) for i, block in blocks if isinstance(block, PersonReference)), None)


def training_people_at_rest(
    model: AUDetNet, batches: Batches, train: FrameSet, seed: int
) -> PeopleAtRest | None:
    """What the cfg's [person_reference] takes off in training; None without one, or where it is not
    known who is who: a line says so. The block's own mean is set. Raises UserError for a list of
    frames that cannot be read, or names none of them.
    """
    found = reference_block(model)
    if found is None:
        return None
    index, block = found
    if fault := train.people_fault():
        note(
            f"[person_reference] is off, the median of all frames is taken off instead: it {fault}"
        )
        everyone = [np.arange(len(train))]
        with evaluating(model):
            block.mean_rest.copy_(at_rest(everyone, reader(model, index, batches))[0])
        return None
    frames = block.choice.of(train.ids, batches.subjects, seed)
    if not any(map(len, frames)):
        raise UserError(
            f"{block.choice.frame_list}: names none of the training frames; expected some frames "
            "of each person at rest"
        )
    if few := sum(len(rows) < FEW for rows in frames):
        note(
            f"[person_reference]: of {few} of {len(frames)} training people there are fewer than "
            f"{FEW} frames ({block.choice}): their median may show an expression"
        )
    with evaluating(model):
        values = at_rest(frames, reader(model, index, batches))
    block.mean_rest.copy_(values.mean(dim=0))
    return PeopleAtRest(values=values, missing=block.missing, seed=seed)


def reader(model: AUDetNet, block: int, batches: Batches) -> Callable[[Indices], Tensor]:
    """Reads what a block of the encoder reads of some frames of a set, (N, C, h, w) on the
    device: of the stem's outputs where these are computed once, else of the images.
    """

    def some(rows: Indices) -> Tensor:
        if batches.has_stem:
            stem = batches.stem_outputs(rows).float()
            return model.encoder.read_by(block, stem, from_stem=True)
        pixels = model.pixels.encoder_input(to_unit_range(batches.frames(rows)))
        return model.encoder.read_by(block, pixels)

    return torch.no_grad()(read_in_parts(some))


def read_in_parts(read: Callable[[Indices], Tensor]) -> Callable[[Indices], Tensor]:
    """Reads of many frames what ``read`` gives of a few."""

    def whole(rows: Indices) -> Tensor:
        parts = range(0, len(rows), _BATCH)
        return torch.cat([read(rows[start : start + _BATCH]) for start in parts])

    return whole
