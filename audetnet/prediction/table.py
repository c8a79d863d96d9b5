"""Rows of a prediction: columns, rounding and decisions."""

import re
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from audetnet.prediction.au_model import ModelInfo
from audetnet.prediction.observing import Observation

Value: TypeAlias = str | int | float | None
Row: TypeAlias = dict[str, Value]
FACE_COLUMNS = (
    *("input", "frame", "timestamp", "face", "success", "reason", "confidence"),
    *("x", "y", "width", "height", "yaw", "pitch", "roll"),
)
_TEXTS = ("input", "reason")
_INTEGERS = ("frame", "face", "success")
INTENSITY, PROBABILITY, DECISION, SPREAD = "_r", "_p", "_c", "_sd"
"""Suffixes of the columns of an AU."""
_VALUE = {"intensity": INTENSITY, "occurrence": PROBABILITY}
_DECIMALS = 4
_PIXEL_DECIMALS, _DEGREE_DECIMALS = 1, 2
_NUMBERED = re.compile(r"AU0*(\d+)")


def short_name(au: str) -> str:
    """``AU1`` as ``AU01``, the usual form in tables; other names unchanged."""
    found = _NUMBERED.fullmatch(au)
    return f"AU{int(found[1]):02}" if found else au


def is_text(column: str) -> bool:
    """Whether a column holds text."""
    return column in _TEXTS


def is_integer(column: str) -> bool:
    """Whether a column holds integers."""
    return column in _INTEGERS or column.endswith(DECISION)


class Columns:
    """Columns and rows for networks that predict the same AUs."""

    def __init__(self, info: ModelInfo, thresholds: Sequence[float], with_spread: bool) -> None:
        self._thresholds = np.asarray(thresholds)
        self._aus = [short_name(name) for name in info.au_names]
        self._value = _VALUE[info.kind]
        self._with_spread = with_spread

    @property
    def names(self) -> list[str]:
        """In order: the face, then two or three columns per AU."""
        endings = [self._value, *([SPREAD] if self._with_spread else []), DECISION]
        return [*FACE_COLUMNS, *(f"{au}{ending}" for au in self._aus for ending in endings)]

    @property
    def thresholds(self) -> dict[str, float]:
        """By the column of the value."""
        names = (f"{au}{self._value}" for au in self._aus)
        return dict(zip(names, self._thresholds.tolist(), strict=True))

    def row(
        self,
        seen: Observation,
        values: npt.NDArray[np.float64] | None,
        spread: npt.NDArray[np.float64] | None,
    ) -> Row:
        """``values``, ``spread`` (A,); None without a face. Decisions are made on the rounded
        values, so that the two never contradict.
        """
        row: Row = dict.fromkeys(self.names)
        frame, pose, box = seen.frame, seen.pose, seen.box
        row |= {
            "input": frame.source,
            "frame": frame.number,
            "timestamp": _rounded(frame.seconds, _DECIMALS),
            "face": seen.face,
            "success": int(values is not None),
            "reason": seen.reason,
            "confidence": _rounded(seen.confidence, _DECIMALS),
        }
        if box is not None:
            edges = zip(("x", "y", "width", "height"), box, strict=True)
            row |= {name: _rounded(edge, _PIXEL_DECIMALS) for name, edge in edges}
        if pose is not None:
            angles = {"yaw": pose.yaw, "pitch": pose.pitch, "roll": pose.roll}
            row |= {name: _rounded(angle, _DEGREE_DECIMALS) for name, angle in angles.items()}
        if values is not None:
            shown = values.round(_DECIMALS)
            active = shown >= self._thresholds
            for index, au in enumerate(self._aus):
                row[f"{au}{self._value}"] = float(shown[index])
                row[f"{au}{DECISION}"] = int(active[index])
                if self._with_spread and spread is not None:
                    row[f"{au}{SPREAD}"] = _rounded(spread[index], _DECIMALS)
        return row


def _rounded(number: float | None, decimals: int) -> float | None:
    return None if number is None else round(float(number), decimals)
