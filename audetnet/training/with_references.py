"""Test results with person references: minus each person's features at rest.

They apply when several frames of a person are available. They use other frames of the test people,
without labels (docs/person_reference.md: limitations).
"""

from collections.abc import Callable, Mapping

from torch import Tensor

from audetnet.config.options import DataOptions
from audetnet.console.lines import note
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
"""By the number of reference frames per person."""


def uses_person_reference(model: AUDetNet, data: DataOptions) -> bool:
    """Whether the cfg asks for person references, as a data option or as a block."""
    return data.person_reference is not None or reference_block(model) is not None


def reference_maker(
    model: AUDetNet,
    data: DataOptions,
    dataset: Dataset,
    batches: Mapping[str, Batches],
    seed: int,
) -> Callable[[], Mapping[str, Reference]] | None:
    """Calls ``references_by_count``; None if the cfg asks for no person reference, or, with a note,
    if the people are not known.
    """
    if not uses_person_reference(model, data):
        return None
    for frames in (dataset.train, dataset.test):
        if fault := frames.subjects_fault():
            note(f"no results with person references: this {fault}")
            return None
    return lambda: references_by_count(model, dataset, batches, seed)


def references_by_count(
    model: AUDetNet, dataset: Dataset, batches: Mapping[str, Batches], seed: int
) -> dict[str, Reference]:
    """References for the test people, by the number of frames: the input of the model's
    [person_reference], or else z1, relative to the training people's mean.
    """
    level = training_level(model, dataset.train, batches["train"], seed)
    return {
        name: reference_of(model, dataset.test, batches["test"], choice, seed, level)
        for name, choice in CHOICES.items()
    }


def training_level(model: AUDetNet, train: FrameSet, batches: Batches, seed: int) -> Tensor | None:
    """The mean z1 of the training people at rest, which the AUPredictor expects. None for a model
    with a [person_reference].
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
    """References for the people of a set: the input of the model's [person_reference], or else z1,
    relative to the training people's ``level``.
    """
    with eval_mode(model):
        reference = stem_reference(model, batches, frames, choice, seed)
        if reference is None:
            assert level is not None
            chosen = choice.of(frames.ids, batches.subjects, seed)
            reference = Reference("z1", neutral_medians(chosen, z1_reader(model, batches)) - level)
    return reference
