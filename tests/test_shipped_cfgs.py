"""Every shipped cfg file: it says what it is for, builds, and trains in both kinds of step."""

import re
from pathlib import Path

import pytest
import torch

from audetnet.config.options import Config
from audetnet.config.reader import parse_config, read_config
from audetnet.networks.description import describe
from audetnet.networks.model_plan import ModelPlan, plan_model
from audetnet.training.step import MAIN_NETWORKS, make_optimisers
from audetnet.vocabulary import VOCABULARY
from tests.cfg_steps import step_of
from tests.conftest import ROOT
from tests.whole_batches import whole_batch

CFGS = sorted((ROOT / "cfg").glob("*.cfg"))
EXPECTED = {
    "attention",
    "attention_per_au",
    "discriminator",
    "efficientnet_lite0",
    "efficientnet_lite0_256",
    "efficientnet_lite0_disentangled",
    "efficientnet_lite0_disentangled_256",
    "image_discriminator",
    "minimal",
    "no_discriminator",
    "recogniser",
    "resnet50",
    "small",
    "small_96",
    "small_96_no_discriminator",
    "small_no_discriminator",
    "vgg_face",
}


HALVED = (
    r"(?<=^image_size=)256$",
    r"(?<=^pool_size=)8$",
    r"(?<=^stride=)8$",
    r"(?<=^kernel_size=)[248]$(?=\nstride=1\npad=0\n)",
    r"(?<=^output_sizes=)2,2$",
)
"""Of a cfg for frames of 256x256: what its frames, its smallest maps and the windows over these
measure. With half of each it is for 128x128, a quarter of the pixels."""


def _planned(config: Config) -> tuple[Config, ModelPlan]:
    assert config.data.frame_size is not None, "shipped cfgs state their image_size"
    return config, plan_model(config, config.data.frame_size)


def _quartered(path: Path) -> tuple[Config, ModelPlan]:
    """With a quarter of the pixels where it is for large frames, and the same blocks."""
    text = path.read_text()
    if "\nimage_size=256\n" in text and "[timm]" not in text:
        for pattern in HALVED:
            text = re.sub(pattern, _half, text, flags=re.MULTILINE)
    return _planned(parse_config(text, path, VOCABULARY))


def _half(match: re.Match[str]) -> str:
    return ",".join(str(int(number) // 2) for number in match[0].split(","))


def test_all_are_there() -> None:
    assert {path.stem for path in CFGS} == EXPECTED


@pytest.mark.parametrize("path", CFGS, ids=lambda path: path.stem)
def test_cfg_is_clean_and_explained(path: Path) -> None:
    """It begins with a comment, and reading it gives no warning."""
    config, plan = _planned(read_config(path, VOCABULARY))
    assert path.read_text().startswith("# ")
    assert config.warnings == () and plan.warnings == ()
    assert plan.au_count == (22 if path.stem == "recogniser" else 12)
    assert "all networks: " in describe(plan)
    has_critic = "no_discriminator" not in path.stem and not config.has_objectives_section
    if has_critic and path.stem != "minimal":  # which learns nothing anyway
        assert config.loss.discriminator_loss_lambda == 0.005, "at 0.1 it dominated the AU loss"
    assert ("Discriminator" in plan.networks) == has_critic


@pytest.mark.parametrize("path", CFGS, ids=lambda path: path.stem)
def test_cfg_trains_in_both_kinds_of_step(path: Path) -> None:
    """A critic-only batch and a main batch of two frames: terms are finite, every learnable weight
    gets a gradient, frozen ones none."""
    config, plan = _quartered(path)
    assert plan.image[1] <= 128 or "timm" in path.read_text()
    model, step = step_of(config, plan)
    frames = torch.randint(0, 256, (2, *plan.image), dtype=torch.uint8)
    batch = whole_batch(frames, torch.eye(2, plan.au_count))
    main = config.training.train_main_net_every_n_batches
    for number in (1, main):
        for terms in step(batch, number, epoch=1, index=0):
            assert all(term.isfinite() for term in terms.values())
    for name, network in model.networks().items():
        for label, parameter in network.named_parameters():
            assert (parameter.grad is not None) == parameter.requires_grad, f"{name}: {label}"
    learning = {"encoder", "decoder"} if config.has_objectives_section else set(MAIN_NETWORKS)
    assert learning <= set(make_optimisers(model, config))  # a ridge's outputs are the AUs
