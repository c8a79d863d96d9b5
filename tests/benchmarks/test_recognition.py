"""benchmarks/recognition.py: its arms are cfgs, its differences are paired, and it goes on."""

import sys
from pathlib import Path

import numpy as np
import pytest

from audetnet.baselines.method import PLAIN, Method, Scores
from audetnet.config.reader import parse_config
from audetnet.data.frames import Dataset, FrameSet
from audetnet.evaluation.metrics import two_afc
from audetnet.networks.au_head import AUHead
from audetnet.networks.model_plan import plan_model
from audetnet.vocabulary import VOCABULARY
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import recognition
from recognition_arms import ARMS, Arm, cfg_text, fresh_predictor_cfg
from recognition_measures import Result, kept, save
from recognition_table import Numbers, draw, markdown

PEOPLE, FRAMES = 4, 12
PERSON = np.repeat(np.arange(PEOPLE), FRAMES)


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.name)
@pytest.mark.parametrize("regress", [True, False])
def test_an_arm_is_a_cfg_with_the_stem_that_all_share(arm: Arm, regress: bool) -> None:
    text = cfg_text(arm, aus=3, people=5, epochs=2, regress=regress, validation=("ann",))
    config = parse_config(text, Path("arm.cfg"), VOCABULARY)
    plan = plan_model(config, (112, 112))
    assert (config.warnings, plan.warnings) == ((), ())
    assert plan.encoder.stem_length == 2 and plan.encoder.steps[1].shape == (512, 7, 7)
    assert plan.au_count == 3
    assert config.data.validation_subjects == ("ann",)
    assert [
        each.objective.weight for each in config.objectives if each.type == "reconstruction"
    ] == [0 if arm.decoder is None else 1]


@pytest.mark.parametrize(("side", "reader"), [(1, "connected"), (3, "convolutional")])
def test_the_fresh_predictor_has_something_to_learn(side: int, reader: str) -> None:
    config = parse_config(fresh_predictor_cfg(3, side), Path("fresh.cfg"), VOCABULARY)
    blocks = [block.type for block in config.networks["AUPredictor"].blocks]
    assert blocks == [reader, "connected"]


def _labels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2, (PEOPLE * FRAMES, 1)).astype(np.float32)


def _dataset() -> Dataset:
    ids = tuple(f"p{p}_{i}" for i, p in enumerate(PERSON))
    test = FrameSet(
        name="test",
        ids=ids,
        paths=tuple(map(Path, ids)),
        subjects=tuple(f"p{p}" for p in PERSON),
        labels=_labels(),
    )
    return Dataset(
        train=test,
        test=test,
        validation=None,
        au_names=("AU1",),
        kind="occurrence",
        active_from=1.0,
        notes=(),
    )


def _result(title: str, noise: float, seed: int, numbers: dict[str, float]) -> Result:
    drawn = np.random.default_rng(seed).normal(0, noise, (PEOPLE * FRAMES, 1))
    scores = _labels() + drawn
    method = Method(
        name=title,
        head=AUHead("MSE", False, 1.0),
        tuned_on="validation people",
        tuning_labels=_labels().astype(np.float64),
        by_reference={PLAIN: Scores(scores, scores)},
    )
    return Result("made of this", numbers, method)


def test_what_is_kept_is_what_was_saved(tmp_path: Path) -> None:
    result = _result("arm", 1, 0, {"leak_linear": 0.25})
    save(tmp_path / "arm-0", result)
    found = kept(tmp_path / "arm-0", "made of this")
    assert found is not None and found.numbers == result.numbers
    assert found.method.head == result.method.head
    scores = found.method.by_reference[PLAIN]
    np.testing.assert_array_equal(scores.test, result.method.by_reference[PLAIN].test)
    assert kept(tmp_path / "arm-0", "made of that") is None
    assert kept(tmp_path / "arm-1", "made of this") is None


def test_differences_are_of_medians_over_seeds_and_paired_over_people(tmp_path: Path) -> None:
    rows = {
        "base": [_result("base", 1.5, seed, {}) for seed in range(3)],
        "better": [_result("better", 0.7, seed, {"leak_linear": seed / 10}) for seed in range(3)],
        "the same": [_result("the same", 1.5, seed, {}) for seed in range(3)],
    }
    numbers = Numbers(rows, "base", _dataset())
    labels = _labels()[:, 0]
    medians = {
        title: np.median(
            [two_afc(r.method.by_reference[PLAIN].test[:, 0], labels) for r in results]
        )
        for title, results in rows.items()
    }
    gain, none = (numbers.difference(title, "AUC") for title in ("better", "the same"))
    assert gain is not None and none is not None
    assert gain.value == pytest.approx(medians["better"] - medians["base"])
    assert 0 < gain.low < gain.value < gain.high
    assert (none.value, none.low, none.high) == (0, 0, 0)  # unpaired people would spread it
    assert numbers.difference("base", "AUC") is None
    header, _, base, better, _ = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in markdown(numbers, rows).splitlines()
    )
    leak = header.index("leak, linear")
    assert (base[leak], better[leak]) == ("-", "0.100")
    draw(numbers, rows, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_an_unknown_arm_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert recognition.main(["anywhere", "--arms", "rest-dcorr"]) == 2
    assert "--arms rest-dcorr: no such arm; did you mean 'rest-dcor'?" in capsys.readouterr().err


@pytest.mark.slow
def test_a_tiny_run_is_measured_and_kept(
    minimal_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = [str(minimal_data), "--work", str(tmp_path), "--seeds", "1", "--epochs", "1"]
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert recognition.main([*flags, "--arms", "rest-dcor"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + 3 + 2
    assert (tmp_path / "recognition.png").is_file()
    monkeypatch.setattr(recognition, "_child", lambda *_: pytest.fail("it was there already"))
    assert recognition.main([*flags, "--arms", "rest-dcor"]) == 0
    assert (tmp_path / "recognition.md").read_text().splitlines()[: len(rows)] == rows
