"""The shipped published numbers."""

import pytest

from audetnet.data.metadata import Metadata, read_metadata
from audetnet.evaluation.metrics import METRICS
from audetnet.results.published import comparable_numbers, published_numbers
from tests.conftest import ROOT


def test_every_number_is_plausible_and_has_a_source() -> None:
    numbers = published_numbers()
    assert len(numbers) == 27
    assert len({(n.data, n.metric, n.method) for n in numbers}) == len(numbers)
    for each in numbers:
        assert each.metric in METRICS and 0 < each.value < 1
        assert len(each.source) > 20 and "20" in each.source


def test_numbers_for_the_shipped_descriptions() -> None:
    for name, aus, metrics in (("disfa", 12, {"f1", "icc", "mse", "mae"}), ("bp4d", 12, {"f1"})):
        metadata = read_metadata(ROOT / "create_dataset" / f"{name}_dataset")
        assert metadata.aus is not None and len(metadata.aus) == aus
        found = comparable_numbers(metadata, metadata.aus)
        assert {each.metric for each in found} == metrics
        assert {each.data for each in found} == {name.upper()}


AUS = tuple(f"AU{n}" for n in range(1, 40))


@pytest.mark.parametrize(
    ("source", "threshold", "aus"),
    [
        (None, 2, AUS),
        ("my own videos", 2, AUS),
        ("DISFA+, Mavadati et al. 2016", 2, AUS),
        ("BP4D+, Zhang et al. 2016", 2, AUS),
        ("faces rendered like those of DISFA", 2, AUS),
        ("DISFA, Mavadati et al.", 1, AUS),
        ("DISFA, Mavadati et al.", 2, ("AU1",)),
    ],
)
def test_none_on_other_data_thresholds_or_aus(
    source: str | None, threshold: float, aus: tuple[str, ...]
) -> None:
    assert comparable_numbers(Metadata(source=source, threshold=threshold), aus) == []
    assert comparable_numbers(Metadata(source="DISFA, Mavadati et al."), AUS)
