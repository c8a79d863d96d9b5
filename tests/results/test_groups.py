"""Groups from factors.csv."""

from pathlib import Path

import pytest

from audetnet.errors import UserError
from audetnet.files.csv import write_csv
from audetnet.results.groups import read_groups, worst_group
from tests.results.made_predictions import make_predictions

SUBSET = make_predictions(people=4)
ROWS = [
    [frame, who, "dark" if who in ("P10", "P11") else "light", "1.5", "0" if n % 2 else "1"]
    for n, (frame, who) in enumerate(zip(SUBSET.frames, SUBSET.subjects, strict=True))
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_csv(tmp_path / "factors.csv", [["frame", "subject", "skin", "yaw", "glasses"], *ROWS])
    return tmp_path


def test_columns_of_shared_words_are_groups(data: Path) -> None:
    """Neither the people themselves nor numbers do, unless they are asked for."""
    assert list(read_groups(data, SUBSET, None)) == ["skin"]
    assert set(read_groups(data, SUBSET, ("glasses",))["glasses"].values()) == {"0", "1"}


def test_without_a_table_there_are_none(tmp_path: Path) -> None:
    assert read_groups(tmp_path, SUBSET, None) == {}
    with pytest.raises(UserError, match="no such file; --group-columns"):
        read_groups(tmp_path, SUBSET, ("skin",))


def test_an_unknown_column_is_a_line(data: Path) -> None:
    with pytest.raises(UserError, match=r"no column 'skim'; did you mean 'skin'\?"):
        read_groups(data, SUBSET, ("skim",))


def test_the_group_with_the_most_noise_is_the_worst(data: Path) -> None:
    subset = make_predictions(people=4)
    light = [row for row, who in enumerate(subset.subjects) if who in ("P12", "P13")]
    subset.outputs[light] = subset.outputs[light][::-1]
    worst = worst_group(subset, read_groups(data, subset, None))
    assert {name: worst[name].who for name in ("f1", "2afc", "calibration_error")} == dict.fromkeys(
        ("f1", "2afc", "calibration_error"), "skin light"
    )
