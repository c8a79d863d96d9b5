"""What pieces say together."""

from dataclasses import replace

import numpy as np
import pytest

from audetnet.labels import LabelKind
from audetnet.results.predictions import pooled
from tests.results.made_pieces import made_piece


@pytest.mark.parametrize(("kind", "top"), [("occurrence", 1), ("intensity", 5)])
def test_decisions_are_those_of_what_prediction_writes(kind: LabelKind, top: int) -> None:
    """Which stays on the scale, whatever the outputs do: at a threshold of 0 all are active."""
    piece = replace(made_piece(kind=kind), tuned=np.zeros(3))
    assert piece.outputs.min() < 0 and piece.outputs.max() > top
    found = pooled([piece]).predictions
    assert found.tuned_decisions is not None and found.tuned_decisions.all()
    np.testing.assert_array_equal(found.decisions, piece.outputs >= piece.threshold)
    np.testing.assert_array_equal(found.scores, piece.outputs)
