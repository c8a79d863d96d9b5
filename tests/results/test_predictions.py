"""Pooling sets of predictions."""

from dataclasses import replace

import numpy as np
import pytest

from audetnet.errors import UserError
from audetnet.labels import LabelKind
from audetnet.results.predictions import pooled
from tests.results.made_predictions import make_predictions


@pytest.mark.parametrize(("kind", "top"), [("occurrence", 1), ("intensity", 5)])
def test_decisions_match_those_that_prediction_writes(kind: LabelKind, top: int) -> None:
    """Values are clipped to the scale first, so at a threshold of 0 everything is active."""
    subset = replace(make_predictions(kind=kind), tuned=np.zeros(3))
    assert subset.outputs.min() < 0 and subset.outputs.max() > top
    found = pooled([subset]).predictions
    assert found.tuned_decisions is not None and found.tuned_decisions.all()
    np.testing.assert_array_equal(found.decisions, subset.outputs >= subset.threshold)
    np.testing.assert_array_equal(found.scores, subset.outputs)


def test_sets_of_different_aus_are_not_pooled() -> None:
    first, second = make_predictions("1"), make_predictions("2")
    with pytest.raises(UserError, match="different AUs \\(1: AU1, AU4, AU12; 2: AU12, AU4, AU1\\)"):
        pooled([first, replace(second, aus=second.aus[::-1])])
