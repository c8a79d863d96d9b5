"""Differences of two methods, on the same people."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from audetnet.errors import UserError
from audetnet.results.comparison import differences, excludes_zero, verdict
from audetnet.results.estimates import MEAN, values
from audetnet.results.predictions import PredictionSet, pooled
from tests.results.made_predictions import make_predictions

GOOD = make_predictions(people=12, noise=0.3, kind="intensity", draw=1)
BAD = make_predictions(people=12, noise=1.0, kind="intensity", draw=2)


def test_a_large_difference_is_real() -> None:
    good, bad = pooled([GOOD]), pooled([BAD])
    found = differences([good], [bad])
    for name in ("f1", "icc", "mae"):
        each = found[name][MEAN]
        assert each.value == pytest.approx(values(good)[name][MEAN] - values(bad)[name][MEAN])
        assert excludes_zero(each) and each.p is not None and each.p < 0.05
        assert verdict(name, each) == "better"
        assert verdict(name, differences([bad], [good])[name][MEAN]) == "worse"


def test_equal_methods_show_no_difference() -> None:
    other = make_predictions(people=12, noise=0.3, kind="intensity", draw=3)
    found = differences([pooled([GOOD])], [pooled([other])])["2afc"][MEAN]
    assert not excludes_zero(found) and verdict("2afc", found) == "no difference shown"
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
        (
            lambda p: replace(p, aus=("AU1", "AU2", "AU3")),
            "different AUs, AU1, AU4, AU12 and AU1, AU2,",
        ),
        (
            lambda p: p.of_frames(np.arange(9)),
            "351 frames in only one of the two, such as P10_",
        ),
        (lambda p: replace(p, active=1 - p.active), "the people or the labels differ"),
        (
            lambda p: replace(p, subjects=(*p.subjects[30:], *p.subjects[:30])),
            "the people or the labels differ",
        ),
    ],
    ids=["AUs", "frames", "labels", "people"],
)
def test_different_frames_are_refused(
    change: Callable[[PredictionSet], PredictionSet], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        differences([pooled([GOOD])], [pooled([change(GOOD)])])
    with pytest.raises(UserError, match=message):
        differences([pooled([GOOD])], [pooled([GOOD]), pooled([change(GOOD)])])


def test_the_mean_difference_is_over_the_aus_that_both_have() -> None:
    """PCC is undefined where a method always predicts the same: that AU drops out of both means."""
    constant = replace(BAD, outputs=BAD.outputs.copy())
    constant.outputs[:, 0] = 1.0
    found = differences([pooled([GOOD])], [pooled([constant])])["pcc"]
    assert np.isnan(found["AU1"].value) and verdict("pcc", found["AU1"]) == "not tested"
    both = [found[au].value for au in ("AU4", "AU12")]
    assert found[MEAN].value == pytest.approx(np.mean(both))
