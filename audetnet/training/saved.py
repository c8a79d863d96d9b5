"""A trained model, loaded from a run directory or a checkpoint."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from audetnet.config.options import Config
from audetnet.config.reader import parse_config
from audetnet.errors import UserError
from audetnet.evaluation.thresholds import (
    THRESHOLDS_FILE,
    Thresholds,
    read_thresholds,
    thresholds_of_json,
)
from audetnet.faces.sources import LandmarkSource
from audetnet.networks.au_head import AUHead
from audetnet.networks.model import AUDetNet, build_model
from audetnet.networks.model_plan import ModelPlan, plan_model
from audetnet.recogniser import CHECKPOINT, NAME, run_or_shipped
from audetnet.training.checkpoint import (
    Checkpoint,
    CheckpointError,
    expect,
    load_checkpoint,
)
from audetnet.training.compatibility import check_model
from audetnet.training.logs import RunDirectory
from audetnet.training.sealed import UnreadableError
from audetnet.vocabulary import VOCABULARY

THRESHOLDS = "thresholds"
TRAINING_LEVEL = "training_level"
"""Extra entries in the description of a standalone checkpoint (portable.py)."""


@dataclass(frozen=True, kw_only=True)
class SavedModel:
    """A checkpoint with its cfg's options and plan. ``root`` is its run directory."""

    path: Path
    root: Path
    checkpoint: Checkpoint
    config: Config
    plan: ModelPlan

    @property
    def reports(self) -> Path:
        """Where reports on it go by default: into its directory, but never into the package."""
        return Path("runs", NAME) if self.path == CHECKPOINT else self.root

    @property
    def au_names(self) -> tuple[str, ...]:
        return tuple(self.checkpoint.description["au_names"])

    @property
    def landmarks(self) -> LandmarkSource | None:
        """The landmark detector used to crop the training frames; None if unknown."""
        source: LandmarkSource | None = self.checkpoint.description.get("landmarks")
        return source

    @property
    def training_level(self) -> Tensor | None:
        """The mean z1 of the training people at rest, (Z1, h, w), if stored in a standalone
        checkpoint. Raises CheckpointError if it is damaged.
        """
        carried = self.checkpoint.description.get(TRAINING_LEVEL)
        if carried is None:
            return None
        try:
            level = torch.tensor(carried, dtype=torch.float32)
        except (TypeError, ValueError):  # not numbers, or rows of several lengths
            level = torch.empty(0)
        if level.shape != self.plan.predictor.input or not level.isfinite().all():
            raise CheckpointError(self.path, "its z1 of people at rest does not fit its z1")
        return level

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        return self.checkpoint.progress.epoch - 1

    def trained(self) -> AUDetNet:
        """The trained model, on the CPU."""
        model = build_model(self.plan, self.config.data, 0)
        model.load_state_dict(self.checkpoint.model)
        return model

    def untrained(self) -> AUDetNet:
        """The model with its initial random weights (trainable pretrained weights are not restored)
        and with everything that training does not change.
        """
        model = build_model(self.plan, self.config.data, self.checkpoint.identity["seed"])
        state = model.state_dict()
        prefixes = tuple(f"encoder.blocks.{index}." for index in self.plan.encoder.fixed)
        kept = {name: v for name, v in self.checkpoint.model.items() if name.startswith(prefixes)}
        model.load_state_dict({**state, **kept})
        return model

    def thresholds(self) -> Thresholds:
        """The AUs' thresholds: from a standalone checkpoint (portable.py), else those that its run
        stored for this epoch, else the default ones. Raises UserError if they are damaged.
        """
        if (carried := self.checkpoint.description.get(THRESHOLDS)) is not None:
            found = thresholds_of_json(carried)
            if found is None or found.aus != self.au_names:
                raise CheckpointError(self.path, "its thresholds are not those of its AUs")
            return found
        if os.path.lexists(self.root / THRESHOLDS_FILE):
            stored = read_thresholds(self.root)
            if stored.epoch == self.epochs and stored.aus == self.au_names:
                return stored
        head = self.head()
        return Thresholds(
            aus=self.au_names,
            scale="intensity" if head.regress else "probability",
            epoch=self.epochs,
            default=np.full(len(self.au_names), head.threshold),
            validation=None,
        )

    def head(self) -> AUHead:
        """The head that interprets its outputs."""
        return AUHead(
            self.config.loss.au_regression_loss_function,
            self.config.data.regress_au_intensities,
            self.checkpoint.description["active_from"],
        )


def reported_checkpoint(path: Path) -> Path:
    """The checkpoint of the epoch that a run directory reports (results.json), or the latest one if
    the run has not finished; for the shipped network's name its checkpoint; any other path
    unchanged. Raises UserError.
    """
    run = run_or_shipped(path)
    if not run.is_dir():
        return run
    directory = RunDirectory(run)
    if not directory.thresholds.exists():
        return directory.latest
    epoch = read_thresholds(run).epoch
    for file in (directory.latest, directory.best, directory.epoch_checkpoint(epoch)):
        if file.is_file() and load_checkpoint(file).progress.epoch - 1 == epoch:
            return file
    raise UserError(
        f"{run}: the checkpoint of the reported epoch {epoch} is missing; name another checkpoint"
    )


def load_reported(path: Path) -> SavedModel:
    """Load the epoch that a run directory reports, or a checkpoint. Raises UserError."""
    return load_saved(reported_checkpoint(path))


def load_saved(path: Path) -> SavedModel:
    """Load the latest checkpoint of a run directory, or a checkpoint. Raises UserError."""
    file = RunDirectory(path).latest if path.is_dir() else path
    if not os.path.lexists(file):
        expected = "a run directory of train.py, or a checkpoint"
        raise UserError(f"{file}: no such file; expected {expected}")
    checkpoint = load_checkpoint(file)
    if checkpoint.progress.step == 0:
        raise UserError(f"{file}: nothing has been trained yet")
    description = checkpoint.description
    try:
        config = parse_config(description["cfg_text"], description["cfg_path"], VOCABULARY)
        height, width = description["frame_size"]
        plan = plan_model(config, (height, width))
    except UserError as error:
        raise UserError(f"{file}: the cfg in it cannot be used: {error}") from error
    try:
        check_model(checkpoint.model, build_model(plan, config.data, 0))
        names = description["au_names"]
        expect(len(names) == plan.au_count, f"it names {len(names)} AUs, not {plan.au_count}")
    except UnreadableError as error:
        raise CheckpointError(file, str(error)) from error
    root = file.parent.parent if file.parent.name == "checkpoints" else file.parent
    return SavedModel(path=file, root=root, checkpoint=checkpoint, config=config, plan=plan)
