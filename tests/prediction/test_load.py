"""``from audetnet import load``."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audetnet import load
from audetnet.commands.predict import main
from audetnet.data.images import read_upright
from audetnet.errors import UserError
from tests.conftest import ROOT
from tests.prediction.conftest import FakeDetector, picture


def test_importing_the_package_loads_nothing_else() -> None:
    program = "import sys, audetnet; print([m for m in sys.modules if m.startswith('audetnet.')])"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "[]\n"


def test_an_unknown_name_is_an_import_error() -> None:
    with pytest.raises(ImportError, match="laod"):
        from audetnet import laod  # type: ignore[attr-defined]  # noqa: F401


def test_paths_give_what_the_command_writes(
    run: Path, photos: Path, detector: FakeDetector, tmp_path: Path
) -> None:
    assert main([str(run), str(photos), "--out", str(tmp_path / "out.csv")]) == 0
    written = pd.read_csv(tmp_path / "out.csv", keep_default_na=False, na_values={"face": [""]})
    result = load(run, device="cpu").predict([photos])
    table = result.to_frame()
    assert list(table) == list(written)
    aus = [name for name in table if name.startswith("AU")]
    numbers = written[aus].apply(pd.to_numeric)
    np.testing.assert_array_equal(table[aus].astype(float), numbers.astype(float))
    assert table["reason"].tolist() == written["reason"].tolist()


def test_arrays_and_codes(run: Path, detector: FakeDetector) -> None:
    model = load(run, device="cpu")
    result = model.predict([picture(2), picture(0), picture(1)[:, :400]])
    assert [(row["input"], row["face"]) for row in result.rows] == [
        ("0", 0), ("0", 1), ("1", None), ("2", 0),
    ]  # fmt: skip
    assert len(result.z1) == len(result.z2) == 4
    assert np.isnan(result.z1[2]).all() and np.isfinite(np.delete(result.z2, 2, axis=0)).all()
    assert result.thresholds["AU01"] == 0.5
    largest = model.predict(np.stack([picture(2), picture(1)]), faces="largest")
    assert [row["face"] for row in largest.rows] == [0, 0]
    assert model.predict(picture(2)).rows == result.rows[:2]


def test_crops(run: Path, minimal_data: Path) -> None:
    path = minimal_data / "imgs" / "SN001_0.jpg"
    model = load(str(run), device="cpu")
    (row,) = model.predict(read_upright(path), aligned=True).rows
    (other,) = model.predict(str(path), aligned=True).rows
    assert {**row, "input": None} == {**other, "input": None}
    assert model.au_names[0] == "AU1" and row["AU01_c"] in (0, 1)


def test_a_reference_gives_what_the_command_writes(
    run: Path, write_video: Callable[[str, list[int]], Path], minimal_data: Path, detector, tmp_path
) -> None:
    clip, out = write_video("clip.avi", [2, 2, 2]), tmp_path / "out.csv"
    flags = ["--reference", "median", "--data", str(minimal_data), "--out", str(out)]
    assert main([str(run), str(clip), *flags]) == 0
    written = pd.read_csv(out)
    model = load(run, device="cpu", dataset=minimal_data)
    table = model.predict(clip, reference="median").to_frame()
    aus = [name for name in table if name.startswith("AU")]
    np.testing.assert_array_equal(table[aus].astype(float), written[aus].astype(float))
    plain = model.predict(clip).to_frame()
    assert (table[aus] - plain[aus]).abs().max(axis=None) > 1e-3


def test_a_reference_for_arrays_of_one_person(run: Path, minimal_data: Path, detector) -> None:
    """Equal images show the average training person, whoever it is."""
    model = load(run, device="cpu", dataset=minimal_data)
    first, second = [picture(1)] * 5, [picture(1)[:, ::-1].copy()] * 5
    tables = [
        model.predict(each, faces="largest", reference="median").to_frame().filter(like="_p")
        for each in (first, second)
    ]
    np.testing.assert_allclose(*(table.astype(float) for table in tables), atol=1e-3)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("mean", "expected none, median, neutral=FILE or first=SECONDS, not 'mean'"),
        ("median", "reference median: 0 is an image"),
    ],
)
def test_a_reference_that_cannot_be_used(
    reference: str, message: str, run: Path, detector: FakeDetector
) -> None:
    with pytest.raises(UserError, match=message):
        load(run, device="cpu").predict(picture(1), reference=reference)


@pytest.mark.parametrize(
    "images",
    [np.zeros((8, 8)), np.zeros((8, 8, 3)), [np.zeros((8, 8, 4), np.uint8)], [1]],
    ids=["two dimensions", "floats", "four channels", "a number"],
)
def test_an_invalid_image(images: object, run: Path, detector: FakeDetector) -> None:
    with pytest.raises(ValueError, match=r"expected paths, or uint8 images \(H, W, 3\)"):
        load(run, device="cpu").predict(images)  # type: ignore[arg-type]


def test_a_missing_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file; expected a run directory"):
        load(tmp_path / "nothing")
