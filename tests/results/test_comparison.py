"""Differences of two methods, on the same people."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from audetnet.errors import UserError
from audetnet.results.comparison import differences, is_real, verdict
from audetnet.results.estimates import MEAN, values
from audetnet.results.predictions import Piece, pooled
from tests.results.made_pieces import made_piece

GOOD = made_piece(people=12, noise=0.3, kind="intensity", draw=1)
BAD = made_piece(people=12, noise=1.0, kind="intensity", draw=2)


def test_a_difference_is_that_of_the_values_and_known_to_be_real() -> None:
    good, bad = pooled([GOOD]), pooled([BAD])
    found = differences([good], [bad])
    for name in ("f1", "icc", "mae"):
        each = found[name][MEAN]
        assert each.value == pytest.approx(values(good)[name][MEAN] - values(bad)[name][MEAN])
        assert is_real(each) and each.p is not None and each.p < 0.05
        assert verdict(name, each) == "better"
        assert verdict(name, differences([bad], [good])[name][MEAN]) == "worse"


def test_what_is_alike_is_not_told_apart() -> None:
    other = made_piece(people=12, noise=0.3, kind="intensity", draw=3)
    found = differences([pooled([GOOD])], [pooled([other])])["2afc"][MEAN]
    assert not is_real(found) and verdict("2afc", found) == "no difference shown"
    same = differences([pooled([GOOD])], [pooled([GOOD])])["2afc"][MEAN]
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_the_order_of_the_frames_does_not_matter() -> None:
    order = np.random.default_rng(0).permutation(len(BAD.frames))
    shuffled = BAD.of_frames(order)
    one = differences([pooled([GOOD])], [pooled([BAD])])["f1"][MEAN]
    other = differences([pooled([GOOD])], [pooled([shuffled])])["f1"][MEAN]
    assert (one.value, one.low) == pytest.approx((other.value, other.low))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: replace(p, aus=("AU1", "AU2", "AU3")), "the AUs are AU1, AU4, AU12, and AU1,"),
        (
            lambda p: p.of_frames(np.arange(9)),
            "351 frames are in one of the two only, first P10_",
        ),
        (lambda p: replace(p, active=1 - p.active), "the people or the labels are not the same"),
    ],
    ids=["AUs", "frames", "labels"],
)
def test_what_is_not_of_the_same_frames_is_refused(
    change: Callable[[Piece], Piece], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        differences([pooled([GOOD])], [pooled([change(GOOD)])])
