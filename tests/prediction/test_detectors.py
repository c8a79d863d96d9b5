"""Which detector prediction uses."""

from dataclasses import replace
from pathlib import Path

import pytest

from audetnet.errors import UserError
from audetnet.prediction import detectors
from audetnet.prediction.detectors import select_detector
from tests.prediction.test_table import make_info


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for a detector with its name."""
    monkeypatch.setattr(detectors, "landmark_detector", lambda name: name)


@pytest.mark.parametrize(
    ("stored", "asked", "taken"),
    [
        ((None,), None, "facemesh"),
        ((None,), "dlib", "dlib"),
        (("files",), None, "facemesh"),
        (("dlib",), None, "dlib"),
        (("dlib", None, "dlib"), "dlib", "dlib"),
    ],
)
def test_the_detector_of_the_run_or_the_requested_one(
    stored: tuple[str | None, ...], asked: detectors.DetectorName | None, taken: str
) -> None:
    assert (
        select_detector([replace(make_info(), landmarks=each) for each in stored], asked) == taken
    )


@pytest.mark.parametrize(
    ("stored", "asked"), [(("dlib",), "facemesh"), (("facemesh", "dlib"), None)]
)
def test_another_detector_is_refused(
    stored: tuple[str, ...], asked: detectors.DetectorName | None
) -> None:
    given = [replace(make_info(), landmarks=each, path=Path(each)) for each in stored]
    with pytest.raises(UserError) as refused:
        select_detector(given, asked)
    assert str(refused.value) == (
        "dlib: trained on crops by landmarks of dlib, and facemesh makes different crops; use "
        "--landmarks dlib"
    )
