"""Columns, rounding, and decisions that never contradict them."""

from pathlib import Path

import numpy as np
import pytest

from audetnet.labels import LabelKind
from audetnet.prediction.au_model import ModelInfo
from audetnet.prediction.frames import Frame
from audetnet.prediction.observing import Observation
from audetnet.prediction.table import FACE_COLUMNS, Columns, short_name


def make_info(kind: LabelKind = "occurrence", aus: tuple[str, ...] = ("AU1", "AU12")) -> ModelInfo:
    return ModelInfo(
        path=Path("run"),
        version="0",
        au_names=aus,
        kind=kind,
        thresholds=(0.5,) * len(aus),
        frame_size=(8, 8),
        crop_size=8,
        landmarks=None,
        digest="",
        has_person_reference=False,
    )


def seen() -> Observation:
    def read() -> np.ndarray:
        raise AssertionError

    return Observation(frame=Frame(source="a.png", number=0, seconds=None, read=read), face=0)


def test_columns_are_named_as_in_this_field() -> None:
    columns = Columns(make_info(), [0.5, 0.5], with_spread=False)
    assert columns.names == [*FACE_COLUMNS, "AU01_p", "AU01_c", "AU12_p", "AU12_c"]
    several = Columns(make_info("intensity", ("AU1",)), [2.0], with_spread=True)
    assert several.names == [*FACE_COLUMNS, "AU01_r", "AU01_sd", "AU01_c"]


@pytest.mark.parametrize(
    ("name", "short"),
    [("AU1", "AU01"), ("AU06", "AU06"), ("AU45", "AU45"), ("smile", "smile"), ("AU12L", "AU12L")],
)
def test_short_names(name: str, short: str) -> None:
    assert short_name(name) == short


def test_what_rounds_up_to_the_threshold_is_active() -> None:
    """0.49996 is shown as 0.5: an inactive 0.5 would contradict itself."""
    row = Columns(make_info(), [0.5, 0.5], False).row(seen(), np.array([0.49996, 0.49994]), None)
    assert (row["AU01_p"], row["AU01_c"]) == (0.5, 1)
    assert (row["AU12_p"], row["AU12_c"]) == (0.4999, 0)


def test_thresholds_that_are_not_round() -> None:
    """0.333333 is shown as 0.3333, below the threshold 0.33331."""
    row = Columns(make_info(), [0.33331, 0.3333], False).row(seen(), np.full(2, 1 / 3), None)
    assert (row["AU01_p"], row["AU01_c"], row["AU12_c"]) == (0.3333, 0, 1)


def test_a_row_without_a_face_has_no_aus() -> None:
    row = Columns(make_info(), [0.5, 0.5], False).row(seen(), None, None)
    assert row["success"] == 0
    assert row["AU01_p"] is row["AU01_c"] is None
