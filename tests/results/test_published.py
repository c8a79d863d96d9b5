"""The published numbers that are shipped."""

import json

from audetnet.evaluation.metrics import METRICS
from audetnet.results.published import published_beside, published_numbers
from tests.conftest import ROOT


def test_every_number_can_be_one_and_has_a_source() -> None:
    numbers = published_numbers()
    assert len(numbers) == 27
    assert len({(n.data, n.metric, n.method) for n in numbers}) == len(numbers)
    for each in numbers:
        assert each.metric in METRICS and 0 < each.value < 1
        assert len(each.source) > 20 and "20" in each.source


def test_those_of_the_shipped_descriptions() -> None:
    for name, aus, metrics in (("disfa", 12, {"f1", "icc", "mse", "mae"}), ("bp4d", 12, {"f1"})):
        path = ROOT / "create_dataset" / f"{name}_dataset" / "dataset.json"
        said = json.loads(path.read_text())
        found = published_beside(said["source"], said["aus"])
        assert {each.metric for each in found} == metrics
        assert {each.data for each in found} == {name.upper()} and len(said["aus"]) == aus


def test_none_where_they_say_nothing() -> None:
    aus = [f"AU{n}" for n in range(1, 40)]
    assert published_beside(None, aus) == []
    assert published_beside("my own videos", aus) == []
    assert published_beside("DISFA, Mavadati et al.", ["AU1"]) == []
