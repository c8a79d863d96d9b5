"""What is computed before the first epoch from the training frames without augmentation: features
of people at rest, and blocks that are fitted in closed form.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from audetnet.config.binding import OptionError
from audetnet.console.lines import counted, note, say
from audetnet.data.batches import Batch, Batches
from audetnet.data.frames import FrameSet
from audetnet.data.neutral_frames import FEW, neutral_medians
from audetnet.errors import UserError
from audetnet.evaluation.at_rest import reader, reference_block
from audetnet.evaluation.evaluate import eval_mode
from audetnet.networks.fitted_block import FittedBlock
from audetnet.networks.graph import Plan
from audetnet.networks.model import AUDetNet
from audetnet.networks.people_folds import subsample_over_people
from audetnet.networks.ridge_readout import MAX_FRAMES
from audetnet.seeds import Purpose, torch_generator


@dataclass(frozen=True, kw_only=True)
class PeopleAtRest:
    """Each training person's features at rest, ``values`` (P, C, h, w) by subject index. For a
    share ``missing`` of the frames the person is treated as unknown: they get the mean.
    """

    values: Tensor
    missing: float
    seed: int

    def __call__(self, batch: Batch, epoch: int, index: int) -> Tensor:
        """The features at rest for this process's part of a batch, (b, C, h, w)."""
        rest = self.values[batch.subjects]
        if not self.missing:
            return rest
        device = self.values.device
        generator = torch_generator(device, self.seed, Purpose.REFERENCE, epoch, index)
        unknown = torch.rand(batch.length, generator=generator, device=device) < self.missing
        unknown = unknown[batch.part].view(-1, 1, 1, 1)
        return torch.where(unknown, self.values.mean(dim=0, keepdim=True), rest)


def training_people_at_rest(
    model: AUDetNet, batches: Batches, train: FrameSet, seed: int
) -> PeopleAtRest | None:
    """What the cfg's [person_reference] subtracts in training; None without the block, or, with a
    note, if the people are not known. Also sets the block's mean. Raises UserError if the frame
    list cannot be read or names none of the frames.
    """
    found = reference_block(model)
    if found is None:
        return None
    index, block = found
    if fault := train.subjects_fault():
        note(
            f"[person_reference] subtracts the median of all frames, not of each person: it {fault}"
        )
        everyone = [np.arange(len(train))]
        with eval_mode(model):
            block.mean_rest.copy_(neutral_medians(everyone, reader(model, index, batches))[0])
        return None
    frames = block.choice.of(train.ids, batches.subjects, seed)
    if not any(map(len, frames)):
        raise UserError(
            f"{block.choice.frame_list}: names none of the training frames; expected some frames "
            "of each person at rest"
        )
    if few := sum(len(rows) < FEW for rows in frames):
        note(
            f"[person_reference]: {few} of {len(frames)} training people have fewer than "
            f"{FEW} frames ({block.choice}): their median may show an expression"
        )
    with eval_mode(model):
        values = neutral_medians(frames, reader(model, index, batches))
    block.mean_rest.copy_(values.mean(dim=0))
    return PeopleAtRest(values=values, missing=block.missing, seed=seed)


def fit_blocks(
    model: AUDetNet,
    batches: Batches,
    train: FrameSet,
    encoder: Plan,
    targets: Callable[[Tensor], Tensor],
    rest: PeopleAtRest | None,
) -> None:
    """Fit the encoder's closed-form blocks, in order. ``targets`` maps labels (N, A) to training
    targets. Raises CfgError if the frames do not suffice.
    """
    rows = np.flatnonzero(~np.isnan(train.labels).all(axis=1))
    rows = rows[subsample_over_people(batches.subjects[rows], MAX_FRAMES)]
    people = batches.subjects[rows]
    for index, (block, step) in enumerate(zip(model.encoder.blocks, encoder.steps, strict=True)):
        if isinstance(block, FittedBlock):
            say(f"fitting [{step.options.type}] to {counted(len(rows), 'training frame')}")
            people_at_rest = None if rest is None else rest.values
            with eval_mode(model):
                features = reader(model, index, batches, people_at_rest)(rows)
            try:
                block.fit(features, targets(torch.from_numpy(train.labels[rows])), people)
            except OptionError as error:
                raise step.options.where.error(str(error), error.key) from None
