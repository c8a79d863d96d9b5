"""Frames chosen by how an AU goes with a factor."""

import numpy as np
import pytest

from audetnet.data.ties import CannotTieError, gamma, tied_frames

DRAWS = np.random.default_rng(0)
SHOWN = (DRAWS.random(2000) < 0.2).astype(np.float32)
BY_FRAME = DRAWS.normal(size=2000)
BY_PERSON = np.repeat(DRAWS.random(100), 20)


@pytest.mark.parametrize("factor", [BY_FRAME, BY_PERSON], ids=["frame", "person"])
@pytest.mark.parametrize("strength", [-0.95, -0.5, 0, 0.8, 0.95])
def test_the_strength_is_reached_by_frames_of_the_same_number_and_rate(
    factor: np.ndarray, strength: float
) -> None:
    tied = tied_frames(SHOWN, factor, strength, np.random.default_rng(1))
    assert tied.achieved == pytest.approx(strength, abs=0.01)
    active = SHOWN[tied.rows] == 1
    assert gamma(active, factor[tied.rows]) == tied.achieved
    assert (len(set(tied.rows)), active.sum()) == (len(tied.rows), round(SHOWN.sum() / 2))
    assert len(tied.rows) == round(SHOWN.sum() / 2) + round((1 - SHOWN).sum() / 2)


def test_the_same_seed_chooses_the_same_frames() -> None:
    one, again, other = (
        tied_frames(SHOWN, BY_FRAME, 0.8, np.random.default_rng(seed)).rows for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert set(one) != set(other)


def test_what_is_unknown_is_never_chosen() -> None:
    shown, factor = SHOWN.copy(), BY_FRAME.copy()
    shown[:500], factor[500:900] = np.nan, np.nan
    assert tied_frames(shown, factor, 0.5, np.random.default_rng(0)).rows.min() >= 900


@pytest.mark.parametrize(
    ("shown", "factor", "why"),
    [
        ([1, 1, 1], [1, 2, 3], "active in all"),
        ([0, 0, np.nan], [1, 2, 3], "active in none"),
        ([0, 1, 1], [2, 2, np.nan], "the same in all"),
    ],
)
def test_why_there_is_no_tie(shown: list[float], factor: list[float], why: str) -> None:
    with pytest.raises(CannotTieError, match=why):
        tied_frames(np.array(shown, np.float32), np.array(factor), 0.5, np.random.default_rng(0))
