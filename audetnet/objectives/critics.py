"""Shared parts of objectives with a critic.

Most critics score targets high and what the main networks made low, and the main networks raise the
score of what they made. Others predict AUs or people from a block of the code.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn

Critic = Callable[[Tensor], Tensor]


def scores(critic: Critic, x: Tensor) -> Tensor:
    """One score per sample, (B,): the mean of the critic's outputs."""
    return critic(x).flatten(1).mean(dim=1)


def flat_outputs(critic: Critic, block: Tensor) -> Tensor:
    """The outputs (B, K) of a critic that predicts K AUs or people."""
    return critic(block).flatten(1)


def is_sample_wise(critic: nn.Module) -> bool:
    """Whether each sample's score is independent of the other samples, in training mode."""
    mixing = nn.modules.batchnorm._BatchNorm
    return not any(isinstance(module, mixing) for module in critic.modules())


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Inside this context a network's parameters get no gradient, but its input does."""
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in learned:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learned:
            parameter.requires_grad_(True)
