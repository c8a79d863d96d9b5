"""What is made ready before the first epoch, from the training frames as they are: what people show
at rest, and blocks that are fitted in closed form.
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
    if fault := train.subjects_fault():
        note(
            f"[person_reference] is off, the median of all frames is taken off instead: it {fault}"
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
            f"[person_reference]: of {few} of {len(frames)} training people there are fewer than "
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
    """Fit the encoder's blocks that are fitted in closed form, in their order. ``targets`` makes
    what outputs are taught of labels (N, A). Raises CfgError where the frames do not do.
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
