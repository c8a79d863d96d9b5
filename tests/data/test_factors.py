"""Known factors from tables."""

from pathlib import Path

import numpy as np
import pytest

from audetnet.data.factors import FactorTable, factor_of, find_factors
from audetnet.disentangling.codes import Codes, known_factors
from audetnet.errors import UserError

TABLE = "frame_id,subject,yaw,light\na_1,a,10,0.5\na_2,a,-3,\nb_1,b,7,0.25\n"


def _found(directory: Path, name: str | None = None, *columns: str) -> FactorTable:
    table = find_factors(directory, name, columns or None)
    assert table is not None
    return table


def _codes(*ids: str) -> Codes:
    people = sorted({frame[0] for frame in ids})
    person = np.array([people.index(frame[0]) for frame in ids])
    z = np.arange(float(len(ids)))[:, None]
    return Codes(ids=ids, people=tuple(people), person=person, labels=z, z1=z, z2=z)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "factors.csv").write_text(TABLE)
    return tmp_path


def test_columns_of_numbers_are_factors(data: Path) -> None:
    assert _found(data).names == ("yaw", "light")


def test_frames_of_which_all_factors_are_known(data: Path) -> None:
    (factors,) = known_factors(_found(data), _codes("b_1", "a_2", "c_1", "a_1"))
    assert factors.codes.ids == ("b_1", "a_1") and factors.codes.people == ("a", "b")
    np.testing.assert_array_equal(factors.values, [[7, 0.25], [10, 0.5]])
    np.testing.assert_array_equal(factors.codes.z1[:, 0], [0, 3])


def test_frames_of_which_nothing_is_known(data: Path) -> None:
    assert known_factors(_found(data), _codes("c_1", "c_2")) == []


def test_chosen_columns(data: Path) -> None:
    table = _found(data, None, "light")
    assert table.names == ("light",)
    (factors,) = known_factors(table, _codes("a_1", "a_2"))
    assert factors.codes.ids == ("a_1",)


def test_the_head_rotation_of_create_dataset(tmp_path: Path) -> None:
    (tmp_path / "frames.csv").write_text("frame_id,yaw,pitch,roll,time\na_1,1,2,3,4\n")
    assert _found(tmp_path).names == ("yaw", "pitch", "roll")


def test_another_table(data: Path) -> None:
    (data / "lamp.csv").write_text("id,lamp\na_1,3\n")
    assert _found(data, "lamp.csv").names == ("lamp",)


def test_no_table_at_all(tmp_path: Path) -> None:
    assert find_factors(tmp_path, None, None) is None


@pytest.mark.parametrize(
    ("text", "columns", "line"),
    [
        (TABLE, ("subject",), "factors.csv:2: 'a_1' has 'a' in column subject; expected a number"),
        (TABLE, ("lihgt",), "no column 'lihgt'; did you mean 'light'?"),
        ("frame,yaw\na_1,1\na_1,2\n", (), "frames are listed twice: a_1"),
        ("frame,who\na_1,x\n", (), "no column is numeric: who"),
        ("frame\na_1\n", (), "at least one factor in each row"),
        ("frame,yaw\na_1,1,2\n", (), "factors.csv:2: has 3 cells"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, columns: tuple[str, ...], line: str) -> None:
    (tmp_path / "factors.csv").write_text(text)
    with pytest.raises(UserError) as caught:
        _found(tmp_path, None, *columns)
    assert line in str(caught.value)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"light\.csv: cannot be read"):
        _found(tmp_path, "light.csv")
    with pytest.raises(UserError, match="--factor-columns needs a table"):
        _found(tmp_path, None, "yaw")


def test_one_factor_of_frames(data: Path) -> None:
    np.testing.assert_array_equal(
        factor_of(data, "light", ["b_1", "a_2", "c_1"], "a test"), [0.25, np.nan, np.nan]
    )
    (data / "factors.csv").unlink()
    with pytest.raises(UserError, match=r"a test needs factors\.csv: .*a column 'light'"):
        factor_of(data, "light", ["b_1"], "a test")
