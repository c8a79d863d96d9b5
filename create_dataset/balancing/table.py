"""What balancing does to a set of frames, in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from audetnet.console.text_table import text_table
from audetnet.data.momu import Indices
from audetnet.labels import FloatArray

NEUTRAL = "neutral"
Numbers = npt.NDArray[np.float64]
_COLUMNS = (
    "class",
    "frames_before",
    "active_before",
    "unknown_before",
    "share_before",
    "frames_after",
    "active_after",
    "unknown_after",
    "share_after",
    "draws_mean",
    "draws_min",
    "draws_max",
    "never_drawn",
)


@dataclass(frozen=True)
class Balance:
    """N training frames, and those drawn from them. Each row of an id list is a frame: an id listed
    twice counts twice.
    """

    aus: tuple[str, ...]
    active: FloatArray
    """(N, A): 1, 0, NaN = unknown."""
    drawn: Indices
    """Frame numbers, in the order drawn."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The C = A + 1 classes of MOMU."""
        return (*self.aus, NEUTRAL)

    @cached_property
    def members(self) -> FloatArray:
        """(N, C): activity of each AU, and whether no known AU is active; NaN = unknown."""
        unknown = np.isnan(self.active).all(axis=1)
        neutral = np.where(unknown, np.nan, ~(self.active == 1).any(axis=1))
        return np.column_stack([self.active, neutral]).astype(np.float32)

    @cached_property
    def draws(self) -> npt.NDArray[np.int64]:
        """(N,): how often each frame was drawn."""
        return np.bincount(self.drawn, minlength=len(self.active))

    def weights(self, after: bool) -> npt.NDArray[np.int64]:
        """(N,): how often each frame counts."""
        return self.draws if after else np.ones(len(self.active), dtype=np.int64)

    def counts(self, after: bool) -> npt.NDArray[np.int64]:
        """(C,): frames in which each class is active."""
        return np.asarray(self.weights(after) @ (self.members == 1))

    def unknown(self, after: bool) -> npt.NDArray[np.int64]:
        """(C,): frames in which each class is unknown."""
        return np.asarray(self.weights(after) @ np.isnan(self.members))

    def shares(self, after: bool) -> Numbers:
        """(C,): the share of active frames among the known ones; NaN if there are none."""
        known = self.weights(after).sum() - self.unknown(after)
        return _ratio(self.counts(after), known)

    def cooccurrence(self, after: bool) -> Numbers:
        """(A, A): P(column's AU is active | row's AU is active), over the frames in which the
        column's AU is known; NaN if there are none.
        """
        positive = (self.active == 1).astype(np.float64)
        known = (~np.isnan(self.active)).astype(np.float64)
        weighted = (positive * self.weights(after)[:, None]).T
        return _ratio(weighted @ positive, weighted @ known)


def csv_rows(balance: Balance) -> list[Sequence[str | int]]:
    """before_after.csv: a row per class; undefined numbers are empty."""
    return [_COLUMNS, *_rows(balance)]


def balance_text(balance: Balance) -> str:
    """The same as text, with the numbers of frames in the title."""
    header = ["class", "active before", "", "active after", "", "unknown before", "after"]
    rows = [[*header, "draws mean", "min", "max", "never drawn"]]
    for row in _rows(balance):
        cell = dict(zip(_COLUMNS, row, strict=True))
        rows.append(
            [
                str(cell["class"]),
                f"{cell['active_before']:,}",
                _percent(cell["share_before"]),
                f"{cell['active_after']:,}",
                _percent(cell["share_after"]),
                f"{cell['unknown_before']:,}",
                f"{cell['unknown_after']:,}",
                *(str(cell[name] if cell[name] != "" else "-") for name in _COLUMNS[-4:]),
            ]
        )
    title = f"{len(balance.active):,} training frames before, {len(balance.drawn):,} drawn after"
    return f"{title}\n\n{text_table(rows)}"


def _rows(balance: Balance) -> list[Sequence[str | int]]:
    before, after = (
        [balance.counts(a), balance.unknown(a), balance.shares(a)] for a in (False, True)
    )
    rows: list[Sequence[str | int]] = []
    for index, name in enumerate(balance.classes):
        sides: list[str | int] = []
        for frames, (counts, unknown, shares) in (
            (len(balance.active), before),
            (len(balance.drawn), after),
        ):
            share = shares[index]
            sides += [frames, int(counts[index]), int(unknown[index])]
            sides.append("" if np.isnan(share) else f"{share:.4f}")
        rows.append([name, *sides, *_draw_cells(balance.draws[balance.members[:, index] == 1])])
    return rows


def _draw_cells(draws: npt.NDArray[np.int64]) -> list[str | int]:
    """Mean, minimum and maximum number of draws of a class's frames; how many were never drawn."""
    if not len(draws):
        return ["", "", "", 0]
    return [f"{draws.mean():.2f}", int(draws.min()), int(draws.max()), int((draws == 0).sum())]


def _percent(share: str | int) -> str:
    return f"{100 * float(share):.1f} %" if share != "" else "-"


def _ratio(part: npt.NDArray[np.generic], whole: npt.NDArray[np.generic]) -> Numbers:
    parts, wholes = part.astype(np.float64), whole.astype(np.float64)
    ratio = np.full(parts.shape, np.nan)
    np.divide(parts, wholes, out=ratio, where=wholes > 0)
    return ratio
