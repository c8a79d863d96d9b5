"""A trained run, measured like the baselines."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from audetnet.baselines.method import PLAIN, REFERENCES, Method, Scores, active_labels
from audetnet.data.batches import Batches
from audetnet.data.frames import Dataset, FrameSet
from audetnet.data.neutral_frames import NeutralFrames
from audetnet.evaluation.evaluate import Reference
from audetnet.evaluation.outputs import read_scores
from audetnet.training.frames_of_run import packed_frames, stem_rows
from audetnet.training.saved import SavedModel
from audetnet.training.with_references import reference_of, training_level

OWN_PEOPLE = "its own training people"


def run_method(
    name: str,
    saved: SavedModel,
    dataset: Dataset,
    device: torch.device,
    cache: Path | None,
    seed: int,
) -> Method:
    """The scores of its checkpoint. Thresholds are chosen on the validation people, or else on
    ``OWN_PEOPLE``, whom it was trained on, so that they suit other people less well than they seem
    to.

    The person reference is subtracted at the cfg's [person_reference], or else from z1. Raises
    UserError.
    """
    model, head = saved.trained().to(device).eval(), saved.head()
    packed = packed_frames(saved, dataset, cache)
    stem = stem_rows(saved, model, packed, dataset, device, cache)
    tuned = dataset.validation or dataset.train
    batches = {frames.name: Batches(frames, packed, device, stem=stem) for frames in dataset.sets()}

    def scores(of: Callable[[FrameSet], Reference | None]) -> Scores:
        return Scores(
            *(
                read_scores(model, head, batches[frames.name], len(frames), of(frames))
                .double()
                .numpy()
                for frames in (tuned, dataset.test)
            )
        )

    def reference(choice: NeutralFrames, frames: FrameSet) -> Reference:
        return reference_of(model, frames, batches[frames.name], choice, seed, level)

    by_reference = {PLAIN: scores(lambda _: None)}
    if all(frames.subjects_fault() is None for frames in (dataset.train, tuned, dataset.test)):
        level = training_level(model, dataset.train, batches["train"], seed)
        for key, choice in REFERENCES.items():
            by_reference[key] = scores(partial(reference, choice))
    return Method(
        name=name,
        head=head,
        tuned_on=OWN_PEOPLE if tuned is dataset.train else "validation people",
        tuning_labels=active_labels(head, tuned),
        by_reference=by_reference,
    )
