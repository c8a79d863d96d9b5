"""The order of frames in every epoch of a run, by MOMU, balanced over cells or at random, and
unchanged by resuming.
"""

from audetnet.config.options import Config, DataOptions
from audetnet.data.cells import EvenCells
from audetnet.data.frames import Dataset, FrameSet
from audetnet.data.metadata import subject_indices
from audetnet.data.momu import MOMU, Flags, Indices
from audetnet.labels import active
from audetnet.seeds import Purpose, numpy_generator


class EpochOrder:
    """Draws the order of frames of an epoch. Epochs must be drawn in sequence; each can be drawn
    again until ``finish_epoch``.

    ``available`` is the state to checkpoint: the frames that MOMU may draw at the start of the
    current epoch; None without MOMU.
    """

    def __init__(
        self, frames: int, momu: MOMU | None, seed: int, cells: EvenCells | None = None
    ) -> None:
        self._frames = frames
        self._momu = momu
        self._cells = cells
        self._seed = seed
        self.available: Flags | None = None if momu is None else momu.available.copy()

    def __call__(self, epoch: int) -> Indices:
        """Indices into the training set, int64."""
        generator = numpy_generator(self._seed, Purpose.ORDER, epoch)
        if self._cells is not None:
            return self._cells.epoch(generator)
        if self._momu is None or self.available is None:
            return generator.permutation(self._frames)
        self._momu.available = self.available.copy()
        return self._momu.epoch(generator)

    def finish_epoch(self) -> None:
        """Carry MOMU's availability over to the next epoch."""
        if self._momu is not None:
            self.available = self._momu.available.copy()

    def length(self) -> int:
        """Frames an epoch."""
        if self._cells is not None:
            return self._cells.length
        return self._frames if self._momu is None else self._momu.epoch_size


def epoch_order(data: DataOptions, dataset: Dataset, seed: int) -> EpochOrder:
    """The order of the training frames that the cfg asks for."""
    train, cells = dataset.train, dataset.cells
    even = None if cells is None else EvenCells(cells)
    return EpochOrder(len(train), _momu(data, train, dataset.active_from), seed, even)


def order_notes(config: Config, dataset: Dataset) -> list[str]:
    """Warnings about the order that the cfg asks for. Raises CfgError if it is to be balanced over
    people but the subjects are unknown.
    """
    train = dataset.train
    fault = train.subjects_fault() if config.data.balance_subjects else None
    if fault is not None:
        key = "balance_subjects"
        raise config.places[DataOptions].error(f"{key}=True {fault}", key)
    momu = _momu(config.data, train, dataset.active_from)
    lines = [momu and momu.few_draws()]
    if dataset.cells is not None:
        lines.append(EvenCells(dataset.cells).note())
    return [line for line in lines if line]


def _momu(data: DataOptions, train: FrameSet, active_from: float) -> MOMU | None:
    if not data.balance_dataset_with_momu:
        return None
    assert data.epoch_size is not None and data.sampling_size is not None
    return MOMU(
        active(train.labels, active_from),
        data.epoch_size,
        data.sampling_size,
        subject_indices(train.subjects) if data.balance_subjects else None,
    )
