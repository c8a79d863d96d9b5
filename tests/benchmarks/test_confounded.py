"""benchmarks/confounded.py and people_or_frames.py: arms are cfgs, and frames are chosen evenly."""

import sys
from pathlib import Path

import numpy as np
import pytest

from audetnet.config.reader import parse_config
from audetnet.data.frames import FrameSet
from audetnet.errors import UserError
from audetnet.evaluation.people import Estimate
from audetnet.networks.model_plan import plan_model
from audetnet.vocabulary import VOCABULARY
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import confounded
from confounded_arms import ARMS, BASE, Arm, cfg_text
from people_or_frames import Point, draw, sheet, some


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.name)
@pytest.mark.parametrize("regress", [True, False])
def test_an_arm_is_a_cfg_with_the_stem_that_all_share(arm: Arm, regress: bool) -> None:
    text = cfg_text(arm, aus=3, frames=81, epochs=2, au="AU4", factor="yaw", regress=regress)
    config = parse_config(text, Path("arm.cfg"), VOCABULARY)
    plan = plan_model(config, (112, 112))
    assert (config.warnings, plan.warnings) == ((), ())
    assert plan.encoder.stem_length == 3 and plan.encoder.steps[2].shape == (256, 7, 7)
    assert plan.au_count == 3
    assert (config.data.balance_over == ("AU4", "yaw")) == (arm.name == "head-cells")


def test_the_plain_arm_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert [arm.name for arm in confounded.chosen(("ridge",))] == [BASE, "ridge"]
    assert len(confounded.chosen(None)) == len(ARMS)
    with pytest.raises(UserError, match="--arms rigde: no such arm; did you mean 'ridge'"):
        confounded.chosen(("rigde",))


def _frames() -> FrameSet:
    ids = tuple(f"{person}_{frame}" for person in "abc" for frame in range(12))
    return FrameSet(
        name="train",
        ids=ids,
        paths=tuple(map(Path, ids)),
        subjects=tuple(frame[0] for frame in ids),
        labels=np.zeros((len(ids), 1), np.float32),
    )


def test_frames_are_spread_over_the_time_of_each_person() -> None:
    assert some(_frames(), 2, 3).ids == ("a_0", "a_6", "a_11", "b_0", "b_6", "b_11")
    assert len(some(_frames(), 3, 100)) == 36
    with pytest.raises(UserError, match="--people 4: there are 3 training people"):
        some(_frames(), 4, 3)


def test_points_are_a_table_and_a_figure(tmp_path: Path) -> None:
    known = Estimate(value=0.8, low=0.7, high=0.9)
    points = [Point(10, 3, 30, known, known), Point(30, 3, 90, known, known)]
    assert sheet(points).rows[1] == ("30", "3", "90", *["0.800 [0.700, 0.900]"] * 2)
    draw(points, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5_000
