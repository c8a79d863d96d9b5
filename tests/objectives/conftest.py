"""A batch through a small model, for tests of objectives."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from audetnet.config.reader import parse_config
from audetnet.data.batches import Batch
from audetnet.distributed.world import World
from audetnet.networks.au_head import AUHead
from audetnet.networks.model import build_model
from audetnet.networks.model_plan import ModelPlan, plan_model
from audetnet.objectives.forward import BatchDraws, Forward
from audetnet.vocabulary import VOCABULARY
from tests.config.cfg_texts import cfg_text, network, replaced

MORE_CRITICS = {
    f"{name} Discriminator": network(
        f"{name} Discriminator", channels, f"[connected]\noutput_features={outputs}"
    )
    for name, channels, outputs in (("Ratio", 6, 1), ("AU", 4, 3), ("Identity", 2, 4))
}
_LAMBDAS = """reconstruction_loss_lambda=1
gradient_loss_lambda_discr=10
gradient_loss_lambda_img_discr=20
discriminator_loss_lambda=0.1
img_discriminator_loss_lambda=0.01
"""


def drawn(*shape: int, seed: int = 0) -> Tensor:
    """Fixed standard normal numbers in float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def objectives_cfg(blocks: str, *, critics: tuple[str, ...] = ()) -> str:
    """The cfg of tests/config/cfg_texts.py with an {Objectives} section and these critics only."""
    left_out = dict.fromkeys(("Discriminator", "Image Discriminator"))
    text = cfg_text({**left_out, **{k: v for k, v in MORE_CRITICS.items() if k in critics}})
    if "Discriminator" in critics:
        text += network("Discriminator", 6, "[connected]\noutput_features=1")
    return replaced(text, (_LAMBDAS, f"{{Objectives}}\n{blocks}\n"))


@pytest.fixture
def planned(tmp_path: Path) -> Callable[[str], ModelPlan]:
    """The plan of a cfg text for images of 8x8."""
    return lambda text: plan_model(parse_config(text, tmp_path / "a.cfg", VOCABULARY), (8, 8))


@pytest.fixture
def forward() -> Callable[..., Forward]:
    """A batch with its gradients through the model of a plan."""

    def make(plan: ModelPlan, labels: Tensor | None = None, count: int = 8) -> Forward:
        generator = torch.Generator().manual_seed(3)
        data = parse_config(cfg_text(), "a.cfg", VOCABULARY).data
        model = build_model(plan, data, seed=0).train()
        pixels = torch.rand(count, 3, 8, 8, generator=generator)
        if labels is None:
            labels = torch.randint(0, 2, (count, 3), generator=generator).float()
        batch = Batch(
            indices=torch.arange(count).numpy(),
            frames=(pixels * 255).to(torch.uint8),
            labels=labels,
            subjects=torch.arange(count) // 2,
            length=count,
            part=slice(0, count),
        )
        return Forward(
            model=model,
            head=AUHead("BCEWithLogits", False, 1.0),
            batch=batch,
            augmented=lambda: (pixels, pixels),
            draws=BatchDraws(1, torch.Generator().manual_seed(5)),
            world=World(),
            precision=lambda: torch.autocast("cpu", enabled=False),
            with_graph=True,
        )

    return make
