"""``--varied`` and ``--aus all`` of the renderer."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from create_dataset.render import main
from create_dataset.rendering.action_units import ALL_AUS, ALL_NAMES, MORE_AUS, PLACE
from create_dataset.rendering.events import is_contradictory
from create_dataset.rendering.expressions import expression
from create_dataset.rendering.face_model import read_face_model
from create_dataset.rendering.mesh import blend_shapes
from create_dataset.rendering.request import DEFAULT_RATES, MORE_RATES, PEAKS
from create_dataset.rendering.schedule import schedule
from create_dataset.rendering.traits import draw_traits
from create_dataset.rendering.varied.people import exaggerate
from tests.create_dataset.test_render import TINY, files_of, render

VARIED = (*TINY, "--varied", "--aus", "all")


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 people, 2 frames each, 32x32."""
    out = tmp_path_factory.mktemp("varied") / "faces"
    assert render(out, *VARIED) == 0
    return out


def test_conditions_change_from_picture_to_picture(varied: Path) -> None:
    factors = pd.read_csv(varied / "factors.csv", index_col=0)
    each = ["light_x", "light_y", "key_light", "exposure", "camera_distance", "blur", "noise"]
    assert (factors[each].nunique() == len(factors)).all()
    assert factors["skin_tone"].nunique() == 3
    qualities = [
        tuple(Image.open(path).quantization[0])  # type: ignore[attr-defined]
        for path in (varied / "imgs").iterdir()
    ]
    assert len(set(qualities)) > 1


def test_all_aus_are_columns(varied: Path) -> None:
    labels = pd.read_csv(varied / "aus.csv", index_col=0)
    assert tuple(labels.columns) == ALL_NAMES
    exact = pd.read_csv(varied / "intensities.csv", index_col=0)
    assert tuple(exact.columns) == ALL_NAMES
    np.testing.assert_allclose(exact, labels, atol=0.5)


@pytest.mark.slow
def test_two_processes_write_what_one_writes(varied: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces"
    assert main([str(out), "--workers", "2", *VARIED]) == 0
    assert files_of(out) == files_of(varied)


def test_varied_pictures_are_not_mixed_with_others(
    varied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without = [flag for flag in VARIED if flag != "--varied"]
    assert render(varied, *without) == 2
    assert "rendered with " in capsys.readouterr().err


def test_only_the_light_may_differ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render(tmp_path / "faces", "--same-person", "3", "--varied") == 2
    assert "--same-person: only the light may differ" in capsys.readouterr().err


@pytest.mark.parametrize("au", MORE_AUS)
def test_each_au_moves_the_face_more_the_stronger_it_is(au: int) -> None:
    model = read_face_model()
    traits = exaggerate(draw_traits(model, 0, 1, len(ALL_AUS)), 0, 1)

    def points(intensity: float) -> np.ndarray:  # type: ignore[type-arg]
        intensities = np.zeros(len(ALL_AUS))
        intensities[PLACE[au]] = intensity
        weights = expression(model, traits, intensities, np.zeros(6), np.zeros(2))
        return blend_shapes(model.vertices, model.expressions, weights)

    moved = [np.linalg.norm(points(level) - points(0), axis=1).max() for level in (1, 3, 5)]
    assert moved[0] < moved[1] < moved[2] and moved[2] > 0.2


def test_all_rates_are_reached_and_no_face_contradicts_itself() -> None:
    rates = {**DEFAULT_RATES, **MORE_RATES}
    found = schedule(30, 60, rates, PEAKS, 0)
    for place, (name, rate) in enumerate(rates.items()):
        active = (np.round(found[..., place]) >= 2).mean()
        assert active == pytest.approx(rate, rel=0.2, abs=0.006), name
    assert not any(is_contradictory(person, ALL_AUS) for person in found)
    both = np.zeros((1, len(ALL_AUS)))
    both[0, [PLACE[24], PLACE[25]]] = 2
    assert is_contradictory(both, ALL_AUS)
