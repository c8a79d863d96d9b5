"""Training on what a frozen stem made once: the same as training with the stem in every batch, but
for what is drawn.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from audetnet.config.reader import read_config
from audetnet.data.augment import Augmentation, apply
from audetnet.data.batches import Batch, Batches, PackedRows, evaluation_cuts
from audetnet.data.cache import PackedFrames, pack
from audetnet.data.frames import DatasetPaths, load_dataset
from audetnet.data.momu import Indices
from audetnet.data.stem_outputs import pack_stem_outputs
from audetnet.data.views import view_draws, views_of_epoch
from audetnet.distributed.world import World
from audetnet.evaluation.evaluate import Evaluator, SetResults
from audetnet.networks.au_head import AUHead
from audetnet.networks.frozen_stem import frozen_stem
from audetnet.networks.model import AUDetNet, build_model, plan_model
from audetnet.objectives.forward import Forward
from audetnet.objectives.objective import pursued
from audetnet.training.step import TrainingStep, make_optimisers
from audetnet.vocabulary import VOCABULARY
from tests.training.conftest import FROZEN_STEM, QUICK, assert_same_bits, data_option

pytestmark = pytest.mark.usefixtures("narrow_resnet")
CPU = torch.device("cpu")
SIZE = (64, 64)
NOTHING_DRAWN = Augmentation(flip=0.0, colour=0.0, noise=(0.0, 0.0))
HEAD = AUHead("BCEWithLogits", False, 2.0)
VIEWS = 3
Edited = Callable[..., Path]
Train = Callable[..., Path]


class Bench:
    """A model whose stem is frozen, the training frames of minimal_dataset, and what the stem makes
    of them."""

    def __init__(self, cfg: Path, directory: Path) -> None:
        self.config = read_config(cfg, VOCABULARY)
        self.data = load_dataset(DatasetPaths(directory=directory), regress=False)
        self.plan = plan_model(self.config, SIZE)
        self.frames = pack(self.data.images(), SIZE, True, None)
        self.stem = self._stem_outputs(self.model())

    def model(self) -> AUDetNet:
        return build_model(self.plan, self.config.data, seed=0)

    def _stem_outputs(self, model: AUDetNet) -> PackedFrames:
        stem = frozen_stem(model.eval(), self.plan, CPU)
        return pack_stem_outputs(stem, self.frames, self.data, VIEWS, None)

    def batches(self, name: str, with_stem: bool) -> Batches:
        frames = {each.name: each for each in self.data.sets()}[name]
        stem = PackedRows.placed(self.stem, CPU, "off") if with_stem else None
        return Batches(frames, self.frames, CPU, stem=stem)

    def step(self, model: AUDetNet) -> TrainingStep:
        optimisers = make_optimisers(model, self.config)
        return TrainingStep(
            model, optimisers, pursued(self.plan), 2, HEAD, 0, precision, NOTHING_DRAWN, World()
        )


def precision() -> torch.autocast:
    return torch.autocast("cpu", enabled=False)


@pytest.fixture
def bench(edited_cfg: Edited, minimal_data: Path) -> Bench:
    return Bench(edited_cfg(*FROZEN_STEM, data_option(f"stem_views={VIEWS}")), minimal_data)


def evaluated(bench: Bench, model: AUDetNet, with_stem: bool) -> SetResults:
    loss = torch.nn.functional.l1_loss
    evaluator = Evaluator(model, HEAD, loss, bench.data.au_names, precision)
    batches = bench.batches("test", with_stem)
    return evaluator(batches, evaluation_cuts(len(bench.data.test), 3, None))


def test_the_same_weights_are_evaluated_alike(bench: Bench) -> None:
    """But for the stem's outputs in float16, with half a thousandth each."""
    model = bench.model()
    with torch.no_grad():
        for parameter in (*model.encoder.parameters(), *model.predictor.parameters()):
            if parameter.dim() > 1 and parameter.requires_grad:
                parameter.mul_(4)  # else codes hardly depend on the image
    plain, stored = (evaluated(bench, model, with_stem) for with_stem in (False, True))
    assert stored.losses == pytest.approx(plain.losses, rel=1e-3)
    assert stored.losses != plain.losses, "float16 was not used"
    for name, values in plain.metrics.items():
        np.testing.assert_equal(stored.metrics[name], values)
    assert stored.code["z2_variance"] == pytest.approx(plain.code["z2_variance"], rel=1e-2)


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
    """Flipped and coloured as they were, without the noise of the stem's input."""
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
    """What the stem gives during a run, when it is run."""
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


def test_a_run_of_several_views_goes_on_after_a_stop_to_the_same_bits(
    train: Train,
    edited_cfg: Edited,
    stop_after: Callable[[int | None], None],
    tmp_path: Path,
    seen: list[Tensor],
    used: list[tuple[int, int]],
) -> None:
    """Its stem is run once for each view; each epoch sees a frame by the view drawn for it."""
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
