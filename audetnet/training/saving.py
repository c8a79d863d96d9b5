"""When and where a run is saved: its latest and best checkpoints, and every k-th. Never with values
that are not finite.
"""

import time
from collections.abc import Callable

from audetnet.distributed.world import World
from audetnet.training.checkpoint import Checkpoint
from audetnet.training.logs import RunDirectory
from audetnet.training.meter import Meter, NotFiniteError

SAVE_INTERVAL = 600.0
"""Seconds between two saves within an epoch."""


class Saver:
    """Saves the checkpoints that ``make`` returns; ``save_every``: see RunSettings.
    ``has_trained_checkpoint``: whether there is a checkpoint after at least one step.
    """

    def __init__(
        self,
        paths: RunDirectory,
        save_every: int,
        world: World,
        meter: Meter,
        make: Callable[[], Checkpoint],
    ) -> None:
        self._paths = paths
        self._save_every = save_every
        self._world = world
        self._meter = meter
        self._make = make
        self._time = time.monotonic()
        self.has_trained_checkpoint = False

    def is_due(self) -> bool:
        """Whether it is time to save within an epoch."""
        return time.monotonic() - self._time > SAVE_INTERVAL

    def save(self, finished_epoch: int | None = None, is_best: bool = False) -> None:
        """Write the latest checkpoint and, after an epoch, the others if due. Raises
        NotFiniteError.
        """
        checkpoint = self.checked()
        self._time = time.monotonic()
        self.has_trained_checkpoint = checkpoint.progress.step > 0
        if not self._world.is_main:
            return
        if is_best:
            checkpoint.save(self._paths.best)
        if finished_epoch and self._save_every and finished_epoch % self._save_every == 0:
            checkpoint.save(self._paths.epoch_checkpoint(finished_epoch))
        checkpoint.save(self._paths.latest)

    def checked(self) -> Checkpoint:
        """A finite checkpoint. Raises NotFiniteError."""
        checkpoint = self._make()
        self.check_terms(checkpoint.progress.epoch)
        tensor = checkpoint.first_not_finite()
        if tensor is not None:
            raise self._error(checkpoint.progress.epoch, checkpoint.progress.batch, tensor)
        return checkpoint

    def check_terms(self, epoch: int) -> None:
        """Raise NotFiniteError if a loss or gradient of the epoch was not finite."""
        found = self._meter.first_not_finite()
        if found is not None:
            raise self._error(epoch, *found)

    def _error(self, epoch: int, batch: int, what: str) -> BaseException:
        last = (
            f"the last good checkpoint is {self._paths.latest}"
            if self.has_trained_checkpoint
            else "there is no checkpoint yet"
        )
        error = NotFiniteError(
            f"epoch {epoch}, batch {batch}: {what} is not finite; {last}. Lower a learning_rate "
            "or a lambda in the cfg and start a new run"
        )
        return self._world.shared_error(error)
