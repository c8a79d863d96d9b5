"""The first-order gradient of a critic equals double backward, derivatives included, in float64."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from audetnet.networks.graph import Graph
from audetnet.objectives.critic_chain import (
    ScoreGradient,
    cheapest_score_gradient,
    score_gradient,
)
from audetnet.objectives.critics import is_sample_wise, scores
from audetnet.objectives.wgan_gp import wgan_gp_loss
from tests.networks.conftest import planned_blocks

_CRITICS = {
    "convolutions, with a row that no window reads": """
[convolutional]
filters=5
kernel_size=4
stride=3
pad=1
activation=leaky_relu
[convolutional]
filters=4
kernel_size=3
stride=1
pad=1
activation=relu
[identity]
[connected]
output_features=2
activation=leaky_relu
[connected]
output_features=1
use_bias=False
""",
    "one convolution": """
[convolutional]
filters=1
kernel_size=2
stride=1
activation=None
""",
}
_OTHERS = {
    "tanh": "[convolutional]\nfilters=2\nkernel_size=2\nstride=1\nactivation=tanh\n",
    "maximum": "[maxpool]\npool_size=2\nstride=2\n[connected]\noutput_features=1\n",
    "branch": "[connected]\noutput_features=2\n[combine_multiply]\ncombine_layers=0,-1\n"
    "[connected]\noutput_features=1\n",
}
_BATCH_NORM = "[convolutional]\nfilters=2\nkernel_size=2\nstride=1\nbatch_normalise=1\n"
_CHANNELS, _SIZE, _BATCH, _LAMBDA = 3, 11, 4, 10.0


@pytest.fixture
def critic_of(tmp_path: Path) -> Callable[[str], Graph]:
    """A float64 network of some blocks."""

    def make(blocks: str) -> Graph:
        torch.manual_seed(5)
        return Graph(planned_blocks(tmp_path, (_CHANNELS, _SIZE, _SIZE), blocks)).double()

    return make


def _draw(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (_BATCH, _CHANNELS, _SIZE, _SIZE)
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def _gradients(critic: Graph, gradient_of: ScoreGradient, joint: bool) -> list[Tensor]:
    """Loss, distance, penalty, and the loss's gradients."""
    critic.zero_grad()
    mix = torch.rand(_BATCH, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    terms = wgan_gp_loss(critic, _draw(1), _draw(2), mix, _LAMBDA, gradient_of, joint)
    terms[0].backward()
    found = [p.grad.clone() for p in critic.parameters() if p.grad is not None]
    assert len(found) == len(list(critic.parameters()))
    return [*(term.detach() for term in terms), *found]


@pytest.mark.parametrize("blocks", _CRITICS.values(), ids=_CRITICS)
def test_chain_equals_double_backward(critic_of: Callable[[str], Graph], blocks: str) -> None:
    critic = critic_of(blocks)
    chain = cheapest_score_gradient(critic)
    assert chain is not score_gradient
    expected = _gradients(critic, score_gradient, joint=False)
    for found, wanted in zip(_gradients(critic, chain, joint=True), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("blocks", [*_OTHERS.values(), _BATCH_NORM], ids=[*_OTHERS, "batch norm"])
def test_other_critics_keep_double_backward(critic_of: Callable[[str], Graph], blocks: str) -> None:
    assert cheapest_score_gradient(critic_of(blocks)) is score_gradient


def test_only_batch_norm_mixes_samples(critic_of: Callable[[str], Graph]) -> None:
    assert not is_sample_wise(critic_of(_BATCH_NORM))
    critic = critic_of(_OTHERS["maximum"])
    assert is_sample_wise(critic)
    both = scores(critic, torch.cat([_draw(1), _draw(2)]))
    alone = torch.cat([scores(critic, _draw(1)), scores(critic, _draw(2))])
    torch.testing.assert_close(both, alone, rtol=1e-12, atol=1e-13)
