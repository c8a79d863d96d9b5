"""Training on precomputed outputs of a frozen stem: the same as running the stem on every batch,
except for random draws.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from audetnet.data.augment import apply
from audetnet.data.batches import Batch, Batches
from audetnet.data.momu import Indices
from audetnet.data.views import view_draws, views_of_epoch
from audetnet.networks.model import AUDetNet
from audetnet.objectives.forward import Forward
from tests.training.conftest import FROZEN_STEM, QUICK, assert_same_bits, data_option
from tests.training.stem_bench import SIZE, VIEWS, Bench

pytestmark = pytest.mark.usefixtures("narrow_resnet")
Edited = Callable[..., Path]
Train = Callable[..., Path]


@pytest.fixture
def bench(edited_cfg: Edited, minimal_data: Path) -> Bench:
    return Bench(edited_cfg(*FROZEN_STEM, data_option(f"stem_views={VIEWS}")), minimal_data)


def test_the_same_weights_are_evaluated_alike(bench: Bench) -> None:
    """Up to the float16 precision of the stem's outputs, 0.0005 each."""
    model = bench.model()
    plain, stored = (bench.evaluated(model, with_stem) for with_stem in (False, True))
    assert stored.losses == pytest.approx(plain.losses, rel=1e-3)
    assert stored.losses != plain.losses, "float16 was not used"
    for name, values in plain.metrics.items():
        if name == "calibration_error":  # of probabilities; the others are of ranks and decisions
            assert stored.metrics[name] == pytest.approx(values, rel=1e-3, nan_ok=True)
        else:
            np.testing.assert_equal(stored.metrics[name], values)
    assert stored.code["z2_variance"] == pytest.approx(plain.code["z2_variance"], rel=1e-2)


def test_pictures_are_made_of_them_too(bench: Bench) -> None:
    """So that the stem is not run again after every epoch."""
    model, ids = bench.model(), bench.data.test.ids
    runs: list[int] = []
    model.encoder.blocks[0].register_forward_hook(lambda *_: runs.append(1))
    plain, stored = (
        bench.evaluator(model).samples(bench.batches("test", with_stem), ids, np.array([3, 1]))
        for with_stem in (False, True)
    )
    assert len(runs) == 1, "by the first"
    apart = plain.reconstructions.astype(float) - stored.reconstructions
    assert np.abs(apart).max() <= 1 and plain.reconstructions.std() > 0
    np.testing.assert_array_equal(plain.originals, stored.originals)


def test_steps_without_augmentation_are_alike(bench: Bench) -> None:
    """A batch of the critics alone and one of all networks, from the same weights."""
    found: list[list[dict[str, float]]] = []
    for with_stem in (False, True):
        model = bench.model().train()
        step, batches = bench.step(model), bench.batches("train", with_stem)
        cuts = [np.array([5, 0, 2, 7]), np.array([1, 6, 3, 4])]
        terms = []
        for index, batch in enumerate(batches(cuts)):
            assert (batch.stem is not None) == with_stem
            groups = step(batch, index + 1, 1, index)
            terms.append({name: float(v) for group in groups for name, v in group.items()})
        found.append(terms)
    for plain, stored in zip(*found, strict=True):
        assert stored.keys() == plain.keys()
        for name, value in plain.items():
            assert stored[name] == pytest.approx(value, rel=5e-3, abs=5e-4), name
    assert found[0] != found[1]


def forward_of(bench: Bench, model: AUDetNet, batch: Batch) -> Forward:
    return bench.step(model)._forward(batch, 1, 0, True)


def test_the_decoders_targets_are_the_views_that_the_stem_saw(bench: Bench) -> None:
    """With the same flips and colours, without the noise of the stem's input."""
    model, train = bench.model().eval(), bench.data.train
    views = np.arange(len(train)) % VIEWS
    cut = np.array([1, 2, 4, 5, 6, 7])
    (batch,) = bench.batches("train", True)([cut], views)
    ids, seen = [train.ids[i] for i in cut], views[cut].tolist()
    draws = view_draws(ids, seen, SIZE)
    assert draws.flip.any() and not draws.flip.all() and 0 in seen
    noisy, clean = apply(draws, batch.frames)
    assert batch.stem is not None
    with torch.no_grad():
        torch.testing.assert_close(batch.stem, model.stem(noisy).half(), rtol=1e-3, atol=1e-3)
    forward = forward_of(bench, model, batch)
    torch.testing.assert_close(forward.image, clean * 2 - 1)
    code = model.encode_stem(batch.stem).whole
    torch.testing.assert_close(forward.code.whole, code)
    plain = replace(batch, changes=None)
    frames = batch.frames.float() / 255
    torch.testing.assert_close(forward_of(bench, model, plain).image, frames * 2 - 1)


def results_of(run: Path) -> Mapping[str, object]:
    found: dict[str, object] = json.loads((run / "results.json").read_text())
    return found


def losses(run: Path) -> dict[str, float]:
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return dict(records[-1]["test"]["loss"])


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """The stem's outputs each time it runs during a run."""
    outputs: list[Tensor] = []
    run = AUDetNet.stem

    def noted(self: AUDetNet, pixels: Tensor) -> Tensor:
        outputs.append(run(self, pixels))
        return outputs[-1]

    monkeypatch.setattr(AUDetNet, "stem", noted)
    return outputs


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The frames that a run trains on, and the view of each."""
    found: list[tuple[int, int]] = []
    call = Batches.__call__

    def noted(self: Batches, cuts: list[Indices], views: Indices | None = None) -> Iterator[Batch]:
        for cut in cuts if views is not None else ():
            found.extend((int(index), int(views[index])) for index in cut)
        return call(self, cuts, views)

    monkeypatch.setattr(Batches, "__call__", noted)
    return found


def test_a_run_with_several_views_resumes_to_the_same_bits(
    train: Train,
    edited_cfg: Edited,
    stop_after: Callable[[int | None], None],
    tmp_path: Path,
    seen: list[Tensor],
    used: list[tuple[int, int]],
) -> None:
    """The stem runs once per view; each epoch uses the view drawn for each frame."""
    cfg = edited_cfg(*QUICK, *FROZEN_STEM, data_option(f"stem_views={VIEWS}"))
    stop_after(None)
    whole = train(cfg, "whole")
    assert sum(map(len, seen)) == 8 * VIEWS + 4, "each view of 8 frames, and 4 frames to test on"
    assert len(used) == 32
    for epoch, frames in ((1, used[:16]), (2, used[16:])):
        drawn = views_of_epoch(8, VIEWS, seed=0, epoch=epoch)
        assert all(drawn[index] == view for index, view in frames)
    (array,) = (tmp_path / "cache").glob("stem-*.npy")
    before = array.read_bytes()
    seen.clear()
    for count in (3, 4):
        stop_after(count)
        train(cfg, "stopped")
    stop_after(None)
    resumed = train(cfg, "stopped")
    assert not seen and array.read_bytes() == before, "it was not computed again"
    assert_same_bits(*(run / "checkpoints" / "latest.pt" for run in (whole, resumed)))
    assert losses(whole) == losses(resumed)
    assert results_of(whole)["with_person_reference"] == {}
