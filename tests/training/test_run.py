"""A whole run: its files, that observing it changes nothing, and when it must stop."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from audetnet.commands.train import main
from audetnet.evaluation.metrics import METRICS
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import Objective, Terms
from audetnet.objectives.reconstruction import Reconstruction
from audetnet.objectives.wgan_gp import CodeCritic
from audetnet.training.checkpoint import load_checkpoint
from audetnet.training.logs import RunLog
from audetnet.training.meter import Meter
from audetnet.training.trainer import Trainer
from tests.training.conftest import QUICK, assert_same_bits

Train = Callable[..., Path]
NETWORKS = ("encoder", "predictor", "decoder", "discriminator", "image_discriminator")


def test_a_run_writes_all_its_files(
    train: Train, quick_cfg: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(quick_cfg, "run", "--save-every", "1")
    printed = capsys.readouterr().out
    assert (run / "quick.cfg").read_text() == quick_cfg.read_text()
    options = json.loads((run / "options.json").read_text())
    assert options["seed"] == 0
    assert options["cfg"]["training"]["max_epochs"] == 2
    assert options["cfg"]["networks"]["Decoder"]["blocks"][-1]["activation"] == "tanh"
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == [
        "best.pt",
        "epoch_0001.pt",
        "epoch_0002.pt",
        "latest.pt",
    ]
    assert_same_bits(run / "checkpoints" / "epoch_0002.pt", run / "checkpoints" / "latest.pt")
    names = [f"gradient_flow_{name}" for name in NETWORKS] + ["reconstruction"]
    for name in names:
        for epoch in (1, 2):
            with Image.open(run / "pictures" / f"{name}_{epoch:04d}.png") as picture:
                assert np.ptp(np.asarray(picture)) > 0
    assert f"{run}" in printed and "mean" in printed and "AU12" in printed


def test_metrics_jsonl_events_and_results_hold_the_same_numbers(
    train: Train, quick_cfg: Path
) -> None:
    run = train(quick_cfg, "run")
    first, second = (json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines())
    assert (first["epoch"], second["epoch"]) == (1, 2)
    assert (first["step"], second["step"]) == (4, 8)
    assert second["learning_rate"]["encoder"] == pytest.approx(0.0005)  # Linear over 2 epochs
    assert second["test"]["au"].keys() == {
        name
        for name, metric in METRICS.items()
        if not {"intensities", "tuned_decisions"} & {*metric.reads}
    }
    assert list(second["test"]["au"]["f1"])[:3] == ["AU1", "AU2", "AU4"]
    assert set(second["test"]["code"]) == {"z1_z2_cross_correlation", "z2_variance"}
    results = json.loads((run / "results.json").read_text())
    assert results["last"] == second and results["chosen_by"] == "last epoch"
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    tags = events.Tags()
    assert "reconstruction" in tags["images"]
    assert all(f"gradient_flow/{name}" in tags["images"] for name in NETWORKS)
    for tag, value in (
        ("train/main_loss", second["train"]["main_loss"]),
        ("test/mean/2afc", second["test"]["mean"]["2afc"]),
        ("test/au/accuracy/AU12", second["test"]["au"]["accuracy"]["AU12"]),
    ):
        assert events.Scalars(tag)[-1].value == pytest.approx(value, rel=1e-5)


def test_regression_reports_intensity_metrics(
    train: Train, edited_cfg: Callable[..., Path]
) -> None:
    cfg = edited_cfg(
        *QUICK,
        ("regress_au_intensities=False", "regress_au_intensities=True"),
        ("au_regression_loss_function=BCEWithLogits", "au_regression_loss_function=MSE"),
        ("image_size=64", "image_size=64\nvalidation_subjects=SN002"),
    )
    run = train(cfg, "run")
    record = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    of_intensities = [name for name, each in METRICS.items() if "probabilities" not in each.reads]
    assert list(record["test"]["au"]) == of_intensities
    assert (record["validation"]["frames"], record["test"]["frames"]) == (2, 4)
    results = json.loads((run / "results.json").read_text())
    assert results["chosen_by"] == "validation icc"
    header = (run / "results.csv").read_text().splitlines()[0]
    assert header == ",".join(["au", *of_intensities])
    assert header.startswith("au,f1,accuracy,2afc,icc,mae,mse,pcc"), "as files of before have it"


def test_max_test_iters_limits_all_epochs_but_the_last(
    train: Train, edited_cfg: Callable[..., Path]
) -> None:
    cfg = edited_cfg(
        *QUICK, ("max_test_iters=10", "max_test_iters=1"), ("batch_size=4", "batch_size=2")
    )
    run = train(cfg, "run")
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [record["test"]["frames"] for record in records] == [2, 4]


def test_logging_evaluating_and_plotting_change_no_weight(
    train: Train, quick_cfg: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same run without any of it ends with the same bits."""
    watched = train(quick_cfg, "watched")
    empty = {"epoch": 0, "test": {"frames": 0, "mean": {"f1": None}, "au": {"f1": {}}}, "train": {}}

    def nothing(self: Trainer, stop: object) -> dict[str, object]:
        return {**empty, "epoch": self._progress.epoch}

    monkeypatch.setattr(Trainer, "_evaluate_epoch", nothing)
    monkeypatch.setattr(Trainer, "_log_epoch", lambda self: None)
    monkeypatch.setattr(RunLog, "finish", lambda *_: None)
    unwatched = train(quick_cfg, "unwatched")
    assert_same_bits(watched / "checkpoints" / "latest.pt", unwatched / "checkpoints" / "latest.pt")


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not(
    train: Train, quick_cfg: Path
) -> None:
    torch.manual_seed(1)
    first = train(quick_cfg, "first")
    torch.manual_seed(2)
    second = train(quick_cfg, "second")
    assert_same_bits(first / "checkpoints" / "latest.pt", second / "checkpoints" / "latest.pt")
    other = train(quick_cfg, "other", "--seed", "7")
    with pytest.raises(AssertionError):
        assert_same_bits(first / "checkpoints" / "latest.pt", other / "checkpoints" / "latest.pt")


