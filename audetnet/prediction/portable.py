"""Portable checkpoints: what prediction and ``--init`` need of a run, in one small file."""

from dataclasses import replace
from pathlib import Path

from torch import Tensor

from audetnet.evaluation.thresholds import thresholds_as_json
from audetnet.training.saved import THRESHOLDS, TRAINING_LEVEL, SavedModel


def write_portable(saved: SavedModel, training_level: Tensor | None, out: Path) -> None:
    """Write a checkpoint without optimisers (it cannot be resumed), but with the thresholds of its
    run and ``training_level`` (Z1, h, w), the mean neutral z1 of the training people, so that
    ``--reference`` does not need the dataset. Raises UserError.
    """
    description = {
        **saved.checkpoint.description,
        THRESHOLDS: thresholds_as_json(saved.thresholds()),
    }
    if training_level is not None:
        description[TRAINING_LEVEL] = training_level.tolist()
    replace(
        saved.checkpoint, description=description, optimisers={}, meter={}, availability=None
    ).save(out)
