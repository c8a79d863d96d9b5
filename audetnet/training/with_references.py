"""Results of the test set minus what its people show at rest, beside the plain ones.

They are of use where several frames of a person are at hand. They read other frames of the test
people, without labels (docs/person_reference.md: limitations).
"""

from collections.abc import Mapping

from torch import Tensor

from audetnet.config.options import DataOptions
from audetnet.data.batches import Batches
from audetnet.data.frames import Dataset, FrameSet
from audetnet.data.neutral_frames import NeutralFrames, neutral_medians
from audetnet.evaluation.at_rest import reference_block, stem_reference, z1_reader
from audetnet.evaluation.evaluate import Reference, eval_mode
from audetnet.networks.model import AUDetNet

CHOICES: Mapping[str, NeutralFrames] = {
    "1": NeutralFrames(frames="random", count=1),
    "5": NeutralFrames(frames="random", count=5),
    "20": NeutralFrames(frames="random", count=20),
    "all": NeutralFrames(),
}
"""By how many of each person's frames are read."""


def is_asked_for(model: AUDetNet, data: DataOptions) -> bool:
    """Whether the cfg has a person's reference anywhere."""
    return data.person_reference is not None or reference_block(model) is not None


def references_by_count(
    model: AUDetNet, dataset: Dataset, batches: Mapping[str, Batches], seed: int
) -> dict[str, Reference]:
    """What the test people show at rest, by how many frames: at the model's [person_reference], or
    else in z1, of which then the training people's mean is kept.
    """
    level = training_level(model, dataset.train, batches["train"], seed)
    return {
        name: reference_of(model, dataset.test, batches["test"], choice, seed, level)
        for name, choice in CHOICES.items()
    }


def training_level(model: AUDetNet, train: FrameSet, batches: Batches, seed: int) -> Tensor | None:
    """z1 of the training people at rest, on average: the level that the AUPredictor knows. None for
    a model with a [person_reference].
    """
    if reference_block(model) is not None:
        return None
    chosen = CHOICES["20"].of(train.ids, batches.subjects, seed)
    with eval_mode(model):
        return neutral_medians(chosen, z1_reader(model, batches)).mean(dim=0)


def reference_of(
    model: AUDetNet,
    frames: FrameSet,
    batches: Batches,
    choice: NeutralFrames,
    seed: int,
    level: Tensor | None,
) -> Reference:
    """What the people of a set show at rest: at the model's [person_reference], or else in z1, of
    which then the training people's ``level`` is kept.
    """
    with eval_mode(model):
        reference = stem_reference(model, batches, frames, choice, seed)
        if reference is None:
            assert level is not None
            chosen = choice.of(frames.ids, batches.subjects, seed)
            reference = Reference("z1", neutral_medians(chosen, z1_reader(model, batches)) - level)
    return reference
