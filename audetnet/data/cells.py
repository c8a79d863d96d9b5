"""Epochs that are even over what an AU may be confounded with: the cells (AU active or not) x
(factor above its median or not).

Group-balanced resampling, as in Idrissi, Arjovsky, Pezeshki, Lopez-Paz, "Simple data balancing
achieves competitive worst-group-accuracy", CLeaR 2022.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from audetnet.data.factors import factor_of
from audetnet.data.frames import Dataset
from audetnet.data.momu import Indices, repeated
from audetnet.errors import UserError, did_you_mean
from audetnet.labels import active

NO_CELL = -1
"""Of a frame whose AU or factor is unknown: it is never drawn."""
_CELLS = 4


class EvenCells:
    """Draws epochs over ``cells`` (N,), the cell of each frame or NO_CELL. Each cell that has
    frames gives as many as any other; together they are about as many as have a cell.
    """

    def __init__(self, cells: Indices) -> None:
        numbers = np.unique(cells[cells != NO_CELL])
        self._members = [np.flatnonzero(cells == number) for number in numbers]
        known = sum(map(len, self._members))
        self._each = max(1, known // len(self._members)) if known else 0
        self.length = self._each * len(self._members)
        """Frames an epoch."""

    def epoch(self, generator: np.random.Generator) -> Indices:
        """Frame indices in random order, int64 (length,). A cell of too few frames is drawn whole,
        again and again; one of more than enough without replacement.
        """
        drawn = [repeated(frames, self._each, generator) for frames in self._members]
        return generator.permutation(np.concatenate(drawn))

    def note(self) -> str | None:
        """A line for the user where some cells have no frames."""
        if len(self._members) == _CELLS:
            return None
        return (
            f"warning: balance_over: only {len(self._members)} of the {_CELLS} cells (AU active or "
            "not, factor above its median or not) have frames; without the others it cannot part "
            "the AU from the factor"
        )


def with_cells(dataset: Dataset, directory: Path, over: tuple[str, str] | None) -> Dataset:
    """The dataset with the cell of each training frame, of the AU and the factor that balance_over
    names, if it names any. Raises UserError.
    """
    if over is None:
        return dataset
    au, factor = over
    asked_by = f"balance_over={au},{factor} of the cfg"
    column = au_column(au, dataset.au_names, asked_by)
    train = dataset.train
    values = factor_of(directory, factor, train.ids, asked_by)
    cells = cells_of(active(train.labels[:, column], dataset.active_from), values)
    if (cells == NO_CELL).all():
        raise UserError(f"{directory}: {asked_by}: no training frame has both {au} and {factor}")
    return replace(dataset, cells=cells)


def cells_of(shown: npt.NDArray[np.float32], factor: npt.NDArray[np.float64]) -> Indices:
    """The cell of each frame, (N,): 0 to 3 or NO_CELL. ``shown`` (N,): 1 active, 0 inactive, NaN
    unknown; ``factor`` (N,), NaN = unknown. Of a factor of two values the higher one is above.
    """
    known = ~np.isnan(shown) & ~np.isnan(factor)
    above = factor > np.median(factor[known]) if known.any() else known
    if not above.any():
        above = factor >= np.max(factor[known], initial=-np.inf)
    return np.where(known, 2 * (shown == 1) + above, NO_CELL).astype(np.int64)


def au_column(au: str, known: Sequence[str], asked_by: str) -> int:
    """Where an AU stands in the table. Raises UserError."""
    if au not in known:
        raise UserError(f"{asked_by}: the data have no AU '{au}'{did_you_mean(au, known)}")
    return known.index(au)
