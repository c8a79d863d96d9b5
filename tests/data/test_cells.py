"""Epochs that are even over the cells of an AU and a factor."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audetnet.config.reader import read_config
from audetnet.data.cells import NO_CELL, EvenCells, cells_of, with_cells
from audetnet.data.frames import Dataset, DatasetPaths, load_dataset
from audetnet.data.order import epoch_order, order_notes
from audetnet.errors import UserError
from audetnet.training.identity import run_identity
from audetnet.vocabulary import VOCABULARY

OVER = ("AU4", "light")


@pytest.fixture
def directory(dataset_directory: Callable[..., Path]) -> Path:
    """The AU is active in 3 of 12 training frames, in 2 of them by high light."""
    labels = {f"a_{i}": [i % 4 == 0, 0] for i in range(13)}
    frames = list(labels)
    metadata = {"aus": ["AU4", "AU9"], "kind": "occurrence"}
    root = dataset_directory(labels, frames[:12], frames[12:], metadata=metadata)
    rows = "".join(f"a_{i},{i}\n" for i in range(11))
    (root / "factors.csv").write_text(f"frame,light\n{rows}")
    return root


def _loaded(directory: Path) -> Dataset:
    return load_dataset(DatasetPaths(directory=directory), regress=False)


def test_cells_are_of_the_au_and_the_median() -> None:
    shown = np.array([0, 0, 1, 1, np.nan, 1], np.float32)
    factor = np.array([1, 3, 1.5, 4, 2, np.nan])
    np.testing.assert_array_equal(cells_of(shown, factor), [0, 1, 2, 3, NO_CELL, NO_CELL])


def test_a_factor_of_two_values_has_two_sides_whichever_is_the_rarer() -> None:
    shown = np.zeros(3, np.float32)
    for factor in ([0, 0, 1], [0, 1, 1]):
        np.testing.assert_array_equal(cells_of(shown, np.array(factor, float)), factor)


def test_every_cell_is_drawn_as_often() -> None:
    cells = np.repeat([0, 1, 2, 3, NO_CELL], [60, 25, 10, 5, 7])
    even = EvenCells(cells)
    drawn = even.epoch(np.random.default_rng(0))
    assert len(drawn) == even.length == 100
    np.testing.assert_array_equal(np.bincount(cells[drawn]), [25, 25, 25, 25])
    times = np.bincount(drawn, minlength=len(cells))
    assert times[cells == 0].max() == 1 and set(times[cells == 1]) == {1}
    assert set(times[cells == 2]) == {2, 3} and set(times[cells == 3]) == {5}
    assert times[cells == NO_CELL].max() == 0


def test_the_order_of_an_epoch_is_that_of_the_cfg(
    directory: Path, edited_cfg: Callable[..., Path]
) -> None:
    plain = ("balance_dataset_with_momu=True", "balance_dataset_with_momu=False")
    even = (plain[0], f"{plain[1]}\nbalance_over=AU4,light")
    config = read_config(edited_cfg(even), VOCABULARY)
    assert config.data.balance_over == OVER
    dataset = with_cells(_loaded(directory), directory, config.data.balance_over)
    order = epoch_order(config.data, dataset, 3)
    assert dataset.cells is not None and order.available is None
    assert order_notes(config, dataset) == []
    counts = np.bincount(dataset.cells[order(1)])
    assert order.length() == 8 and counts.tolist() == [2, 2, 2, 2]
    np.testing.assert_array_equal(order(2), epoch_order(config.data, dataset, 3)(2))
    assert order(1).tolist() != order(2).tolist()
    other = replace(dataset, cells=dataset.cells[::-1].copy())
    identities = [
        run_identity(config, each, "", (1, 1), 0, False, None, None) for each in (dataset, other)
    ]
    assert identities[0]["digest_of_cells"] != identities[1]["digest_of_cells"]


def test_cells_without_frames_are_said(directory: Path, edited_cfg: Callable[..., Path]) -> None:
    dataset = replace(_loaded(directory), cells=np.array([0, 3] * 6))
    (line,) = order_notes(
        read_config(
            edited_cfg(("balance_dataset_with_momu=True", "balance_dataset_with_momu=False")),
            VOCABULARY,
        ),
        dataset,
    )
    assert "only 2 of the 4 cells" in line


@pytest.mark.parametrize(
    ("over", "line"),
    [
        (("AU44", "light"), "the data have no AU 'AU44'; did you mean 'AU4'?"),
        (("AU4", "lihgt"), "no column 'lihgt'; did you mean 'light'?"),
    ],
)
def test_names_that_are_not_known(directory: Path, over: tuple[str, str], line: str) -> None:
    with pytest.raises(UserError) as caught:
        with_cells(_loaded(directory), directory, over)
    assert line in str(caught.value)


def test_without_factors(directory: Path) -> None:
    dataset = _loaded(directory)
    assert with_cells(dataset, directory, None) is dataset
    (directory / "factors.csv").write_text("frame,light\nb_1,3\n")
    with pytest.raises(UserError, match="no training frame has both AU4 and light"):
        with_cells(dataset, directory, OVER)
    (directory / "factors.csv").unlink()
    with pytest.raises(UserError, match=r"balance_over=AU4,light of the cfg needs factors\.csv"):
        with_cells(dataset, directory, OVER)
