"""Whether a run is long enough to train anything."""

import numpy as np

from audetnet.config.options import Config, TrainingOptions
from audetnet.console.lines import counted
from audetnet.data.batches import training_batch_indices


def check_length(config: Config, frames: int, processes: int) -> None:
    """Raise CfgError unless ``processes`` processes train the main networks at least once on
    ``frames`` frames per epoch.
    """
    training = config.training
    if training.batch_size < processes:
        raise config.places[TrainingOptions].error(
            f"batch_size={training.batch_size} is less than the number of processes, {processes}",
            "batch_size",
        )
    per_epoch = len(training_batch_indices(np.arange(frames), training.batch_size, processes))
    batches = per_epoch * training.max_epochs
    if batches < training.train_main_net_every_n_batches:
        raise config.places[TrainingOptions].error(
            f"the main networks would never be trained: {counted(frames, 'frame')} in "
            f"{counted(training.max_epochs, 'epoch')} make {batches} batches, but "
            f"train_main_net_every_n_batches={training.train_main_net_every_n_batches}",
            "train_main_net_every_n_batches",
        )
