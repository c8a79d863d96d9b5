"""Results of the test set minus what its people show at rest, beside the plain ones.

They are of use where several frames of a person are at hand. They read other frames of the test
people, without labels (README: what to beware of).
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from audetnet.config.options import DataOptions
from audetnet.data.augment import to_unit_range
from audetnet.data.batches import Batches
from audetnet.data.frames import Dataset
from audetnet.data.person_at_rest import Indices, RestFrames, at_rest
from audetnet.evaluation.evaluate import Reference, evaluating
from audetnet.networks.model import AUDetNet
from audetnet.training.preparation import read_in_parts, reader, reference_block

CHOICES: Mapping[str, RestFrames] = {
    "1": RestFrames(frames="random", count=1),
    "5": RestFrames(frames="random", count=5),
    "20": RestFrames(frames="random", count=20),
    "all": RestFrames(),
}
"""By how many of each person's frames are read."""


def is_asked_for(model: AUDetNet, data: DataOptions) -> bool:
    """Whether the cfg has a person's reference anywhere."""
    return data.person_reference is not None or reference_block(model) is not None


def test_references(
    model: AUDetNet, dataset: Dataset, batches: Mapping[str, Batches], seed: int
) -> dict[str, Reference]:
    """What the test people show at rest, by how many frames: at the model's [person_reference], or
    else in z1, of which then the training people's mean is kept.
    """
    found = reference_block(model)
    frames, own = dataset.test, batches["test"]

    def of(choice: RestFrames, read: Callable[[Indices], Tensor]) -> Tensor:
        return at_rest(choice.of(frames.ids, own.subjects, seed), read)

    with evaluating(model):
        if found is not None:
            read = reader(model, found[0], own)
            return {name: Reference("stem", of(each, read)) for name, each in CHOICES.items()}
        level = _mean_z1_at_rest(model, dataset, batches["train"], seed)
        read = _z1_reader(model, own)
        return {name: Reference("z1", of(each, read) - level) for name, each in CHOICES.items()}


def _mean_z1_at_rest(model: AUDetNet, dataset: Dataset, batches: Batches, seed: int) -> Tensor:
    """z1 of the training people at rest, on average: the level that the AUPredictor knows."""
    chosen = CHOICES["20"].of(dataset.train.ids, batches.subjects, seed)
    return at_rest(chosen, _z1_reader(model, batches)).mean(dim=0)


def _z1_reader(model: AUDetNet, batches: Batches) -> Callable[[Indices], Tensor]:
    def some(rows: Indices) -> Tensor:
        if batches.has_stem:
            return model.encode_stem(batches.stem_outputs(rows)).z1
        return model.encode(to_unit_range(batches.frames(rows))).z1

    return torch.no_grad()(read_in_parts(some))
