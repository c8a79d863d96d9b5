"""Every shipped cfg file: it says what it is for, builds, and trains in both kinds of step."""

from pathlib import Path

import pytest
import torch

from audetnet.config.options import Config
from audetnet.config.reader import read_config
from audetnet.data.augment import Augmentation
from audetnet.distributed.world import World
from audetnet.networks.au_head import AUHead
from audetnet.networks.model import ModelPlan, build_model, plan_model
from audetnet.objectives.objective import pursued
from audetnet.training.step import MAIN_NETWORKS, TrainingStep, make_optimisers
from audetnet.vocabulary import VOCABULARY
from tests.conftest import ROOT
from tests.whole_batches import whole_batch

CFGS = sorted((ROOT / "cfg").glob("*.cfg"))
EXPECTED = {
    "attention",
    "attention_per_au",
    "discriminator",
    "image_discriminator",
    "minimal",
    "no_discriminator",
    "resnet50",
    "small",
    "small_96",
    "small_96_no_discriminator",
    "small_no_discriminator",
    "vgg_face",
}


def _plan(path: Path) -> tuple[Config, ModelPlan]:
    config = read_config(path, VOCABULARY)
    assert config.data.frame_size is not None, "shipped cfgs state their image_size"
    return config, plan_model(config, config.data.frame_size)


def test_all_are_there() -> None:
    assert {path.stem for path in CFGS} == EXPECTED


@pytest.mark.parametrize("path", CFGS, ids=lambda path: path.stem)
def test_cfg_is_clean_and_explained(path: Path) -> None:
    """It begins with a comment, and reading it gives no warning."""
    config, plan = _plan(path)
    assert path.read_text().startswith("# ")
    assert config.warnings == () and plan.warnings == ()
    assert plan.au_count == 12
    has_critic = "no_discriminator" not in path.stem
    if has_critic and path.stem != "minimal":  # which learns nothing anyway
        assert config.loss.discriminator_loss_lambda == 0.005, "0.1 overruled the AU loss"
    assert ("Discriminator" in plan.networks) == has_critic


@pytest.mark.parametrize("path", CFGS, ids=lambda path: path.stem)
def test_cfg_trains_in_both_kinds_of_step(path: Path) -> None:
    """A critic-only batch and a main batch of two frames: terms are finite, every learnable weight
    gets a gradient, frozen ones none."""
    config, plan = _plan(path)
    model = build_model(plan, config.data, seed=0).train()
    optimisers = make_optimisers(model, config)
    head = AUHead(config.loss.au_regression_loss_function, False, 1.0)
    step = TrainingStep(
        model,
        optimisers,
        pursued(plan),
        config.training.train_main_net_every_n_batches,
        head,
        0,
        lambda: torch.autocast("cpu", enabled=False),
        Augmentation(),
        World(),
    )
    frames = torch.randint(0, 256, (2, *plan.image), dtype=torch.uint8)
    batch = whole_batch(frames, torch.eye(2, 12))
    main = config.training.train_main_net_every_n_batches
    for number in (1, main):
        for terms in step(batch, number, epoch=1, index=0):
            assert all(term.isfinite() for term in terms.values())
    for name, network in model.networks().items():
        for label, parameter in network.named_parameters():
            assert (parameter.grad is not None) == parameter.requires_grad, f"{name}: {label}"
    assert set(MAIN_NETWORKS) <= set(optimisers)