@pytest.mark.parametrize("term", ["reconstruction_loss", "discriminator_loss"])
def test_a_loss_that_is_not_finite_stops_the_run(
    term: str,
    monkeypatch: pytest.MonkeyPatch,
    quick_cfg: Path,
    minimal_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The batch and the term are named, and non-finite values are never saved."""
    kind = Reconstruction if term == "reconstruction_loss" else CodeCritic
    method = "main_loss" if kind is Reconstruction else "critic_loss"
    honest = getattr(kind, method)

    def diverged(self: Objective, forward: Forward) -> tuple[Tensor, Terms]:
        loss, terms = honest(self, forward)
        return loss * math.inf, {**terms, term: loss * math.inf}

    monkeypatch.setattr(kind, method, diverged)
    cfg = quick_cfg
    flags = ["--cfg", str(cfg), "--data", str(minimal_data), "--run", str(tmp_path / "run")]
    assert main([*flags, "--cache", str(tmp_path / "cache"), "--device", "cpu"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("epoch 1, batch ") and f": {term}" in error and "not finite" in error
    assert "there is no checkpoint yet" in error
    (saved,) = (tmp_path / "run" / "checkpoints").iterdir()
    assert load_checkpoint(saved).progress.step == 0


def test_the_last_good_checkpoint_stays_after_a_divergence(
    train: Train,
    quick_cfg: Path,
    minimal_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop_after: Callable[[int | None], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    stop_after(6)
    run = train(quick_cfg, "run")
    latest = run / "checkpoints" / "latest.pt"
    before = latest.read_bytes()
    stop_after(None)
    add = Meter.add

    def poisoned(self: Meter, terms: dict[str, torch.Tensor], frames: int, batch: int) -> None:
        if "au_loss" in terms:
            terms = {**terms, "au_loss": terms["au_loss"] * float("nan")}
        add(self, terms, frames, batch)

    monkeypatch.setattr(Meter, "add", poisoned)
    assert main(["--cfg", str(quick_cfg), "--data", str(minimal_data), "--run", str(run)]) == 2
    assert f"epoch 2, batch 2: au_loss is not finite; the last good checkpoint is {latest}" in (
        capsys.readouterr().err
    )
    assert latest.read_bytes() == before


def test_meter_weights_batches_by_their_frames() -> None:
    meter = Meter()
    for value, frames in ((1.0, 4), (4.0, 2)):
        meter.add({"a": torch.tensor(value), "b": torch.tensor(-value)}, frames, 1)
    meter.add({"main": torch.tensor(5.0)}, 2, 1)
    assert meter.means() == {"a": 2.0, "b": -2.0, "main": 5.0}
    restored = Meter()
    restored.load_state_dict(meter.state_dict(), torch.device("cpu"))
    assert restored.means() == meter.means()
    meter.clear()
    assert meter.means() == {}


def test_meter_names_the_first_term_that_was_not_finite() -> None:
    """By batch, then in the order in which the step computed them."""
    meter = Meter()
    nan, one = torch.tensor(float("nan")), torch.tensor(1.0)
    meter.add({"critic": one, "penalty": one}, 4, 1)
    assert meter.first_not_finite() is None
    meter.add({"critic": one, "penalty": torch.tensor(float("inf"))}, 4, 2)
    meter.add({"main": nan}, 4, 2)
    meter.add({"critic": nan, "penalty": nan}, 4, 3)
    assert meter.first_not_finite() == (2, "penalty")
