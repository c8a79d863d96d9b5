"""What objectives with a critic share.

Most critics score what they should like (target) high and what the main network made (made) low;
the main network raises the score of what it made. Others answer a question of a block of the code.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn

Critic = Callable[[Tensor], Tensor]


def scores(critic: Critic, x: Tensor) -> Tensor:
    """One score per sample, (B,): the mean of the critic's outputs for it."""
    return critic(x).flatten(1).mean(dim=1)


def answers(critic: Critic, block: Tensor) -> Tensor:
    """What a critic with an output for each thing asked says of samples, (B, things)."""
    return critic(block).flatten(1)


def is_sample_wise(critic: nn.Module) -> bool:
    """Whether a sample's score depends on no other sample of the batch, in training mode."""
    mixing = nn.modules.batchnorm._BatchNorm
    return not any(isinstance(module, mixing) for module in critic.modules())


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Within it no gradient reaches a network's parameters, while it flows through to their
    inputs.
    """
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in learned:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learned:
            parameter.requires_grad_(True)
