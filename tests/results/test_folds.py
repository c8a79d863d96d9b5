"""Metrics of a cross-validation, against values computed by hand."""

import numpy as np
import pytest

from audetnet.errors import UserError
from audetnet.evaluation.people import Estimate
from audetnet.results.estimates import MEAN, values
from audetnet.results.folds import FoldValues, pools_by_seed, summarise_folds
from audetnet.results.predictions import pooled
from tests.results.made_predictions import AUS, make_predictions

SUBSETS = [
    make_predictions(fold, seed, draw=10 * seed + int(fold)) for seed in (0, 1) for fold in "123"
]


def test_mean_and_deviation_are_what_papers_print() -> None:
    cells = np.array([[0.2, 0.4, 0.9], [0.4, 0.4, 0.7]])
    line = FoldValues(cells=cells, pooled=Estimate(value=0.5))
    np.testing.assert_allclose(line.folds, [0.3, 0.4, 0.8])
    assert line.mean == pytest.approx(0.5)
    assert line.deviation == pytest.approx(np.sqrt((0.04 + 0.01 + 0.09) / 2))
    assert line.seed_deviation == pytest.approx(0, abs=1e-9)


def test_undefined_cells_are_ignored() -> None:
    nothing = np.nan
    line = FoldValues(cells=np.array([[0.2, nothing, nothing]]), pooled=Estimate(value=0.5))
    np.testing.assert_array_equal(line.folds, [0.2, nothing, nothing])
    assert line.mean == 0.2
    assert np.isnan(line.deviation) and np.isnan(line.seed_deviation)


def test_every_cell_belongs_to_its_fold_and_seed() -> None:
    found = summarise_folds("made", SUBSETS, ["1", "2", "3"])
    assert (found.folds, found.seeds) == (("1", "2", "3"), (0, 1))
    for metric in ("f1", "2afc", "calibration_error"):
        for au in (*AUS, MEAN):
            cells = found.table[metric][au].cells
            assert cells.shape == (2, 3)
            assert cells[1, 2] == values(pooled([SUBSETS[5]]))[metric][au]
    both = [values(pool)["2afc"]["AU4"] for pool in pools_by_seed(SUBSETS).values()]
    assert found.table["2afc"]["AU4"].pooled.value == pytest.approx(np.mean(both))
    assert len(found.pools[0].people) == 15


@pytest.mark.parametrize(
    ("subsets", "folds", "message"),
    [
        (SUBSETS[:-1], ["1", "2", "3"], "made: seed 1 has no predictions of fold 3"),
        (SUBSETS, ["1", "2"], "made: seed 0 has unknown fold 3; expected folds 1, 2"),
    ],
    ids=["missing", "unknown"],
)
def test_a_missing_fold_is_an_error(subsets: list, folds: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        summarise_folds("made", subsets, folds)
