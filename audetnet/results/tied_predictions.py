"""What trainings with a tie say of an AU in all test frames, kept beside them, so that nothing is
predicted twice.
"""

import os
from pathlib import Path

import numpy as np
import torch

from audetnet.data.batches import Batches
from audetnet.data.frames import Dataset
from audetnet.data.neutral_frames import NeutralFrames
from audetnet.evaluation.evaluate import Reference
from audetnet.evaluation.metrics import Array
from audetnet.evaluation.outputs import read_scores
from audetnet.files.atomic import write_bytes
from audetnet.results.trainings import Training
from audetnet.training.frames_of_run import packed_frames, stem_rows
from audetnet.training.logs import RunDirectory
from audetnet.training.saved import load_reported
from audetnet.training.with_references import reference_of, training_level, uses_person_reference

ENDINGS = ("", " + reference")
"""What is added to the name of a cfg for its predictions as they are, and for those less what each
test person shows at rest, the median over all of their frames, where the cfg asks for that.
"""
_FILE = "scores_of_ties.npy"


def tied_scores(
    training: Training, dataset: Dataset, au: str, device: torch.device, cache: Path | None
) -> Array:
    """The scores of an AU in the N test frames, (1, N), or (2, N) where the cfg asks for a person's
    reference, in the order of ENDINGS. Raises UserError.
    """
    path = training.run / _FILE
    made_after = os.path.getmtime(RunDirectory(training.run).latest)
    if path.is_file() and os.path.getmtime(path) >= made_after:
        try:
            kept: Array = np.load(path)
        except (OSError, ValueError, EOFError):
            kept = np.empty((0, 0))
        if kept.ndim == 2 and kept.shape[1] == len(dataset.test):
            return kept
    scores = _predicted(training, dataset, au, device, cache)
    write_bytes(path, lambda file: np.save(file, scores))
    return scores


def _predicted(
    training: Training, dataset: Dataset, au: str, device: torch.device, cache: Path | None
) -> Array:
    saved = load_reported(training.run)
    model, head = saved.trained().to(device).eval(), saved.head()
    packed = packed_frames(saved, dataset, cache)
    stem = stem_rows(saved, model, packed, dataset, device, cache)
    train, test = (
        Batches(frames, packed, device, stem=stem) for frames in (dataset.train, dataset.test)
    )
    references: list[Reference | None] = [None]
    if uses_person_reference(model, saved.config.data):
        seed = training.seed
        level = training_level(model, dataset.train, train, seed)
        references.append(reference_of(model, dataset.test, test, NeutralFrames(), seed, level))
    column = saved.au_names.index(au)
    said = [read_scores(model, head, test, len(dataset.test), each) for each in references]
    return np.stack([each[:, column].double().numpy() for each in said])
