"""Evaluation of a set: every frame once, in eval mode, with the same results for any batch size."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from audetnet.config.reader import read_config
from audetnet.data.batches import Batches, evaluation_batch_indices
from audetnet.data.cache import pack_frames
from audetnet.data.frames import Dataset, DatasetPaths, load_dataset
from audetnet.evaluation.evaluate import Evaluator, SetResults
from audetnet.evaluation.metrics import cross_correlation, f1, two_afc
from audetnet.networks.au_head import AUHead
from audetnet.networks.code import Code
from audetnet.networks.model import AUDetNet, build_model
from audetnet.networks.model_plan import plan_model
from audetnet.vocabulary import VOCABULARY

CPU = torch.device("cpu")


class Bench:
    """A model and the training frames of minimal_dataset (8 frames), evaluated."""

    def __init__(self, cfg: Path, directory: Path, cache: Path) -> None:
        config = read_config(cfg, VOCABULARY)
        self.model: AUDetNet = build_model(plan_model(config, (64, 64)), config.data, seed=0)
        self.data: Dataset = load_dataset(DatasetPaths(directory=directory), regress=False)
        images = dict(zip(self.data.train.ids, self.data.train.paths, strict=True))
        self.packed = pack_frames(images, (64, 64), True, cache)
        self.head = AUHead("BCEWithLogits", False, 2.0)

    def evaluate(self, batch_size: int, labels: np.ndarray | None = None) -> SetResults:
        frames = self.data.train
        if labels is not None:
            frames = replace(frames, labels=labels)
        evaluator = Evaluator(
            self.model,
            self.head,
            F.l1_loss,
            self.data.au_names,
            lambda: torch.autocast("cpu", enabled=False),
        )
        batches = Batches(frames, self.packed, CPU)
        return evaluator(batches, evaluation_batch_indices(len(frames), batch_size, None))

    def by_hand(self) -> tuple[torch.Tensor, Code, torch.Tensor, torch.Tensor]:
        """Pixels, code, outputs and reconstruction of all frames at once."""
        self.model.eval()
        rows = self.packed.rows(self.data.train.ids)
        pixels = torch.from_numpy(self.packed.gather(rows)).float() / 255
        with torch.no_grad():
            code = self.model.encode(pixels)
            return pixels, code, self.model.predict(code), self.model.decode(code)


@pytest.fixture
def bench(edited_cfg: Callable[..., Path], minimal_data: Path, tmp_path: Path) -> Bench:
    return Bench(edited_cfg(), minimal_data, tmp_path / "cache")


def test_results_are_those_of_all_frames_at_once(bench: Bench) -> None:
    pixels, code, outputs, made = bench.by_hand()
    results = bench.evaluate(batch_size=3)
    labels = (bench.data.train.labels >= 2).astype(float)
    p = outputs.sigmoid().double().numpy()
    for column, au in enumerate(bench.data.au_names):
        expected = f1((p[:, column] >= 0.5).astype(float), labels[:, column])
        np.testing.assert_equal(results.metrics["f1"][au], expected)
        np.testing.assert_equal(
            results.metrics["2afc"][au], two_afc(p[:, column], labels[:, column])
        )
    assert results.frames == 8
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        outputs, torch.tensor(labels).float()
    )
    assert results.losses["au"] == pytest.approx(loss.item(), rel=1e-5)
    assert results.losses["reconstruction"] == pytest.approx(
        (made - (pixels * 2 - 1)).abs().mean().item(), rel=1e-5
    )
    z1, z2 = (block.flatten(1).double().numpy() for block in (code.z1, code.z2))
    expected = cross_correlation(z1, z2)
    assert results.code["z1_z2_cross_correlation"] == pytest.approx(expected, rel=1e-4)
    assert results.code["z2_variance"] == pytest.approx(z2.var(axis=0).mean(), rel=1e-4)


@pytest.mark.parametrize("batch_size", [1, 5, 8])
def test_batch_size_does_not_matter(bench: Bench, batch_size: int) -> None:
    one, other = bench.evaluate(2), bench.evaluate(batch_size)
    assert one.metrics.keys() == other.metrics.keys()
    assert one.metrics.keys() == other.metrics.keys()
    for name in one.metrics.keys() - {"calibration_error"}:
        np.testing.assert_equal(one.metrics[name], other.metrics[name])
    errors = (list(each.metrics["calibration_error"].values()) for each in (one, other))
    np.testing.assert_allclose(*errors, rtol=1e-5)
    assert one.losses == pytest.approx(other.losses, rel=1e-5)
    assert one.code == pytest.approx(other.code, rel=1e-4)


def test_unknown_labels_are_ignored(bench: Bench) -> None:
    """A frame without known labels does not change the results of the other seven; an AU that is
    never known is undefined.
    """
    labels = bench.data.train.labels.copy()
    labels[2] = np.nan
    labels[:, 1] = np.nan
    results = bench.evaluate(4, labels)
    au, unknown = bench.data.au_names[6], bench.data.au_names[1]
    _, _, outputs, _ = bench.by_hand()
    kept = [0, 1, 3, 4, 5, 6, 7]
    decided = (outputs[kept, 6].sigmoid().numpy() >= 0.5).astype(float)
    truth = (labels[kept, 6] >= 2).astype(float)
    assert results.metrics["accuracy"][au] == np.mean(decided == truth)
    assert all(np.isnan(values[unknown]) for values in results.metrics.values())
    assert np.isfinite(results.losses["au"])
    defined = [v for v in results.metrics["accuracy"].values() if not np.isnan(v)]
    assert results.means()["accuracy"] == pytest.approx(np.mean(defined))


def test_thresholds_stay_on_the_scale_that_predictions_are_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prediction clips at 0: a threshold below it would make every AU active there."""
    real = bench.model.predict
    monkeypatch.setattr(bench, "head", AUHead("MSE", False, 2.0))
    monkeypatch.setattr(bench.model, "predict", lambda code: real(code) - 10)
    thresholds = bench.evaluate(4).best_thresholds
    found = thresholds[~np.isnan(thresholds)]
    np.testing.assert_array_equal(found, np.zeros(len(found)))
    assert len(found)


def test_evaluating_changes_nothing_and_restores_the_mode(bench: Bench) -> None:
    before = {name: tensor.clone() for name, tensor in bench.model.state_dict().items()}
    for training in (True, False):
        bench.model.train(training)
        bench.evaluate(4)
        assert bench.model.training is training
    after = bench.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_samples_are_the_frames_and_their_reconstructions(bench: Bench) -> None:
    evaluator = Evaluator(
        bench.model,
        bench.head,
        "L1",
        bench.data.au_names,
        lambda: torch.autocast("cpu", enabled=False),
    )
    frames = bench.data.train
    chosen = np.array([6, 1])
    samples = evaluator.samples(Batches(frames, bench.packed, CPU), frames.ids, chosen)
    _, _, _, made = bench.by_hand()
    assert samples.ids == (frames.ids[6], frames.ids[1])
    expected = ((made[chosen] + 1) * 127.5).round().clamp(0, 255).numpy()
    assert np.abs(samples.reconstructions.astype(float) - expected).max() <= 1  # float rounding
    rows = bench.packed.rows(samples.ids)
    np.testing.assert_array_equal(samples.originals, bench.packed.gather(rows))
